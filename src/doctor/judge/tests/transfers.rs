//! Bodies: limits, buffering, pauses and slow commits.

use super::{kinds, only};
use crate::doctor::clients::{Client, Ending};
use crate::doctor::kind::{Kind, Severity};
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB, asked};
use crate::doctor::trace::{Body, Carried, Trouble};
use std::time::Duration;

fn hub() -> FixtureWalk {
    FixtureWalk::harbor(HUB)
}

fn silent() -> Trouble {
    Trouble::TimedOut(Duration::from_secs(5))
}

/// A body of this size that was tried after the first was refused.
fn tried(made: FixtureWalk, bytes: u64, status: u16) -> FixtureWalk {
    let mut exchange = asked(
        Step::BodyLimit,
        "PATCH",
        "https://hub.example.com/v2/",
        status,
    );
    exchange.request.body = Body::Length(bytes);
    exchange.request.authorization = Carried::Bearer;
    if let (Ok(answer), 202) = (&mut exchange.result, status) {
        answer.headers = vec![
            (
                "location".to_owned(),
                "/v2/lab/app/blobs/uploads/x".to_owned(),
            ),
            ("range".to_owned(), format!("0-{}", bytes - 1)),
        ];
    }
    made.with(exchange)
}

fn paused(status: Result<u16, Trouble>, after: u64) -> FixtureWalk {
    let mut exchange = asked(Step::Idle, "PATCH", "https://hub.example.com/v2/", 0);
    exchange.request.body = Body::Length(128 << 10);
    exchange.request.authorization = Carried::Bearer;
    exchange.took = Duration::from_secs(after);
    match status {
        Ok(status) => exchange.result = Ok(crate::doctor::tests::fixtures::answered(status)),
        Err(trouble) => exchange.result = Err(trouble),
    }
    hub().with(exchange)
}

fn old(step: Step, result: Result<u16, Trouble>, after: u64) -> FixtureWalk {
    let mut made = paused(result, after).0;
    if let Some(exchange) = made.exchanges.last_mut() {
        exchange.step = step;
    }
    FixtureWalk(made)
}

/// A layer that was read for this long and not to its end.
fn half_read(after: u64) -> FixtureWalk {
    let made = old(Step::SlowDownload, Ok(200), after);
    made.change(Step::SlowDownload, |one| {
        one.request.method = "GET".to_owned();
        if let Ok(answer) = &mut one.result {
            answer.content_matches = Some(false);
        }
    })
}

fn commit(status: u16, silence: u64) -> FixtureWalk {
    let silence = Duration::from_secs(silence);
    let made = hub().committed(1 << 30, silence);
    made.change(Step::CommitWait, |one| {
        if let Ok(answer) = &mut one.result {
            answer.status = status;
        }
    })
}

pub(super) fn cases() -> Vec<(&'static str, FixtureWalk, Kind, &'static str)> {
    let too_large = || hub().status(Step::Body, 413).html(Step::Body);
    vec![
        ("413", too_large(), Kind::BodyLimit, "client_max_body_size"),
        (
            "413, bracketed",
            tried(tried(too_large(), 1 << 20, 202), (1 << 20) + 1, 413),
            Kind::BodyLimit,
            "1048577 bytes was answered with 413; 1048576 bytes passed",
        ),
        (
            "cut where a smaller one passes",
            hub().trouble(Step::Body, Trouble::Cut),
            Kind::BodyLimit,
            "the connection was cut",
        ),
        (
            "a page of 404 where a smaller one passes",
            hub().status(Step::Body, 404).html(Step::Body),
            Kind::BodyLimit,
            "64 KiB passed",
        ),
        (
            "413 before anything was sent",
            hub()
                .status(Step::EarlyAnswer, 413)
                .html(Step::EarlyAnswer)
                .header(Step::EarlyAnswer, "server", Some("nginx")),
            Kind::BodyLimit,
            "calls itself nginx",
        ),
        (
            "no chunked bodies",
            hub()
                .status(Step::EarlyAnswerChunked, 411)
                .html(Step::EarlyAnswerChunked)
                .status(Step::UploadChunkChunked, 411)
                .html(Step::UploadChunkChunked),
            Kind::ChunkedRefused,
            "411",
        ),
        (
            "bodies are collected",
            hub()
                .trouble(Step::EarlyAnswer, silent())
                .trouble(Step::EarlyAnswerChunked, silent()),
            Kind::RequestBuffered,
            "proxy_request_buffering",
        ),
        (
            "chunked bodies are collected",
            hub().trouble(Step::EarlyAnswerChunked, silent()),
            Kind::RequestBuffered,
            "proxy_http_version 1.1",
        ),
        (
            "Apache holds early answers back",
            hub()
                .trouble(Step::EarlyAnswer, silent())
                .trouble(Step::EarlyAnswerChunked, silent())
                .header(Step::Ping, "server", Some("Apache/2.4.62 (Debian)")),
            Kind::EarlyAnswerHeld,
            "64 KiB",
        ),
        (
            "Varnish found the registry gone meanwhile",
            hub()
                .status(Step::EarlyAnswer, 503)
                .status(Step::EarlyAnswerChunked, 503)
                .header(Step::Ping, "x-varnish", Some("32770")),
            Kind::EarlyAnswerHeld,
            "was answered with 503",
        ),
        (
            "Varnish holds early answers back",
            hub()
                .trouble(Step::EarlyAnswer, silent())
                .trouble(Step::EarlyAnswerChunked, silent())
                .header(Step::Ping, "x-varnish", Some("32770")),
            Kind::EarlyAnswerHeld,
            "return (pipe)",
        ),
        (
            "a pause is cut",
            paused(Err(Trouble::Cut), 60),
            Kind::IdleCut,
            "60 s is the default of",
        ),
        (
            "a pause is refused",
            paused(Ok(408), 5),
            Kind::IdleCut,
            "408 after 5.0 s",
        ),
        (
            "an upload is cut by its age",
            old(Step::SlowUpload, Ok(499), 60),
            Kind::AgeCut,
            "60 s is the default of Traefik",
        ),
        (
            "a download is cut by its age",
            half_read(15),
            Kind::AgeCut,
            "15 s is the default of Envoy",
        ),
        (
            "a download is cut by its age, and read on from buffers",
            half_read(20).header(Step::SlowDownload, "server", Some("envoy")),
            Kind::AgeCut,
            "15 s is the default of Envoy, Istio, however",
        ),
        (
            "a commit is cut",
            commit(504, 60),
            Kind::CommitCut,
            "after 60 s of silence",
        ),
        (
            "a commit is slow",
            commit(201, 6),
            Kind::CommitSlow,
            "30 s at 5 GiB",
        ),
    ]
}

#[test]
fn a_slow_commit_warns_where_usual_layers_get_there() {
    for (name, made, expected) in [
        ("quick", commit(201, 2), &[][..]),
        ("slow", commit(201, 4), &[Kind::CommitSlow]),
        ("very slow", commit(201, 45), &[Kind::CommitSlow]),
    ] {
        assert_eq!(kinds(&made), expected, "{name}");
    }
    let finding = only("slow", &commit(201, 4));
    assert_eq!(finding.severity, Severity::Warning);
}

#[test]
fn a_limit_that_lets_chunks_through_is_none_to_regctl() {
    let large = tried(hub().status(Step::Body, 413).html(Step::Body), 1 << 20, 202);
    for (name, made, expected) in [
        ("1 MiB", large, Ending::Works),
        ("64 KiB", hub().status(Step::Body, 413), Ending::Sometimes),
    ] {
        let finding = only(name, &made);
        let of = |client: Client| {
            let mut all = finding.effects.iter();
            all.find(|effect| effect.client == client)
                .map(|one| one.outcome)
        };
        assert_eq!(of(Client::Regclient), Some(expected), "{name}");
        assert_eq!(of(Client::Containerd), Some(Ending::Sometimes), "{name}");
    }
}

/// A commit that fails at once is no hop's patience.
#[test]
fn a_commit_that_fails_at_once_is_another_finding() {
    assert_eq!(kinds(&commit(500, 0)), [Kind::PushFailed]);
}
