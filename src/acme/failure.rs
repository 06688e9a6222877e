//! Why there is no certificate.

use crate::net::bounded_text::without_controls;
use crate::observe::metrics::OrderResult;
use instant_acme::{Error, Problem};
use std::io;
use std::time::SystemTime;

/// Longer words of an authority help nobody.
const LONGEST: usize = 500;

/// Why an order failed.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub(super) struct OrderFailure {
    pub(super) result: OrderResult,
    /// For people; of an authority's words without control characters.
    pub(super) problem: String,
    /// The authority's own word about when it may be asked again.
    pub(super) not_before: Option<SystemTime>,
    /// The authority knows nothing of the account.
    pub(super) forgot_account: bool,
}

/// The authority, or what is on the way to it, gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoAnswer(pub(super) String);

impl OrderFailure {
    pub(super) fn new(result: OrderResult, problem: &str) -> OrderFailure {
        OrderFailure {
            result,
            problem: without_controls(problem, LONGEST),
            not_before: None,
            forgot_account: false,
        }
    }

    /// Of the folder `cache`.
    pub(super) fn of_storage(error: &io::Error) -> OrderFailure {
        OrderFailure::new(OrderResult::Storage, &format!("the cache: {error}"))
    }

    /// What the authority says of a name that it couldn't see the proof of.
    pub(super) fn of_proof(problem: Option<&Problem>, how: &str) -> OrderFailure {
        let detail = problem.and_then(|problem| problem.detail.as_deref());
        let detail = detail.unwrap_or("the authority doesn't say why");
        OrderFailure::new(OrderResult::Validation, &format!("{how}: {detail}"))
    }
}

impl From<Error> for OrderFailure {
    fn from(error: Error) -> OrderFailure {
        match error {
            Error::Api(problem) => of_problem(&problem),
            Error::Timeout(_) => {
                OrderFailure::new(OrderResult::Late, "the authority was not done in time")
            }
            Error::Other(error) if error.is::<NoAnswer>() => OrderFailure::new(
                OrderResult::Unreachable,
                &format!("the authority can't be reached: {error}"),
            ),
            other => OrderFailure::new(
                OrderResult::Refused,
                &format!("the authority's answer isn't understood: {other}"),
            ),
        }
    }
}

/// The authority's own words, by the types of RFC 8555, section 6.7.
fn of_problem(problem: &Problem) -> OrderFailure {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let kind = kind.rsplit(':').next().unwrap_or_default();
    let result = match kind {
        "rateLimited" => OrderResult::RateLimited,
        "externalAccountRequired"
        | "accountDoesNotExist"
        | "invalidContact"
        | "unsupportedContact"
        | "userActionRequired" => OrderResult::Account,
        _ => OrderResult::Refused,
    };
    let detail = problem.detail.as_deref().unwrap_or("no more is said");
    let mut failure =
        OrderFailure::new(result, &format!("the authority refuses: {detail} ({kind})"));
    failure.forgot_account = kind == "accountDoesNotExist";
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authoritys_words_are_sorted() {
        for (kind, expected) in [
            (
                "urn:ietf:params:acme:error:rateLimited",
                OrderResult::RateLimited,
            ),
            (
                "urn:ietf:params:acme:error:externalAccountRequired",
                OrderResult::Account,
            ),
            (
                "urn:ietf:params:acme:error:rejectedIdentifier",
                OrderResult::Refused,
            ),
            ("about:blank", OrderResult::Refused),
        ] {
            let problem = format!("{{\"type\":\"{kind}\",\"detail\":\"no\\u001b[31m\"}}");
            let problem: Problem = serde_json::from_str(&problem).unwrap();
            let failure = OrderFailure::from(Error::Api(problem));
            assert_eq!(failure.result, expected, "{kind}");
            assert!(
                !failure.problem.contains(char::is_control),
                "{}",
                failure.problem
            );
        }
    }
}
