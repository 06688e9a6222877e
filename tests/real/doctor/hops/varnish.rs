//! Varnish, and hitch in front of it, which ends TLS and passes bytes.

use super::{Manner, Setting};
use crate::common::process::Process;
use crate::common::wait;
use crate::world::World;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// What streams, waits, and passes early answers on: writes as bytes, one on each connection.
const SOUND: &str = "sub vcl_recv {
  set req.http.X-Forwarded-Proto = \"https\";
  if (req.method == \"POST\" || req.method == \"PATCH\" || req.method == \"PUT\") { return (pipe); }
  return (pass);
}
sub vcl_pipe { set bereq.http.Connection = \"close\"; }
";

const PATIENT: &str = ".first_byte_timeout = 900s;\n.between_bytes_timeout = 900s;\n";

/// The lines of its file, and its parameters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    pub backend: &'a str,
    pub rules: &'a str,
    pub parameters: &'a [&'a str],
}

pub fn start(world: &World, setting: &Setting<'_>, manner: Manner) -> Vec<Process> {
    let parts = match manner {
        Manner::Defaults => Parts::default(),
        Manner::Sound => Parts {
            backend: PATIENT,
            rules: SOUND,
            parameters: &["pipe_timeout=900", "send_timeout=900"],
        },
    };
    run(world, setting, parts)
}

pub fn run(world: &World, setting: &Setting<'_>, parts: Parts<'_>) -> Vec<Process> {
    let Some(pair) = setting.pair() else {
        return vec![varnish(world, setting, parts, setting.address())];
    };
    // hitch's worker may not enter the directory of the run, where a socket of its own would be.
    let behind = SocketAddr::from((Ipv4Addr::LOCALHOST, wait::free_port()));
    let varnish = varnish(world, setting, parts, behind);
    vec![varnish, hitch(world, setting, &pair, behind)]
}

fn varnish(world: &World, setting: &Setting<'_>, parts: Parts<'_>, listen: SocketAddr) -> Process {
    let next = setting.next.address();
    let vcl = format!(
        "vcl 4.1;\nbackend default {{\n  .host = \"{}\";\n  .port = \"{}\";\n{}}}\n{}",
        next.ip(),
        next.port(),
        parts.backend,
        parts.rules
    );
    let file = setting.write("default.vcl", &vcl);
    let mut command = world.command("varnishd", setting.home);
    command.args(["-F", "-j", "none", "-s", "malloc,32m"]);
    command.arg("-a").arg(listen.to_string());
    command.arg("-n").arg(setting.home.join("varnish"));
    command.arg("-f").arg(file);
    for parameter in parts.parameters {
        command.args(["-p", parameter]);
    }
    Process::start("varnishd", command)
}

fn hitch(world: &World, setting: &Setting<'_>, pair: &Path, to: SocketAddr) -> Process {
    let address = setting.address();
    let mut command = world.command("hitch", setting.home);
    command.arg(format!("--frontend=[{}]:{}", address.ip(), address.port()));
    command.arg(format!("--backend=[{}]:{}", to.ip(), to.port()));
    // As root it refuses to work.
    command.arg("--user=nobody").arg(pair);
    Process::start("hitch", command)
}
