//! Squid as an accelerator.

use super::{Manner, Setting};
use crate::common::process::Process;
use crate::world::World;

pub fn start(world: &World, setting: &Setting<'_>, manner: Manner) -> Process {
    let (address, next, name) = (setting.address(), setting.next.address(), setting.name);
    let listen = match setting.files() {
        Some(files) => format!(
            "https_port {address} accel tls-cert={} tls-key={} defaultsite={name}",
            files.cert.display(),
            files.key.display()
        ),
        None => format!("http_port {address} accel defaultsite={name}"),
    };
    let (vhost, login, more) = match manner {
        Manner::Defaults => ("", "", ""),
        Manner::Sound => (
            " vhost",
            " login=PASSTHRU",
            "cache deny all\nrequest_header_add X-Forwarded-Proto \"https\" all\n",
        ),
    };
    let text = format!(
        "{listen}{vhost}\ncache_peer {} parent {} 0 no-query originserver{login} name=harbor\n\
         http_access allow all\nnever_direct allow all\n{more}\
         access_log none\ncache_log /dev/null\npid_filename none\npinger_enable off\n",
        next.ip(),
        next.port(),
    );
    let file = setting.write("squid.conf", &text);
    let mut command = world.command("squid", setting.home);
    // Its shared memory has this name; one beside it needs another.
    let service = setting.home.file_name().expect("a name").to_string_lossy();
    let service: String = service
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    command
        .args(["-N", "-d", "1", "-n", &service, "-f"])
        .arg(file);
    Process::start("squid", command)
}
