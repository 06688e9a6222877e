//! Traefik with its file provider.

use super::{Manner, Setting, packages};
use crate::common::process::Process;
use crate::world::World;

pub fn start(world: &World, setting: &Setting<'_>, manner: Manner) -> Process {
    let (address, next) = (setting.address(), setting.next);
    let tls = setting.if_tls(|_, _| ", tls: {}".to_owned());
    let certificates = setting.if_tls(|cert, key| {
        format!("tls:\n  certificates: [ {{ certFile: {cert}, keyFile: {key} }} ]\n")
    });
    let rules = setting.write(
        "rules.yaml",
        &format!(
            "http:\n  routers:\n    \
             harbor: {{ rule: \"PathPrefix(`/`)\", entryPoints: [ front ], service: harbor{tls} }}\n  \
             services:\n    harbor: {{ loadBalancer: {{ servers: [ {{ url: \"{next}\" }} ] }} }}\n\
             {certificates}"
        ),
    );
    let timeouts = match (manner, setting.files()) {
        (Manner::Defaults, _) => "",
        (Manner::Sound, Some(_)) => {
            ", transport: { respondingTimeouts: { readTimeout: 0s, writeTimeout: 0s } }"
        }
        (Manner::Sound, None) => {
            ", transport: { respondingTimeouts: { readTimeout: 0s, writeTimeout: 0s } }, \
             forwardedHeaders: { insecure: true }"
        }
    };
    let file = setting.write(
        "traefik.yaml",
        &format!(
            "entryPoints:\n  front: {{ address: \"{address}\"{timeouts} }}\n\
             providers: {{ file: {{ filename: \"{}\", watch: false }} }}\n\
             global: {{ checkNewVersion: false, sendAnonymousUsage: false }}\n",
            rules.display()
        ),
    );
    let program = packages::program("traefik");
    let mut command = world.command(&program.display().to_string(), setting.home);
    command.arg(format!("--configfile={}", file.display()));
    Process::start("traefik", command)
}
