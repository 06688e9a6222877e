//! Harbormouth, as this build makes it. `HARBORMOUTH` names another binary.

use super::setting::AUTHORITY;
use super::{Addresses, Setting};
use crate::client::{NAME, RSA_NAME};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Command;

fn program() -> Command {
    let other = std::env::var_os("HARBORMOUTH");
    Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_harbormouth").into()))
}

pub fn version() -> Command {
    let mut command = program();
    command.arg("--version");
    command
}

pub fn command(setting: &Setting, to: Addresses) -> Result<Command> {
    with_settings(setting, to, "")
}

fn with_settings(setting: &Setting, to: Addresses, settings: &str) -> Result<Command> {
    with_registries(setting, to, 1, ([127, 0, 0, 1], 0).into(), settings)
}

/// With one worker, below a tool that counts what it does.
pub fn counted(
    setting: &Setting,
    to: Addresses,
    tool: &[String],
    settings: &str,
) -> Result<Command> {
    let setting = &Setting {
        threads: 1,
        ..setting.clone()
    };
    let whole = with_settings(setting, to, settings)?;
    let (tool, arguments) = tool.split_first().context("no tool")?;
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .arg(whole.get_program())
        .args(whole.get_args())
        // Reading the system's hundred authorities takes seconds where each instruction is counted.
        .env("SSL_CERT_FILE", setting.directory.join("hub.crt"))
        .env_remove("SSL_CERT_DIR");
    Ok(command)
}

pub fn with_registries(
    setting: &Setting,
    to: Addresses,
    count: usize,
    admin: SocketAddr,
    settings: &str,
) -> Result<Command> {
    let (origin, scheme, threads) = (setting.origin(), setting.scheme(), setting.threads);
    let verified = setting.if_https(format!(", tls: {{ ca: {AUTHORITY}, server_name: {NAME} }}"));
    let (plain, tls) = (to.plain, to.tls);
    let (plain_port, tls_port) = (plain.port(), tls.port());
    let mut text = format!(
        "listeners:
  - address: {plain}
  - address: {tls}
    tls: {{ certificates: [ {{ cert: hub.crt, key: hub.key }}, {{ cert: rsa.crt, key: rsa.key }} ] }}
admin: {{ address: \"{admin}\" }}
threads: {threads}
drain: {{ timeout: 1s }}
registries:
  - name: hq
    public:
      - https://{NAME}:{tls_port}
      - http://{NAME}:{plain_port}
      - https://{RSA_NAME}:{tls_port}
    upstream: {{ endpoints: [ \"{scheme}://{origin}\" ]{verified} }}
"
    );
    for number in 1..count {
        write!(
            text,
            "  - name: r{number}
    public: [ https://r{number}.example.com ]
    upstream: {{ endpoints: [ \"{scheme}://{origin}\" ]{verified} }}
"
        )?;
    }
    text += settings;
    let file = setting.write(&format!("harbormouth-{count}.yaml"), &text)?;
    let mut command = program();
    command.args(["serve", "--config"]).arg(file);
    Ok(command)
}
