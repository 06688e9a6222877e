//! How long requests take where half as many come as Harbormouth can answer, and how much of it is a
//! proxy's.

use crate::Measured;
use crate::client::Client;
use crate::proxies::{Kind, Proxy, Setting};
use crate::report;
use crate::work::{self, Sizes, Way, What};
use anyhow::Result;
use std::fmt::Write;
use std::time::Duration;

/// Without a proxy in between where there is no kind.
pub struct Latency {
    kind: Option<Kind>,
    p50: Duration,
    p99: Duration,
}

/// Between two requests of one connection, when all together ask half as often as Harbormouth can
/// answer over TLS.
pub fn half_pace(measured: &[Measured], sizes: &Sizes) -> Option<Duration> {
    let ours = measured.iter().find(|row| {
        row.kind == Kind::Harbormouth && row.work.what == What::Head && row.work.way == Way::Tls
    })?;
    let wall = report::median(ours.usage.iter().map(|usage| usage.wall));
    let each = wall / (sizes.requests / work::AT_ONCE) as f64;
    Some(Duration::from_secs_f64(each * 2.0))
}

/// Over TLS each time: what the origin itself takes over TLS comes first.
pub async fn measure(
    client: &Client,
    running: &[Proxy],
    setting: &Setting,
    pace: Duration,
    sizes: &Sizes,
) -> Result<Vec<Latency>> {
    let proxies = running.iter().filter(|proxy| proxy.kind.holds());
    let proxies = proxies.map(|proxy| (Some(proxy.kind), proxy.to));
    let mut found = Vec::new();
    for (kind, to) in [(None, setting.origins)].into_iter().chain(proxies) {
        let took = client.paced(Way::Tls, to, pace, sizes.paced_for).await?;
        let of = |part: usize| {
            took.get(took.len() * part / 100)
                .copied()
                .unwrap_or_default()
        };
        found.push(Latency {
            kind,
            p50: of(50),
            p99: of(99),
        });
    }
    Ok(found)
}

pub fn table(out: &mut String, latencies: &[Latency]) -> Result<()> {
    let Some(direct) = latencies.iter().find(|latency| latency.kind.is_none()) else {
        return Ok(());
    };
    writeln!(
        out,
        "## Latency of a HEAD over TLS, at half of Harbormouth's greatest pace

| | p50 ms | p99 ms | added to p50 | added to p99 |
|---|---|---|---|---|"
    )?;
    for latency in latencies {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let added = |time, direct| format!("{:+.2}", millis(time) - millis(direct));
        writeln!(
            out,
            "| {} | {:.2} | {:.2} | {} | {} |",
            latency.kind.map_or("nobody in between", Kind::name),
            millis(latency.p50),
            millis(latency.p99),
            latency
                .kind
                .map_or_else(String::new, |_| added(latency.p50, direct.p50)),
            latency
                .kind
                .map_or_else(String::new, |_| added(latency.p99, direct.p99)),
        )?;
    }
    writeln!(out)?;
    Ok(())
}
