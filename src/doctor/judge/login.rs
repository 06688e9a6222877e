//! Tokens: whether clients get one, and what it allows.

use super::draft::{Draft, outcome, seen, seen_header, seen_speaker, seen_words, speaker};
use super::refusal::{Refusal, refusal};
use crate::doctor::finding::Evidence;
use crate::doctor::kind::Kind;
use crate::doctor::seen::{Access, Answer, Carried, Exchange, Walk};
use crate::doctor::step::Step;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let mut drafts = Vec::new();
    drafts.extend(post(walk));
    let token = token(walk);
    let has_token = token.is_none();
    drafts.extend(token);
    if has_token {
        // A token for nobody is refused wherever somebody is asked for.
        if !is_for_nobody(walk) {
            drafts.extend(refused(walk));
        }
        drafts.extend(granted(walk));
    }
    drafts
}

/// containerd asks with POST first. It takes 400, 401, 404 and 405 for a reason to ask with GET.
fn post(walk: &Walk) -> Option<Draft> {
    let exchange = walk.first(Step::TokenPost)?;
    let answer = exchange.answer()?;
    let is_wrong = matches!(answer.status, 403 | 300..=399 | 500..=599);
    // A token service that gives nobody a token is another finding.
    let get = walk.answer(Step::TokenGet);
    let is_same = get.is_some_and(|get| get.status == answer.status);
    // Harbor refuses every write with a session cookie in these words, this one too.
    if !is_wrong || is_same || answer.is_csrf() {
        return None;
    }
    let status = answer.status;
    let summary = format!(
        "POST at the realm was answered with {status}, where 405 makes containerd ask with GET."
    );
    let cause = match status {
        300..=399 => format!("a hop{} redirects the token service", speaker(answer)),
        403 => format!(
            "a hop{} forbids POST there: `limit_except GET`, a firewall for web applications, or \
             protection against forged requests",
            speaker(answer)
        ),
        _ => format!(
            "a hop{} can't pass POST on to the token service, or breaks it there",
            speaker(answer)
        ),
    };
    let evidence = match status {
        300..=399 => seen_header(exchange, "location"),
        _ => seen_speaker(exchange),
    };
    Some(
        Draft::new(Kind::TokenPostRefused, exchange.step, summary)
            .shown_by([evidence])
            .because(cause),
    )
}

fn token(walk: &Walk) -> Option<Draft> {
    let exchange = walk.first(Step::TokenGet)?;
    let has_password = exchange.request.authorization == Carried::Basic;
    let answer = match &exchange.result {
        Ok(answer) => answer,
        Err(trouble) => {
            let summary = format!("The token service gave no answer: {trouble}.");
            return Some(
                Draft::new(Kind::TokenFailed, exchange.step, summary)
                    .shown_by([seen(exchange)])
                    .because("the hop doesn't pass the realm's path on to where tokens are made"),
            );
        }
    };
    let status = answer.status;
    match status {
        200 if walk.grant.is_some() => None,
        200 if !answer.is_page() && !is_over(walk) => None,
        401 if !has_password => None,
        401 | 403 if has_password && !answer.is_page() => {
            let user = walk.user.as_ref().map_or("this user", |user| &user.name);
            let summary = format!("The token service refuses the password of {user} ({status}).");
            Some(
                Draft::new(Kind::LoginRefused, exchange.step, summary)
                    .shown_by([seen_words(exchange)]),
            )
        }
        _ => {
            let summary = format!("The token service {} and gave no token.", outcome(exchange));
            let speaker = speaker(answer);
            let cause = match status {
                300..=399 => format!("a hop{speaker} redirects the token service, to a login page"),
                404 | 200 => format!(
                    "a hop{speaker} doesn't pass the realm's path (/service/token of a Harbor) on \
                     to where tokens are made"
                ),
                401 | 403 => format!("a hop{speaker} wants a login of its own there"),
                _ => format!("what makes tokens{speaker} is broken or not reached"),
            };
            Some(
                Draft::new(Kind::TokenFailed, exchange.step, summary)
                    .shown_by([seen_speaker(exchange)])
                    .because(cause),
            )
        }
    }
}

/// A token is read after its answer came: whether it is known by now that there is none.
fn is_over(walk: &Walk) -> bool {
    let is_skipped = |step: Step| walk.skipped.iter().any(|skipped| skipped.step == step);
    is_skipped(Step::Authorized) || walk.first(Step::Authorized).is_some()
}

/// `/v2/` with what was just given.
fn refused(walk: &Walk) -> Option<Draft> {
    walk.user.as_ref()?;
    let exchange = walk.first(Step::Authorized)?;
    let answer = exchange.answer()?;
    let is_taken = walk
        .answer(Step::UploadStart)
        .is_some_and(Answer::is_success);
    if answer.status != 401 || is_taken {
        return None;
    }
    match exchange.request.authorization {
        Carried::Basic if !answer.is_page() => Some(
            Draft::new(
                Kind::LoginRefused,
                exchange.step,
                "The registry refuses the password.",
            )
            .shown_by([seen_words(exchange)]),
        ),
        Carried::Basic | Carried::Bearer => Some(
            Draft::new(
                Kind::TokenRefused,
                exchange.step,
                "The registry refuses what it was given a moment ago.",
            )
            .shown_by([seen_header(exchange, "www-authenticate")])
            .because(arrived(walk, answer)),
        ),
        Carried::Nothing => None,
    }
}

/// What the challenge of a refusal tells of the Authorization that arrived.
fn arrived(walk: &Walk, answer: &Answer) -> String {
    match refusal(walk, answer) {
        Refusal::Page => format!(
            "the refusal is a hop's own{}, which asks for a login of its own",
            speaker(answer)
        ),
        Refusal::Nothing => {
            "the registry was asked without Authorization: a hop removes it from every request"
                .to_owned()
        }
        Refusal::Something => {
            "the registry got an Authorization and refused it: the token is another installation's \
             (two stand behind this name, and one makes what the other doesn't know), a hop puts \
             its own in its place, or the clocks differ"
                .to_owned()
        }
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
    let name = &user.name;
    let (kind, summary) = if !is_empty {
        let summary = format!("The token of {name} allows no push to {repository}.");
        (Kind::PushNotGranted, summary)
    } else if is_for_nobody(walk) {
        let summary = format!(
            "The token service gave {name} a token for nobody, which allows nothing: so Harbor \
             answers a wrong password."
        );
        (Kind::NothingGranted, summary)
    } else {
        let summary = format!(
            "The token of {name} allows nothing in {repository}: no role in that project, no such \
             project, or a wrong password."
        );
        (Kind::NothingGranted, summary)
    };
    Some(Draft::new(kind, exchange.step, summary).shown_by([claims(exchange, access)]))
}

fn claims(exchange: &Exchange, access: &[Access]) -> Evidence {
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
