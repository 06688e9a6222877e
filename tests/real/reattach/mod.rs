//! Authorization that gets lost on the way: hops that strip it from writes, or turn Locations back
//! into another authority, so that the client drops it. Each chain is shown to break pushes
//! without Harbormouth, and to pass them with Harbormouth behind it, also when the gateway that
//! began an upload dies or changes its keys. Beside them what else becomes of credentials: tokens
//! that expire in the middle of a push, mounts that are refused, and passwords that are guessed.

mod expiry;
mod guessing;
mod keys;
mod lost;
mod mount;
mod pair;

use crate::chain::{PLAIN, Plan};
use crate::check::{Expected, Trip};
use crate::clients::{Client, Reference, Tool as _};
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::harbor::Harbor;
use crate::world::World;
use harbormouth::testing::fake_harbor::RecordedRequest;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trials = [
        lost::trials(world),
        pair::trials(world),
        keys::trials(world),
        expiry::trials(world),
        guessing::trials(world),
        mount::trials(world),
    ];
    trials.into_iter().flatten().collect()
}

/// A chain whose hop Harbormouth believes: it comes from a loopback address, and says that the
/// client spoke TLS.
const TRUSTED: Plan = Plan {
    settings: "trusted_proxies: [ 127.0.0.0/8 ]\n",
    ..PLAIN
};

/// Metrics and access records appear a moment after the answer that they are about.
const SOON: Duration = Duration::from_secs(5);

/// What Harbormouth says of a write that arrived without Authorization and without help.
const EXPLAINED: Expected = Expected::Breaks(&["Authorization", "a proxy between"]);

/// Lets every client do the same at the same time, each in a repository of its own: most of the
/// time a client that fails waits for its next try.
///
/// # Panics
/// When one of them did, after all are done, with the words of each.
fn everyone(host: &str, harbor: &Harbor, each: impl Fn(Client, &Trip<'_>) + Sync) {
    let one = |client: Client| each(client, &trip(client, host, harbor));
    let failures: Vec<String> = std::thread::scope(|scope| {
        let running = Client::ALL.map(|client| (client, scope.spawn(move || one(client))));
        let ended = running.map(|(client, thread)| (client, thread.join()));
        let failed = ended.into_iter().filter_map(|(client, end)| {
            let said = end.err()?;
            let words = said.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| said.downcast_ref::<&str>().copied());
            Some(format!(
                "{}: {}",
                client.name(),
                words.unwrap_or("panicked")
            ))
        });
        failed.collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// There and back, in a repository of the client's own.
fn trip<'a>(client: Client, host: &str, harbor: &'a Harbor) -> Trip<'a> {
    let place = Reference {
        host: host.to_owned(),
        repository: format!("lab/{}", client.name()),
        tag: "v1".to_owned(),
    };
    Trip {
        client,
        harbor,
        login: harbor.login(),
        push_to: place.clone(),
        pull_from: place,
    }
}

/// Whether a client sent its password to `/v2/`, where a token is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Password {
    Sent,
    Kept,
}

/// What Harbor saw of it.
fn password(seen: &[RecordedRequest]) -> Password {
    let is_sent = |seen: &RecordedRequest| {
        seen.target.starts_with("/v2/") && seen.header("authorization").starts_with("Basic ")
    };
    if seen.iter().any(is_sent) {
        Password::Sent
    } else {
        Password::Kept
    }
}

/// Where a client stands in [`Client::ALL`].
fn index(client: Client) -> usize {
    let at = Client::ALL.iter().position(|each| *each == client);
    at.expect("one of all clients")
}

/// How often a token was re-attached.
fn reattached(gateway: &Gateway, operation: &str, client: Client) -> f64 {
    let labels = [("operation", operation), ("client", client.family())];
    gateway.metric("harbormouth_reattached_total", &labels)
}

/// Tickets stay between the gateway and the client: Harbor never sees one, and no log does.
fn tickets_stay_secret(gateway: &Gateway, harbor: &Harbor) {
    let seen = harbor.core().seen();
    let passed_on = seen.iter().find(|seen| seen.target.contains("ticket"));
    assert!(passed_on.is_none(), "Harbor saw a ticket: {passed_on:?}");
    let logs = wait::until("the access record of a write", SOON, || {
        let logs = gateway.stderr();
        logs.contains("upload_commit").then_some(logs)
    });
    let is_sealed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    for after in logs.split("harbormouth_ticket=").skip(1) {
        let value = after.split(|c| !is_sealed(c)).next().unwrap_or_default();
        assert!(value.len() < 16, "a ticket is in the logs:\n{logs}");
    }
}
