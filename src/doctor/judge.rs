//! From what a walk saw to what is wrong: pure, and the same at every time.
//!
//! There is one file for each part of a walk, in the walk's order; the sentences are in
//! `sentences.yaml`, in the language of the walk. A cause is what some hop most likely does; only walks at several entries show
//! which hop it is (`attribution`).

mod artifact;
mod authorization;
mod certificates;
mod client_behaviour;
mod commit;
mod draft;
mod entry;
mod experiments;
mod headers;
mod layer;
mod limits;
mod location;
mod login;
mod realm;
mod refusal;
mod registry;
mod sentences;
mod surroundings;
mod transfers;
mod upload;

pub(super) use layer::fate;
pub(super) use realm::is_of_host;

use super::finding::Finding;
use super::kind::Kind;
use super::language::Language;
use super::trace::Walk;
use draft::Draft;

/// A walk and what is wrong in it.
pub(crate) struct Judged {
    pub(crate) walk: Walk,
    pub(crate) findings: Vec<Finding>,
}

impl Judged {
    pub(crate) fn of(walk: Walk) -> Judged {
        let findings = judge(&walk);
        Judged { walk, findings }
    }
}

/// What is seen where a finding of this kind is: a line of the list of all findings.
pub fn meaning(kind: Kind, language: Language) -> &'static str {
    sentences::meaning(kind, language)
}

/// What is said to be wrong where a finding of this kind is: every sentence, with its places.
pub(super) fn wrongs(kind: Kind, language: Language) -> Vec<&'static str> {
    sentences::wrongs(kind, language)
}

/// What a hop most likely does to bring it about: every sentence, with its places.
pub(super) fn causes(kind: Kind, language: Language) -> Vec<&'static str> {
    sentences::causes(kind, language)
}

/// What is wrong, in the order of the steps that showed it. May be asked of a walk that is not done
/// yet; what it finds then it finds at the end as well.
pub fn judge(walk: &Walk) -> Vec<Finding> {
    let parts = [
        entry::judge(walk),
        certificates::judge(walk),
        registry::judge(walk),
        realm::judge(walk),
        login::judge(walk),
        client_behaviour::judge(walk),
        upload::judge(walk),
        authorization::judge(walk).into_iter().collect(),
        headers::judge(walk),
        transfers::judge(walk),
        commit::judge(walk),
        artifact::judge(walk),
    ];
    let at_random = client_behaviour::at_random(walk);
    let is_proven =
        |draft: &Draft| draft.kind == Kind::ConnectionsLimited || !draft.is_shown_by(&at_random);
    let drafts = parts.into_iter().flatten().filter(is_proven);
    let met = |finding: Finding| match walk.client {
        Some(client) => finding.met_by(client),
        None => finding,
    };
    let mut findings: Vec<Finding> = drafts.map(|draft| met(draft.finish(walk))).collect();
    findings.sort_by_key(|finding| finding.step);
    findings
}

#[cfg(test)]
mod tests;
