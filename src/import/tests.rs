//! Files as people have them, and what is made of them.

use super::{ImportError, import};

/// The configuration as JSON, and what is said of each line.
fn imported(name: &str, text: &str) -> (serde_json::Value, Vec<String>) {
    let imported = import(name, text).unwrap();
    let yaml = serde_yaml::from_str(&imported.yaml).unwrap();
    (yaml, imported.told("f").collect())
}

/// What is said of a line that begins so.
fn said<'t>(told: &'t [String], line: &str) -> &'t str {
    let mut found = told
        .iter()
        .filter_map(|told| told.strip_prefix(&format!("f:{line}: ")));
    let first = found.next();
    first.unwrap_or_else(|| panic!("{line}: {told:#?}"))
}

const EDGE: &str = r#"
worker_processes auto;
http {
    client_max_body_size 0;
    set_real_ip_from 10.1.0.0/16;
    real_ip_header X-Real-IP;
    upstream harbor {
        least_conn;
        server 10.0.0.5:8080 max_fails=3;
        server 10.0.0.6:8080;
        server 10.0.0.7:8080 down;
    }
    server {
        listen 80 default_server;
        server_name _;
        return 301 https://$host$request_uri;
    }
    server {
        listen 443 ssl;
        listen [::]:443 ssl;
        server_name hub.example.com hub.lan.example;
        ssl_certificate tls/hub.crt;
        ssl_certificate_key tls/hub.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
        include snippets/security.conf;
        location /v2/ {
            proxy_pass http://harbor;
            proxy_set_header Host $http_host;
            proxy_set_header X-Team blue;
            proxy_read_timeout 1h;
            proxy_connect_timeout 3s;
            auth_basic "Registry";
        }
        location /service/ { proxy_pass http://harbor; }
        location /static/ { root /srv; }
    }
    server {
        listen 443 ssl;
        server_name blog.example.com;
        location / { proxy_pass http://blog; }
    }
}
"#;

#[test]
fn an_nginx_of_several_servers_becomes_one_gateway() {
    let (yaml, told) = imported("nginx.conf", EDGE);
    let expected = serde_json::json!({
        "listeners": [
            { "address": "[::]:443", "tls": { "certificates": [{ "cert": "tls/hub.crt", "key": "tls/hub.key" }] } },
            { "address": "0.0.0.0:80", "redirect_to_https": true },
        ],
        "registries": [{
            "name": "hub",
            "public": ["https://hub.example.com", "https://hub.lan.example"],
            "upstream": { "endpoints": ["http://10.0.0.5:8080", "http://10.0.0.6:8080"] },
            "expose": ["registry"],
            "timeouts": { "connect": "3s", "between_bytes": "1h", "commit": "1h" },
            "hsts": "365d",
        }],
        "trusted_proxies": ["10.1.0.0/16"],
        "client_address_header": "X-Real-IP",
    });
    assert_eq!(yaml, expected);
    for (line, fate) in [
        (
            "2: worker_processes auto",
            "ours: threads; as many as there are cores unless set",
        ),
        (
            "4: client_max_body_size 0",
            "not needed: bodies have no limit here",
        ),
        ("5: set_real_ip_from 10.1.0.0/16", "ours: trusted_proxies"),
        (
            "8: least_conn",
            "not needed: endpoints are used in turn, and passed over while they can't be reached",
        ),
        (
            "14: listen 80 default_server",
            "ours: listeners.redirect_to_https",
        ),
        ("19: listen 443 ssl", "ours: listeners.address"),
        (
            "21: server_name hub.example.com hub.lan.example",
            "ours: registries.public",
        ),
        (
            "22: ssl_certificate tls/hub.crt",
            "ours: listeners.tls.certificates.cert",
        ),
        (
            "26: include snippets/security.conf",
            "can't: files that it includes aren't read; import what `nginx -T` prints",
        ),
        (
            "28: proxy_pass http://harbor",
            "ours: registries.upstream.endpoints",
        ),
        (
            "29: proxy_set_header Host $http_host",
            "not needed: Harbor gets it as it needs it",
        ),
        (
            "30: proxy_set_header X-Team blue",
            "can't: write a filter (docs/filters.md)",
        ),
        (
            "33: auth_basic Registry",
            "can't: a second login would take the place of Harbor's; use Harbor's accounts",
        ),
        (
            "36: location /static/",
            "can't: only Harbor is served here; keep it where it is",
        ),
        (
            "38: server",
            "can't: it isn't a registry's; only Harbor is served here, keep it where it is",
        ),
    ] {
        assert_eq!(said(&told, line), fate, "{line}");
    }
}

/// Harbor's documentation for a proxy in front has no more than this.
#[test]
fn an_nginx_behind_a_balancer_and_one_without_a_name() {
    let text = "server {\n listen 8080 proxy_protocol;\n location /v2/ {\n  proxy_pass https://10.0.0.5/v2/;\n  proxy_set_header X-Forwarded-Proto https;\n  proxy_ssl_verify off;\n  proxy_buffering off;\n }\n}\n";
    let (yaml, told) = imported("nginx.conf", text);
    let expected = serde_json::json!({
        "listeners": [{ "address": "0.0.0.0:8080" }],
        "registries": [{
            "name": "hub",
            "public": ["https://hub.example.com"],
            "upstream": { "endpoints": ["https://10.0.0.5"] },
            "expose": ["registry"],
        }],
    });
    assert_eq!(yaml, expected);
    let listen = said(&told, "2: listen 8080 proxy_protocol");
    assert!(
        listen.starts_with("ours: listeners.address; can't: no set_real_ip_from"),
        "{listen}"
    );
    let name = said(&told, "1: server");
    assert!(
        name.ends_with("write it in place of hub.example.com"),
        "{name}"
    );
    let verify = said(&told, "6: proxy_ssl_verify off");
    assert!(
        verify.starts_with("can't: the certificates of https endpoints"),
        "{verify}"
    );
}

#[test]
fn variables_and_sockets_are_told_and_leave_a_valid_file() {
    let text = "server {\n listen unix:/run/hub.sock;\n server_name hub.example.com ~^reg;\n set $to http://10.0.0.5:81;\n location / { proxy_pass $to; }\n location /v2/ { proxy_pass $elsewhere; }\n}\n";
    let (yaml, told) = imported("hub.conf", text);
    assert_eq!(
        yaml["listeners"],
        serde_json::json!([{ "address": "0.0.0.0:80" }])
    );
    assert_eq!(
        yaml["registries"][0]["public"],
        serde_json::json!(["http://hub.example.com"])
    );
    let endpoints = &yaml["registries"][0]["upstream"]["endpoints"];
    assert_eq!(endpoints, &serde_json::json!(["http://harbor.example.com"]));
    assert_eq!(
        said(&told, "2: listen unix:/run/hub.sock"),
        "can't: it is no address with a port"
    );
    let names = said(&told, "3: server_name hub.example.com ~^reg");
    assert_eq!(
        names,
        "ours: registries.public; can't: ~^reg is no name that clients type"
    );
    let pass = said(&told, "6: proxy_pass $elsewhere");
    assert!(
        pass.starts_with("can't: no address is read in it"),
        "{pass}"
    );
}

/// As harbor-helm makes it, whose portal has a Service of its own.
#[test]
fn an_ingress_becomes_a_registry_with_its_service() {
    let text = r#"apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: harbor-ingress
  namespace: registry
  annotations:
    ingress.kubernetes.io/proxy-body-size: "0"
    nginx.ingress.kubernetes.io/proxy-read-timeout: "3600"
    nginx.ingress.kubernetes.io/configuration-snippet: |
      proxy_hide_header Server;
      gzip off;
    cert-manager.io/cluster-issuer: letsencrypt
spec:
  ingressClassName: nginx
  tls: [{ secretName: hub-tls, hosts: [hub.example.com] }]
  rules:
    - host: hub.example.com
      http:
        paths:
          - { path: /api/, pathType: Prefix, backend: { service: { name: harbor-core, port: { number: 80 } } } }
          - { path: /service/, pathType: Prefix, backend: { service: { name: harbor-core, port: { number: 80 } } } }
          - { path: /v2/, pathType: Prefix, backend: { service: { name: harbor-core, port: { number: 80 } } } }
          - { path: /, pathType: Prefix, backend: { service: { name: harbor-portal, port: { number: 80 } } } }
"#;
    let (yaml, told) = imported("ingress.yaml", text);
    let expected = serde_json::json!({
        "listeners": [
            { "address": "0.0.0.0:443", "tls": { "certificates": [{ "cert": "tls/hub-tls/tls.crt", "key": "tls/hub-tls/tls.key" }] } },
            { "address": "0.0.0.0:80", "redirect_to_https": true },
        ],
        "registries": [{
            "name": "hub",
            "public": ["https://hub.example.com"],
            "upstream": { "endpoints": ["http://harbor-core.registry.svc"] },
            "expose": ["registry", "api"],
            "timeouts": { "between_bytes": "1h", "commit": "1h" },
        }],
    });
    assert_eq!(yaml, expected);
    for (line, fate) in [
        (
            "7: ingress.kubernetes.io/proxy-body-size: 0",
            "not needed: bodies have no limit here",
        ),
        (
            "10: proxy_hide_header Server",
            "can't: write a filter (docs/filters.md)",
        ),
        ("11: gzip off", "not needed: layers are compressed already"),
        (
            "12: cert-manager.io/cluster-issuer: letsencrypt",
            "not needed: it is for another program",
        ),
        ("17: host: hub.example.com", "ours: registries.public"),
        (
            "23: path: /",
            "can't: a registry's paths all go to one Service; give Harbor's chart expose.type: clusterIP, whose nginx has them all",
        ),
    ] {
        assert_eq!(said(&told, line), fate, "{line}");
    }
}

#[test]
fn the_charts_values_become_the_gateway_in_front() {
    let text = "expose:\n  type: clusterIP\n  tls:\n    enabled: false\n  clusterIP:\n    name: registry\n    ports: { httpPort: 8080 }\nexternalURL: https://hub.example.com\npersistence: { enabled: true }\n";
    let (yaml, told) = imported("values.yaml", text);
    let registry = &yaml["registries"][0];
    assert_eq!(
        registry["public"],
        serde_json::json!(["https://hub.example.com"])
    );
    let endpoints = &registry["upstream"]["endpoints"];
    assert_eq!(endpoints, &serde_json::json!(["http://registry:8080"]));
    let certificates = serde_json::json!([{ "cert": "tls/harbormouth-tls/tls.crt", "key": "tls/harbormouth-tls/tls.key" }]);
    assert_eq!(yaml["listeners"][0]["tls"]["certificates"], certificates);
    assert_eq!(
        said(&told, "4: expose.tls.enabled: false"),
        "not needed: the Service speaks plain HTTP, as it should"
    );
    assert_eq!(
        said(&told, "9: persistence"),
        "not needed: it is Harbor's own"
    );
    // The chart's own defaults have no Service for all of Harbor.
    let (yaml, told) = imported("values.yaml", "externalURL: https://hub.example.com\n");
    let endpoints = &yaml["registries"][0]["upstream"]["endpoints"];
    assert_eq!(endpoints, &serde_json::json!(["http://harbor"]));
    let kind = said(&told, "1: expose.type: ingress");
    assert!(
        kind.starts_with("can't: no Service has all of Harbor then"),
        "{kind}"
    );
    let tls = said(&told, "1: expose.tls.enabled: true (the default)");
    assert!(tls.contains("set expose.tls.enabled: false"), "{tls}");
}

#[test]
fn what_has_no_registry_or_is_of_another_product_is_refused() {
    let refused = |name: &str, text: &str| import(name, text).unwrap_err();
    let none = refused("nginx.conf", "server { listen 80; return 404; }");
    assert!(matches!(none, ImportError::NoRegistry), "{none}");
    let other = refused("haproxy.cfg", "frontend a\n bind :80\n");
    assert!(
        other
            .to_string()
            .starts_with("an HAProxy configuration can't be imported"),
        "{other}"
    );
    assert!(matches!(
        refused("a.conf", "server {"),
        ImportError::Unreadable(_)
    ));
    assert!(matches!(
        refused("a.yaml", "a: b"),
        ImportError::Unreadable(_)
    ));
}
