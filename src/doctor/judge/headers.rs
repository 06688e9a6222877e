//! Headers of answers that some clients can't do without.

use super::draft::{Draft, seen_header};
use crate::doctor::clients::{Detail, Header};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, Walk};

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let all = [
        Header::Digest,
        Header::Range,
        Header::NextLocation,
        Header::Length,
        Header::ManifestDigest,
    ];
    all.into_iter()
        .filter_map(|header| without(walk, header))
        .collect()
}

fn without(walk: &Walk, header: Header) -> Option<Draft> {
    let of = walk.those(|one| one.is_success() && lost_header(one) == Some(header));
    let first = of.first()?;
    let range = first.answer().and_then(|a| a.header("range"));
    let (name, wrong) = match (header, range) {
        (Header::Digest, _) => ("docker-content-digest", "digest"),
        (Header::NextLocation, _) => ("location", "location"),
        (Header::Length, _) => ("content-length", "length"),
        (Header::ManifestDigest, _) => ("docker-content-digest", "manifest_digest"),
        (Header::Range, Some(_)) => ("range", "unit"),
        (Header::Range, None) => ("range", "range"),
    };
    Some(
        Draft::of(Kind::HeaderLost, first)
            .wrong(wrong)
            .quoting("range", range.unwrap_or_default())
            .shown_by(of.iter().map(|one| seen_header(one, name)))
            .where_(Detail::Header(header)),
    )
}

fn lost_header(exchange: &Exchange) -> Option<Header> {
    let answer = exchange.answer()?;
    let lacks = |name, header| answer.header(name).is_none().then_some(header);
    match exchange.step {
        Step::HeadAfter => return lacks("content-length", Header::Length),
        Step::ManifestHead => {
            return lacks("docker-content-digest", Header::ManifestDigest)
                .or(lacks("content-length", Header::Length));
        }
        _ => {}
    }
    match (exchange.request.method.as_str(), answer.status) {
        ("PUT", 201) => answer
            .header("docker-content-digest")
            .is_none()
            .then_some(Header::Digest),
        ("PATCH", 202) if answer.header("location").is_none() => Some(Header::NextLocation),
        ("PATCH", 202) => {
            let is_right = answer.header("range").is_some_and(is_bare_range);
            (!is_right).then_some(Header::Range)
        }
        _ => None,
    }
}

fn is_bare_range(range: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let parts = range.split_once('-');
    parts.is_some_and(|(from, to)| is_number(from) && is_number(to))
}
