//! Public threads of people whose pushes or pulls broke, rebuilt as what the doctor would have seen
//! there: by the configuration and the answers that stand in the thread, and held against the cause
//! that was found in it, which stands in `threads.yaml`. What their clients printed is explained, too.

use super::found;
use super::kinds::challenge;
use crate::doctor::explain::explain;
use crate::doctor::kind::{Kind, Severity};
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB, asked};
use crate::doctor::trace::{Body, Distrust, Trouble};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Where it was told, and what the doctor would have seen.
type Thread = (&'static str, FixtureWalk);

/// The causes, with the threads of each and what a client printed there.
fn causes() -> BTreeMap<Kind, BTreeMap<String, Option<String>>> {
    serde_yaml::from_str(include_str!("../threads.yaml")).unwrap()
}

fn hub() -> FixtureWalk {
    FixtureWalk::harbor(HUB)
}

/// The challenge's realm is this, and its host is there, or nowhere.
fn realm(made: FixtureWalk, realm: &str, host: Option<Result<SocketAddr, Trouble>>) -> FixtureWalk {
    let header = format!("Bearer realm=\"{realm}\",service=\"harbor-registry\"");
    let mut made = challenge(made, &header);
    made.0.realm = host.map(|host| host.map(|address| vec![address]));
    made
}

fn elsewhere(made: FixtureWalk, at: &str, address: &str) -> FixtureWalk {
    realm(made, at, Some(Ok(address.parse().unwrap())))
}

fn unanswered(made: FixtureWalk, at: &str) -> FixtureWalk {
    let silent = Trouble::TimedOut(Duration::from_secs(10));
    realm(made, at, Some(Err(silent)))
}

/// A body of this size was refused so.
fn refused(size: u64, status: u16) -> FixtureWalk {
    hub()
        .change(Step::Body, |body| body.request.body = Body::Length(size))
        .status(Step::Body, status)
        .html(Step::Body)
}

/// A commit that a hop gave up on.
fn given_up(status: u16, after: u64) -> FixtureWalk {
    let silence = Duration::from_secs(after);
    hub()
        .committed(1 << 30, silence)
        .status(Step::CommitWait, status)
        .html(Step::CommitWait)
}

/// The layer is at a storage that can't be had from here.
fn stored(at: &str, trouble: Trouble) -> FixtureWalk {
    let redirect =
        format!("{at}/harbor/docker/registry/v2/blobs/sha256/aa/data?X-Amz-Signature=***");
    let mut moved = asked(Step::BlobGet, "GET", &redirect, 200);
    moved.result = Err(trouble);
    hub()
        .pushed()
        .status(Step::BlobGet, 307)
        .header(Step::BlobGet, "location", Some(&redirect))
        .change(Step::BlobGet, |one| {
            if let Ok(answer) = &mut one.result {
                answer.content_matches = None;
            }
        })
        .with(moved)
}

/// The request after the POST reached a registry that doesn't know the upload.
fn another_replica(step: Step) -> FixtureWalk {
    hub()
        .status(step, 404)
        .json_error(step, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown")
}

fn until(made: FixtureWalk, last: Step) -> FixtureWalk {
    let later = Step::ALL.into_iter().filter(|step| *step > last);
    later.fold(made, FixtureWalk::without)
}

fn untrusted(distrust: Distrust) -> FixtureWalk {
    until(hub(), Step::Ping)
        .tls(|tls| tls.chain.truncate(1))
        .tls(|tls| tls.chain[0].issuer = tls.chain[0].subject.clone())
        .distrust(distrust)
}

/// https was typed, and the port speaks plain HTTP.
fn plain(target: &str) -> FixtureWalk {
    let mut made = FixtureWalk::empty(target);
    for seen in &mut made.0.addresses {
        seen.tls = Some(Err(Trouble::NotTls));
        seen.is_used = false;
    }
    made
}

fn closed(target: &str) -> FixtureWalk {
    let mut made = FixtureWalk::empty(target);
    for seen in &mut made.0.addresses {
        (seen.connected, seen.tls, seen.is_used) = (Err(Trouble::Refused), None, false);
    }
    made
}

fn locations() -> Vec<Thread> {
    let http = || hub().locations("http://hub.example.com");
    let odd = |target: &str, came: &str| FixtureWalk::harbor(target).locations(came);
    vec![
        ("goharbor/harbor#16724", http()),
        ("goharbor/harbor#37", http()),
        ("goharbor/harbor#14893", http()),
        ("goharbor/harbor#1595", http()),
        (
            "bitnami/bitnami-docker-harbor-portal#12",
            http().header(Step::Ping, "server", Some("awselb/2.0")),
        ),
        (
            "vfarcic/docker-flow-stacks#10",
            http()
                .status(Step::PlainHttp, 301)
                .status(Step::PlainHttpWrite, 301),
        ),
        (
            "moby/moby#34657",
            FixtureWalk::htpasswd(HUB)
                .locations("http://hub.example.com")
                .status(Step::PlainHttp, 404)
                .status(Step::PlainHttpWrite, 405),
        ),
        (
            "goharbor/harbor#13553",
            hub().locations("https://hub.example.com:443"),
        ),
        (
            "docker/build-push-action#258",
            FixtureWalk::htpasswd(HUB).locations("https://hub.example.com:443"),
        ),
        (
            "distribution/distribution#2572",
            odd("https://sub.example.com:86", "https://sub.example.com"),
        ),
        (
            "openshift/origin#11337",
            odd(
                "http://registry.f24-ose.vm:5000",
                "http://registry.f24-ose.vm",
            ),
        ),
        (
            "docker-archive/docker-registry#545",
            odd("https://hub.example.com:8443", "https://hub.example.com"),
        ),
        (
            "moby/moby#15048",
            odd("https://hub.example.com:5000", "https://hub.example.com"),
        ),
        (
            "distribution/distribution#2862",
            odd("https://hub.example.com:4443", "https://hub.example.com"),
        ),
        (
            "distribution/distribution#970",
            hub().locations("https://docker-registry"),
        ),
    ]
}

fn realms() -> Vec<Thread> {
    let from = FixtureWalk::harbor;
    let token = "/service/token";
    let at = |origin: &str| format!("{origin}{token}");
    vec![
        (
            "goharbor/harbor#3114",
            realm(hub(), "http://hub.example.com/v2//service/token", None),
        ),
        (
            "goharbor/harbor#12739",
            realm(hub(), &at("http://hub.example.com:8091"), None),
        ),
        (
            "goharbor/harbor#5292",
            elsewhere(
                from("http://119.18.193.77:1952"),
                &at("http://10.6.52.5"),
                "10.6.52.5:80",
            ),
        ),
        (
            "goharbor/harbor#15127",
            elsewhere(
                from("http://202.120.39.13:61555"),
                &at("http://192.168.1.61:30002"),
                "192.168.1.61:30002",
            ),
        ),
        (
            "goharbor/harbor#11243",
            unanswered(
                from("http://10.122.2.98:5000"),
                &at("https://harbor.my.domain"),
            ),
        ),
        (
            "goharbor/harbor#21577",
            unanswered(hub(), &at("https://hub-01.example.com")),
        ),
        (
            "SUSE/Portus#2227",
            elsewhere(hub(), "https://172.17.0.1/v2/token", "172.17.0.1:443"),
        ),
        (
            "SUSE/Portus#2158",
            unanswered(
                from("http://192.168.36.86:5000"),
                "http://172.17.0.1:3000/v2/token",
            ),
        ),
        (
            "container-registry/harbor-next#884",
            realm(
                from("http://hub.example.com:18090"),
                &at("http://hub.example.com"),
                None,
            ),
        ),
        (
            "container-registry/harbor-next#926",
            realm(
                from("http://hub.example.com:8081"),
                &at("http://hub.example.com"),
                None,
            ),
        ),
        (
            "nicholasamorim/ansible-role-harbor#10",
            realm(
                from("https://hub.example.com:8443"),
                &at("https://hub.example.com"),
                None,
            ),
        ),
    ]
}

fn bodies() -> Vec<Thread> {
    const MIB: u64 = 1 << 20;
    vec![
        ("goharbor/harbor#15823", refused(2 * MIB, 413)),
        ("goharbor/harbor#10621", refused(2 << 30, 413)),
        ("goharbor/harbor#22353", refused(2 * MIB, 413)),
        ("goharbor/harbor#3270", refused(150 * MIB, 413)),
        ("goharbor/harbor#13339", refused(5 << 30, 413)),
        ("goharbor/harbor-operator#62", refused(6 * MIB, 413)),
        ("goharbor/harbor-helm#859", refused(2 * MIB, 413)),
        ("docker/build-push-action#634", refused(2 * MIB, 413)),
        ("traefik/traefik#8005", refused(150 * MIB, 413)),
        ("replicatedhq/ttl.sh#104", refused(150 * MIB, 413)),
        ("moby/moby#27877", refused(150 * MIB, 400)),
        ("goharbor/harbor#17546", given_up(524, 100)),
        ("goharbor/harbor#15729", given_up(504, 60)),
        ("goharbor/harbor#18508", given_up(504, 60)),
        ("goharbor/harbor#9394", given_up(504, 240)),
    ]
}

fn uploads_and_pulls() -> Vec<Thread> {
    let nowhere = || Trouble::Unresolved("this machine's resolver doesn't know this name".into());
    let silent = || Trouble::TimedOut(Duration::from_secs(10));
    let patch = || another_replica(Step::UploadChunk);
    let refused = |status| {
        until(hub(), Step::UploadStart)
            .status(Step::UploadStart, status)
            .html(Step::UploadStart)
    };
    vec![
        ("distribution/distribution#1402", patch()),
        ("distribution/distribution#1933", patch()),
        ("distribution/distribution#2519", patch()),
        ("distribution/distribution#1576", patch()),
        ("distribution/distribution#2225", patch()),
        ("deis/registry#84", another_replica(Step::UploadStatus)),
        (
            "goharbor/harbor#15234",
            super::kinds::pulled().status(Step::HeadAfter, 404),
        ),
        (
            "goharbor/harbor#23050",
            stored("https://s3.internal.home", nowhere()),
        ),
        (
            "goharbor/harbor#20588",
            stored("http://minio:9000", nowhere()),
        ),
        (
            "goharbor/harbor#15542",
            stored("https://10.96.0.17:9000", silent()),
        ),
        (
            "goharbor/harbor#13037",
            stored("https://s3.example.internal", silent()),
        ),
        (
            "podman-container-tools/podman#11993",
            hub().pushed().change(Step::ManifestGet, |one| {
                if let Ok(answer) = &mut one.result {
                    answer.content_matches = Some(false);
                }
            }),
        ),
        (
            "distribution/distribution#3848",
            hub()
                .pushed()
                .header(Step::ManifestPut, "docker-content-digest", None),
        ),
        (
            "ahmetb/serverless-registry-proxy#10",
            super::kinds::pulled().header(Step::ManifestHead, "content-length", None),
        ),
        ("kwk/docker-registry-frontend#182", refused(403)),
        ("theforeman/puppet-pulp#406", refused(405)),
    ]
}

fn entries() -> Vec<Thread> {
    let unknown = Distrust::UnknownIssuer;
    vec![
        ("goharbor/harbor#6774", untrusted(unknown.clone())),
        ("goharbor/harbor#11439", untrusted(unknown.clone())),
        ("goharbor/harbor#7833", untrusted(unknown.clone())),
        ("vmware/photon#716", untrusted(unknown)),
        (
            "goharbor/harbor#11772",
            until(hub(), Step::Ping).distrust(Distrust::Expired),
        ),
        (
            "goharbor/harbor#12267",
            plain("https://harbor.mydomain.ru:80"),
        ),
        ("goharbor/harbor#3624", plain("https://192.168.6.131:8090")),
        ("goharbor/harbor#20185", plain("https://hub.example.com:80")),
        ("goharbor/harbor#9945", closed(HUB)),
        ("goharbor/harbor#2273", closed("https://10.78.220.193")),
    ]
}

fn all() -> Vec<Thread> {
    let parts = [
        locations(),
        realms(),
        bodies(),
        uploads_and_pulls(),
        entries(),
    ];
    parts.into_iter().flatten().collect()
}

/// What stands first in the report.
fn worst(made: &FixtureWalk) -> Option<Kind> {
    let mut all = found(made);
    all.sort_by_key(|one| one.severity.rank());
    all.first().map(|finding| finding.kind)
}

#[test]
fn every_thread_is_rebuilt_once() {
    let mut told: Vec<String> = causes()
        .into_values()
        .flat_map(BTreeMap::into_keys)
        .collect();
    let mut rebuilt: Vec<&str> = all().iter().map(|(thread, _)| *thread).collect();
    told.sort();
    rebuilt.sort_unstable();
    assert_eq!(told, rebuilt);
    assert!(told.len() >= 60, "only {}", told.len());
}

/// What stands first in the report; and nothing beside it is broken.
#[test]
fn the_first_finding_is_the_cause_that_was_found_in_the_thread() {
    let causes = causes();
    let mut missed = Vec::new();
    for (thread, made) in &all() {
        let is_its = |(_, threads): &(&Kind, &BTreeMap<_, _>)| threads.contains_key(*thread);
        let cause = causes.iter().find(is_its).map(|(kind, _)| *kind);
        let broken: Vec<Kind> = found(made)
            .iter()
            .filter(|one| one.severity != Severity::Warning)
            .map(|one| one.kind)
            .collect();
        if cause.is_none()
            || worst(made) != cause
            || broken.first() != cause.as_ref()
            || broken.len() > 1
        {
            missed.push(format!("{thread}: {broken:?} and not {cause:?}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn what_their_clients_printed_leads_to_it_as_well() {
    let mut missed = Vec::new();
    for (cause, threads) in causes() {
        for (thread, printed) in threads {
            let Some(printed) = printed else { continue };
            let kinds: Vec<Kind> = explain(&printed).iter().map(|one| one.kind).collect();
            if !kinds.contains(&cause) {
                missed.push(format!("{thread}: {kinds:?} and not {cause}"));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
