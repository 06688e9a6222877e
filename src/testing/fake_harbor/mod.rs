//! An embedded fake Harbor: for `demo`, and for tests that need a Harbor they can break.
//!
//! It answers as a recorded Harbor 2.9.5 did: its challenges, its token service, its upload
//! sessions, the absolute Locations it builds from the headers it received. One check is of 2.13.5: no
//! token may be older than its project. Behind that stands
//! either memory or a real Distribution registry, the way Harbor's core stands before one.
//!
//! What it deliberately doesn't know: quotas, replication, scanning, proxy caches, the database.
//! It is not meant for storing images.

mod access;
mod account;
mod api;
mod blobs;
pub mod certificates;
mod config;
pub(crate) mod connection;
mod core;
mod csrf;
mod fault_injection;
mod faults;
mod forward;
mod lists;
mod manifests;
mod path;
pub mod proxy;
mod recorded_requests;
pub(crate) mod response;
mod serve;
mod store;
mod token;
mod token_service;
mod uploads;
mod urls;

pub use crate::oci::sample::{content, image};
pub use account::{Account, AccountKind, Project, ProjectMember, Role, Visibility};
pub use config::{Backing, FakeHarborConfig, RefusedMount};
pub use faults::{ConnectionEnd, FaultId, Faults, InjectedFault, Match, Times};
pub use recorded_requests::{BodyEnd, RecordedFraming, RecordedRequest};

use crate::epoch::since_epoch;
use crate::net::origin::{Origin, Scheme};
use futures_util::FutureExt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A running fake Harbor; dropping it closes its socket and every connection.
pub struct FakeHarbor {
    core: Arc<core::Core>,
    listener: connection::Listening,
    scheme: Scheme,
}

impl FakeHarbor {
    /// Makes the instance's key pair, binds and serves.
    pub async fn start(config: FakeHarborConfig) -> Result<FakeHarbor, FakeHarborError> {
        // 2048 bits take up to a second: off the workers that other tests' I/O runs on.
        let key = tokio::task::spawn_blocking(token::TokenKey::generate)
            .await
            .map_err(|_| FakeHarborError::Key)?
            .map_err(|_| FakeHarborError::Key)?;
        let (bind, tls) = (config.bind, config.tls.clone());
        let scheme = tls.as_ref().map_or(Scheme::Http, |_| Scheme::Https);
        let core = Arc::new(core::Core::new(config, key));
        let answering = core.clone();
        let handler = Arc::new(move |request, link| answering.clone().serve(request, link).boxed());
        let bound = connection::listen(bind, tls, handler).await;
        let listener = bound.map_err(|source| FakeHarborError::Bind {
            address: bind,
            source,
        })?;
        Ok(FakeHarbor {
            core,
            listener,
            scheme,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// The origin under which this fake Harbor is reached directly.
    pub fn origin(&self) -> Origin {
        let text = format!("{}://{}", self.scheme, self.address());
        // An address always makes an origin; the fallback can't be reached and does no harm.
        Origin::parse(&text).unwrap_or_else(|_| self.core.config.external_url.clone())
    }

    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    /// The latest requests (a bounded number), oldest first, with what is known of them now.
    pub fn seen(&self) -> Vec<RecordedRequest> {
        self.core.seen.all()
    }

    /// Puts a blob there without a push, and returns its digest. Memory backing only; with a
    /// Distribution registry behind, the blob is not visible.
    pub async fn register_blob(&self, repository: &str, pattern: content::Pattern) -> String {
        // A pass over gigabytes is no work for an I/O thread; if it is cancelled, so are we.
        let hashing = tokio::task::spawn_blocking(move || pattern.digest());
        let digest = hashing.await.unwrap_or_default();
        let mut store = self.core.store.lock();
        store.put_pattern(repository, &digest, pattern);
        digest
    }

    /// Whether a blob is there: how tests see that a push arrived.
    pub fn has_blob(&self, repository: &str, digest: &str) -> bool {
        self.core.store.lock().blob(repository, digest).is_some()
    }

    /// The uploads that were begun and neither committed nor cancelled.
    pub fn open_uploads(&self) -> usize {
        self.core.store.lock().uploads.len()
    }

    /// Deletes a project and makes it again, empty, with the members that it had.
    pub fn recreate_project(&self, project: &str) {
        self.core.store.lock().remove_project(project);
        let now = since_epoch(SystemTime::now()).as_secs();
        self.core.created.lock().insert(project.to_owned(), now);
    }

    /// A token that was issued `age` ago to an account of this Harbor for these scopes. None where nobody
    /// has that name.
    pub fn issued_token(&self, account: &str, scopes: &[&str], age: Duration) -> Option<String> {
        let mut accounts = self.core.config.accounts.iter();
        let account = accounts.find(|known| known.name == account)?;
        let issued = SystemTime::now() - age;
        self.core.issue(Some(account), scopes, issued)
    }

    /// Closes the socket and every connection, and returns when they are closed.
    pub async fn stop(self) {
        self.listener.stop().await;
    }
}

/// Why a fake Harbor didn't start.
#[derive(Debug, thiserror::Error)]
pub enum FakeHarborError {
    #[error("the stand-in's token key could not be made")]
    Key,
    #[error("the stand-in could not listen on {address}")]
    Bind {
        address: SocketAddr,
        source: io::Error,
    },
}
