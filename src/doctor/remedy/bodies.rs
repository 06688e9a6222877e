//! Lines about bodies: their size, their framing, and how long they and their answers may be silent.
//!
//! 900 s between bytes is what Harbor's own nginx allows. None of these bounds a whole transfer: an
//! upload of hours is right as long as it moves.

use super::Fix;
use super::Product::{Caddy, Haproxy, Harbor, Ingress, Nginx, Traefik};
use super::place;

pub(super) fn any_size() -> Vec<Fix> {
    vec![
        Fix::new(Nginx, place::NGINX_LOCATION, ["client_max_body_size 0;"]),
        Fix::new(
            Haproxy,
            place::HAPROXY_FRONTEND,
            ["# take out: http-request deny rules on req.body_size or req.hdr(content-length)"],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_DYNAMIC,
            ["# take out: the buffering middleware with maxRequestBodyBytes"],
        ),
        Fix::new(
            Caddy,
            place::CADDY_SITE,
            ["# take out: request_body { max_size … }"],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            [
                "# Gateway API: the controller's own policy, as Envoy Gateway's ClientTrafficPolicy",
                "nginx.ingress.kubernetes.io/proxy-body-size: \"0\"",
            ],
        ),
    ]
}

pub(super) fn chunked() -> Vec<Fix> {
    let mut fixes = vec![Fix::new(
        Nginx,
        place::NGINX_LOCATION,
        [
            "proxy_http_version 1.1;",
            "proxy_request_buffering off;",
            "client_max_body_size 0;",
        ],
    )];
    fixes.extend([
        Fix::new(
            Haproxy,
            place::HAPROXY_FRONTEND,
            ["# take out: http-request deny rules on a missing Content-Length"],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            [
                "nginx.ingress.kubernetes.io/proxy-http-version: \"1.1\"",
                "nginx.ingress.kubernetes.io/proxy-request-buffering: \"off\"",
                "nginx.ingress.kubernetes.io/proxy-body-size: \"0\"",
            ],
        ),
    ]);
    fixes
}

pub(super) fn streamed() -> Vec<Fix> {
    vec![
        Fix::new(
            Nginx,
            place::NGINX_LOCATION,
            [
                "proxy_http_version 1.1;  # without it, chunked bodies are collected all the same",
                "proxy_request_buffering off;",
                "proxy_buffering off;",
            ],
        ),
        Fix::new(
            Haproxy,
            place::HAPROXY_TIMEOUTS,
            ["no option http-buffer-request"],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_DYNAMIC,
            ["# take out: the buffering middleware"],
        ),
        Fix::new(
            Caddy,
            place::CADDY_PROXY,
            ["# take out: request_buffers", "flush_interval -1"],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            [
                "nginx.ingress.kubernetes.io/proxy-request-buffering: \"off\"",
                "nginx.ingress.kubernetes.io/proxy-buffering: \"off\"",
                "nginx.ingress.kubernetes.io/proxy-http-version: \"1.1\"",
            ],
        ),
    ]
}

pub(super) fn silence() -> Vec<Fix> {
    let mut fixes = vec![Fix::new(
        Nginx,
        place::NGINX_LOCATION,
        [
            "client_body_timeout 900s;",
            "proxy_read_timeout 900s;",
            "proxy_send_timeout 900s;",
        ],
    )];
    fixes.extend(haproxy_and_traefik());
    fixes.extend([
        Fix::new(
            Caddy,
            place::CADDY_GLOBAL,
            [
                "servers {",
                "    timeouts {",
                "        read_body 0",
                "    }",
                "}",
            ],
        ),
        Fix::new(
            Caddy,
            place::CADDY_PROXY,
            [
                "transport http {",
                "    read_timeout 900s",
                "    write_timeout 900s",
                "}",
            ],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_CONFIGMAP,
            ["client-body-timeout: \"900\""],
        ),
    ]);
    fixes.extend(ingress_timeouts());
    fixes
}

pub(super) fn commit() -> Vec<Fix> {
    let mut fixes = vec![Fix::new(
        Nginx,
        place::NGINX_LOCATION,
        ["proxy_read_timeout 900s;", "proxy_send_timeout 900s;"],
    )];
    fixes.extend(haproxy_and_traefik());
    fixes.push(Fix::new(
        Traefik,
        place::TRAEFIK_SERVICES,
        [
            "# where the service names a serversTransport with a responseHeaderTimeout",
            "http:",
            "  serversTransports:",
            "    harbor:",
            "      forwardingTimeouts:",
            "        responseHeaderTimeout: 0s",
        ],
    ));
    fixes.push(Fix::new(
        Caddy,
        place::CADDY_PROXY,
        [
            "transport http {",
            "    response_header_timeout 900s",
            "    read_timeout 900s",
            "}",
        ],
    ));
    fixes.extend(ingress_timeouts());
    fixes
}

/// What was pushed is sent back by the registry, or by the storage that it redirects to.
pub(super) fn pulls() -> Vec<Fix> {
    vec![
        Fix::new(
            Nginx,
            place::NGINX_LOCATION,
            [
                "proxy_buffering off;",
                "proxy_read_timeout 900s;",
                "gzip off;",
            ],
        ),
        Fix::new(
            Harbor,
            place::HARBOR_CHART,
            [
                "# where clients can't reach the object storage",
                "persistence:",
                "  imageChartStorage:",
                "    disableredirect: true",
            ],
        ),
        Fix::new(
            Harbor,
            place::HARBOR_YML,
            [
                "# where clients can't reach the object storage",
                "storage_service:",
                "  redirect:",
                "    disable: true",
            ],
        ),
    ]
}

fn haproxy_and_traefik() -> [Fix; 2] {
    [
        Fix::new(
            Haproxy,
            place::HAPROXY_TIMEOUTS,
            ["timeout client 15m", "timeout server 15m"],
        ),
        // The time of a whole request: 60 s where nobody says otherwise, since 2.11.2.
        Fix::new(
            Traefik,
            place::TRAEFIK_STATIC,
            [
                "entryPoints:",
                "  websecure:",
                "    transport:",
                "      respondingTimeouts:",
                "        readTimeout: 0s",
                "        writeTimeout: 0s",
            ],
        ),
    ]
}

fn ingress_timeouts() -> [Fix; 2] {
    [
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            [
                "nginx.ingress.kubernetes.io/proxy-read-timeout: \"900\"",
                "nginx.ingress.kubernetes.io/proxy-send-timeout: \"900\"",
            ],
        ),
        Fix::new(
            Ingress,
            place::GATEWAY_RULES,
            [
                "timeouts:",
                "  request: 0s  # no end; Envoy's own is 15 s",
                "  backendRequest: 0s",
            ],
        ),
    ]
}
