//! HAProxy, as far as the rules of its backend matter.

use super::Setting;
use crate::common::process::Process;
use crate::world::World;

/// With these rules in the backend that passes to Harbor.
pub fn run(world: &World, setting: &Setting<'_>, backend: &str) -> Process {
    let pair = setting.pair().expect("a front");
    let (address, next) = (setting.address(), setting.next.address());
    let file = setting.write(
        "haproxy.cfg",
        &format!(
            "defaults\nmode http\ntimeout connect 5s\ntimeout client 900s\ntimeout server 900s\n\
             frontend edge\nbind {address} ssl crt {} alpn h2,http/1.1\n\
             http-request set-header X-Forwarded-Proto https\ndefault_backend harbor\n\
             backend harbor\n{backend}server harbor {next}\n",
            pair.display()
        ),
    );
    let mut command = world.command("haproxy", setting.home);
    command.args(["-db", "-f"]).arg(file);
    Process::start("haproxy", command)
}
