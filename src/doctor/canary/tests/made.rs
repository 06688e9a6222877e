//! Walks and findings as a canary meets them.

use crate::config::Canary;
use crate::config::canary::CanaryCredentials;
use crate::doctor::canary::run::{CanaryRun, RunEnd};
use crate::doctor::canary::settings::Settings;
use crate::doctor::finding::Finding;
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{
    AddressSeen, Body, Carried, Entry, Exchange, Leftover, ResponseSeen, SentRequest, Trouble, Walk,
};
use crate::net::origin::Origin;
use crate::oci::repository::RepositoryName;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

pub(crate) const PASSWORD: &str = "Never-To-Be-Seen-1";

pub(crate) fn settings() -> Settings {
    Settings {
        canary: Canary {
            registry: "harbor".to_owned(),
            repository: RepositoryName::parse("lab/canary").unwrap(),
            credentials: CanaryCredentials {
                file: "/conf/canary.credentials".into(),
                user: "robot$canary".to_owned(),
                password: Zeroizing::new(PASSWORD.to_owned()),
            },
            interval: Duration::from_secs(60),
            ca: None,
            realm_hosts: Vec::new(),
        },
        target: Origin::parse("https://hub.example.com").unwrap(),
    }
}

/// Every step of a canary's walk, each done.
pub(crate) fn healthy() -> Walk {
    let target = settings().target;
    let address = ([203, 0, 113, 10], 443).into();
    let exchange = |(number, (step, status)): (usize, (Step, u16))| Exchange {
        step,
        request: SentRequest {
            method: "GET".to_owned(),
            url: format!("{target}/v2/"),
            authorization: Carried::Bearer,
            body: Body::None,
            headers: Vec::new(),
        },
        result: Ok(ResponseSeen {
            status,
            headers: vec![("x-request-id".to_owned(), format!("id-of-{step}"))],
            body: String::new(),
            content_matches: matches!(step, Step::ManifestGet | Step::BlobGet).then_some(true),
        }),
        sent: 5,
        took: Duration::from_millis(10 * (number as u64 + 1)),
        silence: None,
        address,
    };
    let steps = [
        (Step::Ping, 401),
        (Step::TokenPost, 405),
        (Step::TokenGet, 200),
        (Step::Authorized, 200),
        (Step::UploadStart, 202),
        (Step::UploadChunk, 202),
        (Step::BlobCommit, 201),
        (Step::ConfigCommit, 201),
        (Step::ManifestPut, 201),
        (Step::ManifestGet, 200),
        (Step::BlobGet, 200),
        (Step::ManifestDelete, 202),
    ];
    Walk {
        entry: Entry::Public,
        typed: target.authority(),
        began: 1_795_262_400,
        proxy: None,
        resolved: Some(Ok(vec![address])),
        addresses: vec![AddressSeen {
            address,
            connected: Ok(Duration::from_millis(4)),
            tls: None,
            is_used: true,
        }],
        repository: Some("lab/canary".to_owned()),
        user: None,
        exchanges: steps.into_iter().enumerate().map(exchange).collect(),
        grant: None,
        realm: None,
        skipped: Vec::new(),
        left: Vec::new(),
        requires_uploads: false,
        client: None,
        layer: None,
        language: crate::doctor::language::Language::English,
        target,
    }
}

/// The walk, but with this at a step, and nothing after it.
pub(crate) fn failing(step: Step, result: Result<u16, Trouble>) -> Walk {
    let mut walk = healthy();
    let after = |one: &Exchange| one.step <= step;
    walk.exchanges.retain(after);
    let last = walk.exchanges.last_mut().unwrap();
    assert_eq!(last.step, step);
    last.result = result.map(|status| ResponseSeen {
        status,
        ..last.result.clone().unwrap()
    });
    walk
}

/// The walk, but with this left behind.
pub(crate) fn leaving(status: Option<u16>) -> Walk {
    let mut walk = healthy();
    walk.left.push(Leftover::Artifact {
        repository: "lab/canary".to_owned(),
        reference: "harbormouth-canary@sha256:abc".to_owned(),
        status,
    });
    walk
}

pub(crate) fn finding(kind: Kind, step: Step) -> Finding {
    Finding {
        kind,
        severity: kind.severity(),
        step,
        summary: format!("This is {kind}."),
        evidence: Vec::new(),
        cause: Some("A hop did it.".to_owned()),
        effects: Vec::new(),
    }
}

pub(crate) fn run(walk: &Walk, findings: &[Finding]) -> CanaryRun {
    CanaryRun::of(SystemTime::UNIX_EPOCH, walk, findings, &RunEnd::Whole)
}
