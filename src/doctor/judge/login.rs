//! Tokens: whether clients get one, and what it allows.

use super::draft::{Draft, seen, seen_header, seen_speaker, seen_words};
use super::refusal::{RefusalCause, refusal};
use crate::doctor::clients::{Detail, Posted};
use crate::doctor::finding::Evidence;
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Carried, Exchange, GrantedScope, ResponseSeen, Walk};
use crate::doctor::words::Word;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let mut drafts = Vec::new();
    drafts.extend(post(walk));
    let token = token(walk);
    let has_token = token.is_none();
    drafts.extend(token);
    if !has_token {
        return drafts;
    }
    if let Some(removed) = removed(walk) {
        // What the token allows is nobody's then, and says nothing of the password.
        drafts.push(removed);
        return drafts;
    }
    // A token for nobody is refused wherever somebody is asked for.
    if !is_for_nobody(walk) {
        drafts.extend(refused(walk));
    }
    drafts.extend(granted(walk));
    drafts
}

/// containerd and BuildKit ask with POST first. Both take 401, 404 and 405 for a reason to ask with GET,
/// and containerd 400 as well.
fn post(walk: &Walk) -> Option<Draft> {
    let exchange = walk.first(Step::TokenPost)?;
    let answer = exchange.answer()?;
    // A token service may say 400 to what is asked for here, without a password. A page is a hop's.
    let is_bad_request = answer.status == 400 && answer.is_page();
    let is_wrong = is_bad_request || matches!(answer.status, 403 | 300..=399 | 500..=599);
    // A token service that gives nobody a token is another finding.
    let get = walk.answer(Step::TokenGet);
    let is_same = get.is_some_and(|get| get.status == answer.status);
    // Harbor refuses every write with a session cookie in these words, this one too.
    if !is_wrong || is_same || answer.is_csrf() {
        return None;
    }
    let (cause, evidence) = match answer.status {
        300..=399 => ("redirected", seen_header(exchange, "location")),
        403 => ("forbidden", seen_speaker(exchange)),
        _ => ("not_passed_on", seen_speaker(exchange)),
    };
    let (wrong, posted) = if is_bad_request {
        ("bad_request", Posted::BadRequest)
    } else {
        ("final", Posted::Final)
    };
    Some(
        Draft::of(Kind::TokenPostRefused, exchange)
            .wrong(wrong)
            .where_(Detail::Posted(posted))
            .because(cause)
            .shown_by([evidence]),
    )
}

fn token(walk: &Walk) -> Option<Draft> {
    let exchange = walk.first(Step::TokenGet)?;
    let has_password = exchange.request.authorization == Carried::Basic;
    let failed = Draft::of(Kind::TokenFailed, exchange);
    let Some(answer) = exchange.answer() else {
        let failed = failed.wrong("unanswered").because("unanswered");
        return Some(failed.shown_by([seen(exchange)]));
    };
    let cause = match answer.status {
        200 if walk.grant.is_some() => return None,
        200 if !answer.is_page() && !is_over(walk) => return None,
        401 if !has_password => return None,
        401 | 403 if has_password && !answer.is_page() => {
            let user = walk.user.as_ref().map(|user| user.name.clone());
            return Some(
                Draft::of(Kind::LoginRefused, exchange)
                    .wrong("token_service")
                    .told("user", move |language| match &user {
                        Some(user) => user.clone(),
                        None => Word::ThisUser.told(language).to_owned(),
                    })
                    .shown_by([seen_words(exchange)]),
            );
        }
        300..=399 => "redirected",
        404 | 200 => "not_passed_on",
        401 | 403 => "own_login",
        _ => "broken",
    };
    let failed = failed.wrong("answered").because(cause);
    Some(failed.shown_by([seen_speaker(exchange)]))
}

/// A token is read after its answer came: whether it is known by now that there is none.
fn is_over(walk: &Walk) -> bool {
    let is_skipped = |step: Step| walk.skipped.iter().any(|skipped| skipped.step == step);
    is_skipped(Step::Authorized) || walk.first(Step::Authorized).is_some()
}

/// `/v2/` refuses what was just given, and so does the POST that opens an upload.
fn refusal_of_given(walk: &Walk) -> Option<(&Exchange, &ResponseSeen)> {
    walk.user.as_ref()?;
    let exchange = walk.first(Step::Authorized)?;
    let answer = exchange.answer()?;
    let is_taken = walk
        .answer(Step::UploadStart)
        .is_some_and(ResponseSeen::is_success);
    (answer.status == 401 && !is_taken).then_some((exchange, answer))
}

/// A token was sent, and the registry asks for one as if none had come.
fn removed(walk: &Walk) -> Option<Draft> {
    let (exchange, answer) = refusal_of_given(walk)?;
    let has_token = exchange.request.authorization == Carried::Bearer;
    let is_removed = has_token && refusal(walk, answer) == RefusalCause::Nothing;
    is_removed.then(|| {
        let evidence = seen_header(exchange, "www-authenticate");
        Draft::of(Kind::AuthorizationRemoved, exchange).shown_by([evidence])
    })
}

fn refused(walk: &Walk) -> Option<Draft> {
    let (exchange, answer) = refusal_of_given(walk)?;
    match exchange.request.authorization {
        // The password goes there only where nobody gives tokens: it was never accepted.
        Carried::Basic => {
            let refused = Draft::of(Kind::LoginRefused, exchange);
            Some(match answer.is_page() {
                true => refused
                    .wrong("hop")
                    .shown_by([seen_header(exchange, "www-authenticate")]),
                false => refused.wrong("registry").shown_by([seen_words(exchange)]),
            })
        }
        Carried::Bearer => Some(
            Draft::of(Kind::TokenRefused, exchange)
                .because(refusal(walk, answer).as_str())
                .shown_by([seen_header(exchange, "www-authenticate")]),
        ),
        Carried::Nothing => None,
    }
}

/// Harbor's answer to a wrong password is a token without a subject that allows nothing.
fn is_for_nobody(walk: &Walk) -> bool {
    walk.user.is_some()
        && walk.grant.as_ref().is_some_and(|grant| {
            let has_subject = grant.subject.as_ref().is_some_and(|name| !name.is_empty());
            !has_subject
                && grant
                    .access
                    .as_ref()
                    .is_some_and(|access| access.iter().all(|one| one.actions.is_empty()))
        })
}

/// Where Docker Hub's images without a project are. Every new Harbor has such a project, a public one.
const DOCKER_HUBS: &str = "library/";

/// What the token says of the repository.
fn granted(walk: &Walk) -> Option<Draft> {
    let user = walk.user.as_ref()?;
    let repository = walk.repository.as_ref()?;
    let exchange = walk.first(Step::TokenGet)?;
    let access = walk.grant.as_ref()?.access.as_ref()?;
    let mut actions = access
        .iter()
        .filter(|one| one.kind == "repository" && one.name == *repository)
        .flat_map(|one| &one.actions)
        .peekable();
    let is_empty = actions.peek().is_none();
    if actions.any(|action| action == "push" || action == "*") {
        return None;
    }
    let (kind, wrong) = match (is_empty, is_for_nobody(walk)) {
        (false, _) => (Kind::PushNotGranted, ""),
        (true, true) => (Kind::NothingGranted, "nobody"),
        (true, false) if repository.starts_with(DOCKER_HUBS) => (Kind::MirrorPrefixMissing, ""),
        (true, false) => (Kind::NothingGranted, "nothing"),
    };
    Some(
        Draft::of(kind, exchange)
            .wrong(wrong)
            .with("user", &user.name)
            .with("repository", repository)
            .shown_by([claims(exchange, access)]),
    )
}

fn claims(exchange: &Exchange, access: &[GrantedScope]) -> Evidence {
    let listed: Vec<String> = access
        .iter()
        .map(|one| format!("{}:{}:{}", one.kind, one.name, one.actions.join(",")))
        .collect();
    let line = if listed.is_empty() {
        "access: none".to_owned()
    } else {
        format!("access: {}", listed.join(" "))
    };
    Evidence {
        line: Some(line),
        ..seen(exchange)
    }
}
