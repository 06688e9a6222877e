//! The lines that the doctor tells people to paste are right by its own rules.

use super::*;
use crate::doctor::fixes::fixes;
use crate::doctor::language::Language;

/// Where lines of a place belong in a right file: before this line of it.
#[rustfmt::skip]
const PLACES: [(&str, RightFile, &str); 30] = [
    ("nginx location", NGINX, "            proxy_pass http://harbor;"),
    ("nginx server", NGINX, "        location / {"),
    ("nginx plain server", NGINX, "        return 308 https://$host$request_uri;"),
    ("haproxy frontend", HAPROXY, "    default_backend harbor"),
    ("haproxy backend", HAPROXY, "    balance roundrobin"),
    ("haproxy timeouts", HAPROXY, "    option httplog"),
    ("haproxy global", HAPROXY, "    maxconn 4096"),
    ("caddy proxy", CADDY_SHORT, "\t\tlb_policy first"),
    ("caddy site", CADDY, "\treverse_proxy http://harbor:8080 {"),
    ("caddy global", CADDY, "\temail ops@example.com"),
    ("nginx upstream", NGINX, "        server 10.0.0.9:8080;"),
    ("nginx registry locations", NGINX, "            proxy_pass http://harbor;"),
    ("haproxy bind", HAPROXY, "    default_backend harbor"),
    ("ingress configmap", INGRESS_CONFIGMAP, "  proxy-body-size: \"0\""),
    ("ingress annotations", INGRESS_PLAIN, "    nginx.ingress.kubernetes.io/proxy-body-size: \"0\""),
    ("envoy listener", ENVOY_BLOCK, "          transport_socket:"),
    ("envoy tls", ENVOY_BLOCK, "                tls_certificates: []"),
    ("envoy manager", ENVOY_BLOCK, "                stream_idle_timeout: 900s"),
    ("envoy plain host", ENVOY_BLOCK, "                      routes:"),
    ("envoy virtual host", ENVOY_BLOCK, "                      domains: [hub.example.com]"),
    ("envoy routes", ENVOY_BLOCK, "                        - match: { prefix: / }"),
    ("envoy registry routes", ENVOY_BLOCK, "                          route:"),
    ("envoy route", ENVOY_BLOCK, "                            cluster: harbor"),
    ("envoy cluster", ENVOY_BLOCK, "      type: STRICT_DNS"),
    ("apache server", APACHE, "Listen 80"),
    ("apache host", APACHE, "    AllowEncodedSlashes NoDecode"),
    ("apache plain host", APACHE, "    Redirect 308 / https://hub.example.com/"),
    ("apache paths", APACHE, "    ProxyPass /server-status !"),
    ("apache locations", APACHE_PORT, "        ProxyPass balancer://registry/v2/"),
    ("harbor chart", HARBOR, "externalURL: https://hub.example.com"),
];

/// Lines that are files by themselves.
const FILES: [&str; 2] = ["traefik static", "traefik dynamic"];

/// The setting of a line, as people see that two lines are of one.
fn setting(line: &str) -> Vec<&str> {
    let words = line.split_whitespace();
    let count = match line.split_whitespace().next() {
        Some("http-request" | "http-response" | "RequestHeader") => 3,
        Some("proxy_set_header" | "header_up" | "timeout" | "ProxyPass" | "SetEnv") => 2,
        _ => 1,
    };
    words.take(count).collect()
}

/// A right file with lines pasted: those for the same setting go.
fn pasted(file: &RightFile, before: &str, lines: &[String]) -> String {
    let margin: String = before.chars().take_while(|c| c.is_whitespace()).collect();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let is_replaced = |line: &str| {
        let is_same = |new: &String| {
            setting(new) == setting(line) && depth(new) + margin.len() == depth(line)
        };
        // One more of a list is beside the others.
        let are_items = lines.iter().any(|new| new.starts_with("- "));
        !are_items && !matches!(line.trim(), "" | "}") && lines.iter().any(is_same)
    };
    let mut text = String::new();
    for line in file.text.lines() {
        if line == before {
            for new in lines {
                text.push_str(&format!("{margin}{new}\n"));
            }
        }
        if !is_replaced(line) || line.ends_with('{') {
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}

/// A piece about an entry point doesn't say what else that has.
fn with_timeouts(text: &str) -> String {
    const TIMEOUTS: &str = "transport: { respondingTimeouts: { readTimeout: 0s } }";
    if text.contains("transport:") {
        return text.to_owned();
    }
    let with = |name: &str| format!("  {name}:\n    {TIMEOUTS}\n");
    let text = text.replace("  websecure:\n", &with("websecure"));
    text.replace("  web:\n", &with("web"))
}

#[test]
fn the_lines_to_paste_yield_nothing() {
    let target = Origin::parse("https://hub.example.com").unwrap();
    let mut count = 0;
    let mut failed = Vec::new();
    for kind in Kind::ALL {
        for fix in fixes(kind, &target, Language::English) {
            let texts: Vec<(&str, String)> = if FILES.contains(&fix.key) {
                vec![("traefik.yml", with_timeouts(&fix.lines.join("\n")))]
            } else {
                let places = PLACES.iter().filter(|(place, ..)| *place == fix.key);
                places
                    .map(|(_, file, before)| (file.name, pasted(file, before, &fix.lines)))
                    .collect()
            };
            for (name, text) in texts {
                let examined = examine(name, &text, Language::English);
                let examined =
                    examined.unwrap_or_else(|error| panic!("{kind} {}: {error}\n{text}", fix.key));
                if !examined.findings.is_empty() {
                    failed.push((kind, fix.key, told(&examined), text));
                }
                count += 1;
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(count > 100, "{count} pieces");
}
