//! nghttpx.

use super::{Manner, Setting};
use crate::common::process::Process;
use crate::world::World;

/// What waits.
const SOUND: &str = "frontend-read-timeout=900\nfrontend-write-timeout=900\n\
    stream-read-timeout=900\nstream-write-timeout=900\n\
    backend-read-timeout=900\nbackend-write-timeout=900\n";

pub fn start(world: &World, setting: &Setting<'_>, manner: Manner) -> Process {
    let lines = match manner {
        Manner::Defaults => "",
        Manner::Sound => SOUND,
    };
    run(world, setting, lines)
}

/// With these lines in its file.
pub fn run(world: &World, setting: &Setting<'_>, lines: &str) -> Process {
    let (address, next) = (setting.address(), setting.next.address());
    let mut command = world.command("nghttpx", setting.home);
    command.arg(format!(
        "--conf={}",
        setting.write("nghttpx.conf", lines).display()
    ));
    // One process: its worker would outlive it when it is killed.
    command.args(["--single-process", "--no-ocsp"]);
    let no_tls = if setting.files().is_some() {
        ""
    } else {
        ";no-tls"
    };
    command.arg(format!(
        "--frontend={},{}{no_tls}",
        address.ip(),
        address.port()
    ));
    command.arg(format!("--backend={},{}", next.ip(), next.port()));
    if let Some(files) = setting.files() {
        command.arg(&files.key).arg(&files.cert);
    }
    Process::start("nghttpx", command)
}
