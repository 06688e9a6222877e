//! Writes that are refused with the Authorization with which their upload was opened.

use super::draft::{Draft, seen_header, speaker};
use super::refusal::{Refusal, refusal};
use super::upload::is_open;
use crate::doctor::clients::{Circumstance, LostOn};
use crate::doctor::kind::Kind;
use crate::doctor::seen::{Carried, Exchange, Walk};
use crate::doctor::step::Step;

/// Writes that carry what opened the upload, and are quick: a token has no time to expire.
const WRITES: [Step; 6] = [
    Step::UploadChunk,
    Step::UploadChunkChunked,
    Step::UploadCommit,
    Step::BlobCommit,
    Step::ConfigCommit,
    Step::ManifestPut,
];

/// Whether a write lost its Authorization.
pub(super) fn is_lost(walk: &Walk, exchange: &Exchange) -> bool {
    let is_refused = exchange.result.as_ref().is_ok_and(|a| a.status == 401);
    let has_some = exchange.request.authorization != Carried::Nothing;
    let is_write = matches!(exchange.request.method.as_str(), "PATCH" | "PUT");
    is_open(walk) && is_refused && has_some && is_write && WRITES.contains(&exchange.step)
}

pub(super) fn judge(walk: &Walk) -> Option<Draft> {
    let of = walk.those(|exchange| is_lost(walk, exchange));
    let first = of.first()?;
    let answer = first.answer()?;
    let has = |method: &str| of.iter().any(|one| one.request.method == method);
    let (on, methods) = match (has("PATCH"), has("PUT")) {
        (true, false) => (LostOn::Patch, "PATCH"),
        (false, _) => (LostOn::Put, "PUT"),
        (true, true) => (LostOn::Both, "PATCH and PUT"),
    };
    let others: Vec<&str> = ["PATCH", "PUT"]
        .into_iter()
        .filter(|method| !has(method))
        .collect();
    let kept = match others.as_slice() {
        [other] => format!("POST and {other} keep it"),
        _ => "POST keeps it".to_owned(),
    };
    let summary = format!(
        "{methods} is refused with 401, with the Authorization that opened the upload; {kept}."
    );
    let cause = match refusal(walk, answer) {
        Refusal::Page => format!(
            "the refusal is a hop's own page{}: it wants a login of its own for {methods} \
             (`limit_except`, `auth_basic`, `auth_request`)",
            speaker(answer)
        ),
        Refusal::Nothing => format!(
            "a hop removes Authorization from {methods}: the registry was asked without one (look \
             for `proxy_set_header Authorization`, `del-header Authorization`, and rules by method)"
        ),
        Refusal::Something => format!(
            "the registry got another Authorization with {methods} than with the POST: a hop puts \
             its own there, or passes writes on to another installation"
        ),
    };
    Some(
        Draft::new(Kind::AuthorizationLost, first.step, summary)
            .shown_by(of.iter().map(|one| seen_header(one, "www-authenticate")))
            .because(cause)
            .where_(Circumstance::Lost(on)),
    )
}
