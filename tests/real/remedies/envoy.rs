//! Envoy reads each line where it says that it belongs. Lines for different places stand in one file:
//! each start of Envoy costs more than all of its reading.

use super::every_fix;
use crate::common::ca::CertFiles;
use crate::doctor::hops::envoy::paste;
use crate::doctor::hops::packages;
use crate::world::World;
use harbormouth::doctor::product::Product;
use serde_yaml::{Mapping, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What is pasted into one file, by its place.
type Pasted = BTreeMap<&'static str, String>;

pub fn takes_every_line(world: &World) {
    let home = world.directory("remedies-envoy");
    let files = world.ca.issue(&["remedies.example.com"]);
    let mut waiting: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for (_, fix) in every_fix(Product::Envoy) {
        assert!(
            PLACES.contains(&fix.key),
            "Envoy has no place {:?}",
            fix.key
        );
        let text = with_files(&fix.lines.join("\n"), &files);
        waiting.entry(fix.key).or_default().insert(text);
    }
    let file = home.path().join("envoy.yaml");
    let program = packages::program("envoy").display().to_string();
    while waiting.values().any(|texts| !texts.is_empty()) {
        let next = |(place, texts): (&&'static str, &mut BTreeSet<String>)| {
            Some((*place, texts.pop_first()?))
        };
        let pasted: Pasted = waiting.iter_mut().filter_map(next).collect();
        let text = serde_yaml::to_string(&configuration(&pasted, &files)).expect("YAML");
        std::fs::write(&file, text).expect("envoy.yaml");
        let mut command = world.command(&program, home.path());
        command.args(["--mode", "validate", "--log-level", "warn", "-c"]);
        let output = command.arg(&file).output().expect("envoy");
        let said = String::from_utf8_lossy(&output.stderr);
        let is_content = output.status.success() && !said.contains("eprecated");
        assert!(is_content, "{pasted:#?}\n{said}");
    }
}

const PLACES: [&str; 9] = [
    "envoy listener",
    "envoy tls",
    "envoy manager",
    "envoy plain host",
    "envoy virtual host",
    "envoy routes",
    "envoy registry routes",
    "envoy route",
    "envoy cluster",
];

const TYPE: &str = "type.googleapis.com/envoy.extensions";

/// A hop as many have it, with the lines in their places.
fn configuration(pasted: &Pasted, files: &CertFiles) -> Mapping {
    let listener = |name: &str, port: u16, host: Mapping, tls: Mapping| {
        let mut chain = tls;
        chain.insert("filters".into(), list(manager(pasted, host)));
        let mut listener = read(&format!(
            "{{ name: {name}, address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }}"
        ));
        listener.insert("filter_chains".into(), list(chain));
        Value::Mapping(listener)
    };
    let plain = "{ name: plain, domains: [ \"*\" ] }";
    let listeners = vec![
        listener(
            "public",
            8443,
            harbor(pasted),
            with(pasted, "envoy listener", tls(pasted, files)),
        ),
        listener(
            "plain",
            8080,
            with(pasted, "envoy plain host", read(plain)),
            Mapping::new(),
        ),
    ];
    let cluster = "{ name: harbor, type: STATIC, load_assignment: { cluster_name: harbor } }";
    let mut resources = Mapping::new();
    resources.insert("listeners".into(), Value::Sequence(listeners));
    let cluster = with(pasted, "envoy cluster", read(cluster));
    resources.insert("clusters".into(), list(cluster));
    let mut all = Mapping::new();
    all.insert("static_resources".into(), Value::Mapping(resources));
    all
}

/// The virtual host that passes to Harbor.
fn harbor(pasted: &Pasted) -> Mapping {
    let action = with(pasted, "envoy route", read("cluster: harbor"));
    let mut route = with(
        pasted,
        "envoy registry routes",
        read("match: { prefix: / }"),
    );
    route.insert("route".into(), Value::Mapping(action));
    let first = pasted
        .get("envoy routes")
        .map(String::as_str)
        .unwrap_or("[]");
    let mut routes: Vec<Value> = serde_yaml::from_str(first).expect("a list");
    routes.push(Value::Mapping(route));
    let mut host = read("{ name: harbor, domains: [ hub.example.com ] }");
    host.insert("routes".into(), Value::Sequence(routes));
    with(pasted, "envoy virtual host", host)
}

fn manager(pasted: &Pasted, host: Mapping) -> Mapping {
    let mut manager = read(&format!(
        "\"@type\": {TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
stat_prefix: front
http_filters:
- name: envoy.filters.http.router
  typed_config: {{ \"@type\": {TYPE}.filters.http.router.v3.Router }}
"
    ));
    let mut hosts = Mapping::new();
    hosts.insert("virtual_hosts".into(), list(host));
    manager.insert("route_config".into(), Value::Mapping(hosts));
    let mut filter = read("name: envoy.filters.network.http_connection_manager");
    let manager = with(pasted, "envoy manager", manager);
    filter.insert("typed_config".into(), Value::Mapping(manager));
    filter
}

fn tls(pasted: &Pasted, files: &CertFiles) -> Mapping {
    let mut context = read(&format!(
        "\"@type\": {TYPE}.transport_sockets.tls.v3.DownstreamTlsContext"
    ));
    let certificates = format!(
        "tls_certificates: [ {{ certificate_chain: {{ filename: {} }}, private_key: {{ filename: {} }} }} ]",
        files.cert.display(),
        files.key.display()
    );
    let common = with(pasted, "envoy tls", read(&certificates));
    context.insert("common_tls_context".into(), Value::Mapping(common));
    let mut socket = read("name: envoy.transport_sockets.tls");
    socket.insert("typed_config".into(), Value::Mapping(context));
    let mut chain = Mapping::new();
    chain.insert("transport_socket".into(), Value::Mapping(socket));
    chain
}

/// With what is pasted there.
fn with(pasted: &Pasted, place: &str, mut mapping: Mapping) -> Mapping {
    if let Some(lines) = pasted.get(place) {
        paste(&mut mapping, lines);
    }
    mapping
}

/// The certificates' names are examples: here they are files that exist.
fn with_files(lines: &str, files: &CertFiles) -> String {
    let renamed = |line: &str| {
        let file = if line.contains("private_key") {
            &files.key
        } else {
            &files.cert
        };
        match line.split_once("filename: ") {
            Some((before, _)) => format!("{before}filename: {} }}", file.display()),
            None => line.to_owned(),
        }
    };
    lines
        .lines()
        .map(renamed)
        .collect::<Vec<String>>()
        .join("\n")
}

fn list(one: Mapping) -> Value {
    Value::Sequence(vec![Value::Mapping(one)])
}

fn read(yaml: &str) -> Mapping {
    serde_yaml::from_str(yaml).expect("a mapping")
}
