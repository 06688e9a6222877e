//! What clients do beside one plain request, and the pull of what was pushed.

use super::{Case, hub};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, asked};
use crate::doctor::trace::Trouble;

/// The healthy walk with one more step, answered so.
fn tried(step: Step, method: &str, status: u16) -> FixtureWalk {
    hub().with(asked(step, method, "https://hub.example.com/v2/", status))
}

fn at_once(statuses: [u16; 6]) -> FixtureWalk {
    let one = |status| asked(Step::AtOnce, "GET", "https://hub.example.com/v2/", status);
    statuses
        .into_iter()
        .fold(hub(), |made, status| made.with(one(status)))
}

pub(in super::super) fn pulled() -> FixtureWalk {
    hub().pushed()
}

/// A manifest that was pulled by its tag.
fn by_tag() -> FixtureWalk {
    const INDEX: &str = "application/vnd.oci.image.index.v1+json; charset=utf-8";
    tried(Step::TagGet, "GET", 200)
        .header(Step::TagGet, "content-type", Some(INDEX))
        .change_answer(Step::TagGet, |answer| answer.content_matches = Some(true))
}

fn dated(date: &str) -> FixtureWalk {
    hub().header(Step::Ping, "date", Some(date))
}

pub(in super::super) fn cases() -> Vec<Case> {
    let long = |status| {
        tried(Step::LongUri, "GET", status).change(Step::LongUri, |one| {
            one.request.url += &format!("?harbormouth-doctor={}", "a".repeat(4096));
        })
    };
    vec![
        (
            "docker's name is refused",
            tried(Step::UserAgent, "GET", 403).html(Step::UserAgent),
            Kind::UserAgentRefused,
            "docker's name was answered with 403",
        ),
        (
            "one connection of six",
            at_once([401, 503, 503, 401, 503, 503]),
            Kind::ConnectionsLimited,
            "Of 6 requests on as many connections 4 failed",
        ),
        (
            "requests are counted",
            at_once([401, 401, 401, 401, 401, 429]),
            Kind::ConnectionsLimited,
            "1 failed: the first of them was answered with 429",
        ),
        (
            "HTTP/2 that is none",
            tried(Step::Http2, "GET", 401).trouble(Step::Http2, Trouble::Cut),
            Kind::Http2Failed,
            "by HTTP/1.1 it works",
        ),
        (
            "a URI too long",
            long(414).html(Step::LongUri),
            Kind::LongRequestRefused,
            "URI of 4 KiB was answered with 414",
        ),
        (
            "a query too long for IIS",
            long(404).html(Step::LongUri),
            Kind::LongRequestRefused,
            "maxQueryString",
        ),
        (
            "a token too long",
            tried(Step::LongAuthorization, "GET", 400).html(Step::LongAuthorization),
            Kind::LongRequestRefused,
            "Authorization of 4 KiB was answered with 400",
        ),
        (
            "both too long",
            long(431).with(asked(
                Step::LongAuthorization,
                "GET",
                "https://hub.example.com/v2/",
                431,
            )),
            Kind::LongRequestRefused,
            "v2/?…",
        ),
        (
            "HEAD is not allowed",
            tried(Step::HeadAbsent, "HEAD", 405),
            Kind::HeadRefused,
            "every push begins with a HEAD",
        ),
        (
            "everything is there",
            tried(Step::HeadAbsent, "HEAD", 200),
            Kind::AbsentLayerFound,
            "nobody has pushed",
        ),
        (
            "a cache for everybody",
            tried(Step::UserAgent, "GET", 200),
            Kind::SharedCache,
            "without it was answered with 200",
        ),
        (
            "a manifest by tag of no type",
            tried(Step::TagGet, "GET", 200).header(
                Step::TagGet,
                "content-type",
                Some("text/plain"),
            ),
            Kind::MediaTypeChanged,
            "text/plain, which is no type",
        ),
        (
            "a manifest by tag that isn't what its digest says",
            by_tag().change_answer(Step::TagGet, |answer| answer.content_matches = Some(false)),
            Kind::PullFailed,
            "different bytes",
        ),
        (
            "a layer that can't be had",
            by_tag().with(asked(
                Step::LayerRange,
                "GET",
                "https://hub.example.com/v2/",
                502,
            )),
            Kind::PullFailed,
            "502",
        ),
        (
            "a clock ahead",
            dated("Sat, 21 Nov 2026 12:10:00 GMT"),
            Kind::ClockSkew,
            "10 minutes ahead",
        ),
        (
            "a clock behind",
            dated("Sat, 21 Nov 2026 09:00:00 GMT"),
            Kind::ClockSkew,
            "3 hours behind",
        ),
        (
            "a kept 404",
            pulled().status(Step::HeadAfter, 404),
            Kind::NotFoundCached,
            "still says that it isn't there",
        ),
        (
            "a manifest of no type",
            pulled().header(
                Step::ManifestGet,
                "content-type",
                Some("application/octet-stream"),
            ),
            Kind::MediaTypeChanged,
            "application/octet-stream",
        ),
        (
            "all in place of a part",
            pulled()
                .status(Step::BlobRange, 200)
                .change_answer(Step::BlobRange, |answer| {
                    answer.content_matches = Some(false)
                }),
            Kind::RangeIgnored,
            "by Range, and the request was answered with 200",
        ),
        (
            "HEAD without a length",
            pulled().header(Step::HeadAfter, "content-length", None),
            Kind::HeaderLost,
            "has no Content-Length",
        ),
        (
            "HEAD without a digest",
            pulled().header(Step::ManifestHead, "docker-content-digest", None),
            Kind::HeaderLost,
            "HEAD of a manifest has no Docker-Content-Digest",
        ),
    ]
}

/// None of this is a registry's fault, or a hop's.
#[test]
fn what_registries_say_to_all_of_it_is_well() {
    let walks = [
        pulled(),
        tried(Step::UserAgent, "GET", 401),
        tried(Step::UserAgent, "GET", 429),
        by_tag(),
        by_tag().with(asked(
            Step::LayerRange,
            "GET",
            "https://hub.example.com/v2/",
            206,
        )),
        by_tag().with(asked(
            Step::LayerRange,
            "GET",
            "https://hub.example.com/v2/",
            307,
        )),
        tried(Step::TagsList, "GET", 404),
        at_once([401; 6]),
        tried(Step::Http2, "GET", 401),
        // A token that is none, by word of several registries.
        tried(Step::LongAuthorization, "GET", 401),
        tried(Step::LongAuthorization, "GET", 403),
        tried(Step::LongAuthorization, "GET", 400),
        tried(Step::HeadAbsent, "HEAD", 401),
        tried(Step::HeadAbsent, "HEAD", 403),
        tried(Step::HeadAbsent, "HEAD", 404),
        dated("Sat, 21 Nov 2026 12:01:00 GMT"),
        // A cache's answer is as old as it is.
        dated("Sat, 21 Nov 2026 09:00:00 GMT").header(Step::Ping, "age", Some("10800")),
        pulled()
            .status(Step::BlobRange, 307)
            .change_answer(Step::BlobRange, |answer| {
                answer.content_matches = None;
            }),
    ];
    for (index, walk) in walks.into_iter().enumerate() {
        assert_eq!(super::super::kinds(&walk), [], "{index}");
    }
}
