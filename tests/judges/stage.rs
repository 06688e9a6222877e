//! A gateway with one certificate and small limits, before a Harbor that the test chooses.

use crate::common::ca::Ca;
use crate::common::gateway::Gateway;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const HUB: &str = "hub.example.com";

pub struct Stage {
    pub gateway: Gateway,
    _home: TempDir,
}

impl Stage {
    /// `top`: more top-level keys; `registry`: more keys of the only registry, each line indented
    /// by four; `public`: more origins, each with a comma before it.
    pub fn start(harbor: SocketAddr, top: &str, registry: &str, public: &str) -> Stage {
        Stage::listening("127.0.0.1:0", harbor, top, registry, public)
    }

    /// The same with the plain listener at this address.
    pub fn listening(
        plain: &str,
        harbor: SocketAddr,
        top: &str,
        registry: &str,
        public: &str,
    ) -> Stage {
        let home = TempDir::new().expect("a directory");
        let ca = Ca::new(home.path());
        let files = ca.issue(&[HUB]);
        let yaml = format!(
            "threads: 1\nadmin: {{ address: 127.0.0.1:0 }}\n{top}listeners:\n  - address: {plain}\n  \
             - address: 127.0.0.1:0\n    tls: {{ certificates: [{{ cert: {}, key: {} }}] }}\n  \
             - address: 127.0.0.1:0\n    redirect_to_https: true\n\
             registries:\n  - name: hq\n    public: [https://{HUB}, http://{HUB}{public}]\n    \
             upstream:\n      endpoints: [http://{harbor}]\n      \
             health: {{ path: /api/v2.0/ping, interval: 1h }}\n{registry}",
            files.cert.display(),
            files.key.display(),
        );
        Stage {
            gateway: Gateway::with_config(&yaml),
            _home: home,
        }
    }

    pub fn plain(&self) -> SocketAddr {
        self.gateway.http[0]
    }

    pub fn redirecting(&self) -> SocketAddr {
        self.gateway.http[1]
    }

    pub fn tls(&self) -> SocketAddr {
        self.gateway.https[0]
    }
}

/// A server whose connections are each served by a thread; dropping it ends the listening.
pub struct Served {
    pub address: SocketAddr,
    ends: Arc<AtomicBool>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // It looks up then.
        let _ = TcpStream::connect(self.address);
    }
}

pub fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("its address");
    let ends = Arc::new(AtomicBool::new(false));
    let (each, told) = (Arc::new(each), ends.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if told.load(Ordering::Relaxed) {
                return;
            }
            let each = each.clone();
            std::thread::spawn(move || each(stream));
        }
    });
    Served { address, ends }
}

/// Sends these bytes and reads until the other side closes, or says nothing for `quiet` after it
/// has said something, or nothing at all for `limit`.
pub fn exchange(to: SocketAddr, bytes: &[u8], quiet: Duration, limit: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).expect("connect");
    // One that closes early is heard below.
    let _ = stream.write_all(bytes);
    let mut said = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    let start = Instant::now();
    loop {
        let patience = if said.is_empty() { limit } else { quiet };
        let _ = stream.set_read_timeout(Some(patience));
        match stream.read(&mut piece) {
            Ok(0) => return said,
            Ok(count) => said.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return said,
        }
        if start.elapsed() > limit * 4 {
            return said;
        }
    }
}
