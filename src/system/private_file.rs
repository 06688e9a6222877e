//! Files that others of the same user may read at any moment, here or at another replica: they are
//! whole or they aren't there, and nobody else reads them.

use super::random;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// For the owner alone.
const MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// Makes a folder, and those that it stands in.
///
/// # Errors
/// When one is missing and can't be made.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
}

/// Puts a file in the place of another of its name, or of none.
///
/// # Errors
/// When it can't be written, which leaves what was there.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let id = random::number().map_err(io::Error::other)?;
    // Hidden, and of no ending that somebody looks for.
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let new = file.with_file_name(format!(".{name}.{id:016x}"));
    let written = create(&new, bytes).and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        fs::remove_file(&new).ok();
    }
    written?;
    // The new name lasts once its folder has been written.
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Creates a file where there is none.
///
/// # Errors
/// When there is one (`AlreadyExists`), or it can't be written.
pub(crate) fn create(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(file)?;
    created.write_all(bytes)?;
    created.sync_all()
}

/// Removes a file, if it is there.
///
/// # Errors
/// When it is there and stays.
pub(crate) fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
