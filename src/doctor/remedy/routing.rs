//! Lines about ways: which paths lead to Harbor, how http leads to https, and that one name leads to
//! one Harbor.

use super::Fix;
use super::Product::{Caddy, Haproxy, Harbor, Ingress, Nginx, Traefik};
use super::headers::external_url;
use super::place;
use crate::doctor::kind::Kind;
use crate::edge::origin::Origin;

/// 308 keeps the method and the body. Traefik's and Harbor's own redirects of writes are right.
pub(super) fn to_https(kind: Kind) -> Vec<Fix> {
    let mut fixes = vec![
        Fix::new(
            Nginx,
            place::NGINX_PLAIN_SERVER,
            ["return 308 https://$host$request_uri;"],
        ),
        Fix::new(
            Haproxy,
            place::HAPROXY_FRONTEND,
            ["http-request redirect scheme https code 308 unless { ssl_fc }"],
        ),
        Fix::new(
            Caddy,
            place::CADDY_FILE,
            ["http:// {", "    redir https://{host}{uri} 308", "}"],
        ),
    ];
    if kind == Kind::RedirectLosesWrites {
        fixes.push(Fix::new(
            Ingress,
            place::INGRESS_CONFIGMAP,
            ["http-redirect-code: \"308\""],
        ));
    } else {
        fixes.extend([
            Fix::new(
                Traefik,
                place::TRAEFIK_STATIC,
                [
                    "entryPoints:",
                    "  web:",
                    "    http:",
                    "      redirections:",
                    "        entryPoint:",
                    "          to: websecure",
                    "          scheme: https",
                    "          permanent: true",
                ],
            ),
            Fix::new(
                Ingress,
                place::INGRESS_ANNOTATIONS,
                ["nginx.ingress.kubernetes.io/force-ssl-redirect: \"true\""],
            ),
        ]);
    }
    fixes
}

/// `/v2/` and `/service/` must reach Harbor as they are.
pub(super) fn registry_paths(target: &Origin) -> Vec<Fix> {
    paths(target, ["/v2/", "/service/"].as_slice())
}

pub(super) fn token_paths(target: &Origin) -> Vec<Fix> {
    paths(target, ["/service/"].as_slice())
}

/// What stands before `/v2/` in a Location is in Distribution's own prefix, or in a hop's rewriting.
pub(super) fn no_prefix(target: &Origin) -> Vec<Fix> {
    let mut fixes = registry_paths(target);
    fixes.push(Fix::new(
        Harbor,
        place::HARBOR_REGISTRY,
        ["# take out: http.prefix"],
    ));
    fixes
}

/// `harbor` stands for the upstream, whatever it is called.
fn paths(target: &Origin, prefixes: &[&str]) -> Vec<Fix> {
    let scheme = target.scheme;
    let nginx = prefixes.iter().flat_map(|prefix| {
        [
            format!("location {prefix} {{"),
            format!("    proxy_pass http://harbor{prefix};"),
            "    proxy_set_header Host $http_host;".to_owned(),
            "    proxy_set_header X-Forwarded-Host $http_host;".to_owned(),
            format!("    proxy_set_header X-Forwarded-Proto {scheme};"),
            "    proxy_set_header Forwarded \"\";".to_owned(),
            "    proxy_http_version 1.1;".to_owned(),
            "    proxy_request_buffering off;".to_owned(),
            "    client_max_body_size 0;".to_owned(),
            "}".to_owned(),
        ]
    });
    let starred: Vec<String> = prefixes.iter().map(|prefix| format!("{prefix}*")).collect();
    let rule: Vec<String> = prefixes
        .iter()
        .map(|prefix| format!("PathPrefix(`{prefix}`)"))
        .collect();
    let (host, rule) = (&target.host, rule.join(" || "));
    let ingress = prefixes.iter().flat_map(|prefix| {
        [
            format!("        - path: {prefix}"),
            "          pathType: Prefix".to_owned(),
            "          backend: { service: { name: harbor-core, port: { number: 80 } } }"
                .to_owned(),
        ]
    });
    vec![
        Fix::new(Nginx, place::NGINX_SERVER, nginx),
        Fix::new(
            Haproxy,
            place::HAPROXY_FRONTEND,
            [format!(
                "use_backend harbor if {{ path_beg {} }}",
                prefixes.join(" ")
            )],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_SERVICES,
            [
                "http:".to_owned(),
                "  routers:".to_owned(),
                "    harbor-registry:".to_owned(),
                format!("      rule: \"Host(`{host}`) && ({rule})\""),
                "      service: harbor".to_owned(),
                "      tls: {}".to_owned(),
            ],
        ),
        Fix::new(
            Caddy,
            place::CADDY_SITE,
            [
                format!("@registry path {}", starred.join(" ")),
                "handle @registry {".to_owned(),
                "    reverse_proxy http://harbor".to_owned(),
                "}".to_owned(),
            ],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_SPEC,
            [
                "rules:".to_owned(),
                format!("  - host: \"{host}\""),
                "    http:".to_owned(),
                "      paths:".to_owned(),
            ]
            .into_iter()
            .chain(ingress),
        ),
    ]
}

/// The registry's errors in place of pages.
pub(super) fn own_errors() -> Vec<Fix> {
    vec![
        Fix::new(
            Nginx,
            place::NGINX_LOCATION,
            ["proxy_intercept_errors off;"],
        ),
        Fix::new(
            Haproxy,
            place::HAPROXY_BACKEND,
            ["# take out: http-response return rules on status"],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_DYNAMIC,
            ["# no errors middleware in the routers of /v2/ and /service/"],
        ),
        Fix::new(
            Caddy,
            place::CADDY_PROXY,
            ["# take out: handle_response and intercept with a status matcher"],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            ["# take out: nginx.ingress.kubernetes.io/custom-http-errors"],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_CONFIGMAP,
            ["# take out: custom-http-errors"],
        ),
    ]
}

pub(super) fn one_realm(target: &Origin) -> Vec<Fix> {
    let mut fixes = external_url(target);
    fixes.extend(same_upstream());
    fixes
}

/// An upload has to reach the registry that opened it, until all of them share storage and secret.
pub(super) fn one_storage() -> Vec<Fix> {
    let mut fixes = vec![Fix::new(
        Harbor,
        place::HARBOR_CHART,
        [
            "registry:",
            "  existingSecret: harbor-registry  # REGISTRY_HTTP_SECRET, one for all replicas",
            "persistence:",
            "  persistentVolumeClaim:",
            "    registry:",
            "      accessMode: ReadWriteMany  # or object storage in imageChartStorage",
        ],
    )];
    fixes.extend(same_upstream());
    fixes
}

/// A relief, not the cure: one client stays with one upstream.
fn same_upstream() -> [Fix; 4] {
    [
        Fix::new(
            Nginx,
            place::NGINX_UPSTREAM,
            ["hash $remote_addr consistent;"],
        ),
        Fix::new(
            Haproxy,
            place::HAPROXY_BACKEND,
            ["balance source", "hash-type consistent"],
        ),
        Fix::new(Caddy, place::CADDY_PROXY, ["lb_policy client_ip_hash"]),
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            ["nginx.ingress.kubernetes.io/upstream-hash-by: \"$remote_addr\""],
        ),
    ]
}
