//! The query parameters of `/pushes` and `/failures`, which select entries. An unknown parameter or
//! value is an error that lists the known ones.
//!
//! What this file deliberately doesn't know: queries as text (pairs come in decoded).

use super::outcome::PushOutcome;
use crate::oci::operation::Operation;
use crate::oci::reason::{Fault, Outcome, Reason};
use std::fmt::Display;

/// As many as are asked for at most: all that the rings of failures can hold, see `bounds`.
pub(crate) const MOST: usize = 600;

/// How many are given if nobody says.
pub(crate) const USUAL: usize = 100;

/// Which pushes and uploads to show.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct PushFilter {
    pub(crate) registry: Option<usize>,
    /// A part of the repository's name.
    pub(crate) repository: Option<String>,
    pub(crate) outcome: Option<PushOutcome>,
    /// How many of each; 0 stands for the usual number.
    pub(crate) limit: usize,
}

/// Which failures to show.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct FailureFilter {
    pub(crate) registry: Option<usize>,
    /// A part of the repository's name.
    pub(crate) repository: Option<String>,
    pub(crate) operation: Option<Operation>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) reason: Option<Reason>,
    pub(crate) fault: Option<Fault>,
    /// A part of the repository's name, the tag or digest, the request id, the account or the client's
    /// address.
    pub(crate) search: Option<String>,
    /// How many; 0 stands for the usual number.
    pub(crate) limit: usize,
}

/// Why a filter can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilterError {
    #[error("unknown parameter {0:?}: accepted are {1}")]
    Parameter(String, String),
    #[error("{0} is given twice")]
    Twice(String),
    #[error("unknown {parameter} {value:?}: accepted are {accepted}")]
    Value {
        parameter: String,
        value: String,
        accepted: String,
    },
    #[error("limit {0:?} is no number from 1 to {MOST}")]
    Limit(String),
}

impl PushFilter {
    /// How many of each are given.
    pub(crate) fn most(&self) -> usize {
        most(self.limit)
    }

    /// Whether what is of this registry and repository is asked for.
    pub(super) fn is_of(&self, registry: usize, repository: &str) -> bool {
        is_of(
            self.registry,
            self.repository.as_deref(),
            registry,
            Some(repository),
        )
    }

    /// Reads decoded pairs; an empty value filters nothing.
    pub(crate) fn parse<'p>(
        pairs: impl IntoIterator<Item = (&'p str, &'p str)>,
        registries: &[impl AsRef<str>],
    ) -> Result<PushFilter, FilterError> {
        let mut filter = PushFilter::default();
        let accepted = ["registry", "repository", "outcome", "limit"];
        for (name, value) in given(pairs, &accepted)? {
            match name {
                "registry" => filter.registry = Some(registry(value, registries)?),
                "repository" => filter.repository = Some(value.to_owned()),
                "outcome" => {
                    filter.outcome =
                        Some(word(name, value, &PushOutcome::ALL, PushOutcome::as_str)?);
                }
                _ => filter.limit = limit(value)?,
            }
        }
        Ok(filter)
    }
}

impl FailureFilter {
    /// How many are given.
    pub(crate) fn most(&self) -> usize {
        most(self.limit)
    }

    /// Reads decoded pairs; an empty value filters nothing.
    pub(crate) fn parse<'p>(
        pairs: impl IntoIterator<Item = (&'p str, &'p str)>,
        registries: &[impl AsRef<str>],
    ) -> Result<FailureFilter, FilterError> {
        let mut filter = FailureFilter::default();
        let accepted = [
            "registry",
            "repository",
            "operation",
            "outcome",
            "reason",
            "fault",
            "search",
            "limit",
        ];
        for (name, value) in given(pairs, &accepted)? {
            match name {
                "registry" => filter.registry = Some(registry(value, registries)?),
                "repository" => filter.repository = Some(value.to_owned()),
                "operation" => {
                    filter.operation = Some(word(name, value, &Operation::ALL, Operation::as_str)?);
                }
                "outcome" => {
                    filter.outcome = Some(word(name, value, &NOT_WELL, Outcome::as_str)?);
                }
                "reason" => filter.reason = Some(word(name, value, &Reason::ALL, Reason::as_str)?),
                "search" => filter.search = Some(value.to_owned()),
                "fault" => filter.fault = Some(word(name, value, &Fault::ALL, Fault::as_str)?),
                _ => filter.limit = limit(value)?,
            }
        }
        Ok(filter)
    }
}

/// How a failure can have ended.
const NOT_WELL: [Outcome; 3] = [Outcome::Refused, Outcome::Failed, Outcome::Aborted];

/// Whether what is of this registry and repository is asked for; `part` is a part of the
/// repository's name.
pub(super) fn is_of(
    asked: Option<usize>,
    part: Option<&str>,
    registry: usize,
    repository: Option<&str>,
) -> bool {
    let is_part = |part: &str| repository.is_some_and(|name| name.contains(part));
    asked.is_none_or(|one| one == registry) && part.is_none_or(is_part)
}

/// How many to show, of a filter's limit.
fn most(limit: usize) -> usize {
    match limit {
        0 => USUAL,
        _ => limit.min(MOST),
    }
}

/// What of an unknown text is said back.
const SHOWN: usize = 40;

/// The pairs that have a value, each parameter known and given once.
fn given<'p>(
    pairs: impl IntoIterator<Item = (&'p str, &'p str)>,
    accepted: &[&str],
) -> Result<Vec<(&'p str, &'p str)>, FilterError> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for (name, value) in pairs {
        if !accepted.contains(&name) {
            return Err(FilterError::Parameter(shown(name), accepted.join(", ")));
        }
        if found.iter().any(|(other, _)| *other == name) {
            return Err(FilterError::Twice(name.to_owned()));
        }
        found.push((name, value));
    }
    found.retain(|(_, value)| !value.is_empty());
    Ok(found)
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

fn registry(value: &str, registries: &[impl AsRef<str>]) -> Result<usize, FilterError> {
    let names = || registries.iter().map(AsRef::as_ref);
    names()
        .position(|name| name == value)
        .ok_or_else(|| unknown("registry", value, names()))
}

fn word<T: Copy>(
    parameter: &str,
    value: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, FilterError> {
    all.iter()
        .copied()
        .find(|one| as_str(*one) == value)
        .ok_or_else(|| unknown(parameter, value, all.iter().map(|one| as_str(*one))))
}

fn unknown<W: Display>(
    parameter: &str,
    value: &str,
    accepted: impl Iterator<Item = W>,
) -> FilterError {
    let accepted: Vec<String> = accepted.map(|word| word.to_string()).collect();
    FilterError::Value {
        parameter: parameter.to_owned(),
        value: shown(value),
        accepted: accepted.join(", "),
    }
}

fn limit(value: &str) -> Result<usize, FilterError> {
    match value.parse() {
        Ok(number @ 1..=MOST) => Ok(number),
        Ok(_) | Err(_) => Err(FilterError::Limit(shown(value))),
    }
}
