//! Why a login with a token is refused, in words for who reads them in a job's log. They name what the
//! token says of itself, and never the token.

use super::algorithm::ACCEPTED;
use crate::str_enum::str_enum;

str_enum! {
    /// What became of a login with a token, as a label.
    pub enum LoginResult {
        /// A robot's credentials stood in.
        Accepted "accepted",
        /// The password is no token, or one that can't be verified here.
        NotAToken "not_a_token",
        /// No identity trusts its issuer.
        UnknownIssuer "unknown_issuer",
        /// It is for somebody else.
        WrongAudience "wrong_audience",
        /// Its issuer doesn't publish the key that it names.
        UnknownKey "unknown_key",
        /// Its issuer's key didn't sign it.
        WrongSignature "wrong_signature",
        /// Its time is over, hasn't come, or isn't said.
        WrongTime "wrong_time",
        /// No identity's condition holds.
        Condition "condition",
        /// What is asked is not what the identity is for.
        Scope "scope",
        /// The issuer's keys couldn't be had.
        IssuerUnreachable "issuer_unreachable",
    }
}

/// Why a login with a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error(
        "the password of the user oidc is not a JSON Web Token; give the ID token that the job gets \
         from its issuer"
    )]
    NotAToken,
    #[error("the token is longer than 16 KiB, which no ID token of a job is")]
    TooLong,
    #[error("the token's header has crit, and what that names is not understood here")]
    Critical,
    #[error("the token is signed by {named:?}; accepted are {ACCEPTED}")]
    Algorithm { named: String },
    #[error(
        "no identity of this registry trusts the issuer {issuer:?} of the token{}",
        slash(.is_nearly)
    )]
    UnknownIssuer { issuer: String, is_nearly: bool },
    #[error(
        "the token is for the audience {found:?}, and this registry's identities of its issuer are for \
         {expected}; ask the issuer for a token with that audience"
    )]
    WrongAudience { found: String, expected: String },
    #[error("the token names the key {key:?}, which its issuer {issuer} doesn't publish")]
    UnknownKey { key: String, issuer: String },
    #[error(
        "the token's signature is not that of its issuer {issuer}: it is another's, or it was altered \
         on its way"
    )]
    WrongSignature { issuer: String },
    #[error(
        "the token expired {ago} s ago; ask for it right before the login, since a job's token is good \
         for minutes. If it is fresh, the clocks differ"
    )]
    Expired { ago: u64 },
    #[error(
        "the token is good only in {until} s: the clocks of its issuer and of this registry differ"
    )]
    NotYet { until: u64 },
    #[error("the token's claim {name} is no time, and without one it is not accepted")]
    NoTime { name: &'static str },
    #[error("no identity of this registry is for the job {subject:?}: {tried}")]
    Condition { subject: String, tried: String },
    #[error(
        "the identity {identity} may not have {asked:?}: it is for pulls and pushes of {repositories}"
    )]
    Scope {
        identity: String,
        asked: String,
        repositories: String,
    },
    #[error(
        "the keys of the issuer {issuer} can't be had ({why}), so the token can't be verified; try again \
         shortly, or ask the operator"
    )]
    IssuerUnreachable { issuer: String, why: String },
}

fn slash(is_nearly: &bool) -> &'static str {
    match is_nearly {
        true => "; one of them has it with, or without, the slash at its end",
        false => "",
    }
}

impl Refused {
    pub(crate) fn result(&self) -> LoginResult {
        match self {
            Refused::NotAToken
            | Refused::TooLong
            | Refused::Critical
            | Refused::Algorithm { .. } => LoginResult::NotAToken,
            Refused::UnknownIssuer { .. } => LoginResult::UnknownIssuer,
            Refused::WrongAudience { .. } => LoginResult::WrongAudience,
            Refused::UnknownKey { .. } => LoginResult::UnknownKey,
            Refused::WrongSignature { .. } => LoginResult::WrongSignature,
            Refused::Expired { .. } | Refused::NotYet { .. } | Refused::NoTime { .. } => {
                LoginResult::WrongTime
            }
            Refused::Condition { .. } => LoginResult::Condition,
            Refused::Scope { .. } => LoginResult::Scope,
            Refused::IssuerUnreachable { .. } => LoginResult::IssuerUnreachable,
        }
    }
}
