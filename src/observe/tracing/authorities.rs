//! The authorities that the environment names for the receiver's certificate, in place of the machine's.

use crate::config::CaBundle;
use crate::system::small_file;
use std::path::Path;

/// A bundle of every public authority is a quarter of it.
const MOST: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Authorities {
    pub(super) bundle: CaBundle,
    /// What it was read from, which is all that gRPC takes.
    pub(super) pem: Vec<u8>,
}

impl Authorities {
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn read(file: &Path) -> Result<Authorities, String> {
        let pem = small_file::read(file, MOST).map(small_file::without_mark);
        let pem = pem.map_err(|error| format!("can't be read: {error}"))?;
        let bundle = CaBundle::of(file, &pem).map_err(|flaw| flaw.to_string())?;
        Ok(Authorities { bundle, pem })
    }
}
