//! The sentences of `sentences.yaml`: each is said of some walk, whole.

use super::super::sentences::{CHINESE, ENGLISH, SentenceSet, Sentences};
use super::found;
use super::kinds::{cases, challenge, ping_again};
use crate::doctor::finding::Finding;
use crate::doctor::kind::Kind;
use crate::doctor::language::Language;
use crate::doctor::placeholders::places;
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB, asked};
use crate::doctor::trace::{Body, Carried, Distrust, Trouble};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn read(text: &str) -> BTreeMap<Kind, Sentences> {
    serde_yaml::from_str(text).unwrap()
}

fn sentences(language: Language) -> BTreeMap<Kind, Sentences> {
    match language {
        Language::English => read(ENGLISH),
        Language::Chinese => read(CHINESE),
    }
}

#[test]
fn every_kind_has_sentences() {
    for text in [ENGLISH, CHINESE] {
        assert!(read(text).keys().eq(&Kind::ALL));
        let keys = serde_yaml::from_str::<serde_yaml::Value>(text);
        assert!(keys.is_ok(), "a key twice: {keys:?}");
    }
}

/// The sentences by their names, with their places.
fn shape(set: &SentenceSet) -> BTreeMap<&str, BTreeSet<&str>> {
    match set {
        SentenceSet::Always(text) => BTreeMap::from([("", places(text))]),
        SentenceSet::Named(texts) => {
            let named = texts
                .iter()
                .map(|(name, text)| (name.as_str(), places(text)));
            named.collect()
        }
    }
}

#[test]
fn chinese_has_the_same_sentences_with_the_same_places() {
    let chinese = read(CHINESE);
    for (kind, english) in read(ENGLISH) {
        let chinese = &chinese[&kind];
        assert_eq!(shape(&english.wrong), shape(&chinese.wrong), "{kind}");
        let cause = english.cause.as_ref().map(shape);
        assert_eq!(cause, chinese.cause.as_ref().map(shape), "{kind}");
        assert!(!chinese.means.is_empty(), "{kind}");
    }
}

/// A Harbor of which every step was taken that can be asked for.
fn whole() -> FixtureWalk {
    let asked = |step, bytes, took| {
        let mut exchange = asked(step, "PATCH", "https://hub.example.com/v2/", 202);
        exchange.request.body = Body::Length(bytes);
        exchange.request.authorization = Carried::Bearer;
        exchange.took = Duration::from_secs(took);
        exchange
    };
    FixtureWalk::harbor(HUB)
        .pushed()
        .with(asked(Step::BodyLimit, 1 << 20, 1))
        .with(asked(Step::Idle, 128 << 10, 60))
        .with(asked(Step::SlowUpload, 128 << 10, 70))
        .with(asked(Step::SlowDownload, 0, 70))
        .committed(64 << 20, Duration::from_secs(8))
}

/// What the cases of the kinds don't show.
fn walks() -> Vec<FixtureWalk> {
    let mut walks = Vec::new();
    for step in Step::ALL {
        if whole().0.first(step).is_none() {
            continue;
        }
        for status in [200, 302, 400, 401, 403, 404, 405, 411, 413, 500, 504] {
            walks.push(whole().status(step, status));
            walks.push(whole().status(step, status).html(step));
        }
        for trouble in [
            Trouble::TimedOut(Duration::from_secs(5)),
            Trouble::Cut,
            Trouble::NotHttp("noise".to_owned()),
        ] {
            walks.push(whole().trouble(step, trouble));
        }
    }
    walks.extend(others());
    walks
}

fn others() -> Vec<FixtureWalk> {
    let hub = || FixtureWalk::harbor(HUB);
    let (proto, host) = (Step::ProbeForwardedProto, Step::ProbeForwardedHost);
    let (http, port) = ("http://hub.example.com", "https://hub.example.com:443");
    let other_port = "https://hub.example.com:8443";
    let bearer = |realm: &str| format!("Bearer realm=\"{realm}/t\",service=\"harbor-registry\"");
    let plain = "The plain HTTP request was sent to HTTPS port";
    let unknown = |made: FixtureWalk, step| {
        let made = made.status(step, 404);
        made.json_error(step, "BLOB_UPLOAD_UNKNOWN", "gone")
    };
    vec![
        hub().distrust(Distrust::Other("a rule".to_owned())),
        hub()
            .status(Step::Ping, 400)
            .json_error(Step::Ping, "400", plain),
        challenge(hub(), &bearer("https,http://hub.example.com")),
        challenge(hub(), &bearer("https://[hub")),
        ping_again(hub(), &bearer("https://core:8443")),
        hub()
            .status(Step::Authorized, 401)
            .html(Step::Authorized)
            .status(Step::UploadStart, 401),
        FixtureWalk::htpasswd(HUB)
            .status(Step::Authorized, 401)
            .html(Step::Authorized)
            .status(Step::UploadStart, 401),
        hub().status(Step::EarlyAnswer, 502),
        hub().status(Step::UploadStart, 200),
        hub()
            .status(Step::Ping, 503)
            .header(Step::Ping, "retry-after", Some("120")),
        hub().status(Step::Ping, 301).header(
            Step::Ping,
            "location",
            Some("https://hub.example.com/v2/"),
        ),
        hub().status(Step::Ping, 400).json_error(
            Step::Ping,
            "400",
            "No required SSL certificate was sent",
        ),
        hub().status(Step::UploadStart, 429),
        [401, 502, 401, 401, 502, 401]
            .into_iter()
            .fold(hub(), |hub, status| {
                let url = format!("{HUB}/v2/");
                hub.with(asked(Step::AtOnce, "GET", &url, status))
            }),
        hub().pushed().change(Step::BlobGet, |one| {
            one.request.url = "https://minio.lan:9000/layer".to_owned();
            one.result = Err(Trouble::Refused);
        }),
        hub().locations(http).probe(proto, http),
        hub().locations(port).probe(host, port),
        hub().locations(other_port).probe(host, other_port),
        hub().locations(other_port).probe(host, HUB),
        hub().header(Step::UploadStart, "location", Some("//other/v2/x")),
        hub().header(Step::UploadChunk, "range", None),
        [
            Step::UploadStatus,
            Step::UploadChunk,
            Step::UploadChunkChunked,
            Step::UploadCommit,
            Step::Body,
        ]
        .into_iter()
        .fold(hub(), unknown),
    ]
}

/// Whether it is the sentence, with something in each of its places.
fn is_said(sentence: &str, text: &str) -> bool {
    let mut parts = sentence.split(['<', '>']).step_by(2);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[test]
fn every_sentence_is_said_and_has_no_place_left_open() {
    for language in Language::ALL {
        every_sentence_is_said_in(language);
    }
}

fn every_sentence_is_said_in(language: Language) {
    let end = match language {
        Language::English => '.',
        Language::Chinese => '。',
    };
    let cases = cases().into_iter().map(|(_, made, _, _)| made);
    let found: Vec<Finding> = cases
        .chain(walks())
        .flat_map(|made| found(&made.in_language(language)))
        .collect();
    let sentences = sentences(language);
    for finding in &found {
        let has_cause = sentences[&finding.kind].cause.is_some();
        assert_eq!(finding.cause.is_some(), has_cause, "{}", finding.kind);
        for text in [Some(&finding.summary), finding.cause.as_ref()] {
            let is_whole = |text: &String| text.ends_with(end) && !text.contains('<');
            assert!(text.is_none_or(is_whole), "{}: {text:?}", finding.kind);
        }
    }
    let mut unsaid = Vec::new();
    for (kind, sentences) in sentences {
        let of = || found.iter().filter(|finding| finding.kind == kind);
        for wrong in sentences.wrong.all() {
            if !of().any(|finding| is_said(wrong, &finding.summary)) {
                unsaid.push(format!("{kind}: {wrong}"));
            }
        }
        for cause in sentences.cause.iter().flat_map(SentenceSet::all) {
            let says = |said: &String| is_said(cause, said);
            if !of().any(|finding| finding.cause.as_ref().is_some_and(says)) {
                unsaid.push(format!("{kind}: {cause}"));
            }
        }
    }
    assert!(unsaid.is_empty(), "{unsaid:#?}");
}
