//! Credentials that Harbor accepted recently, shared by all requests: the table, its key, and its clock.

use crate::net::accepted_credentials::{
    AcceptedCredentials as Table, CredentialKey, CredentialMark,
};
use crate::net::login::Login;
use crate::oci::token::Bearer;
use crate::system::random::{self, NoRandomness};
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// What each registry accepted.
pub(crate) struct CredentialCache {
    key: CredentialKey,
    table: Mutex<Table>,
    began: Instant,
}

/// The marks of an account and of one of its credentials.
#[derive(Clone, Copy)]
pub(crate) struct CredentialMarks {
    pub(crate) account: CredentialMark,
    pub(crate) credential: CredentialMark,
}

impl CredentialCache {
    /// # Errors
    /// When the system has no random bytes for the key.
    pub(crate) fn new() -> Result<CredentialCache, NoRandomness> {
        let mut key = [0; 64];
        random::fill(&mut key)?;
        Ok(CredentialCache {
            key: CredentialKey::new(key),
            table: Mutex::default(),
            began: Instant::now(),
        })
    }

    /// The marks of a login at a registry.
    pub(crate) fn login(&self, registry: &str, login: &Login) -> CredentialMarks {
        let mark = |what: &[u8], hash| self.key.mark(&[registry.as_bytes(), what, hash]);
        CredentialMarks {
            account: mark(b"account", login.account()),
            credential: mark(b"login", login.pair()),
        }
    }

    /// The marks of a token at a registry. Its claims only say with whose others it is kept.
    pub(crate) fn token(&self, registry: &str, token: &Bearer) -> CredentialMarks {
        let subject = token.claims().map_or("", |claims| &claims.subject);
        let mark = |what: &[u8], text: &str| {
            let parts = [registry.as_bytes(), what, text.as_bytes()];
            self.key.mark(&parts)
        };
        CredentialMarks {
            account: mark(b"subject", subject),
            credential: mark(b"token", token.as_str()),
        }
    }

    pub(crate) fn accept(&self, marks: CredentialMarks) {
        let now = self.now();
        self.table
            .lock()
            .accept(marks.account, marks.credential, now);
    }

    pub(crate) fn refuse(&self, marks: CredentialMarks) {
        self.table.lock().refuse(marks.account, marks.credential);
    }

    pub(crate) fn knows(&self, marks: CredentialMarks) -> bool {
        let now = self.now();
        self.table
            .lock()
            .knows(marks.account, marks.credential, now)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}
