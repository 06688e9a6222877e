//! Writes that are refused with the Authorization with which their upload was opened.

use super::draft::{Draft, seen_header};
use super::refusal::refusal;
use super::upload::is_open;
use crate::doctor::clients::{Detail, LostOn};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Carried, Exchange, Walk};
use crate::doctor::words::Word;

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
    let (on, methods, kept) = match (has("PATCH"), has("PUT")) {
        (true, false) => (LostOn::Patch, Word::Patch, Word::KeptByPostAndPut),
        (false, _) => (LostOn::Put, Word::Put, Word::KeptByPostAndPatch),
        (true, true) => (LostOn::Both, Word::PatchAndPut, Word::KeptByPost),
    };
    Some(
        Draft::of(Kind::AuthorizationLost, first)
            .because(refusal(walk, answer).as_str())
            .saying("methods", methods)
            .saying("kept", kept)
            .shown_by(of.iter().map(|one| seen_header(one, "www-authenticate")))
            .where_(Detail::Lost(on)),
    )
}
