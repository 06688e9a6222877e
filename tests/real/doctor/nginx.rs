//! nginx as the hop, its settings as lines that can be changed one by one, as people change them.

use super::chain::{Next, Stand};
use crate::common::process::Process;
use crate::common::wait;
use crate::world::World;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;

/// What makes a sound nginx unsound.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    pub http: &'static str,
    pub server: &'static str,
    /// Each a directive, without the semicolon.
    pub location: &'static [&'static str],
}

/// Nothing unsound.
pub const SOUND: Lines = Lines {
    http: "",
    server: "",
    location: &[],
};

/// The directives of the location that passes to Harbor.
#[derive(Clone, Debug)]
pub struct Location(Vec<String>);

impl Location {
    /// As it should be. `scheme` is the value of X-Forwarded-Proto.
    fn sound(next: &Next, scheme: &str) -> Location {
        let mut location = Location(Vec::new());
        for line in [
            &format!("proxy_pass {next}"),
            "proxy_http_version 1.1",
            "proxy_request_buffering off",
            "proxy_buffering off",
            "client_max_body_size 0",
            "client_body_timeout 900s",
            "proxy_read_timeout 900s",
            "proxy_send_timeout 900s",
            "proxy_set_header Host $http_host",
            &format!("proxy_set_header X-Forwarded-Proto {scheme}"),
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for",
        ] {
            location.set(line);
        }
        location
    }

    /// Puts a directive in the place of the one that sets the same, or at the end. Remarks are left
    /// out.
    pub fn set(&mut self, line: &str) {
        let line = line.split("  # ").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let line = line.trim_end_matches(';');
        let same = |other: &&mut String| key(other) == key(line);
        match self.0.iter_mut().find(same) {
            Some(old) => *old = line.to_owned(),
            None => self.0.push(line.to_owned()),
        }
    }
}

/// What a directive sets: most stand once in a block, some once for each first argument.
fn key(line: &str) -> (Option<&str>, Option<&str>) {
    let mut words = line.split_whitespace();
    let name = words.next();
    match name {
        Some("proxy_set_header" | "proxy_redirect" | "proxy_hide_header" | "error_page") => {
            (name, words.next())
        }
        _ => (name, None),
    }
}

/// An nginx whose configuration can be changed.
pub struct Nginx {
    home: TempDir,
    stand: Stand,
    lines: Lines,
    pub location: Location,
    process: Option<Process>,
}

impl Nginx {
    pub fn start(world: &World, stand: Stand, lines: Lines, next: &Next) -> Nginx {
        let scheme = match &stand {
            Stand::Front { .. } => "https",
            Stand::Inner(_) => "$http_x_forwarded_proto",
        };
        let mut location = Location::sound(next, scheme);
        for line in lines.location {
            location.set(line);
        }
        let mut nginx = Nginx {
            home: world.directory("nginx"),
            stand,
            lines,
            location,
            process: None,
        };
        nginx.restart(world);
        nginx
    }

    /// Ends the one that runs, and starts one with the configuration as it is now.
    pub fn restart(&mut self, world: &World) {
        drop(self.process.take());
        let home = self.home.path();
        let file = home.join("nginx.conf");
        std::fs::write(&file, self.configuration()).expect("nginx.conf");
        let mut command = world.command("nginx", home);
        command.arg("-p").arg(home).arg("-c").arg(&file);
        command.args(["-e", "stderr"]);
        self.process = Some(Process::start("nginx", command));
        wait::until_it_accepts(self.stand.address(), Duration::from_secs(10));
    }

    fn configuration(&self) -> String {
        let Lines { http, server, .. } = self.lines;
        let location: String = self.location.0.iter().map(|l| format!("{l};\n")).collect();
        let (listening, plain) = match &self.stand {
            Stand::Front {
                address,
                files,
                redirect,
            } => (
                format!(
                    "listen {address} ssl;\nssl_certificate {};\nssl_certificate_key {};\n",
                    files.cert.display(),
                    files.key.display()
                ),
                plain_server(*address, *redirect),
            ),
            Stand::Inner(address) => (format!("listen {address};\n"), String::new()),
        };
        format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {{}}\nhttp {{\n\
             access_log access.log;\nclient_body_temp_path body;\nproxy_temp_path proxy;\n\
             fastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n\
             {http}{plain}server {{\n{listening}{server}location / {{\n{location}}}\n}}\n}}\n"
        )
    }
}

/// Who listens on port 80 beside a server on 443.
fn plain_server(address: SocketAddr, redirect: u16) -> String {
    match address.port() {
        443 => format!(
            "server {{ listen {}:80; return {redirect} https://$host$request_uri; }}\n",
            address.ip()
        ),
        _ => String::new(),
    }
}
