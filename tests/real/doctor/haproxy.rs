//! HAProxy as the hop.

use super::chain::{Next, Stand};
use crate::common::process::Process;
use crate::common::wait;
use crate::world::World;
use std::time::Duration;
use tempfile::TempDir;

/// What makes a sound HAProxy unsound.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// Each with its end. They come before the sound ones.
    pub frontend: &'static str,
    /// Each with its end. They come after the sound ones, so that a header that they set or delete
    /// is as they say.
    pub late: &'static str,
    pub backend: &'static str,
}

/// Nothing unsound.
pub const SOUND: Lines = Lines {
    frontend: "",
    late: "",
    backend: "",
};

/// A running HAProxy.
pub struct Haproxy {
    _process: Process,
    _home: TempDir,
}

impl Haproxy {
    pub fn start(world: &World, stand: &Stand, lines: Lines, next: &Next) -> Haproxy {
        let home = world.directory("haproxy");
        let (bind, plain, scheme) = match stand {
            Stand::Front {
                address,
                files,
                redirect,
            } => {
                let read = |file| std::fs::read_to_string(file).expect("read a PEM file");
                let pair = read(&files.cert) + &read(&files.key);
                std::fs::write(home.path().join("front.pem"), pair).expect("front.pem");
                let plain = match address.port() {
                    443 => format!(
                        "frontend plain\n  bind {}:80\n  \
                         http-request redirect scheme https code {redirect}\n",
                        address.ip()
                    ),
                    _ => String::new(),
                };
                (
                    format!("{address} ssl crt front.pem alpn h2,http/1.1"),
                    plain,
                    "  http-request set-header X-Forwarded-Proto https\n",
                )
            }
            Stand::Inner(address) => (address.to_string(), String::new(), ""),
        };
        let Lines {
            frontend,
            late,
            backend,
        } = lines;
        let server = next.address();
        let text = format!(
            "global\n  log stdout format raw local0\n  maxconn 200\ndefaults\n  mode http\n  \
             log global\n  option httplog\n  timeout connect 5s\n  timeout client 900s\n  \
             timeout server 900s\n{plain}frontend edge\n  bind {bind}\n  option forwardfor\n\
             {frontend}{scheme}{late}  default_backend harbor\n\
             backend harbor\n{backend}  server harbor {server}\n"
        );
        let file = home.path().join("haproxy.cfg");
        std::fs::write(&file, text).expect("haproxy.cfg");
        let mut command = world.command("haproxy", home.path());
        command.current_dir(home.path());
        command.args(["-db", "-f"]).arg(&file);
        let process = Process::start("haproxy", command);
        wait::until_it_accepts(stand.address(), Duration::from_secs(10));
        Haproxy {
            _process: process,
            _home: home,
        }
    }
}
