//! Whether a registry answers at `/v2/`, and with a challenge that clients can act on.

use super::draft::{Draft, how_often, quoted, seen_header, seen_speaker, seen_words};
use super::entry::signed_by;
use super::surroundings::asked_later;
use crate::doctor::clients::{Detail, Unasked};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Carried, Exchange, ResponseSeen, Trouble, Walk};
use crate::doctor::words::Word;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let parts = [ping(walk), let_in(walk), html(walk)];
    parts.into_iter().flatten().collect()
}

/// Who pushes has to log in, and isn't asked to where most clients look for it.
fn let_in(walk: &Walk) -> Option<Draft> {
    let refused = asked_later(walk)?;
    let ping = walk.first(Step::Ping)?;
    Some(
        Draft::of(Kind::ChallengeMissing, ping)
            .wrong("let_in")
            .because("let_in")
            .with("refused", &refused.request.method)
            .where_(Detail::Unasked(Unasked::LetIn))
            .shown_by([seen_speaker(ping), seen_header(refused, "www-authenticate")]),
    )
}

/// The worst of what `/v2/` says at each address.
fn ping(walk: &Walk) -> Option<Draft> {
    let all: Vec<&Exchange> = walk
        .all(Step::Ping)
        .chain(walk.all(Step::PingAgain))
        .collect();
    let wrong = all.iter().find_map(|one| Some((*one, wrong(one)?)));
    let (exchange, kind) = wrong?;
    let alike = |one: &&&Exchange| self::wrong(one) == Some(kind);
    let of: Vec<&Exchange> = all.iter().filter(alike).copied().collect();
    let location = exchange.answer().and_then(|a| a.header("location"));
    let location = location.map(quoted);
    let announced = exchange.answer().and_then(announced);
    let said = announced.clone().unwrap_or_default();
    let at_times = at_times(walk, kind);
    let kind = match exchange.result {
        // With the alert that says so lost on the way.
        Err(Trouble::Cut) if asks_for(walk).is_some() => Kind::ClientCertificateRequired,
        _ => kind,
    };
    let (wrong, cause) = match (kind, announced, at_times) {
        (Kind::ChallengeMissing, _, _) => ("refused", "refused"),
        (Kind::GatewayError, _, Some(_)) => ("at_times", "some_servers"),
        (Kind::GatewayError, Some(_), None) => ("announced", cause(kind, exchange)),
        (_, _, _) => ("always", cause(kind, exchange)),
    };
    let (lost, asked) = at_times.unwrap_or((of.len(), all.len()));
    let draft = Draft::of(kind, exchange)
        .wrong(wrong)
        .because(cause)
        .told("of", signed_by(lacking(walk, exchange)))
        .with("host", &walk.target.host)
        .with("lost", lost)
        .with("all", asked)
        .told("said", move |language| match said.as_str() {
            "" => String::new(),
            said => Word::Said.filled(language, &[("said", &said)]),
        })
        .told("location", move |language| match &location {
            Some(location) => location.clone(),
            None => Word::Nowhere.told(language).to_owned(),
        })
        .where_(how_often(lost, asked));
    Some(draft.shown_by(of.into_iter().map(|exchange| match kind {
        Kind::GatewayError if wrong == "announced" => seen_words(exchange),
        Kind::RegistryRedirected => seen_header(exchange, "location"),
        Kind::ChallengeMissing => seen_header(exchange, "www-authenticate"),
        _ => seen_speaker(exchange),
    })))
}

fn wrong(exchange: &Exchange) -> Option<Kind> {
    let answer = match &exchange.result {
        Ok(answer) => answer,
        Err(Trouble::TimedOut(_) | Trouble::Cut) => return Some(Kind::GatewayError),
        Err(Trouble::NotHttp(_)) => return Some(Kind::NoRegistry),
        Err(Trouble::ClientCertificate(_)) => return Some(Kind::ClientCertificateRequired),
        // These are told by what connecting showed.
        Err(
            Trouble::Unresolved(_)
            | Trouble::Refused
            | Trouble::Unreachable(_)
            | Trouble::Tls(_)
            | Trouble::NotTls
            | Trouble::ProxyRefused(_),
        ) => return None,
    };
    if wants_certificate(answer) {
        return Some(Kind::ClientCertificateRequired);
    }
    match answer.status {
        200 if answer.is_page() => Some(Kind::NoRegistry),
        200 => None,
        300..=399 => Some(Kind::RegistryRedirected),
        401 if !answer.is_actionable() => Some(Kind::ChallengeMissing),
        // A forward proxy's: it is told with what connecting showed.
        401 | 407 | 429 => None,
        500..=599 => Some(Kind::GatewayError),
        _ => Some(Kind::NoRegistry),
    }
}

/// Which of its causes it most likely is, where the kind has several.
fn cause(kind: Kind, exchange: &Exchange) -> &'static str {
    match (kind, exchange.answer()) {
        (Kind::GatewayError, None) => "late",
        (Kind::GatewayError, Some(answer)) if answer.status == 504 => "late",
        (Kind::GatewayError, Some(answer)) if answer.header("retry-after").is_some() => "closed",
        (Kind::GatewayError, Some(answer)) if announced(answer).is_some() => "announced",
        (Kind::GatewayError, Some(_)) => "unreached",
        (Kind::RegistryRedirected, Some(answer)) if leads_back(exchange, answer) => "circle",
        (Kind::RegistryRedirected, Some(_)) => "elsewhere",
        (_, Some(answer)) if mentions_tls_port(answer) => "tls_port",
        (_, Some(answer)) if answer.status == 403 => "forbidden",
        (_, Some(_)) => "another_site",
        (_, None) => "another_protocol",
    }
}

fn mentions_tls_port(answer: &ResponseSeen) -> bool {
    let body = answer.body.to_ascii_lowercase();
    answer.status == 400 && body.contains("plain http request") && body.contains("https")
}

/// Of the page of a server that lets nobody in without one: nginx' 400, 495 and 496, others' 403.
fn wants_certificate(answer: &ResponseSeen) -> bool {
    let body = answer.body.to_ascii_lowercase();
    let names_one = ["ssl certificate", "client certificate"]
        .iter()
        .any(|words| body.contains(words));
    matches!(answer.status, 400 | 401 | 403 | 495 | 496) && names_one
}

/// Whose certificate it is that a client lacks.
fn lacking(walk: &Walk, exchange: &Exchange) -> Vec<String> {
    match &exchange.result {
        Err(Trouble::ClientCertificate(issuers)) => issuers.clone(),
        _ => asks_for(walk).unwrap_or_default(),
    }
}

/// Whose certificates the server asks for, where it does.
fn asks_for(walk: &Walk) -> Option<Vec<String>> {
    let tls = walk.address()?.tls.as_ref()?;
    tls.as_ref().ok()?.asks_for.clone()
}

/// A client that follows gets the same answer again.
fn leads_back(exchange: &Exchange, answer: &ResponseSeen) -> bool {
    let asked = exchange.request.url.as_str();
    let path = asked.splitn(4, '/').nth(3);
    answer.header("location").is_some_and(|location| {
        location == asked
            || location
                .strip_prefix('/')
                .is_some_and(|to| Some(to) == path)
    })
}

/// What a hop says of a state that is to pass: its page's heading, and when clients may come again. The
/// usual page has nothing but the status as its heading.
fn announced(answer: &ResponseSeen) -> Option<String> {
    let heading = heading(&answer.body).filter(|said| !said.contains(&answer.status.to_string()));
    let after = answer.header("retry-after");
    let after = after.map(|after| format!("Retry-After: {}", quoted(after)));
    let said: Vec<String> = heading.into_iter().chain(after).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// The text of the first heading of a page, or else its title.
fn heading(page: &str) -> Option<String> {
    let text = ["h1", "title"].iter().find_map(|tag| {
        let (_, behind) = page.split_once(&format!("<{tag}"))?;
        let (_, inside) = behind.split_once('>')?;
        Some(inside.split('<').next().unwrap_or_default())
    });
    text.map(quoted).filter(|text| !text.is_empty())
}

/// How many of the requests for `/v2/` failed so, where the same address answered others well.
fn at_times(walk: &Walk, kind: Kind) -> Option<(usize, usize)> {
    let used = walk.first(Step::Ping)?.address;
    let asked =
        walk.those(|one| matches!(one.step, Step::Ping | Step::PingAgain) && one.address == used);
    let lost = asked.iter().filter(|one| wrong(one) == Some(kind)).count();
    let is_well = asked.iter().any(|one| {
        let answer = one.answer();
        wrong(one).is_none() && answer.is_some_and(|answer| matches!(answer.status, 200 | 401))
    });
    (lost > 0 && is_well).then_some((lost, asked.len()))
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
        // A hop that asks for its own login, or forbids what is asked, has a page of its own: it replaces
        // nothing.
        let is_the_registrys = match answer.status {
            400 => true,
            401 => answer.challenges().any(|one| one.is_bearer()) || answer.is_harbors_login(),
            _ => false,
        };
        let is_its_own = is_the_registrys
            && ITS_OWN.contains(&exchange.step)
            && wrong_at_ping(exchange).is_none();
        // A write that carried Authorization and is refused is a finding of its own.
        let is_lost = answer.status == 401 && exchange.request.authorization != Carried::Nothing;
        is_its_own && answer.is_page() && !is_lost
    };
    let all = walk.those(is_replaced);
    let first = all.first()?;
    let evidence = all.iter().map(|one| seen_header(one, "content-type"));
    Some(Draft::of(Kind::HtmlErrors, first).shown_by(evidence))
}

fn wrong_at_ping(exchange: &Exchange) -> Option<Kind> {
    match exchange.step {
        Step::Ping | Step::PingAgain => wrong(exchange),
        _ => None,
    }
}
