//! Apache httpd with mod_proxy_http.

use super::{Manner, Setting};
use crate::common::process::Process;
use crate::world::World;

const MODULES: [&str; 7] = [
    "mpm_event",
    "authz_core",
    "headers",
    "proxy",
    "proxy_http",
    // Debian's a2enmod enables it by itself.
    "reqtimeout",
    "ssl",
];

/// The directives of the virtual host.
#[derive(Clone, Debug)]
pub struct Lines(Vec<String>);

impl Lines {
    /// Puts a directive in the place of the one that sets the same, or at the end. Remarks are left
    /// out.
    pub fn set(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        match self.0.iter_mut().find(|other| key(other) == key(line)) {
            Some(old) => *old = line.to_owned(),
            None => self.0.push(line.to_owned()),
        }
    }
}

/// What a directive sets: most stand once, headers once for each name.
fn key(line: &str) -> (Option<&str>, Option<&str>) {
    let mut words = line.split_whitespace();
    let name = words.next();
    match name {
        // set, unset
        Some("RequestHeader" | "Header") => (name, words.nth(1)),
        _ => (name, None),
    }
}

pub fn lines(setting: &Setting<'_>, manner: Manner) -> Lines {
    let next = setting.next;
    let mut lines = Lines(Vec::new());
    lines.set(&format!("ProxyPass / {next}/"));
    lines.set(&format!("ProxyPassReverse / {next}/"));
    match manner {
        Manner::Defaults => {}
        Manner::Sound => {
            let pasted = setting.doctors_lines("apache host");
            for line in pasted.iter().flatten() {
                lines.set(line);
            }
        }
    }
    lines
}

pub fn start(world: &World, setting: &Setting<'_>, lines: &Lines) -> Process {
    let (home, address) = (setting.home.display(), setting.address());
    let modules = MODULES
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let tls = setting.if_tls(|cert, key| {
        format!("SSLEngine on\nSSLCertificateFile {cert}\nSSLCertificateKeyFile {key}\n")
    });
    let lines = lines.0.join("\n");
    // As root it has to be told whose its workers are.
    let file = setting.write(
        "apache.conf",
        &format!(
            "{modules}ServerRoot {home}\nServerName {}\nDefaultRuntimeDir {home}\nPidFile {home}/pid\n\
             ErrorLog {home}/error.log\nSSLSessionCache none\nListen {address}\n\
             User www-data\nGroup www-data\n<VirtualHost {address}>\n{tls}{lines}\n</VirtualHost>\n",
            setting.name
        ),
    );
    let mut command = world.command("apache2", setting.home);
    // One process: its workers would outlive it when it is killed.
    command.args(["-X", "-f"]).arg(file);
    Process::start("apache2", command)
}
