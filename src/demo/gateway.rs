//! The gateway as an operator runs it: the binary's `serve` with a configuration file, known by
//! the lines it prints and by its metrics.

use super::error::DemoError;
use super::stage::{Stage, free_port};
use super::wire;
use http::Request;
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A cold binary on a busy machine; it takes milliseconds otherwise.
const START: Duration = Duration::from_secs(30);
/// Metrics are a page; waiting longer is hanging.
const METRICS: Duration = Duration::from_secs(10);
/// Tries when another program takes the port in between.
const TRIES: usize = 3;

pub(super) struct Gateway {
    child: Child,
    pub(super) https: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// Repairs by kind.
pub(super) type Repairs = BTreeMap<String, u64>;

impl Gateway {
    pub(super) async fn start(binary: &Path, stage: &Stage) -> Result<Gateway, DemoError> {
        let mut last = String::new();
        for _ in 0..TRIES {
            let config = stage.write_config(free_port()?)?;
            match Gateway::spawn(binary, &config, &stage.log_file()).await {
                Ok(gateway) => return Ok(gateway),
                Err(why) => last = why,
            }
        }
        Err(DemoError::Gateway(last))
    }

    async fn spawn(binary: &Path, config: &Path, log: &Path) -> Result<Gateway, String> {
        let file = std::fs::File::create(log).map_err(|error| error.to_string())?;
        let mut child = Command::new(binary)
            .arg("serve")
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let Some(stdout) = child.stdout.take() else {
            return Err("it has no output".into());
        };
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
        match (ready, https, admin) {
            (true, Some(https), Some(admin)) => {
                // Whatever else it prints must not fill the pipe.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                Ok(Gateway {
                    child,
                    https,
                    admin,
                })
            }
            _ => {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                let tail: Vec<&str> = said.lines().rev().take(5).collect();
                Err(tail.into_iter().rev().collect::<Vec<_>>().join("\n  "))
            }
        }
    }

    /// What it has repaired so far, from `harbormouth_repairs_total`.
    pub(super) async fn repairs(&self) -> Result<Repairs, DemoError> {
        let reading = tokio::time::timeout(METRICS, self.metrics());
        let page = match reading.await {
            Ok(page) => page.map_err(|error| DemoError::Metrics(error.to_string()))?,
            Err(_) => return Err(DemoError::Metrics("no answer".into())),
        };
        Ok(repairs(&page))
    }

    async fn metrics(&self) -> std::io::Result<String> {
        let stream = TcpStream::connect(self.admin).await?;
        let request = Request::get("/metrics")
            .header("host", self.admin.to_string())
            .body(wire::nothing())
            .map_err(std::io::Error::other)?;
        let response = crate::standin::link::send(stream, request).await?;
        let page = response
            .into_body()
            .collect()
            .await
            .map_err(std::io::Error::other)?;
        Ok(String::from_utf8_lossy(&page.to_bytes()).into_owned())
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
    for line in page
        .lines()
        .filter(|line| line.starts_with("harbormouth_repairs_total{"))
    {
        let kind = line
            .split("kind=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let count = line
            .rsplit(' ')
            .next()
            .and_then(|count| count.parse::<f64>().ok());
        if let (Some(kind), Some(count)) = (kind, count) {
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
