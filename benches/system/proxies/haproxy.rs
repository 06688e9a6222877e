//! HAProxy, from the system's packages.

use super::setting::AUTHORITY;
use super::{Addresses, Setting};
use crate::client::NAME;
use anyhow::Result;
use std::process::Command;

pub fn version() -> Command {
    let mut command = Command::new("haproxy");
    command.arg("-v");
    command
}

/// Buffers of 64 KiB: with 128 KiB its PUT over HTTP/2 needs a quarter less, its PUT over HTTP/1.1 a
/// fifth more, and most registry clients speak HTTP/1.1.
pub fn command(setting: &Setting, to: Addresses, more: &str) -> Result<Command> {
    let (directory, origin) = (setting.directory.display(), setting.origin());
    let (plain, tls, threads) = (to.plain, to.tls, setting.threads);
    let verified = setting.if_https(format!(
        " ssl verify required ca-file {directory}/{AUTHORITY} verifyhost {NAME} sni str({NAME}) ssl-min-ver TLSv1.3"
    ));
    let file = setting.write(
        &format!("haproxy-{}.cfg", more.len()),
        &format!(
            "global
  nbthread {threads}
  maxconn 6000
  tune.bufsize 65536
  tune.h2.initial-window-size 16777216
  tune.h2.max-frame-size 65536
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
{more}  http-reuse always
  timeout connect 5s
  timeout client 900s
  timeout server 900s
frontend edge
  bind {plain}
  bind {tls} ssl crt {directory}/hub.pem crt {directory}/rsa.pem alpn h2,http/1.1
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Request-Id %[uuid]
  default_backend origin
backend origin
  server origin {origin} maxconn 6000{verified}
"
        ),
    )?;
    let mut command = Command::new("haproxy");
    command.arg("-f").arg(file);
    Ok(command)
}
