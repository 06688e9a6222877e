//! lighttpd with mod_proxy.

use super::{Manner, Setting};
use crate::common::process::Process;
use crate::world::World;

pub fn start(world: &World, setting: &Setting<'_>, manner: Manner) -> Process {
    let lines = match manner {
        Manner::Defaults => "",
        Manner::Sound => {
            "server.stream-request-body = 2\nserver.stream-response-body = 2\n\
             server.max-read-idle = 900\nserver.max-write-idle = 900\n\
             server.max-request-size = 0\n"
        }
    };
    run(world, setting, lines)
}

/// With these lines in its file.
pub fn run(world: &World, setting: &Setting<'_>, lines: &str) -> Process {
    let (address, next) = (setting.address(), setting.next.address());
    let tls = setting.if_tls(|cert, key| {
        format!("ssl.engine = \"enable\"\nssl.pemfile = \"{cert}\"\nssl.privkey = \"{key}\"\n")
    });
    let module = setting.if_tls(|_, _| "\"mod_openssl\", ".to_owned());
    // Else it says its own scheme, whatever it is told.
    let trusting = match setting.files() {
        Some(_) => "",
        None => {
            "server.modules += ( \"mod_extforward\" )\n\
             extforward.forwarder = ( \"all\" => \"trust\" )\n"
        }
    };
    let text = format!(
        "server.modules = ( {module}\"mod_proxy\" )\nserver.document-root = \"{home}\"\n\
         server.upload-dirs = ( \"{home}\" )\nserver.bind = \"{}\"\nserver.port = {}\n{tls}\
         proxy.server = ( \"\" => ( ( \"host\" => \"{}\", \"port\" => {} ) ) )\n{trusting}{lines}",
        address.ip(),
        address.port(),
        next.ip(),
        next.port(),
        home = setting.home.display(),
    );
    let file = setting.write("lighttpd.conf", &text);
    let mut command = world.command("lighttpd", setting.home);
    command.args(["-D", "-f"]).arg(file);
    Process::start("lighttpd", command)
}
