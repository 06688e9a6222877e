//! Single steps: a whole chain for them would need its own names and ports.

use super::challenge::ChallengeKind;
use super::deadline::Interrupt;
use super::session::Session;
use super::timeouts::WalkTimeouts;
use super::{Walker, Watcher};
use crate::doctor::step::Step;
use crate::doctor::trace::{AddressSeen, Carried, Entry, Trouble, Walk};
use crate::doctor::{Artifact, Extent, Options};
use crate::net::origin::Origin;
use crate::testing::fake_harbor::{FakeHarbor, FakeHarborConfig, InjectedFault, Match, Times};
use futures_util::FutureExt;
use http::StatusCode;
use std::net::SocketAddr;
use std::time::Duration;

struct Nobody;

impl Watcher for Nobody {
    fn began(&mut self, _walk: &Walk, _step: Step) {}
    fn progress(&mut self, _step: Step, _done: u64, _total: u64) {}
    fn ended(&mut self, _walk: &Walk, _step: Step) {}
}

/// What a course borrows.
struct Ground {
    walker: Walker,
    bounds: WalkTimeouts,
    interrupt: Interrupt,
    watcher: Nobody,
}

impl Ground {
    fn new(target: &str) -> Ground {
        let options = Options {
            target: Origin::parse(target).unwrap(),
            port_is_typed: false,
            extent: Extent::Whole,
            requires_uploads: false,
            client: None,
            insecure: false,
            layer: None,
            language: crate::doctor::language::Language::English,
            repository: None,
            credentials: None,
            realm_hosts: Vec::new(),
            push: false,
            body: 0,
            idle: None,
            duration: None,
            commit_wait: false,
            via: Vec::new(),
            proxies: crate::doctor::proxies::Proxies::default(),
            authorities: None,
            certificate_directories: Vec::new(),
            user_agent: "harbormouth-doctor/test".into(),
            artifact: Artifact {
                tag: "t".into(),
                seed: 1,
            },
        };
        Ground {
            walker: Walker::new(&options).unwrap(),
            bounds: WalkTimeouts::default(),
            interrupt: std::future::pending().boxed().shared(),
            watcher: Nobody,
        }
    }

    /// A course that has connected to the first of these.
    fn course(&mut self, addresses: Vec<AddressSeen>) -> Session<'_> {
        let mut course = Session::new(
            &self.walker.wire,
            &self.walker.options,
            &self.bounds,
            self.interrupt.clone(),
            None,
            &Entry::Public,
            &mut self.watcher,
        );
        course.walk.addresses = addresses;
        course.walk.addresses[0].is_used = true;
        let target = course.options.target.clone();
        let site = course.site(&target, course.walk.addresses[0].address);
        course.site = Some(site);
        course
    }
}

async fn fake_harbor(address: [u8; 4]) -> FakeHarbor {
    let public = Origin::parse("http://hub.example.com").unwrap();
    let config = FakeHarborConfig {
        bind: SocketAddr::from((address, 0)),
        ..FakeHarborConfig::example(public)
    };
    FakeHarbor::start(config).await.unwrap()
}

fn seen(address: SocketAddr, connected: Result<Duration, Trouble>) -> AddressSeen {
    AddressSeen {
        address,
        connected,
        tls: None,
        is_used: false,
    }
}

fn taken(course: &Session<'_>) -> Vec<(Step, SocketAddr, Option<u16>)> {
    let exchanges = course.walk.exchanges.iter();
    exchanges
        .map(|exchange| {
            let status = exchange.result.as_ref().ok().map(|answer| answer.status);
            (exchange.step, exchange.address, status)
        })
        .collect()
}

#[test]
fn a_port_that_is_typed_stands_in_host() {
    for (is_typed, host) in [(false, "hub.example.com"), (true, "hub.example.com:443")] {
        let mut ground = Ground::new("https://hub.example.com");
        ground.walker.options.port_is_typed = is_typed;
        let address = SocketAddr::from(([127, 0, 0, 1], 443));
        let course = ground.course(vec![seen(address, Ok(Duration::ZERO))]);
        assert_eq!(course.site.unwrap().host, host);
    }
}

#[tokio::test]
async fn every_address_that_takes_a_connection_is_asked() {
    let used = fake_harbor([127, 0, 0, 1]).await;
    let other = fake_harbor([127, 0, 0, 2]).await;
    let dead = fake_harbor([127, 0, 0, 3]).await;
    let mut ground = Ground::new("http://hub.example.com");
    let mut course = ground.course(vec![
        seen(used.address(), Ok(Duration::ZERO)),
        seen(dead.address(), Err(Trouble::Refused)),
        seen(other.address(), Ok(Duration::ZERO)),
    ]);
    let challenge = course.ping().await.unwrap();
    assert!(
        matches!(challenge, ChallengeKind::Bearer { .. }),
        "{challenge:?}"
    );
    let expected = [
        (Step::PingBare, used.address(), Some(401)),
        (Step::Ping, used.address(), Some(401)),
        (Step::PingAgain, other.address(), Some(401)),
    ];
    assert_eq!(taken(&course), expected);
    assert_eq!(other.seen()[0].header("host"), "hub.example.com");
    assert!(dead.seen().is_empty());
}

#[tokio::test]
async fn plain_http_is_asked_under_the_targets_name_and_without_a_secret() {
    let redirecting = fake_harbor([127, 0, 0, 1]).await;
    let moved = InjectedFault::Answer {
        status: StatusCode::MOVED_PERMANENTLY,
        content_type: "text/html",
        body: String::new(),
    };
    let faults = redirecting.faults();
    faults.inject(Match::any(), Times::Always, moved);
    let address = redirecting.address();
    let mut ground = Ground::new("https://hub.example.com");
    let mut course = ground.course(vec![seen(address, Ok(Duration::ZERO))]);
    assert!(course.has_plain_http());
    course.plain_http_on(address.port()).await.unwrap();
    let expected = [
        (Step::PlainHttp, address, Some(301)),
        (Step::PlainHttpWrite, address, Some(301)),
    ];
    assert_eq!(taken(&course), expected);
    let shown = format!("http://hub.example.com:{}/v2/", address.port());
    for exchange in &course.walk.exchanges {
        assert_eq!(exchange.request.url, shown);
        assert_eq!(exchange.request.authorization, Carried::Nothing);
    }
    let methods: Vec<String> = redirecting
        .seen()
        .iter()
        .map(|seen| seen.method.to_string())
        .collect();
    assert_eq!(methods, ["GET", "POST"]);

    // Where nobody answers a GET nobody is asked with POST.
    redirecting.stop().await;
    course.walk.exchanges.clear();
    course.plain_http_on(address.port()).await.unwrap();
    assert_eq!(taken(&course), [(Step::PlainHttp, address, None)]);
}

#[test]
fn plain_http_has_a_place_where_clients_type_https_and_no_port() {
    for (target, expected) in [
        ("https://hub.example.com", true),
        ("https://hub.example.com:443", true),
        ("https://hub.example.com:8443", false),
        ("http://hub.example.com", false),
    ] {
        let mut ground = Ground::new(target);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let course = ground.course(vec![seen(nowhere, Ok(Duration::ZERO))]);
        assert_eq!(course.has_plain_http(), expected, "{target}");
    }
}
