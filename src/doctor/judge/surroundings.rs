//! What surrounds a finding: how clients log in, and what answers on port 80.

use crate::doctor::clients::{Authentication, PlainHttp, Surroundings};
use crate::doctor::step::Step;
use crate::doctor::trace::{Carried, Exchange, ResponseSeen, Walk};

/// What decides, beside the finding itself, what clients make of it.
pub(crate) fn surroundings(walk: &Walk) -> Surroundings {
    Surroundings {
        authentication: authentication(walk),
        plain_http: plain_http(walk),
    }
}

/// What is refused with a challenge where `/v2/` lets in whoever has nothing.
pub(super) fn asked_later(walk: &Walk) -> Option<&Exchange> {
    let has_let_in = walk
        .answer(Step::Ping)
        .is_some_and(|answer| answer.status == 200 && !answer.is_page());
    let asks = |one: &&Exchange| {
        let answer = one.answer();
        one.request.authorization == Carried::Nothing
            && ASKING.contains(&one.step)
            && answer.is_some_and(|answer| answer.status == 401 && answer.is_actionable())
    };
    walk.exchanges.iter().find(asks).filter(|_| has_let_in)
}

/// What a client asks the registry for, without more of a login than was asked for.
const ASKING: [Step; 5] = [
    Step::HeadAbsent,
    Step::TagsList,
    Step::EarlyAnswer,
    Step::EarlyAnswerChunked,
    Step::UploadStart,
];

fn authentication(walk: &Walk) -> Authentication {
    let asking = asked_later(walk).and_then(Exchange::answer);
    match asking.or(walk.answer(Step::Ping)) {
        Some(answer) if answer.status == 200 => Authentication::None,
        Some(answer) => {
            let has = |scheme: &str| {
                let mut all = answer.challenges();
                all.any(|one| one.scheme.eq_ignore_ascii_case(scheme))
            };
            if has("basic") && !has("bearer") {
                Authentication::Basic
            } else {
                Authentication::Bearer
            }
        }
        None => Authentication::Bearer,
    }
}

fn plain_http(walk: &Walk) -> PlainHttp {
    let write = walk.answer(Step::PlainHttpWrite);
    match write.or(walk.answer(Step::PlainHttp)) {
        None => PlainHttp::Nothing,
        Some(answer) => match answer.status {
            301..=303 => PlainHttp::LosesWrites,
            307 | 308 => PlainHttp::KeepsWrites,
            _ if walk.answer(Step::PlainHttp).is_some_and(is_registry) => PlainHttp::Serves,
            _ => PlainHttp::Other,
        },
    }
}

/// Whether a registry answered: its version, its challenge, or an empty 200 that is no page.
pub(super) fn is_registry(answer: &ResponseSeen) -> bool {
    let is_named = answer.header("docker-distribution-api-version").is_some();
    match answer.status {
        200 => is_named || !answer.is_page(),
        401 => is_named || answer.challenges().any(|one| one.is_bearer()),
        _ => false,
    }
}
