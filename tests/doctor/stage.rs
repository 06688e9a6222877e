//! A chain: a hop with TLS in front, the fake Harbor behind it, and a walk through both.

use harbormouth::doctor::credentials::Credentials;
use harbormouth::doctor::proxies::Proxies;
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::{Entry, Exchange, Leftover, Skip, Skipped, Walk};
use harbormouth::doctor::walk::{WalkTimeouts, Walker, Watcher};
use harbormouth::doctor::{Artifact, Extent, Options};
use harbormouth::net::origin::Origin;
use harbormouth::oci::repository::RepositoryName;
use harbormouth::testing::fake_harbor::certificates::CertificateAuthority;
use harbormouth::testing::fake_harbor::proxy::{FakeProxy, FakeProxyConfig};
use harbormouth::testing::fake_harbor::{FakeHarbor, FakeHarborConfig};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

pub const REPOSITORY: &str = "lab/app";

pub struct Stage {
    pub fake_harbor: FakeHarbor,
    pub hop: FakeProxy,
    pub options: Options,
    /// Has the authority's certificate.
    _authorities: NamedTempFile,
}

/// What a chain is made of.
pub struct Plan {
    pub fake_harbor: Box<dyn Fn(&mut FakeHarborConfig)>,
    pub hop: Box<dyn Fn(&mut FakeProxyConfig)>,
}

impl Plan {
    /// Nothing is wrong.
    pub fn honest() -> Plan {
        Plan {
            fake_harbor: Box::new(|_| {}),
            hop: Box::new(|_| {}),
        }
    }

    pub fn hop(change: impl Fn(&mut FakeProxyConfig) + 'static) -> Plan {
        Plan {
            hop: Box::new(change),
            ..Plan::honest()
        }
    }

    pub fn fake_harbor(change: impl Fn(&mut FakeHarborConfig) + 'static) -> Plan {
        Plan {
            fake_harbor: Box::new(change),
            ..Plan::honest()
        }
    }
}

impl Stage {
    pub async fn honest() -> Stage {
        Stage::set(Plan::honest()).await
    }

    pub async fn set(plan: Plan) -> Stage {
        // The fake Harbor's external URL has the hop's port in it, which is known only once the hop
        // stands before the fake Harbor. Another process may take the port in between.
        for _ in 0..5 {
            if let Some(stage) = Stage::try_to_set(&plan).await {
                return stage;
            }
        }
        panic!("no port stayed free");
    }

    async fn try_to_set(plan: &Plan) -> Option<Stage> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        let target = Origin::parse(&format!("https://{address}")).unwrap();
        let mut config = example(&target);
        (plan.fake_harbor)(&mut config);
        let fake_harbor = FakeHarbor::start(config).await.unwrap();
        let authority = CertificateAuthority::new("the doctor's tests").unwrap();
        let certificate = authority.issue(&["127.0.0.1", "localhost"]).unwrap();
        let mut config = FakeProxyConfig::honest(fake_harbor.origin());
        config.bind = address;
        config.tls = Some(certificate.server().unwrap());
        (plan.hop)(&mut config);
        drop(free);
        let hop = FakeProxy::start(config).await.ok()?;
        let authorities = NamedTempFile::new().unwrap();
        std::fs::write(authorities.path(), authority.pem()).unwrap();
        let mut options = options(target);
        options.authorities = Some(authorities.path().to_owned());
        Some(Stage {
            fake_harbor,
            hop,
            options,
            _authorities: authorities,
        })
    }

    /// The public walk.
    pub async fn walk(&self) -> Walk {
        walk(&self.options).await
    }
}

/// A Harbor whose refusals of passwords cost no time.
pub fn example(external_url: &Origin) -> FakeHarborConfig {
    FakeHarborConfig {
        failed_login_delay: Duration::from_millis(10),
        ..FakeHarborConfig::example(external_url.clone())
    }
}

/// Everything but the steps that have to be asked for, as the administrator.
pub fn options(target: Origin) -> Options {
    Options {
        target,
        port_is_typed: false,
        repository: Some(RepositoryName::parse(REPOSITORY).expect("a repository")),
        credentials: Some(credentials("admin", "Harbor12345")),
        realm_hosts: Vec::new(),
        push: false,
        body: 256 * 1024,
        idle: None,
        duration: None,
        commit_wait: false,
        via: Vec::new(),
        proxies: Proxies::default(),
        authorities: None,
        certificate_directories: Vec::new(),
        user_agent: "harbormouth-doctor/test".into(),
        artifact: Artifact {
            tag: "harbormouth-doctor".into(),
            seed: 7,
        },
        extent: Extent::Whole,
        requires_uploads: false,
        client: None,
        insecure: false,
        layer: None,
        language: harbormouth::doctor::language::Language::English,
    }
}

pub fn credentials(user: &str, password: &str) -> Credentials {
    Credentials {
        user: user.into(),
        password: Zeroizing::new(password.into()),
        source: "the test".into(),
    }
}

pub async fn walk(options: &Options) -> Walk {
    let mut walker = walker(options);
    // As the gateway takes its own: on whatever worker is free.
    let walking =
        tokio::spawn(async move { walker.walk(&Entry::Public, &mut Told::default()).await });
    walking.await.unwrap()
}

pub fn walker(options: &Options) -> Walker {
    Walker::new(options).unwrap()
}

/// Not so patient where a hop is to say nothing.
pub fn impatient(options: &Options) -> Walker {
    walker(options).bounded(WalkTimeouts {
        early: Duration::from_millis(400),
        ..WalkTimeouts::default()
    })
}

/// What a watcher is told.
#[derive(Default)]
pub struct Told {
    pub began: Vec<Step>,
    pub ended: Vec<Step>,
    /// The last of each body.
    pub progress: Vec<(Step, u64, u64)>,
}

impl Watcher for Told {
    fn began(&mut self, _walk: &Walk, step: Step) {
        self.began.push(step);
    }

    fn progress(&mut self, step: Step, done: u64, total: u64) {
        self.progress.retain(|(other, ..)| *other != step);
        self.progress.push((step, done, total));
    }

    fn ended(&mut self, _walk: &Walk, step: Step) {
        self.ended.push(step);
    }
}

/// Each step with its status; none where there was no answer.
pub fn statuses(walk: &Walk) -> Vec<(Step, Option<u16>)> {
    let status = |exchange: &Exchange| exchange.result.as_ref().ok().map(|answer| answer.status);
    walk.exchanges
        .iter()
        .map(|exchange| (exchange.step, status(exchange)))
        .collect()
}

/// The status of the first exchange of a step.
pub fn status(walk: &Walk, step: Step) -> Option<u16> {
    walk.answer(step).map(|answer| answer.status)
}

/// Why steps were skipped that somebody asked for.
pub fn skipped(walk: &Walk) -> Vec<(Step, Skip)> {
    let pair = |skipped: &Skipped| (skipped.step, skipped.why);
    let all = walk.skipped.iter().map(pair);
    all.filter(|(_, why)| *why != Skip::NotAskedFor).collect()
}

pub fn left_uploads(walk: &Walk) -> Vec<Option<u16>> {
    let status = |left: &Leftover| match left {
        Leftover::Upload { status, .. } => Some(*status),
        Leftover::Artifact { .. } | Leftover::Blob { .. } => None,
    };
    walk.left.iter().filter_map(status).collect()
}

pub fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}
