//! Squid as an accelerator.

use super::{Manner, Setting};
use crate::common::process::Process;
use crate::world::World;

pub fn start(world: &World, setting: &Setting<'_>, manner: Manner) -> Process {
    let lines = match manner {
        Manner::Defaults => "",
        Manner::Sound => {
            "cache_peer harbor parent 80 0 no-query originserver login=PASSTHRU name=harbor\n\
             cache deny all\nrequest_header_add X-Forwarded-Proto \"https\" all\n"
        }
    };
    run(world, setting, lines)
}

/// With these lines in its file; the peer of one that is among them is where requests go on to.
pub fn run(world: &World, setting: &Setting<'_>, lines: &str) -> Process {
    let (address, next, name) = (setting.address(), setting.next.address(), setting.name);
    let listen = match setting.files() {
        Some(files) => format!(
            "https_port {address} accel tls-cert={} tls-key={} defaultsite={name}",
            files.cert.display(),
            files.key.display()
        ),
        None => format!("http_port {address} accel defaultsite={name}"),
    };
    let peer = |line: &&str| line.starts_with("cache_peer ");
    let (peers, more): (Vec<&str>, Vec<&str>) = lines.lines().partition(peer);
    let peer = peers.last().copied();
    let peer = peer.unwrap_or("cache_peer harbor parent 80 0 no-query originserver name=harbor");
    let there = format!("cache_peer {} parent {} ", next.ip(), next.port());
    let peer = peer.replace("cache_peer harbor parent 80 ", &there);
    let text = format!(
        "{listen} vhost\n{peer}\nhttp_access allow all\nnever_direct allow all\n{}\n\
         access_log none\ncache_log /dev/null\npid_filename none\npinger_enable off\n",
        more.join("\n")
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
