//! Caddy.

use super::{Manner, Setting, packages};
use crate::common::process::Process;
use crate::world::World;

pub fn start(world: &World, setting: &Setting<'_>, manner: Manner) -> Process {
    let (address, next) = (setting.address(), setting.next);
    let scheme = setting.files().map_or("http", |_| "https");
    let tls = setting.if_tls(|cert, key| format!("  tls {cert} {key}\n"));
    let lines = match manner {
        Manner::Defaults => "",
        Manner::Sound => {
            "    flush_interval -1\n    header_up X-Forwarded-Proto https\n    transport http {\n      \
             response_header_timeout 900s\n      read_timeout 900s\n      write_timeout 900s\n    }\n"
        }
    };
    let text = format!(
        "{{\n  admin off\n  auto_https off\n  persist_config off\n}}\n\
         {scheme}://{}:{} {{\n  bind {}\n{tls}  reverse_proxy {next} {{\n{lines}  }}\n}}\n",
        setting.name,
        address.port(),
        address.ip(),
    );
    let file = setting.write("Caddyfile", &text);
    let program = packages::program("caddy");
    let mut command = world.command(&program.display().to_string(), setting.home);
    command.args(["run", "--adapter", "caddyfile", "--config"]);
    command.arg(file);
    Process::start("caddy", command)
}
