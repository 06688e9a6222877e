//! Failed logins, as all requests share them: the limit's state and the time that it needs.

use crate::config;
use crate::edge::login_limit::{Login, LoginKey, LoginLimit};
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who failed to log in how often.
pub struct Logins {
    limit: Option<Mutex<LoginLimit>>,
    exempt: Vec<IpNet>,
    began: Instant,
}

impl Logins {
    pub fn new(config: &config::LoginLimit) -> Logins {
        let limit = || LoginLimit::new(config.failures, config.within);
        Logins {
            limit: (config.failures > 0).then(|| Mutex::new(limit())),
            exempt: config.exempt.clone(),
            began: Instant::now(),
        }
    }

    /// # Errors
    /// How long to wait, where this user has failed too often from this address.
    pub fn check(&self, client: IpAddr, user: &str) -> Result<(), Duration> {
        self.with(client, user, |limit, key, now| {
            limit.check(key, now).map_err(|retry| retry.after)
        })
        .unwrap_or(Ok(()))
    }

    pub fn failed(&self, client: IpAddr, user: &str) {
        self.with(client, user, |limit, key, now| limit.failed(key, now));
    }

    /// See [`LoginLimit::refused`].
    pub fn refused(&self, client: IpAddr, user: &str, login: Login) {
        self.with(client, user, |limit, key, now| {
            limit.refused(key, login, now)
        });
    }

    pub fn succeeded(&self, client: IpAddr, user: &str) {
        self.with(client, user, |limit, key, _| limit.succeeded(key));
    }

    fn with<T>(
        &self,
        client: IpAddr,
        user: &str,
        act: impl FnOnce(&mut LoginLimit, LoginKey, Duration) -> T,
    ) -> Option<T> {
        let limit = self.limit.as_ref()?;
        if self.exempt.iter().any(|network| network.contains(&client)) {
            return None;
        }
        let key = LoginKey::new(client, user);
        let mut limit = limit.lock().unwrap_or_else(PoisonError::into_inner);
        Some(act(&mut limit, key, self.began.elapsed()))
    }
}
