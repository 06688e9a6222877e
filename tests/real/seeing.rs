//! What the gateway shows of one push and one pull, checked after each: the metrics count what
//! happened, Prometheus can read them, and no secret reaches the logs.

use crate::check::SMALL_LAYERS;
use crate::clients::Login;
use crate::common::gateway::Gateway;
use crate::common::process;
use crate::common::wait;
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harbormouth::oci::repair::Repair;
use std::time::Duration;

/// The last request's numbers appear a moment after its answer.
const SOON: Duration = Duration::from_secs(5);

pub fn check(world: &World, gateway: &Gateway, login: &Login, repair: Repair) {
    // Every layer and the configuration are uploaded exactly once: a client that has to try again
    // has met something.
    exactly(gateway, "upload_commit", SMALL_LAYERS.len() + 1);
    exactly(gateway, "manifest_put", 1);
    let kind = [("kind", repair.as_str())];
    let repaired = gateway.metric("harbormouth_repairs_total", &kind);
    assert!(
        repaired > 0.0,
        "no repair of kind {repair} in:\n{}",
        gateway.metrics()
    );
    readable(world, gateway);
    no_secrets(gateway, login);
}

fn exactly(gateway: &Gateway, operation: &str, times: usize) {
    let labels = [("operation", operation), ("status", "2xx")];
    wait::until(
        &format!("{operation} to be counted {times} times"),
        SOON,
        || {
            let counted = gateway.metric("harbormouth_requests_total", &labels);
            assert!(
                counted <= times as f64,
                "{operation} was counted {counted} times:\n{}",
                gateway.stderr()
            );
            (counted == times as f64).then_some(())
        },
    );
}

fn readable(world: &World, gateway: &Gateway) {
    let directory = world.directory("metrics");
    let file = directory.path().join("metrics");
    std::fs::write(&file, gateway.metrics()).expect("write the metrics");
    // promtool reads its standard input only.
    let mut command = world.command("sh", directory.path());
    command
        .args(["-c", "promtool check metrics < metrics"])
        .current_dir(directory.path());
    process::must(command);
}

fn no_secrets(gateway: &Gateway, login: &Login) {
    let logs = wait::until("the access record of a push", SOON, || {
        let logs = gateway.stderr();
        logs.contains("manifest_put").then_some(logs)
    });
    let basic = STANDARD.encode(login.pair());
    // "eyJ" is how every token begins: base64 of an opening brace and quote.
    for secret in [login.password.as_str(), basic.as_str(), "eyJ"] {
        assert!(!logs.contains(secret), "{secret} is in the logs:\n{logs}");
    }
}
