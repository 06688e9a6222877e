//! A Prometheus that scrapes one gateway with the rules, and its query API.

use crate::common::process::Process;
use crate::common::{plain_http, tools, wait};
use crate::files;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The job's name: the alerts want harbormouth in it.
pub const JOB: &str = "harbormouth";

pub struct Prometheus {
    process: Process,
    address: SocketAddr,
    _directory: TempDir,
}

impl Prometheus {
    /// Scrapes `target` and evaluates the rules every second.
    pub fn start(target: SocketAddr) -> Prometheus {
        Prometheus::start_with(target, "")
    }

    /// With more keys of the job, each line indented by four.
    pub fn start_with(target: SocketAddr, keys: &str) -> Prometheus {
        let directory = TempDir::new().expect("a directory");
        // The long windows have their first value with the first step in them: here within a second.
        let rules = files::read("rules.yaml").replace(":1m]", ":1s]");
        std::fs::write(directory.path().join("rules.yaml"), rules).expect("write the rules");
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
             rule_files: [rules.yaml, {}/alerts.yaml]
\
             scrape_configs:
  - job_name: {JOB}
    static_configs: [{{ targets: ['{target}'] }}]
{keys}",
            files::folder().display()
        );
        let file = directory.path().join("prometheus.yml");
        std::fs::write(&file, config).expect("write the configuration");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, wait::free_port()));
        let mut command = Command::new(tools::path("prometheus"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        let mut process = Process::start("prometheus", command);
        process.wait_for("ready", Duration::from_secs(60), |_, stderr| {
            stderr.contains("Server is ready").then_some(())
        });
        Prometheus {
            process,
            address,
            _directory: directory,
        }
    }

    /// The samples that an expression has now, as Prometheus writes them.
    ///
    /// # Errors
    /// Prometheus' own words.
    pub fn query(&self, expr: &str) -> Result<Vec<f64>, String> {
        let encoded = utf8_percent_encode(expr, NON_ALPHANUMERIC);
        let target = format!("/api/v1/query?query={encoded}");
        let answer = plain_http::ask(self.address, "GET", &target, &[]);
        let body: Value = serde_json::from_str(&answer.body)
            .unwrap_or_else(|e| panic!("{e}: {}\n{}", answer.body, self.process.stderr()));
        if body["status"] != "success" {
            return Err(body["error"].to_string());
        }
        let number = |pair: &Value| pair[1].as_str().and_then(|text| text.parse().ok());
        let result = &body["data"]["result"];
        if body["data"]["resultType"] == "scalar" {
            return Ok(number(result).into_iter().collect());
        }
        let samples = result.as_array().expect("samples").iter();
        Ok(samples
            .filter_map(|sample| number(&sample["value"]))
            .collect())
    }

    /// What Prometheus says about evaluating the rules: group, rule, error.
    pub fn rule_errors(&self) -> Vec<String> {
        let answer = plain_http::ask(self.address, "GET", "/api/v1/rules", &[]);
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        let groups = body["data"]["groups"].as_array().expect("groups");
        let rules = groups
            .iter()
            .flat_map(|g| g["rules"].as_array().expect("rules"));
        rules
            .filter(|rule| rule["health"] != "ok")
            .map(|rule| format!("{} {} {}", rule["name"], rule["health"], rule["lastError"]))
            .collect()
    }
}
