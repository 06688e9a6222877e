//! What is kept of one authority, in files that replicas share: the account, certificates, proofs that are
//! asked for just now, and what failed last. Each is replaced as a whole, and is for its owner alone.
//!
//! Blocks: to be called where that is allowed.

use super::failure::OrderFailure;
use super::lease::Lease;
use super::schedule;
use crate::config::{Acme, CertificatePair};
use crate::epoch::since_epoch;
use crate::net::origin::Host;
use crate::system::{private_file, small_file};
use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The largest is a failure with an authority's words.
const LONGEST: u64 = 64 * 1024;

/// The folder of one authority.
#[derive(Clone)]
pub(super) struct Store {
    folder: PathBuf,
    http: PathBuf,
}

/// What is known of orders for one name that failed, since the last that didn't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failures {
    /// How many, one after the other.
    pub(super) count: u32,
    pub(super) result: String,
    /// What was wrong the last time.
    pub(super) problem: String,
    /// When it is tried again, in seconds since 1970.
    pub(super) next: u64,
}

impl Failures {
    pub(super) fn next(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(self.next))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// With one more.
    pub(super) fn and(
        before: Option<&Failures>,
        failure: &OrderFailure,
        now: SystemTime,
        spread: u8,
    ) -> Failures {
        let count = before.map_or(0, |before| before.count).saturating_add(1);
        let next = now + schedule::pause(count, spread);
        let next = failure.not_before.map_or(next, |said| said.max(next));
        Failures {
            count,
            result: failure.result.to_string(),
            problem: failure.problem.clone(),
            next: since_epoch(next).as_secs(),
        }
    }
}

impl Store {
    pub(super) fn of(acme: &Acme) -> Store {
        Store {
            folder: acme.folder(),
            http: acme.http_challenges(),
        }
    }

    /// Makes the folders.
    pub(super) fn prepare(&self) -> io::Result<()> {
        for folder in [&self.folder, &self.http, &self.tls()] {
            let made = private_file::make_folder(folder);
            made.map_err(|error| named(folder, &error))?;
        }
        Ok(())
    }

    /// The right to order, unless another process has it. Proofs that one left lying are removed.
    pub(super) fn lease(&self, now: SystemTime) -> io::Result<Option<Lease>> {
        let lease = Lease::take(&self.folder, now).map_err(|error| named(&self.folder, &error))?;
        if lease.is_some() {
            self.clear()?;
        }
        Ok(lease)
    }

    /// Removes proofs, which nobody asks for any more.
    pub(super) fn clear(&self) -> io::Result<()> {
        for folder in [&self.http, &self.tls()] {
            for left in fs::read_dir(folder)? {
                private_file::remove(&left?.path())?;
            }
        }
        Ok(())
    }

    /// The account, where there is one.
    pub(super) fn account(&self) -> io::Result<Option<AccountCredentials>> {
        let file = self.folder.join("account.json");
        let Some(bytes) = read(&file)? else {
            return Ok(None);
        };
        let account = serde_json::from_slice(&bytes);
        account.map(Some).map_err(|error| {
            // Its own words could quote the key.
            let place = format!("line {}, column {}", error.line(), error.column());
            named(
                &file,
                &io::Error::other(format!("no account is in it ({place})")),
            )
        })
    }

    pub(super) fn keep_account(&self, account: &AccountCredentials) -> io::Result<()> {
        let bytes = zeroize::Zeroizing::new(serde_json::to_vec(account)?);
        self.replace(&self.folder.join("account.json"), &bytes)
    }

    pub(super) fn forget_account(&self) -> io::Result<()> {
        private_file::remove(&self.folder.join("account.json"))
    }

    /// The certificate as it is on the disk, which another replica may have renewed a moment ago.
    pub(super) fn certificate(&self, acme: &Acme, domain: &Host) -> Option<CertificatePair> {
        let file = acme.certificate(domain);
        let bytes = zeroize::Zeroizing::new(read(&file).ok()??);
        CertificatePair::read(&file, &bytes)
    }

    pub(super) fn keep_certificate(&self, file: &Path, pem: &[u8]) -> io::Result<()> {
        self.replace(file, pem)
    }

    pub(super) fn failures(&self, domain: &Host) -> Option<Failures> {
        let bytes = read(&self.failed(domain)).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    pub(super) fn keep_failures(&self, domain: &Host, failures: &Failures) -> io::Result<()> {
        self.replace(&self.failed(domain), &serde_json::to_vec(failures)?)
    }

    pub(super) fn forget_failures(&self, domain: &Host) -> io::Result<()> {
        private_file::remove(&self.failed(domain))
    }

    /// What a token is answered with. The token is one: no path.
    pub(super) fn put_http_challenge(&self, token: &str, answer: &str) -> io::Result<()> {
        self.replace(&self.http.join(token), answer.as_bytes())
    }

    pub(super) fn put_tls_challenge(&self, domain: &Host, answer: &str) -> io::Result<()> {
        self.replace(&self.tls().join(domain.as_str()), answer.as_bytes())
    }

    /// What is to be proven of a name by TLS.
    pub(super) fn tls_challenge(&self, domain: &Host) -> Option<String> {
        let bytes = read(&self.tls().join(domain.as_str())).ok()??;
        String::from_utf8(bytes).ok()
    }

    fn tls(&self) -> PathBuf {
        self.folder.join("tls-alpn-01")
    }

    fn failed(&self, domain: &Host) -> PathBuf {
        self.folder.join(format!("{domain}.failed.json"))
    }

    fn replace(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        private_file::replace(file, bytes).map_err(|error| named(file, &error))
    }
}

/// An error that says of which file it is.
fn named(file: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}

fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    small_file::read_if_there(file, LONGEST).map_err(|error| named(file, &error))
}
