//! Real proxies that hand on everything to one place, each as its manual shows it.

use crate::common::process::Process;
use crate::common::{tools, wait};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Haproxy,
    Caddy,
    Apache,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Nginx, Kind::Haproxy, Kind::Caddy, Kind::Apache];
}

pub struct Hop {
    pub address: SocketAddr,
    _process: Process,
    _home: TempDir,
}

impl Hop {
    pub fn start(kind: Kind, to: SocketAddr) -> Hop {
        let home = TempDir::new().expect("a directory");
        let port = wait::free_port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let command = match kind {
            Kind::Nginx => nginx(home.path(), address, to),
            Kind::Haproxy => haproxy(home.path(), address, to),
            Kind::Caddy => caddy(home.path(), port, to),
            Kind::Apache => apache(home.path(), address, to),
        };
        let process = Process::start(&format!("{kind:?}"), command);
        wait::until_it_accepts(address, Duration::from_secs(20));
        Hop {
            address,
            _process: process,
            _home: home,
        }
    }
}

fn write(home: &Path, text: &str) -> std::path::PathBuf {
    let file = home.join("hop.conf");
    std::fs::write(&file, text).expect("the configuration");
    file
}

fn nginx(home: &Path, address: SocketAddr, to: SocketAddr) -> Command {
    let at = home.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
        .join(" ");
    let file = write(
        home,
        &format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{}}\nhttp {{\n  access_log off; {temporary}\n  \
             upstream next {{ server {to}; keepalive 16; }}\n  server {{\n    listen {address};\n    \
             location / {{\n      proxy_pass http://next; proxy_http_version 1.1;\n      \
             proxy_set_header Connection ''; proxy_set_header Host $http_host;\n      \
             proxy_request_buffering off;\n    }}\n  }}\n}}\n"
        ),
    );
    let mut nginx = Command::new(tools::path("nginx"));
    nginx.args(["-e", "stderr", "-c"]).arg(file);
    nginx
}

fn haproxy(home: &Path, address: SocketAddr, to: SocketAddr) -> Command {
    let file = write(
        home,
        &format!(
            "defaults\n  mode http\n  timeout connect 2s\n  timeout client 5s\n  \
             timeout server 5s\n  http-reuse always\nfrontend all\n  bind {address}\n  \
             default_backend next\nbackend next\n  server next {to}\n"
        ),
    );
    let mut haproxy = Command::new(tools::path("haproxy"));
    haproxy.arg("-f").arg(file);
    haproxy
}

fn caddy(home: &Path, port: u16, to: SocketAddr) -> Command {
    let file = write(
        home,
        &format!(
            "{{\n  admin off\n  auto_https off\n  persist_config off\n}}\n\
             http://:{port} {{\n  bind 127.0.0.1\n  reverse_proxy {to}\n}}\n"
        ),
    );
    let mut caddy = crate::tools::program("caddy");
    caddy.env("HOME", home);
    caddy
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(file);
    caddy
}

fn apache(home: &Path, address: SocketAddr, to: SocketAddr) -> Command {
    let at = home.display();
    let modules = ["mpm_event", "authz_core", "proxy", "proxy_http"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    // As root it has to be told whose its workers are.
    let file = write(
        home,
        &format!(
            "{modules}ServerRoot {at}\nServerName front\nDefaultRuntimeDir {at}\nPidFile {at}/pid\n\
             ErrorLog {at}/error.log\nListen {address}\nUser www-data\nGroup www-data\n\
             AllowEncodedSlashes NoDecode\nProxyPreserveHost On\n\
             ProxyPass / http://{to}/ nocanon\n"
        ),
    );
    let mut apache = Command::new(tools::path("apache2"));
    // One process: its workers would outlive it when it is killed.
    apache.args(["-X", "-f"]).arg(file);
    apache
}
