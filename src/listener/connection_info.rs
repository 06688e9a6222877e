//! The facts about a connection that the hooks of its requests can read.

use super::connection_state::ConnectionState;
use super::min_data_rate::BodyRates;
use super::proxy_protocol::Announced;
use crate::str_enum::str_enum;
use std::sync::Arc;

/// By which way a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tls,
    Plain,
    /// Plain HTTP that is answered with a redirect to https, but for what a trusted proxy took by
    /// https.
    Redirect,
}

str_enum! {
    /// Of TLS that ends here.
    pub(crate) enum TlsVersion {
        Tls12 "1.2",
        Tls13 "1.3",
    }
}

impl TlsVersion {
    /// By the word that rustls has for it; others aren't spoken here.
    pub(super) fn of(word: &str) -> Option<TlsVersion> {
        match word {
            "TLSv1_2" => Some(TlsVersion::Tls12),
            "TLSv1_3" => Some(TlsVersion::Tls13),
            _ => None,
        }
    }
}

/// Where a connection came in.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// Index into the configuration's listeners.
    pub(crate) listener: usize,
    pub(crate) way: Transport,
    /// None without TLS.
    pub(crate) tls: Option<TlsVersion>,
    pub(crate) announced: Announced,
}

/// A request's arrival: handed from the connection to the hooks, which Pingora creates without an
/// argument.
#[derive(Clone)]
pub(crate) struct ConnectionInfo {
    pub(crate) entry: Entry,
    pub(crate) progress: Arc<BodyRates>,
    pub(crate) life: Arc<ConnectionState>,
}

tokio::task_local! {
    static ARRIVAL: ConnectionInfo;
}

impl ConnectionInfo {
    /// What serves the request, which asks for the arrival by [`current_connection`].
    pub(super) fn during<F: Future>(self, serving: F) -> impl Future<Output = F::Output> {
        ARRIVAL.scope(self, serving)
    }
}

/// The arrival of the request that the current task serves. Outside of a connection (a unit test)
/// it is a plain one.
pub(crate) fn current_connection() -> ConnectionInfo {
    let found = ARRIVAL.try_with(|arrival| {
        arrival.life.has_header();
        arrival.progress.saw();
        arrival.clone()
    });
    found.unwrap_or_else(|_| {
        let life = ConnectionState::new();
        ConnectionInfo {
            entry: Entry {
                listener: 0,
                way: Transport::Plain,
                tls: None,
                announced: Announced::NOTHING,
            },
            progress: Arc::new(BodyRates::new(&life)),
            life,
        }
    })
}
