//! Nothing is said of a file that is right.

use super::*;
use crate::doctor::language::Language;
use std::fs;
use std::path::Path;

#[test]
fn right_files_yield_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/offline/right");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        let examined = examine(
            &name,
            &fs::read_to_string(&path).unwrap(),
            Language::English,
        );
        let examined = examined.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            examined.findings.is_empty(),
            "{name}: {:#?}",
            told(&examined)
        );
        assert!(examined.passes_on, "{name}");
        count += 1;
    }
    assert!(count >= 20, "{count} files");
}

#[test]
fn the_name_that_clients_type_is_read() {
    for (file, expected) in [
        (NGINX, Some("https://hub.example.com")),
        (NGINX_PORT, Some("https://hub.example.com:8443")),
        (CADDY, Some("https://hub.example.com")),
        (INGRESS, Some("https://hub.example.com")),
        (HARBOR, Some("https://hub.example.com")),
        (HAPROXY, None),
        (APACHE, Some("https://hub.example.com")),
        (APACHE_PORT, Some("https://hub.example.com:8443")),
    ] {
        let examined = examine(file.name, file.text, Language::English).unwrap();
        let target = examined.target.map(|target| target.to_string());
        assert_eq!(target.as_deref(), expected, "{}", file.name);
    }
}

#[test]
fn what_is_included_is_named_and_not_guessed() {
    let open = NGINX.text.replace(
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "include proxy_params;",
    );
    let examined = examine(NGINX.name, &open, Language::English).unwrap();
    assert!(examined.findings.is_empty(), "{:#?}", told(&examined));
    let what: Vec<&str> = examined
        .not_read
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(what, ["include proxy_params"]);
    let apache = APACHE.text.replace(
        "RequestHeader set X-Forwarded-Proto https",
        "Include proxy.conf",
    );
    let examined = examine(APACHE.name, &apache, Language::English).unwrap();
    assert!(examined.findings.is_empty(), "{:#?}", told(&examined));
    assert_eq!(examined.not_read.len(), 2);
    let caddy = CADDY
        .text
        .replace("reverse_proxy", "import common\n\treverse_proxy");
    let examined = examine(CADDY.name, &caddy, Language::English).unwrap();
    assert_eq!(examined.not_read[0].what, "import common");
}

#[test]
fn a_file_that_passes_nothing_on_is_not_called_right() {
    for (name, text) in [
        (
            "nginx.conf",
            "http {\n  include conf.d/*.conf;\n  server { listen 80; }\n}\n",
        ),
        ("Caddyfile", "hub.example.com {\n  respond ok\n}\n"),
        (
            "hub.conf",
            "<VirtualHost *:80>\n  DocumentRoot /srv\n</VirtualHost>\n",
        ),
        ("t.yml", "http:\n  routers: {}\n"),
    ] {
        let examined = examine(name, text, Language::English).unwrap();
        assert!(!examined.passes_on, "{name}");
        assert!(examined.findings.is_empty(), "{name}");
    }
}
