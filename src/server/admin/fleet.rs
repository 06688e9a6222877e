//! Answers of all replicas: this one's, with what the others say when they are asked for theirs.
//!
//! A replica is asked with a header, which one of an older version ignores; so nobody who is asked asks
//! again. What this file deliberately doesn't know: how answers are put together.

use super::context::{AdminContext, failed};
use super::merge::{Merge, Replica, Told, merge};
use super::response::{AdminResponse, bad_request, json};
use super::sources::{Sources, replica};
use crate::epoch::since_epoch;
use crate::net::bounded_text::Text;
use http::HeaderMap;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::SystemTime;

/// Whose view is asked for; without it, that of all replicas.
const VIEW: &str = "Harbormouth-View";

/// That of the replica that is asked.
const REPLICA: &str = "replica";

/// Of why an answer can't be read: a sentence.
const FLAW: usize = 200;

/// Bytes of a machine's name: a DNS name's limit.
const NAME: usize = 253;

/// This replica's part of an answer, and how many rows of it are asked for;
/// or why the question isn't understood.
pub(super) type Own<T> = Result<(T, usize), String>;

/// Answers for all replicas, where others are configured and not one of them asks.
pub(super) async fn answer<T>(
    context: &Arc<AdminContext>,
    request: &Parts,
    own: fn(&str, &Sources, SystemTime) -> Own<T>,
) -> AdminResponse
where
    T: Merge + Serialize + DeserializeOwned + Send + 'static,
{
    let query = request.uri.query().unwrap_or_default().to_owned();
    let shared = context.sources.current.load();
    let admin = &shared.config.admin;
    let is_alone = admin.peers.is_empty() || is_for_one(&request.headers);
    let own = context.in_turn(move |sources| {
        let (said, most) = match own(&query, sources, SystemTime::now()) {
            Ok(own) => own,
            Err(why) => return ControlFlow::Break(bad_request(why)),
        };
        let told = Told {
            by: this_replica(sources),
            said,
            fleet: None,
        };
        match is_alone {
            true => ControlFlow::Break(json(&told)),
            false => ControlFlow::Continue((told, most)),
        }
    });
    let (told, most) = match own.await {
        Some(ControlFlow::Continue(own)) => own,
        Some(ControlFlow::Break(answer)) => return answer,
        None => return failed(),
    };
    let target = request.uri.path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let asked = context.replicas.ask(admin, target, (VIEW, REPLICA)).await;
    let merged = context.in_turn(move |_| {
        let others = asked.into_iter();
        let others = others.map(|(peer, said)| (peer, said.and_then(|bytes| read(&bytes))));
        json(&merge(told, others, most))
    });
    merged.await.unwrap_or_else(failed)
}

fn is_for_one(headers: &HeaderMap) -> bool {
    headers.get(VIEW).is_some_and(|view| view == REPLICA)
}

fn this_replica(sources: &Sources) -> Replica {
    Replica {
        replica: Text::name(replica(), NAME),
        started: since_epoch(sources.started).as_secs_f64(),
        version: Text::name(env!("CARGO_PKG_VERSION"), NAME),
        phase: sources.phase.borrow().as_str().into(),
    }
}

/// A replica may be of another version: what it says more is passed over, and what it doesn't say has its
/// default.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Told<T>, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        let flaw = Text::words(&error.to_string(), FLAW);
        format!("its answer isn't understood: {flaw}")
    })
}
