//! Traefik with its file provider, its configuration as YAML to which people add theirs.

use super::{Manner, Setting, packages};
use crate::common::process::Process;
use crate::world::World;
use serde_yaml::{Mapping, Value};

/// What stands in the two configurations beside what has to, and the middlewares that the router names.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    pub fixed: Mapping,
    pub dynamic: Mapping,
    pub middlewares: Vec<&'static str>,
}

pub fn parts(setting: &Setting<'_>, manner: Manner) -> Parts {
    let mut parts = Parts::default();
    match manner {
        Manner::Defaults => {}
        Manner::Sound => {
            let waits = "transport: { respondingTimeouts: { readTimeout: 0s, writeTimeout: 0s } }";
            let trusts = match setting.files() {
                Some(_) => "",
                None => ", forwardedHeaders: { insecure: true }",
            };
            let front = format!("entryPoints: {{ websecure: {{ {waits}{trusts} }} }}");
            paste(&mut parts.fixed, &front);
        }
    }
    parts
}

/// Adds YAML, in the place of what stands there under the same keys. Remarks alone are nothing.
pub fn paste(into: &mut Mapping, yaml: &str) {
    merge(into, read(yaml));
}

fn merge(into: &mut Mapping, new: Mapping) {
    for (key, value) in new {
        match (into.get_mut(&key), value) {
            (Some(Value::Mapping(old)), Value::Mapping(value)) => merge(old, value),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

fn read(yaml: &str) -> Mapping {
    let read = serde_yaml::from_str::<Option<Mapping>>(yaml).expect("a mapping");
    read.unwrap_or_default()
}

pub fn start(world: &World, setting: &Setting<'_>, parts: &Parts) -> Process {
    let mut dynamic = dynamic(setting, &parts.middlewares);
    merge(&mut dynamic, parts.dynamic.clone());
    let dynamic = serde_yaml::to_string(&dynamic).expect("YAML");
    let rules = setting.write("rules.yaml", &dynamic);
    let mut fixed = read(&format!(
        "entryPoints: {{ websecure: {{ address: \"{}\" }} }}\n\
         providers: {{ file: {{ filename: \"{}\", watch: false }} }}\n\
         global: {{ checkNewVersion: false, sendAnonymousUsage: false }}\n",
        setting.address(),
        rules.display()
    ));
    merge(&mut fixed, parts.fixed.clone());
    let fixed = serde_yaml::to_string(&fixed).expect("YAML");
    let file = setting.write("traefik.yaml", &fixed);
    let program = packages::program("traefik");
    let mut command = world.command(&program.display().to_string(), setting.home);
    command.arg(format!("--configfile={}", file.display()));
    Process::start("traefik", command)
}

fn dynamic(setting: &Setting<'_>, middlewares: &[&str]) -> Mapping {
    let next = setting.next;
    let tls = setting.if_tls(|_, _| ", tls: {}".to_owned());
    let certificates = setting.if_tls(|cert, key| {
        format!("tls:\n  certificates: [ {{ certFile: {cert}, keyFile: {key} }} ]\n")
    });
    read(&format!(
        "http:\n  routers:\n    harbor: {{ rule: \"PathPrefix(`/`)\", entryPoints: [ websecure ], \
         service: harbor, middlewares: [ {} ]{tls} }}\n  \
         services:\n    harbor: {{ loadBalancer: {{ servers: [ {{ url: \"{next}\" }} ] }} }}\n\
         {certificates}",
        middlewares.join(", ")
    ))
}
