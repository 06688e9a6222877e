//! Envoy, its configuration as YAML whose parts can be changed as people change them.

use super::{Manner, Setting, packages};
use crate::common::process::Process;
use crate::world::World;
use serde_yaml::{Mapping, Value};
use std::net::SocketAddr;

/// What stands in the connection manager, in the virtual host and in the route, beside what has to.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    pub manager: Mapping,
    pub virtual_host: Mapping,
    pub route: Mapping,
}

pub fn parts(setting: &Setting<'_>, manner: Manner) -> Parts {
    let mut parts = Parts::default();
    match manner {
        Manner::Defaults => {}
        Manner::Sound => {
            for (place, part) in [
                ("envoy manager", &mut parts.manager),
                ("envoy virtual host", &mut parts.virtual_host),
                ("envoy route", &mut parts.route),
            ] {
                for lines in setting.doctors_lines(place) {
                    paste(part, &lines.join("\n"));
                }
            }
        }
    }
    parts
}

/// Puts YAML in the place of what stands there under the same keys. Remarks alone are nothing.
pub fn paste(into: &mut Mapping, yaml: &str) {
    into.extend(read(yaml));
}

pub fn start(world: &World, setting: &Setting<'_>, parts: &Parts) -> Process {
    let file = setting.write("envoy.yaml", &configuration(setting, parts));
    let program = packages::program("envoy");
    let mut command = world.command(&program.display().to_string(), setting.home);
    command.args(["--concurrency", "1", "--disable-hot-restart"]);
    command.args(["--log-level", "warn", "-c"]).arg(file);
    Process::start("envoy", command)
}

const TYPE: &str = "type.googleapis.com/envoy.extensions";

fn configuration(setting: &Setting<'_>, parts: &Parts) -> String {
    let tls = setting.if_tls(|cert, key| {
        format!(
            "transport_socket:
  name: tls
  typed_config:
    \"@type\": {TYPE}.transport_sockets.tls.v3.DownstreamTlsContext
    common_tls_context:
      alpn_protocols: [ h2, http/1.1 ]
      tls_certificates:
      - certificate_chain: {{ filename: {cert} }}
        private_key: {{ filename: {key} }}
"
        )
    });
    let mut chain = read(&tls);
    chain.insert("filters".into(), Value::Sequence(vec![manager(parts)]));
    // Little room for what is read slowly, as Envoy recommends it for an edge: its own buffer, and a send
    // buffer (SO_SNDBUF) that doesn't grow to megabytes. Else a layer has left it long before it is read.
    let mut listener = read(&format!(
        "{{ name: front, address: {}, per_connection_buffer_limit_bytes: 32768, \
         socket_options: [ {{ level: 1, name: 7, int_value: 65536 }} ] }}",
        socket(setting.address())
    ));
    let chains = Value::Sequence(vec![Value::Mapping(chain)]);
    listener.insert("filter_chains".into(), chains);
    let mut resources = read(&format!(
        "clusters:
- name: harbor
  type: STATIC
  load_assignment:
    cluster_name: harbor
    endpoints: [ {{ lb_endpoints: [ {{ endpoint: {{ address: {} }} }} ] }} ]
",
        socket(setting.next.address())
    ));
    let listeners = Value::Sequence(vec![Value::Mapping(listener)]);
    resources.insert("listeners".into(), listeners);
    let mut all = Mapping::new();
    all.insert("static_resources".into(), Value::Mapping(resources));
    serde_yaml::to_string(&all).expect("YAML")
}

/// The filter that speaks HTTP.
fn manager(parts: &Parts) -> Value {
    let mut action = read("cluster: harbor");
    action.extend(parts.route.clone());
    let mut route = read("match: { prefix: / }");
    route.insert("route".into(), Value::Mapping(action));
    let mut host = read("{ name: harbor, domains: [ \"*\" ] }");
    host.insert(
        "routes".into(),
        Value::Sequence(vec![Value::Mapping(route)]),
    );
    host.extend(parts.virtual_host.clone());
    let mut routes = Mapping::new();
    let hosts = Value::Sequence(vec![Value::Mapping(host)]);
    routes.insert("virtual_hosts".into(), hosts);
    let mut manager = read(&format!(
        "\"@type\": {TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
stat_prefix: front
http_filters:
- name: envoy.filters.http.router
  typed_config: {{ \"@type\": {TYPE}.filters.http.router.v3.Router }}
"
    ));
    manager.insert("route_config".into(), Value::Mapping(routes));
    manager.extend(parts.manager.clone());
    let mut filter = read("name: envoy.filters.network.http_connection_manager");
    filter.insert("typed_config".into(), Value::Mapping(manager));
    Value::Mapping(filter)
}

fn read(yaml: &str) -> Mapping {
    let read = serde_yaml::from_str::<Option<Mapping>>(yaml).expect("a mapping");
    read.unwrap_or_default()
}

fn socket(address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!("{{ socket_address: {{ address: {ip}, port_value: {port} }} }}")
}
