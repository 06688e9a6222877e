//! Logins with an ID token instead of a password: at the token service the token is verified, and the
//! robot of its identity stands in. Nowhere else is it taken, and to no Harbor does it go.
//!
//! Which identity a token is for is decided by what it says: those of the request's registry that trust
//! its issuer and are its audience, and of these the first whose condition holds. What a token says is
//! believed once its issuer's signature is verified. What this file deliberately doesn't know: how a
//! signature is verified (`oidc`), and how keys are had (`runtime`).

use super::authorization::Authorization;
use super::claims_asked::{Asked, applies};
use super::context::RequestContext;
use super::credentials;
use super::login_attempt::{self, LoginForm};
use super::refusal::Refusal;
use super::request::{IdentityUsed, ProxyRequest, Routed};
use super::unix_time::unix_now;
use crate::net::login::Login;
use crate::observe::metrics::NO_IDENTITY;
use crate::oci::challenge::{TOKEN_PATH, TokenError};
use crate::oci::local_reply::LocalReply;
use crate::oci::login_response::Password;
use crate::oci::operation::Operation;
use crate::oci::routing::{Site, token_scopes};
use crate::oci::token::Credential;
use crate::oidc::{Claims, Jwt, LoginResult, Refused};
use crate::runtime::{IdentityRuntime, RegistryRuntime};
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method};
use pingora::ErrorType;
use pingora::http::RequestHeader;
use zeroize::Zeroizing;

/// The user whose password is an ID token.
const USER: &str = "oidc";

/// Harbor's answer to a robot that stands in for a job, in place of which the job is told so: Harbor says
/// nothing with it.
pub(super) const ROBOT_REFUSED: ErrorType = ErrorType::new("robot refused");

/// A login with a token that is still to be exchanged.
pub(super) struct TokenLogin(Zeroizing<String>);

/// Finds a login with a token where such are taken.
///
/// # Errors
/// The answer where it came by another way than the token service takes: no Harbor sees it.
pub(super) fn settle(
    header: &RequestHeader,
    request: Routed<'_>,
) -> Result<Option<TokenLogin>, Refusal> {
    if !request.name.takes_id_tokens {
        return Ok(None);
    }
    let is_for_token = request.asked.operation == Operation::Token;
    let is_get = header.method == Method::GET;
    if is_for_token && header.method == Method::POST {
        // containerd asks so first, with the password in the form, and goes on by GET on exactly this.
        return Err(Refusal::Answer(LocalReply::TokenByGet));
    }
    let Credential::Basic(login) = &request.authorization.credential else {
        return Ok(None);
    };
    if !login.is_of(USER) {
        return Ok(None);
    }
    if !is_for_token {
        return Err(challenged(LocalReply::TokenServiceOnly, None, request));
    }
    if !is_get {
        return Err(Refusal::Answer(LocalReply::TokenByGet));
    }
    let replacement = request.authorization.replacement.as_ref();
    let value = replacement.or_else(|| header.headers.get(AUTHORIZATION));
    let token = value.and_then(password).unwrap_or_default();
    Ok(Some(TokenLogin(token)))
}

fn password(value: &HeaderValue) -> Option<Zeroizing<String>> {
    let (_, encoded) = value.to_str().ok()?.trim().split_once(' ')?;
    Login::password_in_basic(encoded.trim())
}

/// A refusal with a challenge as Harbor gives it.
pub(super) fn challenged(
    answer: LocalReply,
    error: Option<TokenError>,
    request: Routed<'_>,
) -> Refusal {
    Refusal::Explained {
        answer,
        sentence: None,
        challenge: Some(credentials::challenge(error, request)),
    }
}

/// Looks for a token in the portal's login form, where such are taken: Harbor knows no such user, and has
/// no business with what is typed for him. What can't be read may be one.
///
/// # Errors
/// The answer to a form that has one, or may.
pub(super) fn settle_form(form: &LoginForm, request: Routed<'_>) -> Result<(), Refusal> {
    let (answer, sentence) = match &form.login {
        _ if !request.name.takes_id_tokens => return Ok(()),
        login if login.is_of(USER) => (LocalReply::IdentityRefused, NOT_IN_THE_PORTAL),
        login if !login.is_readable() => (LocalReply::BadRequest, UNREADABLE_FORM),
        _ => return Ok(()),
    };
    Err(Refusal::Explained {
        answer,
        sentence: Some(sentence.to_owned()),
        challenge: None,
    })
}

const NOT_IN_THE_PORTAL: &str = "the user oidc is for jobs, which log in with docker login or its like; \
    the portal takes no ID token, so log in there with an account of Harbor's";

const UNREADABLE_FORM: &str = "this login form can't be read: send principal and password once each, as \
    application/x-www-form-urlencoded with a Content-Length of at most 16 KiB";

impl TokenLogin {
    /// The public name of another registry at the same origin that the login is for: without a scope it
    /// doesn't say which, and the first that has an identity for it is it. Nothing is believed of the
    /// token here; that registry's identities will verify it.
    pub(super) fn leads_elsewhere(&self, request: &ProxyRequest) -> Option<usize> {
        let routed = request.routed()?;
        let query = request.asked.token_query.as_deref().unwrap_or_default();
        let Some(Site::Shared(site)) = request.shared.routes.of(&routed.name.origin) else {
            return None;
        };
        if !token_scopes(query).is_empty() {
            return None;
        }
        let token = Jwt::read(&self.0).ok()?;
        let claims = Asked::of(&token.claims);
        let is_taken = |number: &usize| {
            let harbor = request.routed_to(*number).harbor;
            let mut identities = for_token(harbor, &token.claims);
            identities.any(|(_, one)| applies(one, claims.as_ref()) == Ok(true))
        };
        let here = request.name?;
        let numbers = site.registries.iter().map(|(_, number)| *number);
        let found = std::iter::once(here).chain(numbers).find(is_taken)?;
        (found != here).then_some(found)
    }
}

/// The identities of a registry that trust a token's issuer and are its audience, with their numbers.
fn for_token<'a>(
    harbor: &'a RegistryRuntime,
    claims: &'a Claims,
) -> impl Iterator<Item = (usize, &'a IdentityRuntime)> + Clone {
    let issuer = claims.issuer();
    let identities = harbor.identities.iter().enumerate();
    identities.filter(move |(_, one)| {
        issuer == Some(one.identity.issuer.as_str()) && claims.is_for(&one.identity.audience)
    })
}

/// Why a login was refused, and which identity it came to.
struct Failed {
    identity: String,
    refused: Refused,
}

impl Failed {
    fn before_any(refused: Refused) -> Failed {
        Failed {
            identity: NO_IDENTITY.to_owned(),
            refused,
        }
    }
}

/// Exchanges the token for the robot of its identity, and narrows what is asked to what the identity is
/// for.
///
/// # Errors
/// The refusal, which says which step failed.
pub(super) async fn exchange(login: &TokenLogin, ctx: &mut RequestContext) -> Result<(), Refusal> {
    let request = &ctx.request;
    let Some(routed) = request.routed() else {
        return Err(Refusal::Answer(LocalReply::UnknownHost));
    };
    let token = Jwt::read(&login.0);
    let limited = limited(login, token.as_ref().ok());
    // Nobody guesses a signature: what is bounded is how many a stranger lets the gateway verify.
    login_attempt::check(&limited, routed)?;
    let refused = |failed| refuse(failed, &limited, routed);
    let token = token.map_err(|flaw| refused(Failed::before_any(flaw)))?;
    let number = find(&token, routed).await.map_err(refused)?;
    let one = &routed.harbor.identities[number];
    let narrowed = one.repositories.narrow(&upstream_query(ctx));
    let query = narrowed.map_err(|asked| {
        let identity = one.identity.name.clone();
        refused(Failed {
            refused: Refused::Scope {
                identity: identity.clone(),
                asked,
                repositories: one.repositories.to_string(),
            },
            identity,
        })
    })?;
    login_attempt::judged(&limited, Password::Right, routed);
    stand_in(number, &query, &token.claims, ctx)
}

/// For the login limit the account is what the token says that it is about, so that the jobs of one runner
/// lock none of each other out; what can't be read is one account's.
fn limited(login: &TokenLogin, token: Option<&Jwt<'_>>) -> Login {
    let password = login.0.as_bytes();
    let Some(token) = token else {
        return Login::unreadable(password);
    };
    let issuer = token.claims.issuer().unwrap_or_default();
    let subject = token.claims.subject();
    Login::new(format!("{USER} {issuer} {subject}").as_bytes(), password)
}

/// The number of the identity that a token is for.
async fn find(token: &Jwt<'_>, request: Routed<'_>) -> Result<usize, Failed> {
    let (harbor, claims) = (request.harbor, &token.claims);
    let candidates: Vec<(usize, &IdentityRuntime)> = for_token(harbor, claims).collect();
    let Some((_, first)) = candidates.first() else {
        return Err(Failed::before_any(no_candidate(harbor, claims)));
    };
    let failed = |refused| Failed {
        identity: match candidates.as_slice() {
            [(_, only)] => only.identity.name.clone(),
            _ => NO_IDENTITY.to_owned(),
        },
        refused,
    };
    // What costs nothing first; a stranger learns from neither what a condition says.
    claims.check_times(unix_now()).map_err(failed)?;
    first.issuer.verify(token).await.map_err(failed)?;
    let asked = Asked::of(claims);
    let mut tried = Vec::new();
    for (number, one) in &candidates {
        let name = &one.identity.name;
        match applies(one, asked.as_ref()) {
            Ok(true) => return Ok(*number),
            Ok(false) => tried.push(format!("the condition of {name} doesn't hold")),
            Err(words) => tried.push(format!(
                "the condition of {name} can't be evaluated: {words}"
            )),
        }
    }
    Err(failed(Refused::Condition {
        subject: claims.shown_subject(),
        tried: tried.join("; "),
    }))
}

fn no_candidate(harbor: &RegistryRuntime, claims: &Claims) -> Refused {
    let issuer = claims.issuer().unwrap_or_default();
    let identities = || harbor.identities.iter().map(|one| &one.identity);
    let of_issuer = identities().filter(|one| one.issuer.as_str() == issuer);
    let mut expected: Vec<&str> = of_issuer.map(|one| one.audience.as_str()).collect();
    expected.dedup();
    if expected.is_empty() {
        return Refused::UnknownIssuer {
            issuer: claims.shown_issuer(),
            is_nearly: identities().any(|one| one.issuer.is_nearly(issuer)),
        };
    }
    Refused::WrongAudience {
        found: claims.shown_audience(),
        expected: expected.join(", "),
    }
}

fn refuse(failed: Failed, login: &Login, request: Routed<'_>) -> Refusal {
    let Failed { identity, refused } = failed;
    let result = refused.result();
    request.metrics().identities.login(&identity, result);
    let is_unverified = result == LoginResult::IssuerUnreachable;
    // What couldn't be verified is nobody's mistake; a right token with a wrong scope is no guess.
    if !is_unverified && result != LoginResult::Scope {
        login_attempt::judged(login, Password::Wrong, request);
    }
    let registry = request.registry_name();
    let id = &request.downstream.request_id;
    log::info!(
        "registry {registry}: a login with an ID token was refused: {refused} (request {id})"
    );
    Refusal::Explained {
        answer: match is_unverified {
            true => LocalReply::IssuerUnreachable,
            false => LocalReply::IdentityRefused,
        },
        sentence: Some(refused.to_string()),
        challenge: None,
    }
}

/// The query of the request for a token as it would go to Harbor.
fn upstream_query(ctx: &RequestContext) -> String {
    let target = ctx.tries.target.as_ref();
    let query = target.map_or(
        ctx.request.asked.token_query.as_deref(),
        PathAndQuery::query,
    );
    query.unwrap_or_default().to_owned()
}

/// From here on the request is the robot's.
fn stand_in(
    number: usize,
    query: &str,
    claims: &Claims,
    ctx: &mut RequestContext,
) -> Result<(), Refusal> {
    let target = format!("{TOKEN_PATH}?{query}");
    let target = PathAndQuery::try_from(target);
    ctx.tries.target = Some(target.map_err(|_| Refusal::Answer(LocalReply::BadRequest))?);
    let Some(request) = ctx.request.routed() else {
        return Err(Refusal::Answer(LocalReply::UnknownHost));
    };
    let one = &request.harbor.identities[number];
    let used = IdentityUsed {
        number,
        name: one.identity.name.clone(),
        subject: claims.shown_subject(),
        account: one.identity.account().to_owned(),
    };
    let metrics = &request.metrics().identities;
    metrics.login(&used.name, LoginResult::Accepted);
    let (registry, id) = (request.registry_name(), &request.downstream.request_id);
    let (name, job) = (&used.name, &used.subject);
    log::info!(
        "registry {registry}: the job {job:?} logs in by the identity {name} (request {id})"
    );
    let authorization = Authorization::instead(&one.account);
    if let Some(filtered) = &mut ctx.filtered {
        filtered.stands_in(&used.account);
    }
    ctx.request.authorization = authorization;
    ctx.request.asked.token_query = Some(query.to_owned());
    ctx.request.identity = Some(Box::new(used));
    Ok(())
}
