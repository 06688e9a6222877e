//! Each rule by a right file in which one thing is made wrong: that is found, and nothing else.

mod apache;

use super::rules::{Rules, text};
use super::*;
use crate::doctor::language::Language;
use Kind::{
    AgeCut, AuthorizationLost, AuthorizationRemoved, BodyLimit, ChallengeMissing, ChunkedRefused,
    CommitCut, ConnectionsLimited, GatewayError, HeadRefused, HeaderLost, HtmlErrors, IdleCut,
    LocationHost, LocationPort, LocationPortLost, LocationScheme, LocationSchemeDoubled,
    LongRequestRefused, NoRegistry, NotFoundCached, PlainHttpServed, PushFailed, RangeIgnored,
    RealmHost, RealmScheme, RedirectLosesWrites, RegistryRedirected, RequestBuffered, TokenFailed,
    TokenPostRefused, TokenRefused, UploadRefused, UserAgentRefused,
};

/// A right file, what of it is replaced, by what, and what is found then.
type Case = (RightFile, &'static str, &'static str, &'static [Kind]);

const HOST: &str = "proxy_set_header Host $http_host;";
const PROTO: &str = "proxy_set_header X-Forwarded-Proto $scheme;";
const PASS: &str = "proxy_pass http://harbor;";

#[rustfmt::skip]
const NGINX_CASES: &[Case] = &[
    (NGINX, HOST, "proxy_set_header Host $host:$server_port;", &[LocationPort]),
    (NGINX, HOST, "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host hub.example.com:443;", &[LocationPort]),
    (NGINX, PASS, "proxy_pass http://harbor; proxy_redirect http:// https://$host:$server_port/;", &[LocationPort]),
    (NGINX_PORT, "proxy_set_header Host $host:$server_port;", "proxy_set_header Host $host;", &[LocationPortLost]),
    (NGINX, HOST, "", &[LocationHost]),
    (NGINX, HOST, "proxy_set_header Host $proxy_host;", &[LocationHost]),
    (NGINX, HOST, "proxy_set_header X-Forwarded-Host $proxy_host; proxy_set_header Host $http_host;", &[LocationHost]),
    (NGINX, HOST, "proxy_set_header X-Forwarded-Host $http_host;", &[RealmHost]),
    (NGINX, PROTO, "", &[LocationScheme]),
    (NGINX, PROTO, "proxy_set_header X-Forwarded-Proto http;", &[LocationScheme]),
    (NGINX, PROTO, "proxy_set_header X-Forwarded-Proto \"$http_x_forwarded_proto, $scheme\";", &[LocationSchemeDoubled]),
    (NGINX_PLAIN, HOST, "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;", &[LocationScheme]),
    (NGINX, PASS, "proxy_pass http://harbor; proxy_redirect https:// http://;", &[LocationScheme]),
    (NGINX, PASS, "proxy_pass http://harbor/registry/;", &[NoRegistry]),
    (NGINX, PASS, "return 302 https://login.example.com;", &[RegistryRedirected]),
    (NGINX, PASS, "return 404;", &[NoRegistry]),
    (NGINX, PASS, "proxy_pass http://harbor; proxy_set_header Authorization \"\";", &[AuthorizationRemoved]),
    (NGINX, PASS, "proxy_pass http://harbor; proxy_set_header Authorization \"Basic c2VjcmV0\";", &[TokenRefused]),
    (NGINX, PASS, "proxy_pass http://harbor; auth_basic \"Registry\";", &[ChallengeMissing]),
    (NGINX_OTHER, "auth_basic off;", "auth_basic \"Registry\";", &[ChallengeMissing]),
    (NGINX_PORT, "proxy_pass http://harbor:8080/service/;", "proxy_pass http://harbor:8080/service/; limit_except GET { deny all; }", &[TokenPostRefused]),
    (NGINX_PORT, "proxy_pass http://harbor:8080/service/;", "proxy_pass http://harbor:8080/;", &[NoRegistry]),
    (NGINX, PASS, "proxy_pass http://harbor; auth_request /auth;", &[ChallengeMissing]),
    (NGINX, PASS, "proxy_pass http://harbor; proxy_hide_header WWW-Authenticate;", &[ChallengeMissing]),
    (NGINX, PASS, "proxy_pass http://harbor; proxy_hide_header Docker-Content-Digest;", &[HeaderLost]),
    (NGINX, PASS, "limit_except GET PUT PATCH { deny all; } proxy_pass http://harbor;", &[TokenPostRefused, UploadRefused]),
    (NGINX, PASS, "limit_except GET POST { deny all; } proxy_pass http://harbor;", &[PushFailed]),
    (NGINX, PASS, "limit_except POST PUT PATCH { deny all; } proxy_pass http://harbor;", &[HeadRefused]),
    (NGINX, PASS, "proxy_pass http://harbor; proxy_intercept_errors on; error_page 404 /404.html;", &[HtmlErrors]),
    (NGINX, "client_max_body_size 0;", "", &[BodyLimit]),
    (NGINX, "client_max_body_size 0;", "client_max_body_size 100m;", &[BodyLimit]),
    (NGINX, "client_max_body_size 0;", "client_max_body_size 5g;", &[BodyLimit]),
    (NGINX, PASS, "proxy_pass http://harbor; chunked_transfer_encoding off;", &[ChunkedRefused]),
    (NGINX, "proxy_request_buffering off;", "", &[RequestBuffered]),
    (NGINX, "proxy_http_version 1.1;", "", &[RequestBuffered]),
    (NGINX, "client_body_timeout 900s;", "client_body_timeout 12;", &[IdleCut]),
    (NGINX, "client_body_timeout 900s;", "", &[IdleCut]),
    (NGINX, "proxy_send_timeout 900s;", "", &[IdleCut]),
    (NGINX, "proxy_read_timeout 900s;", "proxy_read_timeout 30s;", &[CommitCut]),
    (NGINX, "proxy_read_timeout 900s;", "", &[CommitCut]),
    (NGINX, "4 16k", "4 2k", &[LongRequestRefused]),
    (NGINX, PASS, "proxy_pass http://harbor; limit_conn perip 2;", &[ConnectionsLimited]),
    (NGINX, PASS, "proxy_pass http://harbor; gzip on; gzip_types *;", &[RangeIgnored]),
    (NGINX, PASS, "proxy_pass http://harbor; proxy_cache hub; proxy_cache_valid any 1m;", &[NotFoundCached]),
    (NGINX, "return 308 https://$host$request_uri;", "return 301 https://$host$request_uri;", &[RedirectLosesWrites]),
    (NGINX, "return 308 https://$host$request_uri;", "rewrite ^ https://$host$request_uri permanent;", &[RedirectLosesWrites]),
    (NGINX, "return 308 https://$host$request_uri;", "location / { return 302 https://$host$request_uri; }", &[RedirectLosesWrites]),
];

const XFP: &str = "http-request set-header X-Forwarded-Proto https if { ssl_fc }";

#[rustfmt::skip]
const HAPROXY_CASES: &[Case] = &[
    (HAPROXY, "default_backend harbor", "http-request set-header Host %[req.hdr(host)]:%[dst_port]\n    default_backend harbor", &[LocationPort]),
    (HAPROXY_PORT, "Host hub.example.com:8443", "Host %[req.hdr(host),field(1,:)]", &[LocationPortLost]),
    (HAPROXY, "default_backend harbor", "http-request set-header Host localhost\n    default_backend harbor", &[LocationHost]),
    (HAPROXY, XFP, "", &[LocationScheme]),
    (HAPROXY_PORT, "X-Forwarded-Proto https", "X-Forwarded-Proto http", &[LocationScheme]),
    (HAPROXY_PLAIN, "bind 10.0.0.5:80", "bind 10.0.0.5:80\n    http-request add-header X-Forwarded-Proto https", &[LocationSchemeDoubled]),
    (HAPROXY, "balance roundrobin", "http-request del-header Authorization", &[AuthorizationRemoved]),
    (HAPROXY, "balance roundrobin", "http-request del-header Authorization if METH_PUT", &[AuthorizationLost]),
    (HAPROXY, "balance roundrobin", "http-request set-header Authorization \"Basic c2VjcmV0\"", &[TokenRefused]),
    (HAPROXY, "balance roundrobin", "http-request auth realm hub unless { http_auth(users) }", &[ChallengeMissing]),
    (HAPROXY_PORT, "server registry1", "http-request auth realm hub unless { http_auth(users) }\n    server registry1", &[ChallengeMissing]),
    (HAPROXY, "balance roundrobin", "http-response del-header WWW-Authenticate", &[ChallengeMissing]),
    (HAPROXY, "balance roundrobin", "http-response del-header Docker-Content-Digest", &[HeaderLost]),
    (HAPROXY, "balance roundrobin", "http-request deny if { req.body_size gt 1048576 }", &[BodyLimit]),
    (HAPROXY, "balance roundrobin", "http-request deny unless { hdr_sub(User-Agent) Mozilla }", &[UserAgentRefused]),
    (HAPROXY, "option httplog", "option http-buffer-request", &[RequestBuffered]),
    (HAPROXY, "timeout client 15m", "timeout client 50000", &[IdleCut]),
    (HAPROXY, "timeout client 15m", "timeout client 5m", &[IdleCut]),
    (HAPROXY, "timeout server 15m", "timeout server 50s", &[CommitCut]),
    (HAPROXY, "timeout server 15m", "timeout server 5m", &[CommitCut]),
    (HAPROXY, "scheme https code 308", "scheme https", &[RedirectLosesWrites]),
    (HAPROXY, "maxconn 4096", "tune.bufsize 4096", &[LongRequestRefused]),
];

const TRANSPORT: &str =
    "transport http {\n\t\t\tresponse_header_timeout 900s\n\t\t\tread_timeout 900s\n\t\t}";
const FLUSH: &str = "flush_interval -1";

#[rustfmt::skip]
const CADDY_CASES: &[Case] = &[
    (CADDY, FLUSH, "header_up X-Forwarded-Host hub.example.com:443", &[LocationPort]),
    (CADDY, FLUSH, "header_up Host {host}:{port}", &[LocationPort]),
    (CADDY_PORT, "X-Forwarded-Host {hostport}", "X-Forwarded-Host {host}", &[LocationPortLost]),
    (CADDY, FLUSH, "header_up X-Forwarded-Host {upstream_hostport}", &[LocationHost]),
    (CADDY, FLUSH, "header_up -X-Forwarded-Host\n\t\theader_up Host harbor", &[LocationHost]),
    (CADDY, FLUSH, "header_up Host {upstream_hostport}", &[RealmHost]),
    (CADDY, FLUSH, "header_up X-Forwarded-Proto http", &[LocationScheme]),
    (CADDY, FLUSH, "header_up -X-Forwarded-Proto", &[LocationScheme]),
    (CADDY, "\treverse_proxy", "\turi strip_prefix /v2\n\treverse_proxy", &[NoRegistry]),
    (CADDY, FLUSH, "header_up -Authorization", &[AuthorizationRemoved]),
    (CADDY, FLUSH, "header_up Authorization \"Basic c2VjcmV0\"", &[TokenRefused]),
    (CADDY, "\treverse_proxy", "\tbasic_auth {\n\t\ta b\n\t}\n\treverse_proxy", &[ChallengeMissing]),
    (CADDY_OTHER, "encode gzip", "basic_auth {\n\ta b\n}", &[ChallengeMissing]),
    (CADDY, "\treverse_proxy", "\tforward_auth auth:80\n\treverse_proxy", &[ChallengeMissing]),
    (CADDY, FLUSH, "header_down -WWW-Authenticate", &[ChallengeMissing]),
    (CADDY, "\treverse_proxy", "\theader {\n\t\t-Docker-Content-Digest\n\t}\n\treverse_proxy", &[HeaderLost]),
    (CADDY, FLUSH, "handle_response {\n\t\t\trespond x\n\t\t}", &[HtmlErrors]),
    (CADDY, "\treverse_proxy", "\trequest_body {\n\t\tmax_size 100MB\n\t}\n\treverse_proxy", &[BodyLimit]),
    (CADDY, "\treverse_proxy", "\trequest_body {\n\t\tmax_size 5GB\n\t}\n\treverse_proxy", &[BodyLimit]),
    (CADDY, FLUSH, "request_buffers 1MiB", &[RequestBuffered]),
    (CADDY, FLUSH, "transport http {\n\t\t\ttls\n\t\t}", &[GatewayError]),
    (CADDY, FLUSH, "transport http {\n\t\t\tdial_timeout 1s\n\t\t}", &[CommitCut]),
    (CADDY, "response_header_timeout 900s", "response_header_timeout 30s", &[CommitCut]),
    (CADDY, TRANSPORT, "transport http {\n\t\t\tread_timeout 5m\n\t\t}", &[CommitCut]),
    (CADDY, TRANSPORT, "transport http {\n\t\t\twrite_timeout 5m\n\t\t}", &[IdleCut]),
    (CADDY, "email ops@example.com", "servers {\n\t\ttimeouts {\n\t\t\tread_body 60s\n\t\t}\n\t}", &[AgeCut]),
    (CADDY, "email ops@example.com", "servers {\n\t\ttimeouts {\n\t\t\twrite 60s\n\t\t}\n\t}", &[AgeCut]),
    (CADDY, "{uri} 308", "{uri} permanent", &[RedirectLosesWrites]),
];

const SECURE: &str = "headers:\n        stsSeconds: 31536000\n        customRequestHeaders:\n          X-Forwarded-Proto: https";

#[rustfmt::skip]
const TRAEFIK_CASES: &[Case] = &[
    (TRAEFIK_STATIC, "readTimeout: 0s", "idleTimeout: 180s", &[AgeCut]),
    (TRAEFIK_STATIC, "readTimeout: 0s", "readTimeout: 1h", &[AgeCut]),
    (TRAEFIK_STATIC, "writeTimeout: 0s", "writeTimeout: 60s", &[AgeCut]),
    (TRAEFIK, SECURE, "buffering:\n        maxRequestBodyBytes: 104857600", &[BodyLimit, RequestBuffered]),
    (TRAEFIK, SECURE, "buffering:\n        maxRequestBodyBytes: 5368709120", &[BodyLimit, RequestBuffered]),
    (TRAEFIK, SECURE, "buffering: {}", &[RequestBuffered]),
    (TRAEFIK, SECURE, "basicAuth:\n        removeHeader: true", &[AuthorizationRemoved, ChallengeMissing]),
    (TRAEFIK_OTHER, "headers:\n    stsSeconds: 31536000", "basicAuth: {secret: users}", &[ChallengeMissing]),
    (TRAEFIK, SECURE, "forwardAuth:\n        address: http://auth", &[ChallengeMissing]),
    (TRAEFIK, SECURE, "forwardAuth:\n        authResponseHeaders: [Authorization]", &[ChallengeMissing, TokenRefused]),
    (TRAEFIK, "X-Forwarded-Proto: https", "Authorization: \"\"", &[AuthorizationRemoved]),
    (TRAEFIK, "X-Forwarded-Proto: https", "Authorization: \"Basic c2VjcmV0\"", &[TokenRefused]),
    (TRAEFIK, "X-Forwarded-Proto: https", "X-Forwarded-Host: \"hub.example.com:443\"", &[LocationPort]),
    (TRAEFIK, "X-Forwarded-Proto: https", "X-Forwarded-Proto: http", &[LocationScheme]),
    (TRAEFIK, "X-Forwarded-Proto: https", "X-Forwarded-Proto: \"\"", &[LocationScheme]),
    (TRAEFIK, "X-Forwarded-Proto: https", "X-Forwarded-Proto: \"https,http\"", &[LocationSchemeDoubled]),
    (TRAEFIK, "customRequestHeaders:\n          X-Forwarded-Proto: https", "customResponseHeaders: {WWW-Authenticate: \"\"}", &[ChallengeMissing]),
    (TRAEFIK, "customRequestHeaders:\n          X-Forwarded-Proto: https", "customResponseHeaders: {Location: \"\"}", &[HeaderLost]),
    (TRAEFIK, SECURE, "inFlightReq: {amount: 3}", &[ConnectionsLimited]),
    (TRAEFIK, SECURE, "rateLimit: {average: 10, burst: 2}", &[ConnectionsLimited]),
    (TRAEFIK, SECURE, "errors: {status: [\"400-599\"], service: pages}", &[HtmlErrors]),
    (TRAEFIK, SECURE, "stripPrefix: {prefixes: [/v2]}", &[NoRegistry]),
    (TRAEFIK, "passHostHeader: true", "passHostHeader: false", &[RealmHost]),
    (TRAEFIK, "responseHeaderTimeout: 900s", "responseHeaderTimeout: 30s", &[CommitCut]),
    (TRAEFIK, "responseHeaderTimeout: 900s", "responseHeaderTimeout: 300s", &[CommitCut]),
];

const ROUTE: &str = "{ cluster: harbor, timeout: 0s }";
const IDLE: &str = "stream_idle_timeout: 900s";
const BEFORE: &str = "match: { prefix: / }\n                          route";

#[rustfmt::skip]
const ENVOY_CASES: &[Case] = &[
    (ENVOY, "- name: envoy.filters.http.router\n  clusters", "- name: envoy.filters.http.buffer\n                    typed_config: { max_request_bytes: 5242880 }\n  clusters", &[BodyLimit, RequestBuffered]),
    (ENVOY, "- name: envoy.filters.http.router\n  clusters", "- name: envoy.filters.http.basic_auth\n  clusters", &[ChallengeMissing]),
    (ENVOY_OTHER, "envoy.filters.http.router", "envoy.filters.http.basic_auth", &[ChallengeMissing]),
    (ENVOY, "- name: envoy.filters.http.router\n  clusters", "- name: envoy.filters.http.ext_authz\n  clusters", &[ChallengeMissing]),
    (ENVOY, "domains: [\"*\"]", "domains: [\"*\"]\n                      require_tls: ALL", &[RedirectLosesWrites]),
    (ENVOY, "- name: envoy.filters.http.router\n  clusters", "- name: envoy.filters.http.cache\n  clusters", &[NotFoundCached]),
    (ENVOY, IDLE, "stream_idle_timeout: 30s", &[IdleCut]),
    (ENVOY, IDLE, "stat_prefix: again", &[IdleCut]),
    (ENVOY, IDLE, "stream_idle_timeout: 0s\n                request_timeout: 300s", &[AgeCut]),
    (ENVOY, IDLE, "stream_idle_timeout: 0s\n                strip_any_host_port: true", &[LocationPortLost]),
    (ENVOY, ROUTE, "{ cluster: harbor }", &[AgeCut, CommitCut]),
    (ENVOY, ROUTE, "{ cluster: harbor, timeout: 3600s }", &[AgeCut]),
    (ENVOY, ROUTE, "{ cluster: harbor, timeout: 300s }", &[AgeCut, CommitCut]),
    (ENVOY, ROUTE, "{ cluster: harbor, timeout: 0s, idle_timeout: 60s }", &[IdleCut]),
    (ENVOY, ROUTE, "{ cluster: harbor, timeout: 0s, host_rewrite_literal: harbor.internal }", &[LocationHost]),
    (ENVOY, ROUTE, "{ cluster: harbor, timeout: 0s, auto_host_rewrite: true, append_x_forwarded_host: true }", &[RealmHost]),
    (ENVOY, ROUTE, "{ cluster: harbor, timeout: 0s, prefix_rewrite: /registry/ }", &[NoRegistry]),
    (ENVOY, BEFORE, "match: { prefix: / }\n                          request_headers_to_add: [{ header: { key: X-Forwarded-Proto, value: http }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }]\n                          route", &[LocationScheme]),
    (ENVOY, BEFORE, "match: { prefix: / }\n                          request_headers_to_add: [{ header: { key: X-Forwarded-Proto, value: https } }]\n                          route", &[LocationSchemeDoubled]),
    (ENVOY, BEFORE, "match: { prefix: / }\n                          request_headers_to_add: [{ header: { key: X-Forwarded-Proto, value: https }, append: true }]\n                          route", &[LocationSchemeDoubled]),
    (ENVOY, BEFORE, "match: { prefix: / }\n                          request_headers_to_add: [{ header: { key: X-Forwarded-Proto, value: http }, append: false }]\n                          route", &[LocationScheme]),
    (ENVOY, BEFORE, "match: { prefix: / }\n                          request_headers_to_add: [{ header: { key: Authorization, value: Basic c2VjcmV0 } }]\n                          route", &[TokenRefused]),
    (ENVOY, BEFORE, "match: { prefix: / }\n                          request_headers_to_remove: [authorization]\n                          route", &[AuthorizationRemoved]),
    (ENVOY, BEFORE, "match: { prefix: / }\n                          request_headers_to_remove: [x-forwarded-proto]\n                          route", &[LocationScheme]),
    (ENVOY, BEFORE, "match: { prefix: / }\n                          response_headers_to_remove: [WWW-Authenticate]\n                          route", &[ChallengeMissing]),
    (ENVOY, BEFORE, "match: { prefix: / }\n                          response_headers_to_remove: [Docker-Content-Digest]\n                          route", &[HeaderLost]),
    (ENVOY, "https_redirect: true, response_code: PERMANENT_REDIRECT", "https_redirect: true", &[RedirectLosesWrites]),
];

const A: &str = "nginx.ingress.kubernetes.io/ssl-redirect: \"true\"";
const SNIPPET: &str = "proxy_hide_header X-Powered-By;";

#[rustfmt::skip]
const INGRESS_CASES: &[Case] = &[
    (INGRESS, "proxy-body-size: \"0\"", "proxy-buffering: \"off\"", &[BodyLimit]),
    (INGRESS, "proxy-body-size: \"0\"", "proxy-body-size: 10g", &[BodyLimit]),
    (INGRESS, "proxy-request-buffering: \"off\"", "proxy-buffering: \"off\"", &[RequestBuffered]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/proxy-http-version: \"1.0\"", &[RequestBuffered]),
    (INGRESS, "proxy-read-timeout: \"900\"", "proxy-read-timeout: \"30\"", &[CommitCut]),
    (INGRESS, "proxy-read-timeout: \"900\"", "proxy-connect-timeout: \"5\"", &[CommitCut]),
    (INGRESS, "proxy-send-timeout: \"900\"", "proxy-send-timeout: \"30\"", &[IdleCut]),
    (INGRESS, "proxy-send-timeout: \"900\"", "proxy-connect-timeout: \"5\"", &[IdleCut]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/client-body-timeout: \"60\"", &[IdleCut]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/ssl-redirect: \"false\"", &[PlainHttpServed]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/http-redirect-code: \"301\"", &[RedirectLosesWrites]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/auth-url: http://auth", &[ChallengeMissing]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/auth-type: basic", &[ChallengeMissing]),
    (INGRESS_CONFIGMAP, "nginx.ingress.kubernetes.io/proxy-request-buffering: \"off\"", "nginx.ingress.kubernetes.io/proxy-request-buffering: \"off\"\n    nginx.ingress.kubernetes.io/auth-type: basic", &[ChallengeMissing]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/custom-http-errors: \"404,503\"", &[HtmlErrors]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/rewrite-target: /", &[NoRegistry]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/permanent-redirect: https://other", &[RegistryRedirected]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/upstream-vhost: hub.example.com:443", &[LocationPort]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/upstream-vhost: harbor.harbor.svc", &[LocationHost]),
    (INGRESS, A, "nginx.ingress.kubernetes.io/limit-connections: \"3\"", &[ConnectionsLimited]),
    (INGRESS, SNIPPET, "proxy_set_header X-Forwarded-Proto http;", &[LocationScheme]),
    (INGRESS, SNIPPET, "proxy_set_header Authorization \"\";", &[AuthorizationRemoved]),
    (INGRESS, SNIPPET, "proxy_set_header Authorization \"Basic c2VjcmV0\";", &[TokenRefused]),
    (INGRESS, SNIPPET, "proxy_hide_header WWW-Authenticate;", &[ChallengeMissing]),
    (INGRESS, SNIPPET, "proxy_hide_header Docker-Content-Digest;", &[HeaderLost]),
];

const EXTERNAL: &str = "externalURL: https://hub.example.com";

#[rustfmt::skip]
const HARBOR_CASES: &[Case] = &[
    (HARBOR, EXTERNAL, "externalURL: https://core.harbor.domain", &[RealmHost]),
    (HARBOR, EXTERNAL, "", &[RealmHost]),
    (HARBOR, EXTERNAL, "externalURL: https://harbor.harbor.svc", &[RealmHost]),
    (HARBOR, "core: hub.example.com", "core: inner.example.com", &[RealmHost]),
    (HARBOR, EXTERNAL, "externalURL: http://hub.example.com", &[RealmScheme]),
    (HARBOR, EXTERNAL, "externalURL: https://hub.example.com/harbor", &[TokenFailed]),
    (HARBOR, "type: ingress", "type: clusterIP", &[RegistryRedirected]),
    (HARBOR, "proxy-read-timeout: \"900\"", "proxy-body-size: 1m", &[BodyLimit, CommitCut]),
];

fn cases() -> impl Iterator<Item = &'static Case> {
    let all = [
        NGINX_CASES,
        HAPROXY_CASES,
        CADDY_CASES,
        TRAEFIK_CASES,
        ENVOY_CASES,
        apache::CASES,
        INGRESS_CASES,
        HARBOR_CASES,
    ];
    all.into_iter().flatten()
}

#[test]
fn one_thing_that_is_wrong_is_found_and_nothing_else() {
    let mut failed = Vec::new();
    for (file, right, wrong, expected) in cases() {
        let case = format!("{}: {right:?} -> {wrong:?}", file.name);
        assert!(file.text.contains(right), "{case}");
        let text = file.text.replacen(right, wrong, 1);
        let examined = examine(file.name, &text, Language::English)
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        let expected: BTreeSet<Kind> = expected.iter().copied().collect();
        if kinds(&examined) != expected {
            failed.push((case.clone(), told(&examined)));
        }
        for place in examined.findings.iter().flat_map(|finding| &finding.places) {
            let line = text.lines().nth(place.line - 1).unwrap().trim();
            assert!(
                line.starts_with(&place.text),
                "{case}: {line}: {}",
                place.text
            );
            assert!(!place.text.contains("c2VjcmV0"), "{case}: {}", place.text);
            let is_whole = !place.wrong.contains('<') && place.wrong.ends_with('.');
            assert!(is_whole, "{case}: {}", place.wrong);
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// The line that is wrong is the one that is told, not the block around it.
#[test]
fn the_line_that_is_wrong_is_told() {
    let mut failed = Vec::new();
    for (file, right, wrong, _) in cases() {
        let text = file.text.replacen(right, wrong, 1);
        let examined = examine(file.name, &text, Language::English).unwrap();
        let is_added = |place: &Place| {
            let is_of =
                |line: &str| line.contains(&*place.text) || place.text.contains(line.trim());
            wrong.lines().any(is_of)
        };
        let is_absence = wrong.is_empty() || right_is_needed(right);
        let places = || examined.findings.iter().flat_map(|finding| &finding.places);
        if !is_absence && !places().any(is_added) {
            failed.push((wrong, told(&examined)));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// What is wrong once this line is gone, whatever stands in its place.
fn right_is_needed(right: &str) -> bool {
    [
        "proxy-body-size",
        "proxy-request-buffering",
        "proxy-read-timeout",
        "proxy-send-timeout",
        HOST,
        IDLE,
        ROUTE,
        "readTimeout: 0s",
        apache::KEEPS,
        "MinRate=500 body=0",
        "type: ingress",
    ]
    .iter()
    .any(|needed| right.contains(needed))
}

/// Every rule of the files by its sentence.
#[test]
fn every_rule_is_shown_by_a_file() {
    let mut said: Vec<(Kind, String)> = Vec::new();
    for (file, right, wrong, _) in cases() {
        let examined = examine(
            file.name,
            &file.text.replacen(right, wrong, 1),
            Language::English,
        )
        .unwrap();
        for finding in examined.findings {
            said.extend(
                finding
                    .places
                    .into_iter()
                    .map(|place| (finding.kind, place.wrong)),
            );
        }
    }
    let mut unsaid = Vec::new();
    for kind in FileKind::ALL {
        let rules: Rules = serde_yaml::from_str(text(kind)).unwrap();
        for rule in rules.values().flatten() {
            let is_said =
                |(of, wrong): &(Kind, String)| *of == rule.kind && is_from(wrong, &rule.wrong);
            if !said.iter().any(is_said) {
                unsaid.push(format!("{kind}: {}: {}", rule.kind, rule.wrong));
            }
        }
    }
    assert!(unsaid.is_empty(), "no file shows: {unsaid:#?}");
}

/// Whether a sentence was made from another one with places.
fn is_from(said: &str, template: &str) -> bool {
    let parts = template.trim_end_matches('.').split(['<', '>']).step_by(2);
    let mut rest = said;
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    true
}
