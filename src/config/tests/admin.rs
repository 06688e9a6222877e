//! How the admin listener is protected: Prometheus' web configuration file, tokens, peers that speak https.

use super::{Config, ConfigError, Files, Path, top};

const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

fn load(admin: &str, files: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut all = Files::new();
    for (name, text) in files {
        all.0.insert(Path::new("/conf").join(name), (*text).into());
    }
    all.load(&top(&format!("admin: {{ {admin} }}")))
}

fn lines(admin: &str, files: &[(&str, &str)]) -> Vec<String> {
    let said = load(admin, files).map_or_else(|error| error.to_string(), |_| String::new());
    said.lines().map(str::to_owned).collect()
}

#[test]
fn prometheus_own_file_says_who_is_answered() {
    let web = format!(
        "tls_server_config:\n  cert_file: ../hub.crt\n  key_file: ../hub.key\n  client_ca_file: ../ca.pem\n  \
         client_auth_type: RequireAndVerifyClientCert\n  min_version: TLS13\nbasic_auth_users:\n  ops: {HASH}\n  \
         \"prometheus\": {HASH}\n"
    );
    let admin = "web_config: prom/web.yml, token_file: tokens";
    let tokens = "0123456789abcdef\r\n\nA-._~+/=0123456789\n";
    let files = [("prom/web.yml", web.as_str()), ("tokens", tokens)];
    let mut all = Files::new();
    for name in ["hub.crt", "hub.key", "ca.pem"] {
        let file = all.0[&Path::new("/conf").join(name)].clone();
        all.0.insert(Path::new("/conf/prom/..").join(name), file);
    }
    for (name, text) in files {
        all.0.insert(Path::new("/conf").join(name), text.into());
    }
    let config = all.load(&top(&format!("admin: {{ {admin} }}"))).unwrap();
    let web = config.admin.web_config.as_ref().unwrap();
    let names: Vec<_> = web.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["ops", "prometheus"]);
    assert!(web.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()));
    let tokens = &config.admin.token_file.as_ref().unwrap().tokens;
    assert_eq!(tokens.len(), 2);
    assert_eq!(tokens[1].as_str(), "A-._~+/=0123456789");
    for file in [
        "prom/web.yml",
        "tokens",
        "prom/../ca.pem",
        "prom/../hub.key",
    ] {
        let file = Path::new("/conf").join(file);
        assert!(config.files().contains(&file), "{file:?} isn't watched");
    }
    let shown = format!("{:?} {}", config.admin, config.to_yaml().unwrap());
    assert!(
        !shown.contains(HASH) && !shown.contains("0123456789"),
        "{shown}"
    );
    assert!(shown.contains("web_config: /conf/prom/web.yml"), "{shown}");
}

#[test]
fn nothing_that_protects_is_passed_over() {
    const PAIR: &str = "cert_file: hub.crt, key_file: hub.key";
    let user = |name: &str, hash: &str| format!("basic_auth_users: {{ {name}: {hash} }}");
    let tls = |more: &str| format!("tls_server_config: {{ {PAIR}{more} }}");
    for (web, expected) in [
        (
            "rate_limit: {}".to_owned(),
            "web.yml:1:1: rate_limit: is not a known key; accepted here: tls_server_config, basic_auth_users",
        ),
        (
            String::new(),
            "web.yml: the document: has no value; accepted: a table with tls_server_config, basic_auth_users",
        ),
        (
            "a: [".to_owned(),
            "web.yml:2:1: the document: is not YAML: did not find expected node content at line 2 column 1, while parsing a flow node",
        ),
        (
            tls(", client_auth_type: RequestClientCert"),
            "web.yml:1:61: tls_server_config.client_auth_type: \"RequestClientCert\" is not understood; accepted: NoClientCert or RequireAndVerifyClientCert",
        ),
        (
            tls(", client_auth_type: RequireAndVerifyClientCert"),
            "web.yml:1:1: tls_server_config.client_ca_file: is missing; accepted: the name of a file; relative names start at this file's directory",
        ),
        (
            tls(", client_ca_file: ca.pem"),
            "web.yml:1:61: tls_server_config.client_ca_file: has no effect unless client_auth_type is RequireAndVerifyClientCert: nobody would be asked for a certificate",
        ),
        (
            tls(", cipher_suites: []"),
            "web.yml:1:61: tls_server_config.cipher_suites: is not a known key; accepted here: cert_file, key_file, client_auth_type, client_ca_file, min_version",
        ),
        (
            user("ops", "secret"),
            "web.yml:1:21: basic_auth_users.ops: isn't a bcrypt hash; accepted: what `htpasswd -nBC 10 \"\"` prints behind its colon",
        ),
        (
            user("ops", &HASH.replace("$10$", "$15$")),
            "web.yml:1:21: basic_auth_users.ops: is a bcrypt hash of cost 15; accepted: 14 at most, since each password that somebody tries takes a core so long",
        ),
        (
            user("\"a:b\"", HASH),
            "web.yml:1:21: basic_auth_users.a:b: \"a:b\" is not understood; accepted: a user's name without a colon and without control characters",
        ),
    ] {
        assert_eq!(
            lines("web_config: web.yml", &[("web.yml", &web)]),
            [expected],
            "{web}"
        );
    }
    for (tokens, is_one) in [
        ("0123456789abcde", false),
        ("", false),
        ("0123456789abcdef two", false),
        ("0123456789abcdef\n0123", false),
        ("  0123456789abcdef  ", true),
    ] {
        let said = lines("token_file: token", &[("token", tokens)]);
        let expected = "admin.token_file: \"token\" holds no tokens; accepted: 1 to 16 lines with a token each, of 16 to 4096 letters, digits and -._~+/=";
        assert_eq!(said.is_empty(), is_one, "{tokens}: {said:?}");
        assert!(is_one || said[0].ends_with(expected), "{said:?}");
    }
}

#[test]
fn peers_are_asked_as_they_listen() {
    let peers = "peers: https://gw.internal:9090";
    let expected =
        "speaks https, and admin.peers_ca doesn't say whose certificates are trusted there";
    assert!(lines(peers, &[])[0].ends_with(expected));
    let users = format!("basic_auth_users: {{ ops: {HASH} }}");
    let tls = "tls_server_config: { cert_file: hub.crt, key_file: hub.key }";
    for (admin, web, expected) in [
        ("peers: http://gw.internal:9090", "basic_auth_users: {}", ""),
        (
            "peers: http://gw.internal:9090",
            &users,
            "asks for a password",
        ),
        (
            "peers: http://gw.internal:9090, token_file: token",
            &users,
            "",
        ),
        ("peers: http://gw.internal:9090", tls, "which speaks https"),
        (
            "peers: https://gw.internal:9090, peers_ca: ca.pem",
            "basic_auth_users: {}",
            "which speaks http",
        ),
        ("peers: https://gw.internal:9090, peers_ca: ca.pem", tls, ""),
    ] {
        let admin = format!("{admin}, web_config: web.yml");
        let files = [("web.yml", web), ("token", "0123456789abcdef")];
        let warnings = load(&admin, &files).unwrap().warnings;
        let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        match expected {
            "" => assert_eq!(said, [""; 0], "{admin} {web}"),
            _ => assert!(
                said.iter().any(|one| one.contains(expected)),
                "{admin} {web}: {said:?}"
            ),
        }
    }
}
