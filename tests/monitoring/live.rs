//! A real Prometheus scrapes a real gateway that has lived through real traffic, and every
//! expression that is written down answers.

use crate::common::tools;
use crate::files;
use crate::prometheus::{JOB, Prometheus};
use crate::promql;
use crate::setup::{World, until};
use crate::{push, traffic};
use harbormouth::observe::metrics::FAMILIES;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A scrape, an evaluation of the rules, and a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// An expression as Grafana would send it.
fn substituted(expr: &str) -> String {
    [
        ("$__rate_interval", "5m"),
        ("$__range", "15m"),
        ("$cluster", ".*"),
        ("$job", JOB),
        ("$registry", ".+"),
        ("$instance", ".+"),
    ]
    .into_iter()
    .fold(expr.to_owned(), |expr, (variable, value)| {
        expr.replace(variable, value)
    })
}

/// Every expression, with the place where it stands.
fn expressions() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (title, expr) in files::queries() {
        all.push((format!("panel {title}"), substituted(&expr)));
    }
    for (selector, label) in files::variables() {
        all.push((format!("variable {label}"), substituted(&selector)));
    }
    for rule in files::recorded() {
        all.push((format!("rule {}", rule.name), rule.expr.clone()));
        all.push((format!("recorded {}", rule.name), rule.name));
    }
    for alert in files::alerts() {
        let expr = promql::always_answers(&alert.expr);
        all.push((format!("alert {} {:?}", alert.name, alert.labels), expr));
        for selector in promql::names(&alert.expr).selectors {
            all.push((format!("selector of alert {}", alert.name), selector.metric));
        }
    }
    for (alert, page) in files::runbooks() {
        for block in files::blocks(&page) {
            let expr = promql::always_answers(&block);
            all.push((format!("runbooks/{alert}.md"), expr));
        }
    }
    all
}

/// Why an expression's answer is none: an error, nothing, or nothing but NaN.
fn lack(prometheus: &Prometheus, expr: &str) -> Option<String> {
    match prometheus.query(expr) {
        Err(error) => Some(error),
        Ok(samples) if samples.is_empty() => Some("empty".to_owned()),
        Ok(samples) if samples.iter().all(|value| value.is_nan()) => Some("only NaN".to_owned()),
        Ok(_) => None,
    }
}

fn promtool_takes(metrics: &str) {
    let mut promtool = Command::new(tools::path("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run promtool");
    let mut stdin = promtool.stdin.take().expect("its stdin");
    stdin.write_all(metrics.as_bytes()).expect("write");
    drop(stdin);
    let output = promtool.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = said + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

/// Families that stay at 0 in [`traffic::live_through`], and why.
const STILL: &[(&str, &str)] = &[
    (
        "harbormouth_filter_decisions_total",
        "the command registers no filter",
    ),
    (
        "harbormouth_accept_pauses_total",
        "there are descriptors enough",
    ),
    (
        "harbormouth_certificate_orders_total",
        "its certificates are files of somebody's",
    ),
    ("harbormouth_upgrade_failures_total", "nobody upgrades it"),
    (
        "harbormouth_log_lines_dropped_total",
        "the log of these tests is read in time",
    ),
    (
        "harbormouth_audit_errors_total",
        "the audit log of these tests can be written to",
    ),
    (
        "harbormouth_audit_waiting_bytes",
        "and has all lines within a moment",
    ),
    (
        "harbormouth_spans_total",
        "no address to export traces to is set",
    ),
];

/// Every family has a sample that isn't 0: what answers below answers with something.
fn traffic_moved_every_family(metrics: &str) {
    let moved = |family: &str| {
        metrics.lines().any(|line| {
            let starts = |next| {
                line.strip_prefix(family)
                    .is_some_and(|r| r.starts_with(next))
            };
            let of_family = ["{", " ", "_count"].into_iter().any(starts);
            of_family && !line.ends_with(" 0")
        })
    };
    let families = FAMILIES.iter().map(|family| family.name);
    let still: Vec<&str> = families.filter(|family| !moved(family)).collect();
    let listed: Vec<&str> = STILL.iter().map(|(family, _)| *family).collect();
    assert_eq!(still, listed, "no traffic moves these");
}

fn is_scraped(prometheus: &Prometheus, world: &World) -> bool {
    let family = "harbormouth_push_requests_total";
    let here = world.gateway.metric(family, &[]);
    let there = prometheus.query(&format!("sum({family})"));
    there.is_ok_and(|sum| sum.first().is_some_and(|sum| (sum - here).abs() < 0.5))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_expression_answers_at_a_gateway_that_has_lived() {
    tools::require(&["prometheus", "promtool"]);
    let harbor = push::fake_harbor().await;
    // Of its own: the faults of the traffic are not the canary's.
    let quiet = push::fake_harbor().await;
    let world = traffic::gateway(&harbor, &quiet, "full").await;
    let prometheus = Prometheus::start(&[world.gateway.admin.expect("an admin listener")]);
    // Rates need a sample from before.
    until("two scrapes", || {
        let scrapes = prometheus.query("min(count_over_time(up[1m]))").ok()?;
        (*scrapes.first()? >= 2.0).then_some(())
    })
    .await;
    // Lives to the end: an upload that stands still.
    let _held = traffic::live_through(&world, &harbor).await;
    until("a scrape after the traffic", || {
        is_scraped(&prometheus, &world).then_some(())
    })
    .await;
    let metrics = world.gateway.metrics();
    promtool_takes(&metrics);
    traffic_moved_every_family(&metrics);

    let mut open = expressions();
    let total = open.len();
    let start = Instant::now();
    let lacking = loop {
        open.retain(|(_, expr)| lack(&prometheus, expr).is_some());
        if open.is_empty() || start.elapsed() > PATIENCE {
            break open;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let told: Vec<String> = lacking
        .iter()
        .map(|(place, expr)| {
            let why = lack(&prometheus, expr).unwrap_or_default();
            format!("{place}: {why}: {expr}")
        })
        .collect();
    assert!(
        told.is_empty(),
        "{} of {total}:\n{}",
        told.len(),
        told.join("\n")
    );
    assert_eq!(prometheus.rule_errors(), [""; 0]);
    // What the traffic must have set off, so that the answers above are no accident.
    for alert in ["HarbormouthHarborDown", "HarbormouthAuthorizationLost"] {
        let expr = format!("ALERTS{{alertname=\"{alert}\"}}");
        assert_eq!(lack(&prometheus, &expr), None, "{alert}");
    }
}
