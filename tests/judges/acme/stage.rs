//! Gateways that order their certificates, and what leads an authority to them.

use super::pebble::Pebble;
use crate::common::gateway::Gateway;
use crate::common::plain_http;
use crate::stage::{Served, serve};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub const HUB: &str = "hub.example.com";

/// A port that leads to one gateway after the other, as a balancer would.
pub struct Way {
    served: Served,
    to: Arc<Mutex<Vec<SocketAddr>>>,
    is_closed: Arc<AtomicBool>,
}

impl Way {
    fn open() -> Way {
        let to = Arc::new(Mutex::new(Vec::<SocketAddr>::new()));
        let (known, next) = (Arc::clone(&to), AtomicUsize::new(0));
        let is_closed = Arc::<AtomicBool>::default();
        let closed = Arc::clone(&is_closed);
        let served = serve(move |stream| {
            let to = known.lock().expect("the addresses").clone();
            if to.is_empty() || closed.load(Ordering::Relaxed) {
                return;
            }
            let next = next.fetch_add(1, Ordering::Relaxed);
            // Whoever is gone is found out by the authority.
            let _ = TcpStream::connect(to[next % to.len()]).and_then(|there| join(&stream, &there));
        });
        Way {
            served,
            to,
            is_closed,
        }
    }

    pub fn port(&self) -> u16 {
        self.served.address.port()
    }

    /// From now on nobody comes through.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Those that it led to are gone.
    pub fn forget(&self) {
        self.to.lock().expect("the addresses").clear();
    }

    fn leads_to_one_more(&self, address: SocketAddr) {
        self.to.lock().expect("the addresses").push(address);
    }
}

/// Passes bytes both ways until both sides have ended.
fn join(here: &TcpStream, there: &TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (here.try_clone()?, there.try_clone()?);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (there, here);
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    up.join().map_err(|_| io::Error::other("the way up"))
}

/// Ports 80 and 443 as an authority sees them.
pub struct Ways {
    pub http: Way,
    pub tls: Way,
}

impl Ways {
    pub fn open() -> Ways {
        Ways {
            http: Way::open(),
            tls: Way::open(),
        }
    }
}

/// A gateway whose certificate comes from pebble.
pub struct Replica(Gateway);

impl Replica {
    /// With a listener that redirects; `more`: another key of `acme`.
    pub fn start(pebble: &Pebble, cache: &Path, more: &str, ways: &Ways) -> Replica {
        let redirecting = "  - { address: 127.0.0.1:0, redirect_to_https: true }\n";
        Replica::listening(redirecting, pebble, cache, more, ways)
    }

    /// With nothing at port 80.
    pub fn of_tls(pebble: &Pebble, cache: &Path, more: &str, ways: &Ways) -> Replica {
        Replica::listening("", pebble, cache, more, ways)
    }

    fn listening(others: &str, pebble: &Pebble, cache: &Path, more: &str, ways: &Ways) -> Replica {
        let acme = format!(
            "domains: [{HUB}], email: me@example.com, directory: {}, cache: {}, ca: {}",
            pebble.directory(),
            cache.display(),
            pebble.ca().display(),
        );
        let comma = if more.is_empty() { "" } else { ", " };
        let gateway = Gateway::with_config(&format!(
            "threads: 1\nadmin: {{ address: 127.0.0.1:0 }}\nlisteners:\n  - address: 127.0.0.1:0\n    \
             tls: {{ acme: {{ {acme}{comma}{more} }} }}\n{others}registries:\n  - name: hq\n    \
             public: [https://{HUB}]\n    upstream: {{ endpoints: [http://127.0.0.1:9] }}\n"
        ));
        ways.tls.leads_to_one_more(gateway.https[0]);
        if let Some(http) = gateway.http.first() {
            ways.http.leads_to_one_more(*http);
        }
        Replica(gateway)
    }

    pub fn https(&self) -> SocketAddr {
        self.0.https[0]
    }

    pub fn stderr(&self) -> String {
        self.0.stderr()
    }

    /// How many of its orders ended so.
    pub fn orders(&self, result: &str) -> f64 {
        let family = "harbormouth_certificate_orders_total";
        self.0.metric(family, &[("result", result)])
    }

    /// What `/readyz` says of the certificate.
    pub fn ready(&self) -> serde_json::Value {
        let admin = self.0.admin.expect("an admin listener");
        let answer = plain_http::ask(admin, "GET", "/readyz", &[]);
        assert_eq!(
            answer.status, 200,
            "a missing certificate keeps nobody from starting"
        );
        let ready: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        ready["certificates"][0].clone()
    }

    /// What is wrong with it.
    pub fn problem(&self) -> Option<String> {
        self.ready()["problem"].as_str().map(str::to_owned)
    }
}
