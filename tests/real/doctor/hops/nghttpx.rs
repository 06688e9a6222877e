//! nghttpx.

use super::{Manner, Setting};
use crate::common::process::Process;
use crate::world::World;

pub fn start(world: &World, setting: &Setting<'_>, manner: Manner) -> Process {
    let (address, next) = (setting.address(), setting.next.address());
    let mut command = world.command("nghttpx", setting.home);
    // One process: its worker would outlive it when it is killed.
    command.args(["--conf=/dev/null", "--single-process", "--no-ocsp"]);
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
    match manner {
        Manner::Defaults => {}
        Manner::Sound => {
            command.args([
                "--frontend-read-timeout=900",
                "--frontend-write-timeout=900",
            ]);
            command.args(["--stream-read-timeout=900", "--stream-write-timeout=900"]);
            command.args(["--backend-read-timeout=900", "--backend-write-timeout=900"]);
        }
    }
    if let Some(files) = setting.files() {
        command.arg(&files.key).arg(&files.cert);
    }
    Process::start("nghttpx", command)
}
