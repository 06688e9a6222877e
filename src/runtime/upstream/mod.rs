//! The replicas of one Harbor: which address a request goes to, and over what kind of connection.
//!
//! Choice is round robin over the addresses that are healthy; a connect failure marks an address
//! unhealthy at once, and a successful probe marks it healthy again. When none is healthy all are
//! tried: a wrong health path must not take a working Harbor out of use. What this module doesn't know: HTTP of the registry, retries
//! (see `proxy`), metrics.

mod call;
mod dns;
mod document;
mod endpoint;
pub(crate) mod fetch;
mod health_answer;
mod health_probe;
mod peer_request;
mod pool;
mod replicas;
mod service;
mod socket;
mod storage;

pub(crate) use call::call;
pub(crate) use dns::resolve;
pub(crate) use document::{DocumentFlaw, DocumentSource};
pub(crate) use endpoint::{Address, Endpoint, Trust};
pub(crate) use fetch::Answer;
pub(crate) use health_probe::{probe_once, watch};
pub(crate) use pool::{Choice, Pool};
pub(crate) use replicas::Replicas;
pub(crate) use service::{Exchange, Service};
use socket::in_words;
pub(crate) use socket::{lacks_socket, tcp_keepalive};
pub(crate) use storage::{StoragePlace, StorageRuntime};
