//! Failed logins, shared by all requests: the limit's state and its clock.

use super::credential_cache::{CredentialCache, CredentialMarks};
use crate::config;
use crate::net::login::Login;
use crate::net::login_limiter::{LoginKey, LoginLimiter};
use crate::oci::login_response::Password;
use ipnet::IpNet;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who failed to log in how often.
pub(crate) struct LoginLimits {
    limit: Option<Mutex<LoginLimiter>>,
    exempt: Vec<IpNet>,
    accepted: Arc<CredentialCache>,
    began: Instant,
}

/// Who tries to log in, where, and with what.
#[derive(Clone, Copy)]
pub(crate) struct LoginAttempt<'a> {
    pub(crate) client: IpAddr,
    pub(crate) registry: &'a str,
    pub(crate) login: &'a Login,
}

impl LoginLimits {
    pub(crate) fn new(config: &config::LoginLimit, accepted: Arc<CredentialCache>) -> LoginLimits {
        let limit = || LoginLimiter::new(config.failures, config.within);
        LoginLimits {
            limit: (config.failures > 0).then(|| Mutex::new(limit())),
            exempt: config.exempt.clone(),
            accepted,
            began: Instant::now(),
        }
    }

    /// Whether this may go to Harbor. What Harbor accepted lately always may: others' guesses lock
    /// nobody out.
    ///
    /// # Errors
    /// How long to wait, where this account has failed too often from this address.
    pub(crate) fn check(&self, attempt: LoginAttempt<'_>) -> Result<(), Duration> {
        let marks = self.accepted.login(attempt.registry, attempt.login);
        let checked = self.with(attempt.client, marks, |limit, key, now| {
            limit.check(key, now)
        });
        match checked {
            None | Some(Ok(())) => Ok(()),
            Some(Err(_)) if self.accepted.knows(marks) => Ok(()),
            Some(Err(after)) => Err(after),
        }
    }

    /// Harbor answered: what that says about the password counts.
    pub(crate) fn answered(&self, attempt: LoginAttempt<'_>, password: Password) {
        if password == Password::Right && !attempt.login.is_readable() {
            return;
        }
        let marks = self.accepted.login(attempt.registry, attempt.login);
        let was_right = self.accepted.knows(marks);
        match password {
            Password::Right => self.accepted.accept(marks),
            // No guess: it was changed, or Harbor has locked the user for a moment.
            Password::Wrong if was_right => return self.accepted.refuse(marks),
            Password::Doubtful if was_right => return,
            Password::Wrong | Password::Doubtful => {}
        }
        self.with(attempt.client, marks, |limit, key, now| match password {
            Password::Right if was_right => limit.again(key, now),
            Password::Right => limit.succeeded(key, now),
            Password::Wrong => limit.failed(key, now),
            Password::Doubtful => limit.doubted(key, now),
        });
    }

    fn with<T>(
        &self,
        client: IpAddr,
        marks: CredentialMarks,
        act: impl FnOnce(&mut LoginLimiter, LoginKey, Duration) -> T,
    ) -> Option<T> {
        let limit = self.limit.as_ref()?;
        if self.exempt.iter().any(|network| network.contains(&client)) {
            return None;
        }
        let key = LoginKey::new(client, marks.account.number(), marks.credential.number());
        let mut limit = limit.lock();
        Some(act(&mut limit, key, self.began.elapsed()))
    }
}
