//! A Prometheus that scrapes gateways with the rules, and its query API.

use crate::common::process::Process;
use crate::common::{plain_http, tools, wait};
use crate::files;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::BTreeMap;
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
    /// Scrapes `targets` twice a second and evaluates the rules once.
    pub fn start(targets: &[SocketAddr]) -> Prometheus {
        Prometheus::start_with(targets, "")
    }

    /// With more keys of the job, each line indented by four.
    pub fn start_with(targets: &[SocketAddr], keys: &str) -> Prometheus {
        let directory = TempDir::new().expect("a directory");
        // The long windows have their first value with the first step in them: here within a second.
        let rules = files::read("rules.yaml").replace(":1m]", ":1s]");
        std::fs::write(directory.path().join("rules.yaml"), rules).expect("write the rules");
        let targets: Vec<String> = targets.iter().map(|one| format!("'{one}'")).collect();
        let config = format!(
            "global: {{ scrape_interval: 500ms, evaluation_interval: 1s }}\n\
             rule_files: [rules.yaml, {}/alerts.yaml]\n\
             scrape_configs:\n  - job_name: {JOB}\n    static_configs: [{{ targets: [{}] }}]\n{keys}",
            files::folder().display(),
            targets.join(", ")
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
        let data = self.ask(expr)?;
        if data["resultType"] == "scalar" {
            return Ok(number(&data["result"]).into_iter().collect());
        }
        let samples = data["result"].as_array().expect("samples").iter();
        Ok(samples
            .filter_map(|sample| number(&sample["value"]))
            .collect())
    }

    /// The series that a selector has now, each with its labels (the name among them) and its value.
    pub fn series(&self, selector: &str) -> BTreeMap<BTreeMap<String, String>, f64> {
        let data = self.ask(selector).expect("an answer");
        let samples = data["result"].as_array().expect("samples").iter();
        let labels = |sample: &Value| {
            serde_json::from_value(sample["metric"].clone()).expect("labels are strings")
        };
        samples
            .filter_map(|sample| Some((labels(sample), number(&sample["value"])?)))
            .collect()
    }

    fn ask(&self, expr: &str) -> Result<Value, String> {
        let encoded = utf8_percent_encode(expr, NON_ALPHANUMERIC);
        let target = format!("/api/v1/query?query={encoded}");
        let answer = plain_http::ask(self.address, "GET", &target, &[]);
        let mut body: Value = serde_json::from_str(&answer.body)
            .unwrap_or_else(|e| panic!("{e}: {}\n{}", answer.body, self.process.stderr()));
        if body["status"] != "success" {
            return Err(body["error"].to_string());
        }
        Ok(body["data"].take())
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

fn number(pair: &Value) -> Option<f64> {
    pair[1].as_str()?.parse().ok()
}
