//! A canary's way: from the gateway out to the public name, in through a real hop, and on to real
//! storage.

use crate::chain::{Chain, PLAIN, Place, Plan, reference};
use crate::clients::Login;
use crate::common::wait;
use crate::hops::{Authorization, GOOD, Manners};
use crate::world::{World, trial};
use libtest_mimic::Trial;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The first run begins within ten seconds, the next ones ten seconds after.
const PATIENCE: Duration = Duration::from_secs(90);

const RUNS: &str = "harbormouth_canary_runs_total";

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![
        trial(world, "canary::a_good_hop", good),
        trial(world, "canary::a_hop_that_strips_authorization", stripped),
    ]
}

/// A chain with a gateway behind the hop, and the file with the canary's password.
fn start(world: &World, manners: Manners) -> (Chain, TempDir) {
    let directory = world.directory("canary");
    let file = directory.path().join("credentials");
    // Who may delete, as a canary's robot should.
    std::fs::write(&file, "admin:Harbor12345\n").expect("write credentials");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("chmod");
    // The hop's word that clients come by https is what tickets are issued on.
    let settings = format!(
        "trusted_proxies: [ 127.0.0.0/8 ]\ncanary: {{ registry: hq, repository: lab/app, credentials: {}, interval: 10s, ca: {} }}\n",
        file.display(),
        world.ca.bundle().display()
    );
    let plan = Plan {
        manners,
        // One for each trial, as long as the run.
        settings: settings.leak(),
        ..PLAIN
    };
    (Chain::start(world, plan, Place::BehindTheHop), directory)
}

fn wait_for_runs(chain: &Chain, result: &str, count: f64) {
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    wait::until(&format!("{count} {result} runs"), PATIENCE, || {
        let runs = gateway.metric(RUNS, &[("registry", "hq"), ("result", result)]);
        (runs >= count).then_some(())
    });
}

/// Runs are good, and leave nothing.
fn good(world: &World) {
    let (chain, _credentials) = start(world, GOOD);
    wait_for_runs(&chain, "good", 2.0);
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    assert_eq!(gateway.metric(RUNS, &[("result", "bad")]), 0.0);
    let step = |step| {
        let labels = [("registry", "hq"), ("step", step)];
        gateway.metric("harbormouth_canary_step_duration_seconds", &labels)
    };
    for taken in [
        "connect",
        "token_get",
        "blob_commit",
        "manifest_put",
        "blob_get",
    ] {
        assert!(step(taken) > 0.0, "{taken}");
    }
    // It came by the public name: the hop has seen it.
    let pushed = [("operation", "manifest_put"), ("status", "2xx")];
    assert!(gateway.metric("harbormouth_requests_total", &pushed) >= 2.0);
    // The next run is seconds away.
    let tag = harbormouth::doctor::canary::TAG;
    let to = reference(&chain.host);
    assert_eq!(chain.harbor.digest_of(&to.repository, tag), None);
    let overview: Value = serde_json::from_str(&gateway.admin_page("/overview")).expect("JSON");
    let canary = &overview["registries"][0]["canary"];
    assert_eq!(
        (&canary["result"], &canary["left"]),
        (&"good".into(), &Value::Null)
    );
}

/// Uploads get their token back from the ticket, the manifest can't: the canary says so, and where.
fn stripped(world: &World) {
    let manners = Manners {
        authorization: Authorization::LostOnEveryPut,
        ..GOOD
    };
    let (chain, _credentials) = start(world, manners);
    wait_for_runs(&chain, "bad", 1.0);
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    let reattached = [("registry", "hq"), ("client", "harbormouth")];
    assert!(gateway.metric("harbormouth_reattached_total", &reattached) > 0.0);
    let at = [("registry", "hq"), ("step", "manifest_put")];
    assert!(gateway.metric("harbormouth_canary_failures_total", &at) >= 1.0);
    let failures: Value =
        serde_json::from_str(&gateway.admin_page("/failures?reason=canary")).expect("JSON");
    let failure = &failures["failures"][0];
    assert_eq!(failure["finding"], "authorization_lost", "{failure}");
    assert_eq!(failure["operation"], "manifest_put", "{failure}");
    let diagnosis = failure["diagnosis"].as_str().expect("a diagnosis");
    assert!(diagnosis.contains("Authorization"), "{diagnosis}");
    let Login { password, .. } = chain.harbor.admin();
    let told = format!("{}{failures}{}", gateway.stderr(), gateway.metrics());
    assert!(!told.contains(&password), "the password is in what is told");
}
