//! How a fake Harbor is set up.

use super::account::{self, Account, Project};
use crate::net::origin::Origin;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// What a fake Harbor is, and how it answers.
#[derive(Clone)]
pub struct FakeHarborConfig {
    /// Harbor's external URL: the base of the realm in its challenges.
    pub external_url: Origin,
    /// The internal URL of core: the realm's base when Host equals its authority.
    pub core_url: Option<Origin>,
    pub backing: Backing,
    pub accounts: Vec<Account>,
    pub projects: Vec<Project>,
    /// Serves TLS with this configuration; plain HTTP without.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    pub bind: SocketAddr,
    /// Blobs larger than this are hashed and forgotten. Only what [`super::content::Pattern`] made can
    /// be read again: it is made anew. `None` keeps everything.
    pub discard_blobs_over: Option<u64>,
    /// How long a wrong password is answered late, and the account locked; Harbor takes 1.5 s.
    pub failed_login_delay: Duration,
    /// How long a token is valid, in whole seconds. Harbor's default is 30 minutes.
    pub token_lifetime: Duration,
    /// How much longer it is taken, because clocks differ, in whole seconds. Harbor takes 60 s.
    pub token_leeway: Duration,
    pub refused_mount: RefusedMount,
}

/// How a mount is refused to a caller without the right to pull from its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedMount {
    /// 401, as recorded.
    Unauthorized,
    /// 403, as others answer; not recorded.
    Forbidden,
}

/// What holds the blobs and manifests.
#[derive(Clone, Debug)]
pub enum Backing {
    Memory,
    /// A Distribution registry, reached as Harbor's core reaches its own: with core's Basic
    /// credentials, and with the Host and forwarded headers that core received.
    Distribution {
        address: SocketAddr,
        username: String,
        password: String,
    },
}

impl FakeHarborConfig {
    /// A Harbor with the private project `lab` and the public projects `library` and `pub`, with
    /// `admin`/`Harbor12345`, the developer `alice`/`Alice12345`, the guest `bob`/`Bob123456` and
    /// the robot `robot$lab+ci`/`Robot12345`. On a free port of the loopback address, in memory.
    pub fn example(external_url: Origin) -> FakeHarborConfig {
        FakeHarborConfig {
            external_url,
            core_url: None,
            backing: Backing::Memory,
            accounts: account::example_accounts(),
            projects: account::example_projects(),
            tls: None,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            discard_blobs_over: None,
            failed_login_delay: Duration::from_millis(1500),
            token_lifetime: Duration::from_secs(30 * 60),
            token_leeway: Duration::from_secs(60),
            refused_mount: RefusedMount::Unauthorized,
        }
    }
}
