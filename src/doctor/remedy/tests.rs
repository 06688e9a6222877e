use super::*;
use crate::doctor::kind::Severity;

fn target() -> Origin {
    Origin::parse("https://hub.example.com").unwrap()
}

/// Nobody is left alone with a finding.
#[test]
fn every_kind_has_lines_or_says_what_to_do_instead() {
    for kind in Kind::ALL {
        let fixes = fixes(kind, &target());
        assert!(
            !fixes.is_empty() || advice(kind).is_some(),
            "{kind}: neither lines nor advice"
        );
        for fix in &fixes {
            assert!(!fix.lines.is_empty(), "{kind}: {fix:?}");
            for line in &fix.lines {
                let is_remark = line.starts_with('#');
                assert!(
                    is_remark || line.chars().count() <= 92,
                    "{kind}: too long: {line}"
                );
                assert!(line.trim_end() == line, "{kind}: {line:?}");
                assert!(!line.contains('\n'), "{kind}: {line:?}");
            }
        }
    }
}

#[test]
fn every_kind_has_a_sentence_about_harbormouth() {
    for kind in Kind::ALL {
        let sentence = harbormouth(kind);
        assert!(
            sentence.ends_with('.') && !sentence.contains("  "),
            "{kind}: {sentence}"
        );
    }
}

/// What has no lines is exactly what no configuration of a proxy can mend.
#[test]
fn kinds_without_lines_are_few() {
    let without: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| fixes(*kind, &target()).is_empty())
        .filter(|kind| kind.severity() != Severity::Unexamined)
        .collect();
    assert_eq!(
        without,
        [
            Kind::AddressUnreachable,
            Kind::GatewayError,
            Kind::UploadRefused,
            Kind::CommitSlow,
            Kind::PushFailed
        ]
    );
}

#[test]
fn the_lines_say_what_clients_typed() {
    for (target, kind, product, line) in [
        (
            "https://hub.example.com",
            Kind::LocationPort,
            Product::Nginx,
            "proxy_set_header Host $http_host;",
        ),
        (
            "https://hub.example.com",
            Kind::LocationScheme,
            Product::Nginx,
            "proxy_set_header X-Forwarded-Proto https;",
        ),
        (
            "https://hub.example.com:8443",
            Kind::LocationPortLost,
            Product::Haproxy,
            "http-request set-header Host hub.example.com:8443",
        ),
        (
            "http://hub.lan:5000",
            Kind::LocationHost,
            Product::Caddy,
            "header_up X-Forwarded-Proto http",
        ),
        (
            "https://hub.example.com:8443",
            Kind::RealmHost,
            Product::Harbor,
            "external_url: https://hub.example.com:8443",
        ),
        (
            "https://hub.example.com",
            Kind::BodyLimit,
            Product::Ingress,
            "nginx.ingress.kubernetes.io/proxy-body-size: \"0\"",
        ),
        (
            "https://[::1]:8443",
            Kind::CertificateExpired,
            Product::Haproxy,
            "bind :8443 ssl crt /etc/haproxy/::1.pem",
        ),
    ] {
        let target = Origin::parse(target).unwrap();
        let has = fixes(kind, &target)
            .iter()
            .any(|fix| fix.product == product && fix.lines.iter().any(|one| one == line));
        assert!(has, "{kind} {product:?}: {line}");
    }
}

/// What is YAML is YAML, and no key stands in it twice.
#[test]
fn yaml_is_yaml() {
    let mut read = 0;
    for kind in Kind::ALL {
        for fix in fixes(kind, &target()) {
            let is_yaml = match fix.product {
                Product::Traefik | Product::Ingress | Product::Harbor => {
                    fix.place != place::HARBOR_NGINX
                }
                Product::Nginx | Product::Haproxy | Product::Caddy => false,
            };
            if is_yaml {
                let text = fix.lines.join("\n");
                serde_yaml::from_str::<serde_yaml::Value>(&text)
                    .unwrap_or_else(|error| panic!("{kind} {:?}: {error}\n{text}", fix.product));
                read += 1;
            }
        }
    }
    assert!(read > 40, "{read}");
}
