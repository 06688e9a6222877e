//! HAProxy and nginx as load balancers: in TCP mode with the PROXY protocol, in HTTP mode, and one
//! behind the other.

use super::Parts;
use crate::common::process::Process;
use crate::common::wait;
use crate::world::World;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;

/// A running balancer.
pub struct Front {
    process: Process,
    _home: TempDir,
}

impl Front {
    /// What HAProxy logs.
    pub fn log(&self) -> String {
        self.process.stdout()
    }

    fn haproxy(world: &World, parts: &Parts<'_>, sections: &str) -> Front {
        let home = world.directory("haproxy");
        let read = |file| std::fs::read_to_string(file).expect("read a PEM file");
        let pair = read(&parts.files.cert) + &read(&parts.files.key);
        std::fs::write(home.path().join("front.pem"), pair).expect("front.pem");
        let file = home.path().join("haproxy.cfg");
        let text = format!(
            "global\n  log stdout format raw local0\n  maxconn 200\ndefaults\n  log global\n  \
             timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  \
             option log-health-checks\n{sections}"
        );
        std::fs::write(&file, text).expect("haproxy.cfg");
        let mut command = world.command("haproxy", home.path());
        command.current_dir(home.path());
        command.args(["-db", "-f"]).arg(&file);
        let process = Process::start("haproxy", command);
        Front {
            process,
            _home: home,
        }
    }

    fn nginx(world: &World, blocks: &str) -> Front {
        let home = world.directory("nginx");
        let file = home.path().join("nginx.conf");
        let text = format!(
            "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\n\
             master_process off;\npid nginx.pid;\nevents {{}}\n{blocks}"
        );
        std::fs::write(&file, text).expect("nginx.conf");
        let mut command = world.command("nginx", home.path());
        command.arg("-p").arg(home.path()).arg("-c").arg(&file);
        command.args(["-e", "stderr"]);
        let process = Process::start("nginx", command);
        Front {
            process,
            _home: home,
        }
    }

    fn listens(self, at: SocketAddr) -> Front {
        wait::until_it_accepts(at, Duration::from_secs(10));
        self
    }
}

/// A server line's settings for health checks, which speak what the server line speaks.
fn checked(parts: &Parts<'_>) -> &'static str {
    if parts.speaks_tls {
        "check check-send-proxy check-ssl verify none inter 200ms"
    } else {
        "check check-send-proxy inter 200ms"
    }
}

/// TCP passed through, with the PROXY protocol as `send` has it.
pub fn haproxy_tcp(world: &World, parts: &Parts<'_>, send: &str) -> Vec<Front> {
    let (public, gateway) = (parts.public, parts.gateway);
    let checked = checked(parts);
    let sections = format!(
        "listen edge\n  mode tcp\n  bind {public}\n  option httpchk GET /healthz\n  \
         server gateway {gateway} {send} {checked}\n"
    );
    vec![Front::haproxy(world, parts, &sections).listens(public)]
}

/// TLS ended, and what is inside passed on as it comes; the PROXY header says that there was TLS.
pub fn haproxy_tls(world: &World, parts: &Parts<'_>) -> Vec<Front> {
    let (public, gateway) = (parts.public, parts.gateway);
    let checked = checked(parts);
    let sections = format!(
        "listen edge\n  mode tcp\n  bind {public} ssl crt front.pem alpn http/1.1\n  \
         option httpchk GET /healthz\n  server gateway {gateway} send-proxy-v2-ssl \
         proxy-v2-options crc32c,authority,ssl-cipher,cert-sig {checked}\n"
    );
    vec![Front::haproxy(world, parts, &sections).listens(public)]
}

/// HTTP with TLS ended; `more` are further lines of the section.
pub fn haproxy_http(world: &World, parts: &Parts<'_>, more: &str) -> Vec<Front> {
    let (public, gateway) = (parts.public, parts.gateway);
    let sections = format!(
        "listen edge\n  mode http\n  bind {public} ssl crt front.pem alpn h2,http/1.1\n  \
         option httpchk GET /healthz\n  option forwardfor\n  \
         http-request set-header X-Forwarded-Proto https\n{more}  \
         server gateway {gateway} check inter 200ms\n"
    );
    vec![Front::haproxy(world, parts, &sections).listens(public)]
}

/// TCP passed through by nginx, which sends version 1.
pub fn nginx_stream(world: &World, parts: &Parts<'_>) -> Vec<Front> {
    let (public, gateway) = (parts.public, parts.gateway);
    let block = format!(
        "stream {{ server {{ listen {public}; proxy_pass {gateway}; proxy_protocol on; }} }}\n"
    );
    vec![Front::nginx(world, &block).listens(public)]
}

/// HTTP by nginx, TLS ended, to `upstream`.
fn nginx_http_block(parts: &Parts<'_>, listen: &str, client: &str, upstream: SocketAddr) -> String {
    let (cert, key) = (parts.files.cert.display(), parts.files.key.display());
    format!(
        "http {{\naccess_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\n\
         fastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n\
         client_max_body_size 0;\nproxy_http_version 1.1;\nproxy_request_buffering off;\n\
         proxy_buffering off;\nserver {{\nlisten {listen};\nssl_certificate {cert};\n\
         ssl_certificate_key {key};\nlocation / {{ proxy_pass http://{upstream};\n\
         proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;\n\
         proxy_set_header X-Forwarded-For {client}; }}\n}}\n}}\n"
    )
}

const ADDED: &str = "$proxy_add_x_forwarded_for";

pub fn nginx_http(world: &World, parts: &Parts<'_>) -> Vec<Front> {
    let public = parts.public;
    let block = nginx_http_block(parts, &format!("{public} ssl"), ADDED, parts.gateway);
    vec![Front::nginx(world, &block).listens(public)]
}

/// nginx for HTTP, then HAProxy for TCP: what the PROXY header names is nginx, which names the
/// client.
pub fn http_then_tcp(world: &World, parts: &Parts<'_>) -> Vec<Front> {
    let (public, gateway, between) = (parts.public, parts.gateway, parts.between());
    let checked = checked(parts);
    let sections = format!(
        "listen edge\n  mode tcp\n  bind {between}\n  option httpchk GET /healthz\n  \
         server gateway {gateway} send-proxy-v2 proxy-v2-options crc32c {checked}\n"
    );
    let block = nginx_http_block(parts, &format!("{public} ssl"), ADDED, between);
    vec![
        Front::haproxy(world, parts, &sections).listens(between),
        Front::nginx(world, &block).listens(public),
    ]
}

/// HAProxy for TCP, then nginx for HTTP, which takes the client from the PROXY header.
pub fn tcp_then_http(world: &World, parts: &Parts<'_>) -> Vec<Front> {
    let (public, between) = (parts.public, parts.between());
    let sections = format!(
        "listen edge\n  mode tcp\n  bind {public}\n  server nginx {between} send-proxy-v2\n"
    );
    let listen = format!("{between} ssl proxy_protocol");
    let named = "\"$http_x_forwarded_for, $proxy_protocol_addr, $remote_addr\"";
    let block = nginx_http_block(parts, &listen, named, parts.gateway);
    vec![
        Front::nginx(world, &block).listens(between),
        Front::haproxy(world, parts, &sections).listens(public),
    ]
}
