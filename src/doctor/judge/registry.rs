//! Whether a registry answers at `/v2/`, and with a challenge that clients can act on.

use super::draft::{Draft, how_often, outcome, quoted, seen_header, seen_speaker, speaker};
use crate::doctor::kind::Kind;
use crate::doctor::seen::{Answer, Carried, Exchange, Trouble, Walk};
use crate::doctor::step::Step;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    ping(walk).into_iter().chain(html(walk)).collect()
}

/// The worst of what `/v2/` says at each address.
fn ping(walk: &Walk) -> Option<Draft> {
    let all: Vec<&Exchange> = walk
        .all(Step::Ping)
        .chain(walk.all(Step::PingAgain))
        .collect();
    let wrong = all.iter().find_map(|one| Some((*one, wrong(one)?)));
    let (exchange, kind) = wrong?;
    let of: Vec<&Exchange> = all
        .iter()
        .copied()
        .filter(|one| self::wrong(one) == Some(kind))
        .collect();
    let circumstance = how_often(of.len(), all.len());
    let draft = Draft::new(kind, exchange.step, summary(kind, exchange)).where_(circumstance);
    let evidence = of.into_iter().map(|exchange| match kind {
        Kind::RegistryRedirected => seen_header(exchange, "location"),
        Kind::ChallengeMissing => seen_header(exchange, "www-authenticate"),
        _ => seen_speaker(exchange),
    });
    Some(draft.shown_by(evidence).because(cause(kind, exchange)))
}

fn wrong(exchange: &Exchange) -> Option<Kind> {
    let answer = match &exchange.result {
        Ok(answer) => answer,
        Err(Trouble::TimedOut(_) | Trouble::Cut) => return Some(Kind::GatewayError),
        Err(Trouble::NotHttp(_)) => return Some(Kind::NoRegistry),
        // These are told by what connecting showed.
        Err(
            Trouble::Unresolved(_)
            | Trouble::Refused
            | Trouble::Unreachable(_)
            | Trouble::Tls(_)
            | Trouble::NotTls,
        ) => return None,
    };
    match answer.status {
        200 if answer.is_page() => Some(Kind::NoRegistry),
        200 => None,
        300..=399 => Some(Kind::RegistryRedirected),
        401 if !is_actionable(answer) => Some(Kind::ChallengeMissing),
        401 | 429 => None,
        500..=599 => Some(Kind::GatewayError),
        _ => Some(Kind::NoRegistry),
    }
}

/// Basic, or a Bearer challenge with a realm.
fn is_actionable(answer: &Answer) -> bool {
    answer.challenges().any(|challenge| {
        challenge.scheme.eq_ignore_ascii_case("basic")
            || (challenge.is_bearer() && challenge.param("realm").is_some())
    })
}

fn summary(kind: Kind, exchange: &Exchange) -> String {
    let location = exchange.answer().and_then(|a| a.header("location"));
    let outcome = outcome(exchange);
    match kind {
        Kind::RegistryRedirected => format!(
            "/v2/ {outcome}, which sends clients to {}.",
            location.map_or("nowhere".to_owned(), quoted)
        ),
        Kind::ChallengeMissing => {
            "/v2/ was answered with 401, and with no challenge that a client can act on.".to_owned()
        }
        Kind::GatewayError => format!("/v2/ {outcome}: the registry behind was not reached."),
        _ => format!("/v2/ {outcome}, which is no registry's answer."),
    }
}

fn cause(kind: Kind, exchange: &Exchange) -> String {
    let answer = exchange.answer();
    let speaker = speaker(answer);
    match kind {
        Kind::RegistryRedirected => format!(
            "a hop{speaker} sends whoever isn't logged in to a login page, or /v2/ to another name: \
             /v2/ and /service/token have to be left out of that"
        ),
        Kind::ChallengeMissing => format!(
            "a hop{speaker} asks for a login of its own, or removes WWW-Authenticate from the \
             registry's answer"
        ),
        Kind::GatewayError => match answer.map(|answer| answer.status) {
            Some(504) | None => format!(
                "the hop{speaker} waits for what is behind it, which doesn't answer in time"
            ),
            Some(_) => format!(
                "the hop{speaker} doesn't reach what is behind it: it is down, or its address or \
                 port is wrong there"
            ),
        },
        _ => match answer {
            Some(answer) if mentions_tls_port(answer) => {
                "plain HTTP was sent to a port that speaks TLS: the URL begins with https://"
                    .to_owned()
            }
            Some(answer) if answer.status == 403 => format!(
                "a hop{speaker} forbids it: a firewall for web applications, or a list of addresses"
            ),
            Some(_) => format!(
                "what answers{speaker} isn't told to pass /v2/ on to the registry, or this name is \
                 another site's there"
            ),
            None => "another protocol is spoken on this port".to_owned(),
        },
    }
}

fn mentions_tls_port(answer: &Answer) -> bool {
    let body = answer.body.to_ascii_lowercase();
    answer.status == 400 && body.contains("plain http request") && body.contains("https")
}

/// Errors that the registry itself gives, and which clients show: those of a hop's own making are
/// other findings.
const ITS_OWN: [Step; 8] = [
    Step::Ping,
    Step::PingAgain,
    Step::Authorized,
    Step::EarlyAnswer,
    Step::EarlyAnswerChunked,
    Step::UploadStart,
    Step::UploadStatus,
    Step::UploadCommit,
];

fn html(walk: &Walk) -> Option<Draft> {
    let is_replaced = |exchange: &Exchange| {
        let Ok(answer) = &exchange.result else {
            return false;
        };
        let is_its_own = matches!(answer.status, 400 | 401 | 403 | 404)
            && ITS_OWN.contains(&exchange.step)
            && wrong_at_ping(exchange).is_none();
        // A write that carried Authorization and is refused is a finding of its own.
        let is_lost = answer.status == 401 && exchange.request.authorization != Carried::Nothing;
        is_its_own && answer.is_page() && !is_lost
    };
    let all = walk.those(is_replaced);
    let first = all.first()?;
    let answer = first.answer()?;
    let summary = format!(
        "The registry's errors come as pages: the {} to {} is HTML where JSON belongs.",
        answer.status, first.request.method
    );
    let cause = format!(
        "a hop{} puts its own pages in place of errors: `proxy_intercept_errors` with `error_page` \
         (nginx), `errorfile` or `http-error` (HAProxy)",
        speaker(answer)
    );
    let evidence = all.iter().map(|one| seen_header(one, "content-type"));
    Some(
        Draft::new(Kind::HtmlErrors, first.step, summary)
            .shown_by(evidence)
            .because(cause),
    )
}

fn wrong_at_ping(exchange: &Exchange) -> Option<Kind> {
    match exchange.step {
        Step::Ping | Step::PingAgain => wrong(exchange),
        _ => None,
    }
}
