//! The proxies that are compared, each set up as well as we know for this work.

mod caddy;
mod envoy;
mod haproxy;
mod harbormouth;
mod nginx;
mod setting;
mod traefik;

pub use setting::Setting;

use crate::client::NAME;
use crate::measure;
use crate::work::{Way, What, Work};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Harbormouth,
    Nginx,
    Haproxy,
    /// With `splice-auto`: plain bodies pass through the kernel only.
    HaproxySplice,
    Caddy,
    Envoy,
    Traefik,
}

impl Kind {
    pub const ALL: [Kind; 7] = [
        Kind::Harbormouth,
        Kind::Nginx,
        Kind::Haproxy,
        Kind::HaproxySplice,
        Kind::Caddy,
        Kind::Envoy,
        Kind::Traefik,
    ];

    /// As its makers write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Harbormouth => "Harbormouth",
            Kind::Nginx => "nginx",
            Kind::Haproxy => "HAProxy",
            Kind::HaproxySplice => "HAProxy, splice",
            Kind::Caddy => "Caddy",
            Kind::Envoy => "Envoy",
            Kind::Traefik => "Traefik",
        }
    }

    /// Splicing is about plain bodies; elsewhere it is HAProxy once more.
    pub fn does(self, work: Work) -> bool {
        self != Kind::HaproxySplice
            || work.way == Way::Plain && matches!(work.what, What::Put | What::Get)
    }

    pub fn holds(self) -> bool {
        self != Kind::HaproxySplice
    }

    /// What it says of its version.
    pub fn version(self, setting: &Setting) -> Result<String> {
        let mut command = match self {
            Kind::Harbormouth => harbormouth::version(),
            Kind::Nginx => nginx::version(),
            Kind::Haproxy | Kind::HaproxySplice => haproxy::version(),
            Kind::Caddy => caddy::version(setting)?,
            Kind::Envoy => envoy::version(setting)?,
            Kind::Traefik => traefik::version(setting)?,
        };
        let output = command.output()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text
            .lines()
            .find(|line| line.bytes().any(|b| b.is_ascii_digit()));
        // Some name the file that was run.
        let line = line.and_then(|line| line.split("  version: ").last());
        Ok(format!(
            "{}: {}",
            self.name(),
            line.unwrap_or("unknown").trim()
        ))
    }

    fn command(self, setting: &Setting, to: Addresses) -> Result<Command> {
        match self {
            Kind::Harbormouth => harbormouth::command(setting, to),
            Kind::Nginx => nginx::command(setting, to),
            Kind::Haproxy => haproxy::command(setting, to, ""),
            Kind::HaproxySplice => haproxy::command(setting, to, "  option splice-auto\n"),
            Kind::Caddy => caddy::command(setting, to),
            Kind::Envoy => envoy::command(setting, to),
            Kind::Traefik => traefik::command(setting, to),
        }
    }
}

/// Where a proxy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub plain: SocketAddr,
    pub tls: SocketAddr,
}

async fn is_answered(address: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let port = address.port();
    let request = format!("HEAD /v2/ HTTP/1.1\r\nHost: {NAME}:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// One proxy that runs. Ends with the value.
pub struct Proxy {
    pub kind: Kind,
    pub threads: usize,
    pub to: Addresses,
    child: Child,
}

impl Proxy {
    pub async fn start(kind: Kind, setting: &Setting) -> Result<Proxy> {
        let to = Addresses {
            plain: free_address()?,
            tls: free_address()?,
        };
        let command = kind.command(setting, to)?;
        Proxy::run(kind, setting, to, command).await
    }

    pub async fn start_all(setting: &Setting) -> Result<Vec<Proxy>> {
        let mut running = Vec::new();
        for kind in Kind::ALL {
            running.push(Proxy::start(kind, setting).await?);
        }
        Ok(running)
    }

    /// Harbormouth with so many registries, of which the first is the one that is asked.
    pub async fn with_registries(
        setting: &Setting,
        count: usize,
        admin: SocketAddr,
    ) -> Result<Proxy> {
        let to = Addresses {
            plain: free_address()?,
            tls: free_address()?,
        };
        let command = harbormouth::with_registries(setting, to, count, admin, "")?;
        Proxy::run(Kind::Harbormouth, setting, to, command).await
    }

    /// Harbormouth below a tool that counts what it does, with more settings.
    pub async fn counted(setting: &Setting, tool: &[String], settings: &str) -> Result<Proxy> {
        let to = Addresses {
            plain: free_address()?,
            tls: free_address()?,
        };
        let command = harbormouth::counted(setting, to, tool, settings)?;
        Proxy::run(Kind::Harbormouth, setting, to, command).await
    }

    /// Ends the process, or the one below that a tool runs, and waits until it has.
    pub fn end(mut self) -> Result<()> {
        let process = measure::tree(self.pid()).pop().unwrap_or(self.pid());
        Command::new("kill")
            .args(["-TERM", &process.to_string()])
            .status()?;
        self.child.wait()?;
        Ok(())
    }

    async fn run(
        kind: Kind,
        setting: &Setting,
        to: Addresses,
        mut command: Command,
    ) -> Result<Proxy> {
        let file = setting.directory.join(format!("{kind:?}.log"));
        let log = File::create(&file)?;
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
            threads: setting.threads,
            to,
            child,
        };
        // Some listen before they know where to send what comes.
        for _ in 0..1200 {
            if is_answered(to.plain).await.unwrap_or(false)
                && TcpStream::connect(to.tls).await.is_ok()
            {
                return Ok(proxy);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!(
            "{} doesn't answer: {}",
            kind.name(),
            fs::read_to_string(&file).unwrap_or_default()
        )
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
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
