//! What all requests of one fake Harbor share, and a request as its handlers see it.

use super::account::Project;
use super::config::FakeHarborConfig;
use super::faults::Faults;
use super::path::{Query, normalise};
use super::recorded_requests::RequestLog;
use super::response::field;
use super::store::Store;
use super::token::TokenKey;
use super::urls;
use http::Method;
use http::request::Parts;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Instant;

pub(super) struct Core {
    pub(super) config: FakeHarborConfig,
    pub(super) key: TokenKey,
    pub(super) faults: Faults,
    pub(super) seen: RequestLog,
    /// Users whose last password was wrong, and until when they are locked.
    pub(super) locked: Mutex<HashMap<String, Instant>>,
    /// When the projects that were deleted and made again were made, in seconds since 1970. The others
    /// are older than every token.
    pub(super) created: Mutex<HashMap<String, u64>>,
    /// Seals upload states and CSRF tokens.
    pub(super) secret: [u8; 64],
    pub(super) store: Mutex<Store>,
}

/// A request as the handlers see it.
pub(super) struct FakeExchange {
    pub(super) head: Parts,
    pub(super) path: String,
    pub(super) query: Query,
    /// `scheme://authority` for Location.
    pub(super) base: String,
}

impl FakeExchange {
    pub(super) fn new(head: Parts, tls: bool) -> FakeExchange {
        FakeExchange {
            path: normalise(head.uri.path()),
            query: Query::parse(head.uri.query().unwrap_or_default()),
            base: urls::base(&head.headers, tls),
            head,
        }
    }

    pub(super) fn method(&self) -> &Method {
        &self.head.method
    }

    /// A header that stands there twice is taken as Go takes it: the first.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        field(&self.head.headers, name)
    }
}

impl Core {
    pub(super) fn new(config: FakeHarborConfig, key: TokenKey) -> Core {
        let mut secret = [0; 64];
        for part in secret.chunks_mut(16) {
            part.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        }
        Core {
            store: Mutex::default(),
            config,
            key,
            faults: Faults::default(),
            seen: RequestLog::default(),
            locked: Mutex::default(),
            created: Mutex::default(),
            secret,
        }
    }

    pub(super) fn project(&self, name: &str) -> Option<&Project> {
        let mut projects = self.config.projects.iter();
        projects.find(|project| project.name == name)
    }
}
