//! Three gateways before three Harbors, scraped by a real Prometheus, and what can befall them.

use crate::client::{Conn, get, with_length};
use crate::prometheus::{JOB, Prometheus};
use crate::push::{self, alice, bearer, begin, commit};
use crate::setup::{HUB, Registry, Setup, World, until};
use crate::stretched::Snapshot;
use harbormouth::testing::fake_harbor::content::digest;
use harbormouth::testing::fake_harbor::proxy::{FakeProxy, FakeProxyConfig};
use harbormouth::testing::fake_harbor::{FakeHarbor, InjectedFault, Match, Times};
use harbormouth::tickets::SealingKey;
use http::{Method, StatusCode};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const CONTAINERD: &str = "User-Agent: containerd/1.6.20";

pub struct Fleet {
    pub gateways: Vec<World>,
    pub hq: FakeHarbor,
    pub spare: FakeHarbor,
    prometheus: Prometheus,
    /// Each gateway's sealing key.
    keys: TempDir,
    /// Behind it nobody sees an Authorization.
    _hop: FakeProxy,
    pub lab: FakeHarbor,
}

impl Fleet {
    pub async fn start() -> Fleet {
        let (hq, lab, spare) = (
            push::fake_harbor().await,
            push::fake_harbor().await,
            push::fake_harbor().await,
        );
        let hop = FakeProxy::start(FakeProxyConfig {
            strip_authorization_on: vec![Method::GET],
            ..FakeProxyConfig::honest(lab.origin().clone())
        });
        let hop = hop.await.expect("the hop");
        let keys = TempDir::new().expect("a directory");
        let gateways: Vec<World> = (0..3)
            .map(|number| {
                let key = keys.path().join(number.to_string());
                write_key(&key, 1);
                let endpoints = [
                    ("hq", hq.origin().to_string()),
                    ("lab", format!("http://{}", hop.address())),
                    ("spare", spare.origin().to_string()),
                ];
                gateway(&key, endpoints)
            })
            .collect();
        let admins: Vec<SocketAddr> = gateways
            .iter()
            .filter_map(|one| one.gateway.admin)
            .collect();
        let prometheus = Prometheus::start(&admins);
        let fleet = Fleet {
            gateways,
            hq,
            spare,
            prometheus,
            keys,
            _hop: hop,
            lab,
        };
        fleet.sees("sum(up) == 3").await;
        fleet
            .sees("count(harbormouth_upstream_healthy == 1) == 9")
            .await;
        fleet
    }

    /// Waits until an expression has an answer at Prometheus.
    pub async fn sees(&self, expr: &str) {
        until(expr, || {
            let answer = self.prometheus.query(expr);
            answer
                .is_ok_and(|samples| !samples.is_empty())
                .then_some(())
        })
        .await;
    }

    /// What Prometheus has of the job, from a scrape after now.
    pub async fn snapshot(&self) -> Snapshot {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.expect("after 1970").as_secs_f64();
        self.sees(&format!("min(timestamp(up)) > {now}")).await;
        self.prometheus
            .series(&format!("{{job=\"{JOB}\", instance!=\"\"}}"))
    }

    pub fn instance(&self, number: usize) -> String {
        let admin = self.gateways[number].gateway.admin;
        admin.expect("an admin listener").to_string()
    }

    /// A push at each gateway.
    pub async fn pushes(&self) {
        for world in &self.gateways {
            let (mut conn, token) = logged_in(world).await;
            let location = begin(&mut conn, &token).await;
            assert_eq!(
                commit(&mut conn, &token, &location, b"a layer")
                    .await
                    .status,
                201
            );
        }
    }

    /// So many commits at each gateway, which get this answer.
    pub async fn commits(&self, count: u32, status: StatusCode, code: &str) {
        let answer = InjectedFault::Answer {
            status,
            content_type: "application/json",
            body: format!(r#"{{"errors":[{{"code":"{code}","message":"as injected"}}]}}"#),
        };
        let faults = self.hq.faults();
        faults.inject(Match::method(Method::PUT), Times::Always, answer);
        for world in &self.gateways {
            let (mut conn, token) = logged_in(world).await;
            for _ in 0..count {
                let location = begin(&mut conn, &token).await;
                let reply = commit(&mut conn, &token, &location, b"a layer").await;
                assert_eq!(reply.status, status.as_u16(), "{reply:?}");
            }
        }
        faults.clear();
    }

    /// What is in front of the gateways cuts two commits at each that Harbor is silent over.
    pub async fn cut_commits(&self) {
        let silent = InjectedFault::Delay(Duration::from_secs(30));
        self.hq
            .faults()
            .inject(Match::method(Method::PUT), Times::Always, silent);
        let mut waiting = Vec::new();
        for world in self.gateways.iter().chain(&self.gateways) {
            let (mut conn, token) = logged_in(world).await;
            let location = begin(&mut conn, &token).await;
            let put = format!("{location}&digest={}", digest(b"a layer"));
            let put = with_length("PUT", &put, &[&token, CONTAINERD], b"a layer");
            conn.write(put).await.expect("write");
            waiting.push(conn);
        }
        // From five seconds on it is Harbor that was left.
        tokio::time::sleep(Duration::from_millis(5500)).await;
        drop(waiting);
        self.hq.faults().clear();
    }

    /// Commits that come without the Authorization of their upload, in the clear, where there are no tickets.
    pub async fn lose_authorization(&self) {
        for world in &self.gateways {
            let (_, token) = logged_in(world).await;
            let mut conn = world.http().await;
            for _ in 0..5 {
                let location = begin(&mut conn, &token).await;
                let reply = commit(&mut conn, CONTAINERD, &location, b"a layer").await;
                assert_eq!(reply.status, 401, "{reply:?}");
            }
        }
    }

    /// Logins at the registry behind the hop that removes Authorization.
    pub async fn logins_behind_the_hop(&self) {
        for world in &self.gateways {
            let mut conn = world.https().await;
            for _ in 0..5 {
                let ping = String::from_utf8(get("/v2/", &[&alice()])).expect("text");
                let reply = conn.ask(ping.replace(HUB, "lab.example.com")).await;
                assert_eq!(reply.status, 401, "{reply:?}");
            }
        }
    }

    /// Another key for a gateway to seal with.
    pub fn key(&self, number: usize, key: u8) {
        write_key(&self.keys.path().join(number.to_string()), key);
        self.gateways[number].gateway.signal("HUP");
    }

    /// The certificate of a gateway, from now on one that ends then.
    pub fn certificate(&self, number: usize, days: i64) {
        let world = &self.gateways[number];
        let seconds = u64::try_from(days * 86400).expect("a time to come");
        world.ca.issue_with(&[HUB], |params| {
            params.not_after = (SystemTime::now() + Duration::from_secs(seconds)).into();
        });
        world.gateway.signal("HUP");
    }
}

fn write_key(file: &Path, key: u8) {
    std::fs::write(file, SealingKey::new([key; 32]).write().as_bytes()).expect("write a key");
}

fn gateway(key: &Path, endpoints: [(&'static str, String); 3]) -> World {
    let registries = endpoints.map(|(name, endpoint)| {
        let mut registry = Registry::new(name, endpoint);
        registry.interval = "1s";
        if name != "hq" {
            registry.public = vec![format!("https://{name}.example.com").leak()];
        }
        registry
    });
    Setup {
        top: format!(
            "metrics: {{ detail: lean }}\nreattach: {{ keys: {{ current: {} }} }}\n",
            key.display()
        ),
        certificates: vec![vec![HUB]],
        ..Setup::of(registries.into())
    }
    .start()
}

async fn logged_in(world: &World) -> (Conn, String) {
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    (conn, token)
}
