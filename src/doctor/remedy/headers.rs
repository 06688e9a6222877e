//! Lines about headers: what a hop tells Harbor of the client's side, and what it lets through.
//!
//! Distribution builds Location from `Forwarded` where there is one, else from `X-Forwarded-Proto` and
//! `X-Forwarded-Host`, else from Host and its own scheme. So all four are set wherever one is: that
//! is right whichever of them was wrong, and nginx inherits all `proxy_set_header` lines of the level
//! above, or none where the location has one of its own.

use super::Fix;
use super::Product::{Caddy, Haproxy, Harbor, Ingress, Nginx, Traefik};
use super::place;
use crate::doctor::kind::Kind;
use crate::edge::origin::Origin;

/// For a Location that isn't what clients typed.
pub(super) fn location(kind: Kind, target: &Origin) -> Vec<Fix> {
    let mut fixes = vec![
        Fix::new(
            Nginx,
            place::NGINX_LOCATION,
            nginx(target, &["proxy_redirect off;"]),
        ),
        Fix::new(Haproxy, place::HAPROXY_BACKEND, haproxy(target)),
        Fix::new(Traefik, place::TRAEFIK_DYNAMIC, traefik(target)),
        Fix::new(Caddy, place::CADDY_PROXY, caddy(target)),
    ];
    fixes.extend(ingress(target));
    fixes.extend(relative_locations());
    if matches!(kind, Kind::LocationScheme | Kind::LocationSchemeDoubled) {
        fixes.push(Fix::new(
            Harbor,
            place::HARBOR_NGINX,
            [
                "# where a line says $scheme, take it out in `location /`, `/v2/` and `/service/`:",
                "# proxy_set_header X-Forwarded-Proto $scheme;",
            ],
        ));
    }
    fixes
}

/// A realm is Harbor's own word; from 2.14 on with the host that it received.
pub(super) fn realm(target: &Origin) -> Vec<Fix> {
    let mut fixes = external_url(target);
    fixes.extend([
        Fix::new(Nginx, place::NGINX_LOCATION, nginx(target, &[])),
        Fix::new(Haproxy, place::HAPROXY_BACKEND, haproxy(target)),
        Fix::new(Traefik, place::TRAEFIK_DYNAMIC, traefik(target)),
        Fix::new(Caddy, place::CADDY_PROXY, caddy(target)),
    ]);
    fixes.extend(ingress(target));
    fixes
}

pub(super) fn external_url(target: &Origin) -> Vec<Fix> {
    vec![
        Fix::new(
            Harbor,
            place::HARBOR_YML,
            [format!("external_url: {target}")],
        ),
        Fix::new(
            Harbor,
            place::HARBOR_CHART,
            [format!("externalURL: {target}")],
        ),
    ]
}

/// A hop with a login of its own, or one that takes the challenge out.
pub(super) fn challenge(target: &Origin) -> Vec<Fix> {
    let more = [
        "proxy_set_header Authorization $http_authorization;",
        "proxy_pass_header WWW-Authenticate;",
        "auth_basic off;",
    ];
    vec![
        Fix::new(Nginx, place::NGINX_LOCATION, nginx(target, &more)),
        Fix::new(
            Haproxy,
            place::HAPROXY_BACKEND,
            [
                "# take out for /v2/ and /service/: http-request auth,",
                "# http-request set-header Authorization, http-response del-header WWW-Authenticate",
            ],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_DYNAMIC,
            ["# no basicAuth, digestAuth or forwardAuth middleware on the router of /v2/"],
        ),
        Fix::new(
            Caddy,
            place::CADDY_SITE,
            ["# no basic_auth and no forward_auth for /v2/* and /service/*"],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            [
                "# take out: nginx.ingress.kubernetes.io/auth-type, auth-url, auth-secret",
                "nginx.ingress.kubernetes.io/enable-global-auth: \"false\"",
            ],
        ),
    ]
}

/// A token that its own service gave is refused: it doesn't arrive as it was sent, or elsewhere.
pub(super) fn token(target: &Origin) -> Vec<Fix> {
    let mut fixes = authorization(target);
    fixes.push(Fix::new(
        Harbor,
        place::HARBOR_CHART,
        [
            "core:",
            "  secretName: harbor-token-key  # tls.key and tls.crt, the same for every replica of core",
        ],
    ));
    fixes
}

pub(super) fn authorization(target: &Origin) -> Vec<Fix> {
    let more = [
        "proxy_set_header Authorization $http_authorization;",
        "auth_basic off;",
    ];
    vec![
        Fix::new(Nginx, place::NGINX_LOCATION, nginx(target, &more)),
        Fix::new(
            Haproxy,
            place::HAPROXY_BACKEND,
            [
                "# take out: http-request del-header Authorization, http-request auth,",
                "# http-request set-header Authorization",
            ],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_DYNAMIC,
            [
                "# no basicAuth with removeHeader, no forwardAuth, and no headers middleware that",
                "# sets Authorization on the router of /v2/",
            ],
        ),
        Fix::new(
            Caddy,
            place::CADDY_PROXY,
            ["# take out: header_up -Authorization, header_up Authorization …"],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            [
                "# take out: nginx.ingress.kubernetes.io/auth-type, auth-url, and snippets that set",
                "# Authorization",
                "nginx.ingress.kubernetes.io/enable-global-auth: \"false\"",
            ],
        ),
    ]
}

/// Harbor's CSRF check refuses writes that carry its session cookie. Only the registry's paths: the
/// portal needs its cookies.
pub(super) fn no_cookies() -> Vec<Fix> {
    vec![
        Fix::new(
            Nginx,
            place::NGINX_REGISTRY_LOCATIONS,
            [
                "proxy_set_header Cookie \"\";",
                "proxy_hide_header Set-Cookie;",
            ],
        ),
        Fix::new(
            Haproxy,
            place::HAPROXY_BACKEND,
            [
                "http-request set-var(txn.registry) str(yes) if { path_beg /v2/ /service/token }",
                "http-request del-header Cookie if { var(txn.registry) -m found }",
                "http-response del-header Set-Cookie if { var(txn.registry) -m found }",
            ],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_DYNAMIC,
            [
                "# only in the router of PathPrefix(`/v2/`) || PathPrefix(`/service/token`)",
                "http:",
                "  middlewares:",
                "    no-cookies:",
                "      headers:",
                "        customRequestHeaders:",
                "          Cookie: \"\"",
                "        customResponseHeaders:",
                "          Set-Cookie: \"\"",
            ],
        ),
        Fix::new(
            Caddy,
            place::CADDY_SITE,
            [
                "@registry path /v2/* /service/token",
                "request_header @registry -Cookie",
                "header @registry -Set-Cookie",
            ],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            [
                "# of an Ingress of its own for /v2/ and /service/; take out affinity: cookie",
                "nginx.ingress.kubernetes.io/configuration-snippet: |",
                "  proxy_set_header Cookie \"\";",
                "  proxy_hide_header Set-Cookie;",
            ],
        ),
    ]
}

/// What clients need of answers, where a hop takes it out.
pub(super) fn answer() -> Vec<Fix> {
    vec![
        Fix::new(
            Nginx,
            place::NGINX_LOCATION,
            [
                "proxy_pass_header Docker-Content-Digest;",
                "proxy_pass_header Docker-Upload-UUID;",
                "proxy_pass_header Docker-Distribution-Api-Version;",
                "proxy_pass_header Location;",
                "proxy_pass_header Range;",
            ],
        ),
        Fix::new(
            Haproxy,
            place::HAPROXY_BACKEND,
            ["# take out: http-response del-header and set-header for these headers"],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_DYNAMIC,
            ["# take these headers out of customResponseHeaders"],
        ),
        Fix::new(
            Caddy,
            place::CADDY_SITE,
            ["# take out: header and header_down lines for these headers"],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_CONFIGMAP,
            ["# take these headers out of hide-headers"],
        ),
    ]
}

fn nginx(target: &Origin, more: &[&str]) -> Vec<String> {
    let scheme = target.scheme;
    let mut lines = vec![
        "proxy_set_header Host $http_host;".to_owned(),
        "proxy_set_header X-Forwarded-Host $http_host;".to_owned(),
        format!("proxy_set_header X-Forwarded-Proto {scheme};"),
        "proxy_set_header Forwarded \"\";".to_owned(),
    ];
    lines.extend(more.iter().map(|line| (*line).to_owned()));
    lines
}

fn haproxy(target: &Origin) -> Vec<String> {
    let (scheme, authority) = (target.scheme, target.authority());
    vec![
        format!("http-request set-header Host {authority}"),
        format!("http-request set-header X-Forwarded-Host {authority}"),
        format!("http-request set-header X-Forwarded-Proto {scheme}"),
        "http-request del-header Forwarded".to_owned(),
    ]
}

fn traefik(target: &Origin) -> Vec<String> {
    let (scheme, authority) = (target.scheme, target.authority());
    vec![
        "http:".to_owned(),
        "  middlewares:".to_owned(),
        "    harbor-headers:".to_owned(),
        "      headers:".to_owned(),
        "        customRequestHeaders:".to_owned(),
        format!("          Host: \"{authority}\""),
        format!("          X-Forwarded-Host: \"{authority}\""),
        format!("          X-Forwarded-Proto: \"{scheme}\""),
        "          Forwarded: \"\"".to_owned(),
    ]
}

fn caddy(target: &Origin) -> Vec<String> {
    let (scheme, authority) = (target.scheme, target.authority());
    vec![
        format!("header_up Host {authority}"),
        format!("header_up X-Forwarded-Host {authority}"),
        format!("header_up X-Forwarded-Proto {scheme}"),
        "header_up -Forwarded".to_owned(),
    ]
}

fn ingress(target: &Origin) -> Vec<Fix> {
    let authority = target.authority();
    vec![
        Fix::new(
            Ingress,
            place::INGRESS_ANNOTATIONS,
            [
                "# Gateway API: no URLRewrite of the hostname in the HTTPRoute".to_owned(),
                format!("nginx.ingress.kubernetes.io/upstream-vhost: \"{authority}\""),
            ],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_CONFIGMAP,
            [
                "# \"false\" where no proxy of yours stands in front of the controller",
                "use-forwarded-headers: \"true\"",
            ],
        ),
    ]
}

/// A Location that is only a path is right for every client, whatever hops do to Host and scheme.
fn relative_locations() -> [Fix; 2] {
    [
        Fix::new(
            Harbor,
            place::HARBOR_CHART,
            ["registry:", "  relativeurls: true"],
        ),
        Fix::new(
            Harbor,
            place::HARBOR_REGISTRY,
            ["http:", "  relativeurls: true"],
        ),
    ]
}
