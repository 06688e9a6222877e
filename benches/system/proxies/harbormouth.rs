//! Harbormouth, as this build makes it. `HARBORMOUTH` names another binary.

use super::{Addresses, Setting};
use crate::client::{NAME, RSA_NAME};
use anyhow::Result;
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
    with_registries(setting, to, 1, ([127, 0, 0, 1], 0).into())
}

pub fn with_registries(
    setting: &Setting,
    to: Addresses,
    count: usize,
    admin: SocketAddr,
) -> Result<Command> {
    let (origin, plain, tls) = (setting.origin, to.plain, to.tls);
    let (plain_port, tls_port) = (plain.port(), tls.port());
    let mut text = format!(
        "listeners:
  - address: {plain}
  - address: {tls}
    tls: {{ certificates: [ {{ cert: hub.crt, key: hub.key }}, {{ cert: rsa.crt, key: rsa.key }} ] }}
admin: {{ address: \"{admin}\" }}
threads: 2
drain: {{ timeout: 1s }}
registries:
  - name: hq
    public:
      - https://{NAME}:{tls_port}
      - http://{NAME}:{plain_port}
      - https://{RSA_NAME}:{tls_port}
    upstream: {{ endpoints: [ \"http://{origin}\" ] }}
"
    );
    for number in 1..count {
        write!(
            text,
            "  - name: r{number}
    public: [ https://r{number}.example.com ]
    upstream: {{ endpoints: [ \"http://{origin}\" ] }}
"
        )?;
    }
    let file = setting.write(&format!("harbormouth-{count}.yaml"), &text)?;
    let mut command = program();
    command.args(["serve", "--config"]).arg(file);
    Ok(command)
}
