//! Lines about TLS and certificates.

use super::Fix;
use super::Product::{Caddy, Haproxy, Harbor, Ingress, Nginx, Traefik};
use super::place;
use crate::doctor::kind::Kind;
use crate::edge::origin::Origin;

pub(super) fn versions() -> Vec<Fix> {
    vec![
        Fix::new(
            Nginx,
            place::NGINX_SERVER,
            ["ssl_protocols TLSv1.2 TLSv1.3;"],
        ),
        Fix::new(
            Haproxy,
            place::HAPROXY_GLOBAL,
            ["ssl-default-bind-options ssl-min-ver TLSv1.2"],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_SERVICES,
            [
                "tls:",
                "  options:",
                "    default:",
                "      minVersion: VersionTLS12",
            ],
        ),
        Fix::new(
            Caddy,
            place::CADDY_SITE,
            ["tls {", "    protocols tls1.2 tls1.3", "}"],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_CONFIGMAP,
            ["ssl-protocols: \"TLSv1.2 TLSv1.3\""],
        ),
    ]
}

/// TLS on a port that speaks plain HTTP.
pub(super) fn on(target: &Origin) -> Vec<Fix> {
    let (host, port) = (&target.host, target.port);
    let [certificate, key] = files(target);
    vec![
        Fix::new(
            Nginx,
            place::NGINX_SERVER,
            [format!("listen {port} ssl;"), certificate, key],
        ),
        Fix::new(
            Haproxy,
            place::HAPROXY_BIND,
            [format!("bind :{port} ssl crt {}", pem(target))],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_STATIC,
            [
                "entryPoints:".to_owned(),
                "  websecure:".to_owned(),
                format!("    address: \":{port}\""),
                "    http:".to_owned(),
                "      tls: {}".to_owned(),
            ],
        ),
        Fix::new(
            Caddy,
            place::CADDY_FILE,
            [
                format!("https://{} {{", target.authority()),
                "    # what the block of this name has now".to_owned(),
                "}".to_owned(),
            ],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_SPEC,
            [
                "tls:".to_owned(),
                format!("  - hosts: [ \"{host}\" ]"),
                format!("    secretName: {}", secret(target)),
            ],
        ),
        Fix::new(
            Harbor,
            place::HARBOR_YML,
            [
                "https:".to_owned(),
                format!("  port: {port}"),
                format!("  certificate: {}", crt(target)),
                format!("  private_key: {}", private_key(target)),
            ],
        ),
    ]
}

/// What has to be in the file is the first line; the files' names are an example.
pub(super) fn certificate(kind: Kind, target: &Origin) -> Vec<Fix> {
    let what = content(kind, target);
    let [certificate, key] = files(target);
    vec![
        Fix::new(
            Nginx,
            place::NGINX_SERVER,
            [
                format!("# {what}"),
                certificate,
                key,
                "# then: nginx -s reload".to_owned(),
            ],
        ),
        Fix::new(
            Haproxy,
            place::HAPROXY_BIND,
            [
                format!("# {what}; the key behind it in the same file"),
                format!("bind :{} ssl crt {}", target.port, pem(target)),
                "# then reload".to_owned(),
            ],
        ),
        Fix::new(
            Traefik,
            place::TRAEFIK_SERVICES,
            [
                format!("# {what}"),
                "tls:".to_owned(),
                "  certificates:".to_owned(),
                format!("    - certFile: {}", crt(target)),
                format!("      keyFile: {}", private_key(target)),
            ],
        ),
        Fix::new(
            Caddy,
            place::CADDY_SITE,
            [
                format!("# {what}; or no tls line at all, and Caddy gets one"),
                format!("tls {} {}", crt(target), private_key(target)),
            ],
        ),
        Fix::new(
            Ingress,
            place::INGRESS_SPEC,
            [
                format!("# {what}, as tls.crt of the Secret"),
                "tls:".to_owned(),
                format!("  - hosts: [ \"{}\" ]", target.host),
                format!("    secretName: {}", secret(target)),
            ],
        ),
        Fix::new(
            Harbor,
            place::HARBOR_YML,
            [
                format!("# {what}"),
                "https:".to_owned(),
                format!("  port: {}", target.port),
                format!("  certificate: {}", crt(target)),
                format!("  private_key: {}", private_key(target)),
            ],
        ),
    ]
}

fn content(kind: Kind, target: &Origin) -> String {
    let host = &target.host;
    match kind {
        Kind::CertificateWrongName => {
            format!("a certificate for {host}, and the block that serves this name (SNI)")
        }
        Kind::CertificateUntrusted => format!(
            "a certificate for {host} from an authority that clients know; or give each client \
             yours: /etc/docker/certs.d/{}/ca.crt",
            target.authority()
        ),
        Kind::CertificateChainIncomplete => {
            "the server's certificate, then every intermediate one, not the root".to_owned()
        }
        _ => format!("a renewed certificate for {host} with its chain, and whatever renews it"),
    }
}

fn files(target: &Origin) -> [String; 2] {
    [
        format!("ssl_certificate {};", crt(target)),
        format!("ssl_certificate_key {};", private_key(target)),
    ]
}

fn crt(target: &Origin) -> String {
    format!("/etc/ssl/{}.fullchain.pem", target.host.bare())
}

fn private_key(target: &Origin) -> String {
    format!("/etc/ssl/{}.key.pem", target.host.bare())
}

fn pem(target: &Origin) -> String {
    format!("/etc/haproxy/{}.pem", target.host.bare())
}

fn secret(target: &Origin) -> String {
    format!("{}-tls", target.host.bare().replace(['.', ':', '_'], "-"))
}
