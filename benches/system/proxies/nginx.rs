//! nginx, from the system's packages.

use super::setting::AUTHORITY;
use super::{Addresses, Setting};
use crate::client::{NAME, RSA_NAME};
use anyhow::Result;
use std::process::Command;

pub fn version() -> Command {
    let mut command = Command::new("nginx");
    command.arg("-v");
    command
}

/// Buffers of 256 KiB: with 64 KiB its GET needs a fifth more, its HEAD the same.
pub fn command(setting: &Setting, to: Addresses) -> Result<Command> {
    let (directory, origin) = (setting.directory.display(), setting.origin());
    let (scheme, threads) = (setting.scheme(), setting.threads);
    let verified = setting.if_https(format!(
        "proxy_ssl_verify on; proxy_ssl_trusted_certificate {directory}/{AUTHORITY}; proxy_ssl_protocols TLSv1.3;
      proxy_ssl_name {NAME}; proxy_ssl_server_name on;"
    ));
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {directory}/nginx-{name};"))
        .join(" ");
    let server = |name: &str, stem: &str| {
        format!(
            "  server {{
    server_name {name};
    listen {plain} backlog=4096; listen {tls} ssl http2 backlog=4096;
    ssl_certificate {directory}/{stem}.crt; ssl_certificate_key {directory}/{stem}.key; ssl_protocols TLSv1.3;
    location / {{
      proxy_pass {scheme}://origin; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Request-Id $request_id;
      proxy_buffering off; proxy_request_buffering off; proxy_buffer_size 256k; proxy_buffers 4 256k; proxy_busy_buffers_size 256k;
      proxy_read_timeout 900s; proxy_send_timeout 900s;
      {verified}
    }}
  }}
",
            plain = to.plain,
            tls = to.tls,
        )
    };
    let (hub, rsa) = (
        server(NAME, "hub"),
        server(RSA_NAME, "rsa").replace(" backlog=4096", ""),
    );
    let file = setting.write(
        "nginx.conf",
        &format!(
            "worker_processes {threads}; daemon off; pid {directory}/nginx.pid; error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
  {temporary}
  access_log {directory}/nginx-access.log combined buffer=32k flush=1s;
  client_max_body_size 0; client_body_buffer_size 64k; keepalive_requests 100000000; http2_max_concurrent_streams 128;
  client_body_timeout 900s; keepalive_timeout 900s; client_header_timeout 900s; http2_recv_buffer_size 1m; http2_chunk_size 16k; ssl_buffer_size 16k;
  upstream origin {{ server {origin}; keepalive 64; keepalive_requests 100000000; }}
{hub}{rsa}}}
"
        ),
    )?;
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(&setting.directory)
        .arg("-c")
        .arg(file);
    Ok(command)
}
