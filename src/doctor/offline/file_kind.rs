//! Which product a file configures, by what it says; its name helps where that isn't enough.

use super::unreadable::Unreadable;
use super::yaml;
use crate::doctor::language::Language;
use crate::doctor::product::Product;
use crate::str_enum::str_enum;

str_enum! {
    /// A file whose rules are known.
    #[derive(PartialOrd, Ord)]
    pub(crate) enum FileKind {
        Nginx "nginx",
        Haproxy "haproxy",
        Caddy "caddy",
        /// The static or the dynamic configuration, or its custom resources.
        Traefik "traefik",
        Envoy "envoy",
        Apache "apache",
        /// Kubernetes' Ingress, of ingress-nginx.
        Ingress "ingress",
        /// The values of Harbor's chart.
        Harbor "harbor",
    }
}

impl FileKind {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            FileKind::Nginx => "an nginx configuration",
            FileKind::Haproxy => "an HAProxy configuration",
            FileKind::Caddy => "a Caddyfile",
            FileKind::Traefik => "a Traefik configuration (YAML)",
            FileKind::Envoy => "an Envoy configuration (YAML or JSON)",
            FileKind::Apache => "an Apache httpd configuration",
            FileKind::Ingress => "a Kubernetes Ingress (YAML)",
            FileKind::Harbor => "the values of Harbor's Helm chart (YAML)",
        }
    }

    /// The same in a language.
    pub(crate) fn told(self, language: Language) -> &'static str {
        let chinese = match self {
            FileKind::Nginx => " nginx 的配置",
            FileKind::Haproxy => " HAProxy 的配置",
            FileKind::Caddy => " Caddyfile",
            FileKind::Traefik => " Traefik 的配置（YAML）",
            FileKind::Envoy => " Envoy 的配置（YAML 或 JSON）",
            FileKind::Apache => " Apache httpd 的配置",
            FileKind::Ingress => " Kubernetes 的 Ingress（YAML）",
            FileKind::Harbor => " Harbor 的 Helm chart 的 values（YAML）",
        };
        match language {
            Language::English => self.name(),
            Language::Chinese => chinese,
        }
    }

    /// Whose lines help there.
    pub(crate) fn product(self) -> Product {
        match self {
            FileKind::Nginx => Product::Nginx,
            FileKind::Haproxy => Product::Haproxy,
            FileKind::Caddy => Product::Caddy,
            FileKind::Traefik => Product::Traefik,
            FileKind::Ingress => Product::Ingress,
            FileKind::Envoy => Product::Envoy,
            FileKind::Apache => Product::Apache,
            FileKind::Harbor => Product::Harbor,
        }
    }

    /// # Errors
    /// Where it is none of them, or no YAML although it is called so.
    pub(crate) fn of(name: &str, text: &str) -> Result<FileKind, Unreadable> {
        let name = name
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let is_yaml = [".yaml", ".yml", ".json"]
            .iter()
            .any(|end| name.ends_with(end));
        if is_yaml {
            let documents = yaml::documents(text)?;
            return of_documents(&documents).ok_or_else(unknown);
        }
        if name.contains("caddyfile") {
            return Ok(FileKind::Caddy);
        }
        let kinds = [
            (FileKind::Apache, is_apache as fn(&str) -> bool),
            (FileKind::Haproxy, is_haproxy),
            (FileKind::Nginx, is_nginx),
            (FileKind::Caddy, is_caddy),
        ];
        let of_lines = kinds.into_iter().find(|(_, is_one)| is_one(text));
        let documents = || yaml::documents(text).unwrap_or_default();
        let kind = of_lines.map(|(kind, _)| kind);
        kind.or_else(|| of_documents(&documents()))
            .ok_or_else(unknown)
    }
}

/// All that are known, for people.
fn unknown() -> Unreadable {
    Unreadable::UnknownKind(FileKind::ALL.map(FileKind::name).join(", "))
}

/// By a section or a directive that no other product has.
fn is_apache(text: &str) -> bool {
    let is_one = |line: &str| {
        let word = line.split_whitespace().next().unwrap_or_default();
        matches!(
            word.to_ascii_lowercase().as_str(),
            "<virtualhost"
                | "<location"
                | "<locationmatch"
                | "<proxy"
                | "proxypass"
                | "proxypassmatch"
                | "proxypassreverse"
                | "proxypreservehost"
        )
    };
    text.lines().any(is_one)
}

/// By the first word of a line that begins at the margin, and what a section's line may have.
fn is_haproxy(text: &str) -> bool {
    let is_section = |line: &str| {
        let mut words = line.split_whitespace();
        let is_named = matches!(
            words.next(),
            Some("frontend" | "backend" | "listen" | "defaults")
        );
        is_named && line.starts_with(char::is_alphabetic) && !line.contains(['{', ';'])
    };
    text.lines().any(is_section)
}

fn is_nginx(text: &str) -> bool {
    let lines = || {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#'))
    };
    let ends = lines().any(|line| line.contains(';'));
    let begins = |line: &str| {
        let word = line.split([' ', '\t', '{', ';']).next().unwrap_or_default();
        matches!(
            word,
            "http" | "server" | "location" | "upstream" | "proxy_pass" | "proxy_set_header"
        )
    };
    ends && lines().any(begins)
}

fn is_caddy(text: &str) -> bool {
    let words = |line: &str| {
        let word = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        matches!(
            word.as_str(),
            "reverse_proxy" | "handle" | "handle_path" | "redir" | "route"
        )
    };
    text.lines().any(words)
}

fn of_documents(documents: &[yaml::Node]) -> Option<FileKind> {
    documents.iter().find_map(of_document)
}

fn of_document(document: &yaml::Node) -> Option<FileKind> {
    let is = |key: &str| document.get(key).is_some();
    let api = document.get("apiVersion").map_or("", yaml::Node::text);
    let kind = document.get("kind").map_or("", yaml::Node::text);
    if kind == "Ingress" {
        return Some(FileKind::Ingress);
    }
    if api.starts_with("traefik.") {
        return Some(FileKind::Traefik);
    }
    if is("externalURL")
        || document.at(&["expose", "type"]).is_some()
        || document.at(&["expose", "tls"]).is_some()
    {
        return Some(FileKind::Harbor);
    }
    let below = ["routers", "middlewares", "services", "serversTransports"];
    let is_dynamic = below
        .iter()
        .any(|key| document.at(&["http", key]).is_some());
    let below = ["options", "certificates", "stores"];
    let is_tls = below.iter().any(|key| document.at(&["tls", key]).is_some());
    if is("entryPoints") || is_dynamic || is_tls {
        return Some(FileKind::Traefik);
    }
    let below = [
        "static_resources",
        "virtual_hosts",
        "filter_chains",
        "http_filters",
    ];
    // An answer of xDS, which isn't the only file with resources.
    let resources = document.get("resources").map_or(&[][..], yaml::Node::items);
    let is_xds = resources.iter().any(|one| one.get("@type").is_some());
    (is_xds || below.iter().any(|key| is(key))).then_some(FileKind::Envoy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_what_it_says() {
        for (name, text, expected) in [
            ("a", "server {\n listen 80;\n}", Some(FileKind::Nginx)),
            (
                "a.conf",
                "# x\nlocation /v2/ { proxy_pass http://h; }",
                Some(FileKind::Nginx),
            ),
            (
                "haproxy.cfg",
                "global\n maxconn 1\ndefaults\n mode http\n",
                Some(FileKind::Haproxy),
            ),
            (
                "a.cfg",
                "backend harbor\n  server s 10.0.0.1:80\n",
                Some(FileKind::Haproxy),
            ),
            ("Caddyfile", "hub.example.com\n", Some(FileKind::Caddy)),
            (
                "x",
                "hub.example.com {\n  reverse_proxy harbor:80\n}\n",
                Some(FileKind::Caddy),
            ),
            (
                "t.yml",
                "entryPoints:\n  web: {address: ':80'}\n",
                Some(FileKind::Traefik),
            ),
            (
                "t",
                "http:\n  routers:\n    r: {}\n",
                Some(FileKind::Traefik),
            ),
            (
                "m.yaml",
                "apiVersion: traefik.io/v1alpha1\nkind: Middleware\n",
                Some(FileKind::Traefik),
            ),
            (
                "e.yaml",
                "static_resources:\n  listeners: []\n",
                Some(FileKind::Envoy),
            ),
            (
                "e.json",
                r#"{"static_resources": {}}"#,
                Some(FileKind::Envoy),
            ),
            (
                "i.yaml",
                "kind: ConfigMap\n---\nkind: Ingress\n",
                Some(FileKind::Ingress),
            ),
            (
                "values.yaml",
                "externalURL: https://h\n",
                Some(FileKind::Harbor),
            ),
            (
                "values.yaml",
                "expose:\n  type: ingress\n",
                Some(FileKind::Harbor),
            ),
            (
                "hub.conf",
                "<VirtualHost *:443>\n Header set X \"a; b\"\n</VirtualHost>\n",
                Some(FileKind::Apache),
            ),
            (
                "a",
                "listen 443\nproxypass / http://harbor:8080/\n",
                Some(FileKind::Apache),
            ),
            ("other.yaml", "a: b\n", None),
            ("kustomization.yaml", "resources: [a.yaml]\n", None),
            ("x.yaml", "a: [", None),
            ("README.md", "# A server\n\nIt has a location.\n", None),
            ("", "", None),
        ] {
            assert_eq!(FileKind::of(name, text).ok(), expected, "{name}: {text}");
        }
    }
}
