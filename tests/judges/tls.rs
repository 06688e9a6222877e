//! testssl.sh against a TLS listener: no finding that somebody has to do something about, but for
//! those that are the test's own.

use crate::common::{process, tools};
use crate::stage::{HUB, Stage, serve};
use serde::Deserialize;
use std::process::Command;
use std::time::Duration;

/// What it finds that is no fault of the gateway. (Finding, why.)
const EXPECTED: [(&str, &str); 1] = [("engine_problem", "of the OpenSSL that it runs with")];

/// Protocols, groups of ciphers, and the attacks that have names; not the certificate, which is the
/// test's own, and no simulation of browsers.
const CHECKS: [&str; 16] = [
    "--protocols",
    "--standard",
    "--heartbleed",
    "--ccs-injection",
    "--ticketbleed",
    "--robot",
    "--renegotiation",
    "--crime",
    "--breach",
    "--poodle",
    "--tls-fallback",
    "--sweet32",
    "--freak",
    "--logjam",
    "--beast",
    "--lucky13",
];

#[derive(Deserialize)]
struct Finding {
    id: String,
    severity: String,
    finding: String,
}

#[test]
fn testssl_finds_nothing_to_do() {
    tools::require(&["testssl"]);
    let harbor = serve(drop);
    let stage = Stage::start(harbor.address, "", "", "");
    let home = tempfile::TempDir::new().expect("a directory");
    let file = home.path().join("findings.json");
    let mut command = Command::new(tools::path("testssl"));
    command
        .args([
            "--quiet",
            "--warnings",
            "off",
            "--color",
            "0",
            "--nodns",
            "none",
        ])
        .args([
            "--ip",
            "127.0.0.1",
            "--connect-timeout",
            "5",
            "--openssl-timeout",
            "5",
        ])
        .args(CHECKS)
        .arg("--jsonfile")
        .arg(&file)
        .arg(format!("{HUB}:{}", stage.tls().port()));
    let finished = process::run(command, Duration::from_secs(300));
    assert!(
        finished.status.is_some(),
        "not in time: {}",
        finished.output()
    );
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let findings: Vec<Finding> =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {}", finished.output()));
    let known = [
        "OK", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL", "DEBUG",
    ];
    let said: Vec<String> = findings
        .iter()
        .filter(|finding| {
            assert!(
                known.contains(&finding.severity.as_str()),
                "{}",
                finding.severity
            );
            let is_mild = ["OK", "INFO", "LOW", "DEBUG"].contains(&finding.severity.as_str());
            !is_mild && EXPECTED.iter().all(|(id, _)| finding.id != *id)
        })
        .map(
            |Finding {
                 id,
                 severity,
                 finding,
             }| format!("{severity} {id}: {finding}"),
        )
        .collect();
    assert!(said.is_empty(), "{said:#?}");
    // It has looked.
    let found = |id: &str, says: &str| {
        let finding = findings.iter().find(|finding| finding.id == id);
        assert!(
            finding.is_some_and(|finding| finding.finding.contains(says)),
            "{id}: {text}"
        );
    };
    found("TLS1_2", "offered");
    found("TLS1_3", "offered");
    found("heartbleed", "not vulnerable");
    assert!(findings.len() > 25, "{text}");
}
