//! Credentials that Harbor accepted recently, shared by all requests: the table, its key, and its clock.

use crate::net::accepted_credentials::{Accepted as Table, Key, Mark};
use crate::net::login::Login;
use crate::oci::token::Bearer;
use crate::system::random::{self, NoRandomness};
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// What each registry accepted.
pub(crate) struct Accepted {
    key: Key,
    table: Mutex<Table>,
    began: Instant,
}

/// The marks of an account and of one of its credentials.
#[derive(Clone, Copy)]
pub(crate) struct Marks {
    pub(crate) account: Mark,
    pub(crate) credential: Mark,
}

impl Accepted {
    /// # Errors
    /// When the system has no random bytes for the key.
    pub(crate) fn new() -> Result<Accepted, NoRandomness> {
        let mut key = [0; 64];
        random::fill(&mut key)?;
        Ok(Accepted {
            key: Key::new(key),
            table: Mutex::default(),
            began: Instant::now(),
        })
    }

    /// The marks of a login at a registry.
    pub(crate) fn login(&self, registry: &str, login: &Login) -> Marks {
        let mark = |what: &[u8], hash| self.key.mark(&[registry.as_bytes(), what, hash]);
        Marks {
            account: mark(b"account", login.account()),
            credential: mark(b"login", login.pair()),
        }
    }

    /// The marks of a token at a registry. Its claims only say with whose others it is kept.
    pub(crate) fn token(&self, registry: &str, token: &Bearer) -> Marks {
        let subject = token.claims().map_or("", |claims| &claims.subject);
        let mark = |what: &[u8], text: &str| {
            let parts = [registry.as_bytes(), what, text.as_bytes()];
            self.key.mark(&parts)
        };
        Marks {
            account: mark(b"subject", subject),
            credential: mark(b"token", token.as_str()),
        }
    }

    pub(crate) fn accept(&self, marks: Marks) {
        let now = self.now();
        self.table
            .lock()
            .accept(marks.account, marks.credential, now);
    }

    pub(crate) fn refuse(&self, marks: Marks) {
        self.table.lock().refuse(marks.account, marks.credential);
    }

    pub(crate) fn knows(&self, marks: Marks) -> bool {
        let now = self.now();
        self.table
            .lock()
            .knows(marks.account, marks.credential, now)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}
