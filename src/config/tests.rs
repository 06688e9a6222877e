//! Bad configurations and the exact lines they get; files are in memory.

use super::files::Machine;
use super::key::{Key, Written};
use super::{Config, ConfigError, Flags, from_flags_in, validate, yaml};
use crate::tickets::SealingKey;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, PKCS_ED25519};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

mod acme;
mod admin;
mod audit;
mod canary;
mod hops;
mod identities;
mod include;
mod limits;
mod machine;
mod reattach;
mod rules;
mod schema;
mod sharing;

struct Files(HashMap<PathBuf, Vec<u8>>);

impl Files {
    fn new() -> Files {
        let ca_key = KeyPair::generate().unwrap();
        let ca = CertifiedIssuer::self_signed(CertificateParams::default(), ca_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["hub.example.com", "*.lan.example", "10.0.0.9"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let cert = params.signed_by(&key, &ca).unwrap();
        let other = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let seal = |byte| SealingKey::new([byte; 32]).write().to_string();
        let section = |text: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
        };
        let files = [
            ("a.key", seal(1)),
            ("b.key", seal(2)),
            ("open.key", seal(3)),
            ("also-a.key", seal(1)),
            ("cut.key", seal(1).replace("AQEB", "")),
            ("robot.txt", "robot$canary:S3cret:and:more\n".to_owned()),
            ("open.txt", "me:S3cret".to_owned()),
            ("crlf.txt", "me:S3cret\r\nanother line\n".to_owned()),
            ("no-user.txt", ":S3cret\n".to_owned()),
            ("no-password.txt", "me:\n".to_owned()),
            ("no-colon.txt", "S3cret\n".to_owned()),
            ("second-line.txt", "\nme:S3cret\n".to_owned()),
            ("control.txt", "me:S3cret\t\n".to_owned()),
            ("hub.crt", format!("{}{}", cert.pem(), ca.pem())),
            ("reversed.crt", format!("{}{}", ca.pem(), cert.pem())),
            ("hub.key", key.serialize_pem()),
            ("other.key", other.serialize_pem()),
            ("ca.pem", ca.pem()),
            ("empty.pem", String::new()),
            ("broken.pem", "-----BEGIN CERTIFICATE-----\n!".to_owned()),
            ("no-base64.pem", section("!")),
            (
                "no-begin.pem",
                section("AAAA").replacen("CERTIFICATE-----", "CERTIFICATE", 1),
            ),
            ("rubbish.pem", section("AAAA")),
            (
                "networks.txt",
                "# Of a CDN.\r\n198.51.100.0/24\r\n\n 2001:db8::/32 # new\n10.0.0.5".to_owned(),
            ),
            (
                "no-networks.txt",
                "198.51.100.0/24\n198.51.100.0/40\n".to_owned(),
            ),
            ("host.txt", "# Ours.\n198.51.100.7/24\n".to_owned()),
            ("many-networks.txt", "10.0.0.1\n".repeat(2001)),
            ("all-networks.txt", "0.0.0.0/0\n".to_owned()),
            ("half.crt", format!("{}{}", cert.pem(), section("AAAA"))),
        ];
        let file = |(name, text): (&str, String)| (Path::new("/conf").join(name), text.into());
        Files(files.map(file).into_iter().collect())
    }

    fn with<T>(&self, use_them: impl FnOnce(&Machine<'_>) -> T) -> T {
        let read = |path: &Path| {
            let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
            self.0.get(path).cloned().ok_or_else(missing)
        };
        use_them(&Machine {
            directory: "/conf".into(),
            read: &read,
            list: &|_| Ok(Vec::new()),
            mode: &|path| {
                Ok(
                    if path.ends_with("open.key") || path.ends_with("open.txt") {
                        0o100_644
                    } else {
                        0o100_640
                    },
                )
            },
            cores: 3,
            memory: 3 << 30,
        })
    }

    fn load(&self, yaml: &str) -> Result<Config, ConfigError> {
        let values = yaml::ValuesLeft::default();
        let document =
            yaml::parse(yaml.as_bytes(), &values).map_err(|flaw| ConfigError::Syntax {
                file: "conf.yaml".into(),
                at: flaw.at,
                flaw: flaw.message,
            })?;
        let problems = |problems| ConfigError::Problems {
            file: None,
            problems,
        };
        let key = Key::root(Written::File);
        self.with(|around| validate::validate(&document, key, &values, around).map_err(problems))
    }

    fn lines(&self, yaml: &str) -> Vec<String> {
        match self.load(yaml) {
            Ok(_) => Vec::new(),
            Err(error) => error.to_string().lines().map(str::to_owned).collect(),
        }
    }
}

const LISTENERS: &str = "listeners: [{ address: 127.0.0.1:8080 }]\n";
const REGISTRIES: &str = "registries: [{ name: hq, public: [http://hub.example.com], upstream: { endpoints: [http://10.0.0.5] } }]\n";

/// A document with these listeners, and one with these keys of its registry.
fn listeners(yaml: &str) -> String {
    format!("listeners: [{yaml}]\n{REGISTRIES}")
}

fn registries(yaml: &str) -> String {
    format!("{LISTENERS}registries: [{yaml}]\n")
}

fn upstream(yaml: &str) -> String {
    registries(&format!(
        "{{ name: hq, public: [http://hub.example.com], upstream: {{ {yaml} }} }}"
    ))
}

fn registry(yaml: &str) -> String {
    registries(&format!(
        "{{ name: hq, public: [http://hub.example.com], upstream: {{ endpoints: [http://10.0.0.5] }}, {yaml} }}"
    ))
}

fn top(yaml: &str) -> String {
    format!("{LISTENERS}{REGISTRIES}{yaml}\n")
}

fn tls(cert: &str, key: &str) -> String {
    listeners(&format!(
        "{{ address: 127.0.0.1:0, tls: {{ certificates: [{{ cert: {cert}, key: {key} }}] }} }}"
    ))
}

fn two(first: &str, second: &str) -> String {
    registries(&format!(
        "{{ name: hq, public: [{first}], upstream: {{ endpoints: [http://10.0.0.5] }} }}, {{ name: dev, public: [{second}], upstream: {{ endpoints: [http://10.0.0.6] }} }}"
    ))
}

fn assert_lines(rows: &[(String, &str)]) {
    let files = Files::new();
    for (yaml, expected) in rows {
        assert_eq!(files.lines(yaml), [*expected], "{yaml}");
    }
}

#[test]
fn shapes() {
    const KEYS: &str = "listeners, acme_challenge, admin, registries, include, mirrors, identities, canary, trusted_proxies, trusted_proxies_file, client_address_header, restore_authorization_from, reattach, networks, rules, login_limit, log, metrics, audit, accounting, limits, drain, liveness, threads";
    const LISTENER_LIST: &str = "accepted: a list of at least one listener, each with an address";
    let unknown = format!(
        "trusted-proxies: is not a known key (did you mean \"trusted_proxies\"?); accepted here: {KEYS}"
    );
    let number = format!("the document: is a key that is the number 7; accepted here: {KEYS}");
    let missing = format!("listeners: is missing; {LISTENER_LIST}");
    let empty = format!("listeners: is an empty list; {LISTENER_LIST}");
    let table = format!("listeners: is a table of keys; {LISTENER_LIST}");
    let nothing = format!("listeners: has no value; {LISTENER_LIST}");
    assert_lines(&[
        (top("trusted-proxies: []"), &unknown),
        (top("7: x"), &number),
        (REGISTRIES.to_owned(), &missing),
        (format!("listeners: []\n{REGISTRIES}"), &empty),
        (format!("listeners: {{}}\n{REGISTRIES}"), &table),
        (format!("listeners:\n{REGISTRIES}"), &nothing),
        (
            LISTENERS.to_owned(),
            "registries: is missing; accepted: a list of at least one registry, each with name, public and upstream; here or in a file of `include`",
        ),
        (
            String::new(),
            "the document: has no value; accepted: a table with listeners and registries",
        ),
        (
            "[]".to_owned(),
            "the document: is a list; accepted: a table with listeners and registries",
        ),
        (
            top("admin: 127.0.0.1:9"),
            "admin: is the text \"127.0.0.1:9\"; accepted: a table with address, hosts, web_config, token_file, peers, peers_ca, links",
        ),
        (
            registry("expose: registry"),
            "registries[0].expose: is the text \"registry\"; accepted: a list of registry, api, ui",
        ),
        (
            registry("timeouts: { conect: 5s }"),
            "registries[0].timeouts.conect: is not a known key (did you mean \"connect\"?); accepted here: connect, between_bytes, commit",
        ),
        (
            listeners("{ address: 127.0.0.1:1, redirect_to_https: 1 }"),
            "listeners[0].redirect_to_https: is the number 1; accepted: true or false",
        ),
        (
            upstream("endpoints: [http://10.0.0.5], tls: !x 1"),
            "registries[0].upstream.tls: is a value with a YAML tag; accepted: a table with ca, server_name",
        ),
        (
            top("threads: 1\nthreads: 2"),
            "threads: is set twice, first on line 3",
        ),
        (
            "a: [1\nb: }".to_owned(),
            "conf.yaml:2:2: is not YAML: did not find expected ',' or ']' at line 2 column 2, while parsing a flow sequence at line 1 column 4",
        ),
    ]);
}

#[test]
fn values() {
    const NAME: &str = "is not understood; accepted: 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit, and not \"other\"";
    let upper = format!("registries[0].name: \"HQ\" {NAME}");
    let reserved = format!("registries[0].name: \"other\" {NAME}");
    let dash = format!("registries[0].name: \"-a\" {NAME}");
    let dot = format!("registries[0].name: \"a.b\" {NAME}");
    let (longest, too_long) = ("a".repeat(63), "a".repeat(64));
    let long = format!("registries[0].name: {too_long:?} {NAME}");
    let name = |name: &str| {
        registries(&format!(
            "{{ name: {name}, public: [http://hub], upstream: {{ endpoints: [http://10.0.0.5] }} }}"
        ))
    };
    assert_lines(&[
        (name("HQ"), &upper),
        (name("other"), &reserved),
        (name("-a"), &dash),
        (name("a.b"), &dot),
        (name(&too_long), &long),
        (
            listeners("{ address: 0.0.0.0 }"),
            "listeners[0].address: \"0.0.0.0\" is not understood; accepted: an IP address with a port, such as 0.0.0.0:443 or \"[::]:443\"",
        ),
        (
            listeners("{ address: 'hub:443' }"),
            "listeners[0].address: \"hub:443\" is not understood; accepted: an IP address with a port, such as 0.0.0.0:443 or \"[::]:443\"",
        ),
        (
            two("hub.example.com", "http://dev"),
            "registries[0].public[0]: \"hub.example.com\" has no http or https scheme; write it as http://host[:port] or https://host[:port]",
        ),
        (
            two("http://hub", "http://dev/harbor"),
            "registries[1].public[0]: \"http://dev/harbor\" has a path, query or fragment; an origin is only scheme://host[:port]",
        ),
        (
            upstream("endpoints: ['http://me:pw@10.0.0.5']"),
            "registries[0].upstream.endpoints[0]: \"http://***@10.0.0.5\" has user information; an origin is only scheme://host[:port]",
        ),
        (
            upstream("endpoints: [http://10.0.0.5], also_known_as: [http://x, harbor]"),
            "registries[0].upstream.also_known_as[1]: \"harbor\" has no http or https scheme; write it as http://host[:port] or https://host[:port]",
        ),
        (
            upstream("endpoints: [https://10.0.0.5], tls: { server_name: '' }"),
            "registries[0].upstream.tls.server_name: \"\" is not understood; accepted: a DNS name or an IP address",
        ),
        (
            upstream("endpoints: [http://10.0.0.5], health: { path: ping }"),
            "registries[0].upstream.health.path: \"ping\" is not understood; accepted: a path such as /api/v2.0/ping",
        ),
        (
            upstream("endpoints: [http://10.0.0.5], health: { path: '/a b' }"),
            "registries[0].upstream.health.path: \"/a b\" is not understood; accepted: a path such as /api/v2.0/ping",
        ),
        (
            upstream("endpoints: [http://10.0.0.5], health: { path: '/a#b' }"),
            "registries[0].upstream.health.path: \"/a#***\" is not understood; accepted: a path such as /api/v2.0/ping",
        ),
        (
            upstream("endpoints: [http://10.0.0.5], health: { interval: 0s }"),
            "registries[0].upstream.health.interval: \"0s\" is not between 100ms and 1h: probes more often load Harbor, less often leave a dead endpoint in use",
        ),
        (
            registry("expose: [registry, portal]"),
            "registries[0].expose[1]: \"portal\" is not understood; accepted: a list of registry, api, ui",
        ),
        (
            registry("expose: []"),
            "registries[0].expose: is an empty list; accepted: a list of registry, api, ui",
        ),
        (
            registry("timeouts: { connect: '5' }"),
            "registries[0].timeouts.connect: \"5\" is not understood; accepted: a number with its unit, such as 5s, 15m or 1h 30m",
        ),
        (
            registry("timeouts: { connect: 5m }"),
            "registries[0].timeouts.connect: \"5m\" is not between 10ms and 2m: Linux itself gives a connection up after about two minutes",
        ),
        (
            registry("objective: 0.995"),
            "registries[0].objective: is the number 0.995; accepted: a percentage from 50% to 99.999% with at most three decimals, such as 99.5%",
        ),
        (
            registry("objective: 100%"),
            "registries[0].objective: \"100%\" is not understood; accepted: a percentage from 50% to 99.999% with at most three decimals, such as 99.5%",
        ),
        (
            registry("timeouts: { commit: 0s }"),
            "registries[0].timeouts.commit: \"0s\" is not between 100ms and 24h: less cuts healthy requests, more never ends dead ones",
        ),
        (
            top("log: { format: xml }"),
            "log.format: \"xml\" is not understood; accepted: text or json",
        ),
        (
            top("log: { access: none }"),
            "log.access: \"none\" is not understood; accepted: all, failures or off",
        ),
        (
            top("log: { one_pull_in: 0 }"),
            "log.one_pull_in: is the number 0; accepted: a whole number from 1 to 1000000",
        ),
        (
            top("liveness: { silence: 500ms }"),
            "liveness.silence: \"500ms\" is not between 1s and 10m: less ends processes that are only busy, more leaves clients waiting for a hung thread",
        ),
        (
            top("admin: { hosts: [gw.example, \"a b\"] }"),
            "admin.hosts[1]: \"a b\" is not understood; accepted: a DNS name or an IP address, without a port",
        ),
        (
            top("admin: { peers: gw.example:9090 }"),
            "admin.peers: \"gw.example:9090\" is not understood; accepted: http(s)://host[:port] of an admin listener, such as http://harbormouth-admin:9090",
        ),
        (
            top("admin: { peers: [http://gw:9090, gw:9090] }"),
            "admin.peers[1]: \"gw:9090\" is not understood; accepted: http(s)://host[:port] of an admin listener, such as http://harbormouth-admin:9090",
        ),
        (
            top("admin: { links: [{ name: logs, url: \"javascript:alert(1)\" }] }"),
            "admin.links[0].url: \"javascript:alert(1)\" is not understood; accepted: an http or https URL, in which {registry}, {repository}, {request_id} and {replica} are filled in",
        ),
        (
            top("threads: 0"),
            "threads: is the number 0; accepted: a whole number from 1 to 1024",
        ),
        (
            top("drain: { timeout: 2days }"),
            "drain.timeout: \"2days\" is not between 0s and 24h: no roll-out waits longer than a day",
        ),
    ]);
    for name_of_one in [&longest, "a-b_c", "'0'"] {
        assert_eq!(Files::new().lines(&name(name_of_one)), [""; 0]);
    }
}

#[test]
fn rules_between_values() {
    let redirect = "{ address: 127.0.0.1:1, redirect_to_https: true }";
    assert_lines(&[
        (
            listeners("{ address: 127.0.0.1:1 }, { address: 127.0.0.1:1 }"),
            "listeners[1].address: \"127.0.0.1:1\" is already used by listeners[0].address",
        ),
        (
            listeners("{ address: 0.0.0.0:1 }, { address: 127.0.0.1:1 }"),
            "listeners[1].address: \"127.0.0.1:1\" is already used by listeners[0].address",
        ),
        (
            listeners("{ address: 127.0.0.1:9090 }"),
            "admin.address: \"127.0.0.1:9090\" is already used by listeners[0].address",
        ),
        (
            listeners(redirect),
            "listeners[0].redirect_to_https: redirects to https, but no registry has a public https:// origin",
        ),
        (
            listeners(
                "{ address: 127.0.0.1:1, redirect_to_https: true, tls: { certificates: [{ cert: hub.crt, key: hub.key }] } }",
            ),
            "listeners[0].redirect_to_https: redirects to https, so it can't have tls as well; give each its own listener",
        ),
        (
            listeners("{ address: 127.0.0.1:1, tls: { certificates: [] } }"),
            "listeners[0].tls: has no certificate to serve; accepted: certificates, acme, or both",
        ),
        (
            listeners("{ address: 127.0.0.1:1, tls: {} }"),
            "listeners[0].tls: has no certificate to serve; accepted: certificates, acme, or both",
        ),
        (
            two("https://hub", "'https://HUB.:443'"),
            "registries[1].public[0]: https://hub has the same Host as registries[0].public[0], which belongs to another registry; requests could not be told apart (registries share an origin if all but one have `projects`)",
        ),
        (
            two("https://hub", "http://hub"),
            "registries[1].public[0]: http://hub has the same Host as registries[0].public[0], which belongs to another registry; requests could not be told apart (registries share an origin if all but one have `projects`)",
        ),
        (
            two("'https://hub', 'https://hub:443'", "http://dev"),
            "registries[0].public[1]: \"https://hub\" appears twice, first at registries[0].public[0]",
        ),
        (
            two("http://hub", "http://dev").replace("dev,", "hq,"),
            "registries[1].name: \"hq\" appears twice, first at registries[0].name",
        ),
        (
            top("admin: { peers: [http://gw:9090, http://GW:9090/] }"),
            "admin.peers[1]: \"http://gw:9090\" appears twice, first at admin.peers[0]",
        ),
        (
            upstream("endpoints: [http://10.0.0.5, 'http://10.0.0.5:80']"),
            "registries[0].upstream.endpoints[1]: \"http://10.0.0.5\" appears twice, first at registries[0].upstream.endpoints[0]",
        ),
        (
            upstream("endpoints: [http://10.0.0.5], tls: { server_name: harbor }"),
            "registries[0].upstream.tls: is for https endpoints, but every endpoint of this registry is http",
        ),
        (
            upstream("endpoints: ['http://hub.example.com']"),
            "registries[0].upstream.endpoints[0]: http://hub.example.com is a public origin of this gateway (registries[0].public[0]): requests would go in a circle; give the address or the internal name of Harbor",
        ),
        (
            upstream("endpoints: ['http://127.0.0.1:9090']"),
            "registries[0].upstream.endpoints[0]: http://127.0.0.1:9090 is the gateway's own listener (admin.address): requests would go in a circle",
        ),
    ]);
    // What only looks as if it broke one.
    for yaml in [
        listeners("{ address: 10.0.0.1:1 }, { address: 10.0.0.2:1 }"),
        listeners("{ address: 0.0.0.0:1 }, { address: '[::]:1' }"),
        listeners("{ address: 127.0.0.1:0 }, { address: 127.0.0.1:0 }"),
        two("http://hub", "http://hub:81"),
    ] {
        assert_eq!(Files::new().lines(&yaml), [""; 0], "{yaml}");
    }
}

#[test]
fn an_endpoint_that_is_the_own_listener() {
    let files = Files::new();
    for (listener, endpoint, circle) in [
        ("0.0.0.0:80", "http://127.0.0.1", true),
        ("0.0.0.0:80", "http://localhost", true),
        ("0.0.0.0:80", "http://[::1]", true),
        ("'[::]:80'", "http://127.0.0.1", true),
        ("127.0.0.1:80", "http://localhost", true),
        ("127.0.0.1:80", "http://0.0.0.0", true),
        ("10.0.0.5:80", "http://10.0.0.5", true),
        ("10.0.0.5:80", "http://[::ffff:10.0.0.5]", true),
        ("10.0.0.5:80", "https://10.0.0.5:80", true),
        ("10.0.0.5:80", "http://10.0.0.5:81", false),
        ("10.0.0.5:80", "http://10.0.0.6", false),
        ("10.0.0.5:80", "http://127.0.0.1", false),
        ("127.0.0.2:80", "http://127.0.0.1", false),
        ("0.0.0.0:80", "http://10.0.0.5", false),
        ("0.0.0.0:0", "http://127.0.0.1", false),
    ] {
        let yaml = format!(
            "listeners: [{{ address: {listener} }}]\nregistries: [{{ name: hq, public: [http://hub], upstream: {{ endpoints: ['{endpoint}'] }} }}]"
        );
        let lines = files.lines(&yaml);
        assert_eq!(
            lines.len(),
            usize::from(circle),
            "{listener} {endpoint} {lines:?}"
        );
        let circles = lines.iter().filter(|line| line.contains("own listener"));
        assert_eq!(circles.count(), lines.len(), "{lines:?}");
    }
}

#[test]
fn certificates() {
    let ca = |file: &str| {
        upstream(&format!(
            "endpoints: [https://10.0.0.5], tls: {{ ca: {file} }}"
        ))
    };
    assert_lines(&[
        (
            tls("no.crt", "hub.key"),
            "listeners[0].tls.certificates[0].cert: \"no.crt\" can't be read: no such file",
        ),
        (
            tls("hub.crt", "no.key"),
            "listeners[0].tls.certificates[0].key: \"no.key\" can't be read: no such file",
        ),
        (
            tls("empty.pem", "hub.key"),
            "listeners[0].tls.certificates[0].cert: \"empty.pem\" holds no certificate; accepted: PEM with \"BEGIN CERTIFICATE\", the server's own certificate first",
        ),
        (
            tls("hub.crt", "hub.crt"),
            "listeners[0].tls.certificates[0].key: \"hub.crt\" holds no private key; accepted: PEM with an unencrypted PKCS#8, PKCS#1 or SEC1 key",
        ),
        (
            tls("hub.crt", "other.key"),
            "listeners[0].tls.certificates[0].key: \"other.key\" is not the key of the certificate in \"hub.crt\"",
        ),
        (
            tls("reversed.crt", "hub.key"),
            "listeners[0].tls.certificates[0].key: \"hub.key\" belongs to certificate number 2 in \"reversed.crt\", but the server's own certificate must stand first",
        ),
        (
            tls("broken.pem", "hub.key"),
            "listeners[0].tls.certificates[0].cert: \"broken.pem\" is not readable as PEM: a section has no END line",
        ),
        (
            tls("no-base64.pem", "hub.key"),
            "listeners[0].tls.certificates[0].cert: \"no-base64.pem\" is not readable as PEM: a section is not base64",
        ),
        (
            tls("no-begin.pem", "hub.key"),
            "listeners[0].tls.certificates[0].cert: \"no-begin.pem\" is not readable as PEM: a BEGIN line is malformed",
        ),
        (
            tls("half.crt", "hub.key"),
            "listeners[0].tls.certificates[0].cert: \"half.crt\" holds a certificate that can't be used (number 2 in the file): Parsing Error: Der(UnexpectedTag { expected: Some(Tag(16)), actual: Tag(0) })",
        ),
        (
            ca("no.pem"),
            "registries[0].upstream.tls.ca: \"no.pem\" can't be read: no such file",
        ),
        (
            ca("hub.key"),
            "registries[0].upstream.tls.ca: \"hub.key\" holds no certificate; accepted: PEM with \"BEGIN CERTIFICATE\", the server's own certificate first",
        ),
        (
            ca("rubbish.pem"),
            "registries[0].upstream.tls.ca: \"rubbish.pem\" holds a certificate that can't be used (number 1 in the file): invalid peer certificate: BadEncoding",
        ),
    ]);
}

#[test]
fn all_problems_come_at_once() {
    let lines = Files::new().lines(
        "listeners: [{ address: 0.0.0.0:80, tls: { certificates: [{ cert: no.crt, key: no.key }] } }]
admin: { adress: 127.0.0.1:9090 }
registries:
  - { name: hq, public: [https://hub, 7], upstream: { endpoints: [http://localhost] } }
  - { name: hq, public: [https://hub], upstream: { endpoints: [] }, timeouts: { commit: 1 } }
log: { format: [] }",
    );
    let keys: Vec<&str> = lines.iter().filter_map(|l| l.split(": ").next()).collect();
    assert_eq!(
        keys,
        [
            "admin.adress",
            "registries[0].public[1]",
            "registries[1].upstream.endpoints",
            "registries[1].timeouts.commit",
            "log.format",
            "registries[1].name",
            "registries[1].public[0]",
            "registries[0].upstream.endpoints[0]",
            "listeners[0].tls.certificates[0].cert",
            "listeners[0].tls.certificates[0].key",
        ],
        "{lines:#?}"
    );
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let files = Files::new();
    let hub = "{ address: 127.0.0.1:0, tls: { certificates: [{ cert: hub.crt, key: hub.key }] } }";
    let redirect = "{ address: 127.0.0.1:0, redirect_to_https: true }";
    let plain = "{ address: 127.0.0.1:0 }";
    for (listeners, public, more, expected) in [
        (
            hub.to_owned(),
            "https://hub.example.com, https://a.lan.example, https://10.0.0.9",
            "",
            None,
        ),
        (
            format!("{hub}, {plain}"),
            "https://hub.example.com, http://hub.example.com",
            "",
            None,
        ),
        (
            plain.to_owned(),
            "https://hub.example.com",
            "",
            Some(
                "registries[0].public[0]: https://hub.example.com is https, but no listener has certificates; this is right only if a proxy in front ends TLS",
            ),
        ),
        (
            hub.to_owned(),
            "http://hub.example.com",
            "",
            Some(
                "registries[0].public[0]: http://hub.example.com is http, but no listener serves plain HTTP",
            ),
        ),
        (
            hub.to_owned(),
            "https://lan.example",
            "",
            Some(
                "registries[0].public[0]: no certificate covers lan.example; clients will refuse the connection",
            ),
        ),
        (
            hub.to_owned(),
            "https://a.b.lan.example",
            "",
            Some(
                "registries[0].public[0]: no certificate covers a.b.lan.example; clients will refuse the connection",
            ),
        ),
        (
            hub.to_owned(),
            "https://hub.example.com",
            ", expose: [registry, ui]",
            Some(
                "registries[0].expose: exposes ui without api; Harbor's pages stay empty without the API",
            ),
        ),
        (
            format!("{hub}, {plain}, {redirect}"),
            "http://hub.example.com",
            "}, { name: b, public: [https://hub.example.com:444], upstream: { endpoints: [http://10.0.0.6] }",
            Some(
                "registries[0].public: has no https:// origin, so listeners[2].redirect_to_https can't redirect its requests",
            ),
        ),
    ] {
        let yaml = format!(
            "listeners: [{listeners}]\nregistries: [{{ name: hq, public: [{public}], upstream: {{ endpoints: [http://10.0.0.5] }}{more} }}]"
        );
        let config = files
            .load(&yaml)
            .unwrap_or_else(|error| panic!("{yaml}: {error}"));
        let warnings = Vec::from_iter(config.warnings.iter().map(ToString::to_string));
        assert_eq!(warnings, Vec::from_iter(expected), "{yaml}");
    }
}

#[test]
fn certificates_end_at_their_time() {
    let config = Files::new().load(&tls("hub.crt", "hub.key")).unwrap();
    // 2030-01-01T00:00:00Z
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
    let second = Duration::from_secs(1);
    assert!(config.expired_certificates(end - second).is_empty());
    assert!(config.expired_certificates(end).is_empty());
    assert_eq!(
        config.expired_certificates(end + second),
        ["the certificate in /conf/hub.crt has expired"]
    );
}

#[test]
fn problems_of_flags_name_the_flag() {
    let files = Files::new();
    let strings = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
    let flags = Flags {
        public: strings(&["https://hub/x"]),
        upstream: strings(&["http://127.0.0.1:1", "10.0.0.5"]),
        listen: strings(&["0.0.0.0:1", "127.0.0.1:1", "x"]),
        tls_cert: strings(&["no.crt", "hub.crt"]),
        tls_key: strings(&["hub.key"]),
        admin: Some("9090".to_owned()),
        ..Flags::default()
    };
    let error = files.with(|around| from_flags_in(&flags, around).unwrap_err().to_string());
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(
        lines,
        [
            "--tls-cert: given 2 times, but --tls-key 1 times; give each certificate its key",
            "--listen: \"x\" is not understood; accepted: an IP address with a port, such as 0.0.0.0:443 or \"[::]:443\"",
            "--admin: \"9090\" is not understood; accepted: an IP address with a port, such as 0.0.0.0:443 or \"[::]:443\"",
            "--public: \"https://hub/x\" has a path, query or fragment; an origin is only scheme://host[:port]",
            "--upstream: \"10.0.0.5\" has no http or https scheme; write it as http://host[:port] or https://host[:port]",
            "--listen: \"127.0.0.1:1\" is already used by --listen",
            "--upstream: http://127.0.0.1:1 is the gateway's own listener (--listen): requests would go in a circle",
            "--tls-cert: \"no.crt\" can't be read: no such file",
        ]
    );
}

#[test]
fn every_certificate_of_flags_has_its_key() {
    let files = Files::new();
    let strings = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (certificates, keys, line) in [
        (
            &["hub.crt", "hub.crt"][..],
            &["hub.key"][..],
            "--tls-cert: given 2 times, but --tls-key 1 times; give each certificate its key",
        ),
        (
            &["hub.crt"],
            &["no.key"],
            "--tls-key: \"no.key\" can't be read: no such file",
        ),
    ] {
        let flags = Flags {
            public: strings(&["https://hub.example.com"]),
            upstream: strings(&["http://10.0.0.5"]),
            tls_cert: strings(certificates),
            tls_key: strings(keys),
            ..Flags::default()
        };
        let error = files.with(|around| from_flags_in(&flags, around).unwrap_err());
        assert_eq!(error.to_string(), line);
    }
}

#[test]
fn flags_have_defaults() {
    let files = Files::new();
    let mut flags = Flags {
        public: vec!["https://hub.example.com".to_owned()],
        upstream: vec!["http://10.0.0.5".to_owned()],
        ..Flags::default()
    };
    let addresses = |flags: &Flags| {
        let config = files.with(|around| from_flags_in(flags, around)).unwrap();
        let listeners: Vec<_> = config
            .listeners
            .iter()
            .map(|l| l.address.to_string())
            .collect();
        (
            listeners.join(" "),
            config.admin.address.to_string(),
            config.threads,
        )
    };
    let expected = |listen: &str, admin: &str| (listen.to_owned(), admin.to_owned(), 3);
    assert_eq!(addresses(&flags), expected("0.0.0.0:80", "127.0.0.1:9090"));
    flags.tls_cert = vec!["hub.crt".to_owned()];
    flags.tls_key = vec!["hub.key".to_owned()];
    assert_eq!(addresses(&flags), expected("0.0.0.0:443", "127.0.0.1:9090"));
    flags.listen = vec!["127.0.0.1:0".to_owned(), "[::1]:0".to_owned()];
    flags.admin = Some("127.0.0.1:0".to_owned());
    assert_eq!(
        addresses(&flags),
        expected("127.0.0.1:0 [::1]:0", "127.0.0.1:0")
    );
}

#[test]
fn printed_values_keep_their_meaning() {
    let files = Files::new();
    let yaml = "
listeners: [{ address: '[::1]:0' }, { address: 127.0.0.1:0, tls: { certificates: [{ cert: hub.crt, key: hub.key }] } }]
registries:
  - { name: '123', public: ['http://[::1]:5000'], upstream: { endpoints: ['https://[fe80::1]'], also_known_as: [http://a, https://b:1], tls: { ca: ca.pem, server_name: 10.0.0.9 }, health: { path: '/?a=b:c', interval: 1500ms } }, expose: [api], timeouts: { commit: 1h 30m }, objective: 99.95% }
  - { name: 'true', public: [http://b], upstream: { endpoints: [http://c] } }
log: { format: json }
drain: { timeout: 0s, delay: 5s }";
    let first = files.load(yaml).unwrap();
    let printed = first.to_yaml().unwrap();
    let second = files.load(&printed).unwrap();
    assert_eq!(format!("{first:?}"), format!("{second:?}"), "{printed}");
    assert_eq!(second.to_yaml().unwrap(), printed);
    for value in [
        "interval: 1s 500ms",
        "commit: 1h 30m",
        "objective: 99.95%",
        "objective: 99.5%",
        "threads: 3",
        "timeout: 0s",
        "delay: 5s",
    ] {
        assert!(printed.contains(value), "{value}: {printed}");
    }
}

#[test]
fn the_document_is_what_is_printed() {
    let config = Files::new().load(&two("http://hub", "http://dev")).unwrap();
    let printed: serde_yaml::Mapping = serde_yaml::from_str(&config.to_yaml().unwrap()).unwrap();
    let document = config.document().into_iter();
    let document = document.map(|(key, value)| (key.into(), value));
    assert_eq!(serde_yaml::Mapping::from_iter(document), printed);
    let registries = config.registries.iter();
    let registries = registries.filter_map(|registry| registry.document());
    assert_eq!(
        printed["registries"],
        serde_yaml::Value::Sequence(registries.collect())
    );
}

#[test]
fn a_warning_that_only_moved_is_no_new_one() {
    let of = |yaml: String| Files::new().load(&yaml).unwrap().warnings;
    let everybody = of(top("trusted_proxies: [0.0.0.0/0]"));
    let moved = of(top("threads: 1\ntrusted_proxies: [0.0.0.0/0]"));
    let other = of(top("trusted_proxies: ['::/0']"));
    let line = |warning: &super::Warning| warning.key.as_ref().and_then(|key| key.at);
    assert_ne!(line(&everybody[0]), line(&moved[0]));
    assert_eq!(everybody, moved);
    assert_ne!(everybody, other);
}
