//! The gateway as an operator runs it: the binary's `serve` with a configuration file, known by
//! the lines it prints and by its metrics.

use super::stage::{DemoStage, free_port};
use crate::testing::fake_harbor::connection::{dial, send};
use crate::testing::fake_harbor::response::nothing;
use anyhow::{Context, anyhow, bail};
use http::Request;
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A cold binary on a busy machine; it takes milliseconds otherwise.
const START: Duration = Duration::from_secs(30);
/// Metrics are a page; waiting longer is hanging.
const METRICS: Duration = Duration::from_secs(10);
/// Tries when another program takes the port in between.
const TRIES: usize = 3;

pub(super) struct DemoGateway {
    child: Child,
    pub(super) https: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// Repairs by kind.
pub(super) type Repairs = BTreeMap<String, u64>;

impl DemoGateway {
    pub(super) async fn start(binary: &Path, stage: &DemoStage) -> anyhow::Result<DemoGateway> {
        let mut last = anyhow!("never tried");
        for _ in 0..TRIES {
            let config = stage.write_config(free_port()?)?;
            match DemoGateway::spawn(binary, &config, &stage.log_file()).await {
                Ok(gateway) => return Ok(gateway),
                Err(why) => last = why,
            }
        }
        Err(last.context("the gateway did not start"))
    }

    async fn spawn(binary: &Path, config: &Path, log: &Path) -> anyhow::Result<DemoGateway> {
        let mut child = Command::new(binary)
            .arg("serve")
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| binary.display().to_string())?;
        let stdout = child.stdout.take().context("it has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let (mut https, mut admin) = (None, None);
        let reading = async {
            while let Ok(Some(line)) = lines.next_line().await {
                let words: Vec<&str> = line.split_whitespace().collect();
                match words[..] {
                    ["listening", "https", address] => https = address.parse().ok(),
                    ["admin", _, address] => admin = address.parse().ok(),
                    ["ready"] => return true,
                    _ => {}
                }
            }
            false
        };
        let ready = tokio::time::timeout(START, reading).await.unwrap_or(false);
        let (true, Some(https), Some(admin)) = (ready, https, admin) else {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<&str> = said.lines().collect();
            bail!(lines[lines.len().saturating_sub(5)..].join("\n  "));
        };
        // Whatever else it prints must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(DemoGateway {
            child,
            https,
            admin,
        })
    }

    /// What it has repaired so far, from `harbormouth_repairs_total`.
    pub(super) async fn repairs(&self) -> anyhow::Result<Repairs> {
        let page = tokio::time::timeout(METRICS, self.metrics()).await;
        let page = page.unwrap_or_else(|_| Err(anyhow!("no answer")));
        Ok(repairs(
            &page.context("the gateway's metrics could not be read")?,
        ))
    }

    async fn metrics(&self) -> anyhow::Result<String> {
        let request = Request::get("/metrics")
            .header("host", self.admin.to_string())
            .body(nothing())?;
        let response = send(dial(self.admin, None).await?, request).await?;
        let page = response.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8_lossy(&page).into_owned())
    }

    /// Ends the process; nothing is in flight any more.
    pub(super) async fn stop(mut self) {
        // It may have ended by itself: Ctrl-C reaches the whole process group.
        let _ = self.child.kill().await;
    }
}

/// What was added between two readings, kinds without any left out.
pub(super) fn difference(before: &Repairs, after: &Repairs) -> Vec<(String, u64)> {
    let earlier = |kind: &str| before.get(kind).copied().unwrap_or(0);
    after
        .iter()
        .map(|(kind, count)| (kind.clone(), count.saturating_sub(earlier(kind))))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn repairs(page: &str) -> Repairs {
    let mut repairs = Repairs::new();
    let lines = page.lines();
    for line in lines.filter_map(|line| line.strip_prefix("harbormouth_repairs_total{")) {
        let kind = line
            .split_once("kind=\"")
            .and_then(|(_, rest)| rest.split_once('"'));
        let count = line.rsplit_once(' ').map(|(_, count)| count.parse::<f64>());
        if let (Some((kind, _)), Some(Ok(count))) = (kind, count) {
            // Counters are whole, and far below 2^53.
            *repairs.entry(kind.to_owned()).or_default() += count as u64;
        }
    }
    repairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_are_summed_over_registries_and_compared() {
        let page = "# TYPE harbormouth_repairs_total counter\n\
                    harbormouth_repairs_total{kind=\"realm\",registry=\"a\"} 1\n\
                    harbormouth_repairs_total{kind=\"realm\",registry=\"b\"} 2\n\
                    harbormouth_repairs_total{kind=\"link\",registry=\"a\"} 0\n\
                    harbormouth_requests_total{kind=\"link\"} 9\n";
        let after = repairs(page);
        let before = Repairs::from([("realm".to_owned(), 1)]);
        assert_eq!(difference(&before, &after), [("realm".to_owned(), 2)]);
    }
}
