//! The facts about a connection that the hooks of its requests can read.

use super::connection_state::ConnectionState;
use super::min_data_rate::BodyRates;
use super::proxy_protocol::Announced;
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

/// A request's arrival: handed from the connection to the hooks, which Pingora creates without an
/// argument.
#[derive(Clone)]
pub(crate) struct ConnectionInfo {
    pub(crate) way: Transport,
    pub(crate) announced: Announced,
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
            way: Transport::Plain,
            announced: Announced::NOTHING,
            progress: Arc::new(BodyRates::new(&life)),
            life,
        }
    })
}
