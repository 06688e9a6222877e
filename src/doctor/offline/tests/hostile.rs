//! Files that nobody wrote on purpose, or somebody on purpose.

use super::*;
use crate::doctor::language::Language;
use crate::doctor::report::Format;
use proptest::prelude::*;

const ALL: [&RightFile; 10] = [
    &NGINX,
    &HAPROXY,
    &CADDY,
    &TRAEFIK,
    &TRAEFIK_STATIC,
    &ENVOY,
    &APACHE,
    &APACHE_PORT,
    &INGRESS,
    &HARBOR,
];

#[test]
fn what_is_no_file_is_refused_in_words() {
    for (name, text, words) in [
        ("README.md", "# Hello\n", "Caddyfile"),
        ("a.toml", "[entryPoints]\n", "Envoy"),
        (
            "nginx.conf",
            "server {\n listen 80;\n location / {\n",
            "line 3",
        ),
        ("nginx.conf", "server {\n listen 80;\n}\n}\n", "line 4"),
        (
            "hub.conf",
            "<VirtualHost *:80>\n<Proxy *>\n</Proxy>\n",
            "line 1",
        ),
        ("hub.conf", "<VirtualHost *:80>\n</Proxy>\n", "line 2"),
        ("values.yaml", "expose:\n  type: [\n", "line"),
        ("nginx.conf", "server {\n server_name \"x;\n}\n", "quote"),
    ] {
        let refused = examine(name, text, Language::English)
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert!(refused.contains(words), "{name}: {refused}");
    }
}

#[test]
fn what_can_not_be_read_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("server {{}}\n{}", "# x\n".repeat(1 << 18));
    for (name, bytes, words) in [
        ("long.conf", long.as_bytes(), "longer than 1 MiB"),
        ("binary.conf", &b"\xff\xfe"[..], "no text"),
        ("other.txt", &b"hello"[..], "none of the files"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let refused = crate::doctor::run_on_file(&path, Format::Text, Language::English);
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains(name) && refused.contains(words),
            "{refused}"
        );
    }
    let absent = crate::doctor::run_on_file(
        &folder.path().join("absent.conf"),
        Format::Text,
        Language::English,
    );
    assert!(
        absent
            .unwrap_err()
            .to_string()
            .contains("absent.conf can't be read")
    );
}

/// What grows with the square of a file's length would take minutes here.
#[test]
fn long_files_of_apache_end() {
    let host = "<VirtualHost *:443>\nProxyPass / http://harbor/\n</VirtualHost>\n";
    let with = |line: &str| {
        format!(
            "<VirtualHost *:443>\n{}</VirtualHost>\n",
            line.repeat(10_000)
        )
    };
    let rule = "RewriteRule (((a{90}){90}){90}) http://harbor [P]\n";
    for text in [
        host.repeat(2_000),
        with("ServerSignature Off\n") + host,
        with("RequestHeader unset X-Other\n") + host,
        format!("<VirtualHost *:443>\n{}</VirtualHost>\n", rule.repeat(50)) + host,
    ] {
        assert!(
            examine("hub.conf", &text, Language::English)
                .unwrap()
                .passes_on
        );
    }
}

/// The same of nginx, with files of the longest size.
#[test]
fn long_files_of_nginx_end() {
    let many = |line: &dyn Fn(usize) -> String| {
        let mut text = String::new();
        for number in 0.. {
            if text.len() > 900_000 {
                break;
            }
            text.push_str(&line(number));
        }
        text
    };
    let half = |text: String| {
        text[..text.len() / 2]
            .rsplit_once('\n')
            .unwrap()
            .0
            .to_owned()
    };
    let location = |inside: &str| {
        format!("server {{\nlocation /v2/ {{\nproxy_pass http://harbor;\n{inside}}}\n}}\n")
    };
    let named = many(&|n| {
        format!("server {{ server_name h{n}; location / {{ proxy_pass http://h; }} }}\n")
    });
    let starred =
        many(&|n| format!("server {{ server_name *.h{n}; return 301 https://$host; }}\n"));
    let headers = many(&|n| format!("proxy_set_header Host $h{n}:$server_port;\n"));
    let expression = "location ~ (((a{90}){90}){90}) { }\n";
    for (name, text) in [
        ("directives", location(&many(&|n| format!("d{n} 1;\n")))),
        ("wrong lines", location(&headers)),
        (
            "wrong words",
            location(&format!(
                "proxy_hide_header{};\n",
                many(&|_| " Range".into())
            )),
        ),
        (
            "methods",
            location(&many(&|_| "limit_except GET { deny all; }\n".into())),
        ),
        ("servers", half(named.clone()) + "\n" + &half(starred)),
        ("inherited", format!("{}\n{}", half(headers), half(named))),
        (
            "expressions",
            location(&format!("}}\n{}location / {{\n", expression.repeat(10_000))),
        ),
    ] {
        let examined = examine("nginx.conf", &text, Language::English);
        assert!(examined.unwrap().passes_on, "{name}");
    }
}

#[test]
fn snippets_that_import_each_other_end() {
    let text = "(a) {\n import b\n import b\n}\n(b) {\n import a\n import a\n}\n\
                h.example.com {\n import a\n reverse_proxy harbor:80\n}\n";
    assert!(
        examine("Caddyfile", text, Language::English)
            .unwrap()
            .passes_on
    );
}

proptest! {
    /// A right file with a piece of it taken out, doubled or replaced.
    #[test]
    fn broken_files_end_in_an_answer(
        file in 0..ALL.len(),
        from in 0..4000_usize,
        length in 0..200_usize,
        instead in "(|[ -~\n]{1,40}|\\PC{1,8}|[{}\"'`;:\\[\\]&*#\n -]{1,20})",
    ) {
        let file = ALL[file];
        let chars: Vec<char> = file.text.chars().collect();
        let from = from.min(chars.len());
        let until = (from + length).min(chars.len());
        let text: String = chars[..from].iter().copied()
            .chain(instead.chars())
            .chain(chars[until..].iter().copied())
            .collect();
        if let Ok(examined) = examine(file.name, &text, Language::English) {
            let lines = text.lines().count();
            for place in examined.findings.iter().flat_map(|finding| &finding.places) {
                prop_assert!((1..=lines.max(1)).contains(&place.line), "{}", place.line);
            }
        }
    }
}
