//! Less than what a token service was asked for: the repositories that a login is for, pulled and
//! pushed, and nothing else.
//!
//! Harbor's token service reads only the projects of what it is asked (goharbor/harbor,
//! `src/core/service/token/creator.go`): it grants everything that the account may do there, and its
//! tokens are good in the whole project (`src/common/security/v2token/context.go`). So what is asked is
//! narrowed here, and what a token is used for once more. What this file deliberately doesn't know: whose
//! login it is.

use super::operation::{Action, Operation};
use super::repository::RepositoryName;
use super::routing::{TokenScope, token_scopes};
use crate::net::query::{self, Pair};
use std::fmt;

/// A repository's name, or how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPattern {
    text: String,
    is_beginning: bool,
}

impl RepositoryPattern {
    /// The accepted form, for the error message.
    pub const ACCEPTED: &str =
        "a repository with its project, or how it begins and a star, such as acme/app or acme/*";

    /// Reads a name or a beginning; `None` where no repository has such a name.
    pub fn parse(text: &str) -> Option<RepositoryPattern> {
        let (name, is_beginning) = match text.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (text, false),
        };
        // What stands behind a star may begin in the middle of a name.
        let is_sound = match is_beginning {
            true => RepositoryName::parse(&format!("{name}a")).is_some(),
            false => RepositoryName::parse(name).is_some(),
        };
        let is_in_project = name.contains('/');
        (is_sound && is_in_project).then(|| RepositoryPattern {
            text: name.to_owned(),
            is_beginning,
        })
    }

    fn has(&self, repository: &str) -> bool {
        match self.is_beginning {
            true => repository.starts_with(&self.text),
            false => repository == self.text,
        }
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.is_beginning { "*" } else { "" };
        write!(f, "{}{star}", self.text)
    }
}

/// The repositories that a login is for; all of them where none is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repositories(Vec<RepositoryPattern>);

impl Repositories {
    pub fn new(patterns: Vec<RepositoryPattern>) -> Repositories {
        Repositories(patterns)
    }

    fn has(&self, repository: &str) -> bool {
        let is_named = || self.0.iter().any(|pattern| pattern.has(repository));
        // A name that isn't sound could mean another one to Harbor.
        RepositoryName::parse(repository).is_some() && (self.0.is_empty() || is_named())
    }

    /// The query of a request for a token, with the scopes that this login is for.
    ///
    /// # Errors
    /// The scope that it may not have, where it could do nothing with the rest: of what is asked nothing is
    /// left, or a push is not.
    pub(crate) fn narrow(&self, asked: &str) -> Result<String, String> {
        let scopes = token_scopes(asked);
        let mut narrowed = scopes.iter().map(|scope| (scope, self.narrowed(scope)));
        if let Some((refused, _)) = narrowed.clone().find(|(scope, left)| {
            let keeps_push = left.as_ref().is_some_and(TokenScope::writes);
            scope.writes() && !keeps_push
        }) {
            return Err(refused.to_string());
        }
        let is_left = narrowed.any(|(_, left)| left.is_some());
        if let (Some(first), false) = (scopes.first(), is_left) {
            return Err(first.to_string());
        }
        Ok(query::edited(asked, |name, value| match name {
            "scope" => match self.written(value) {
                Some(scopes) => Pair::Is(scopes),
                None => Pair::Goes,
            },
            _ => Pair::Stays,
        }))
    }

    /// The scopes of one parameter that are left.
    fn written(&self, value: &str) -> Option<String> {
        let scopes = value.split_whitespace().filter_map(TokenScope::read);
        let left = scopes.filter_map(|scope| self.narrowed(&scope));
        let left: Vec<String> = left.map(|scope| scope.to_string()).collect();
        (!left.is_empty()).then(|| left.join(" "))
    }

    fn narrowed(&self, scope: &TokenScope) -> Option<TokenScope> {
        let actions = scope.actions.split(',');
        let kept: Vec<&str> = actions
            .filter(|it| matches!(*it, "pull" | "push"))
            .collect();
        let is_allowed = scope.kind == "repository" && self.has(&scope.name) && !kept.is_empty();
        is_allowed.then(|| TokenScope {
            actions: kept.join(","),
            ..scope.clone()
        })
    }
}

/// As it is said to people.
impl fmt::Display for Repositories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("any repository");
        }
        let patterns: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&patterns.join(", "))
    }
}

/// What becomes of a request with a token of a login that is for some repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// It goes on.
    Allowed,
    /// It goes on without its mount, whose source is another repository: the client uploads instead.
    WithoutMount,
    /// It is for another repository, or deletes.
    Refused,
}

/// Decides it; `several` are the logins that have the token's account, which doesn't say which of them it
/// was. `from` is what a mount names as its source.
pub(crate) fn hold<'a>(
    several: impl Iterator<Item = &'a Repositories> + Clone,
    operation: Operation,
    repository: Option<&str>,
    from: Option<&str>,
) -> Held {
    let has = |repository: &str| several.clone().any(|one| one.has(repository));
    let Some(repository) = repository else {
        return Held::Allowed;
    };
    // Who gives his own upload up deletes nothing that was there.
    let is_cancel = operation == Operation::UploadCancel;
    let deletes = operation.action() == Some(Action::Delete) && !is_cancel;
    if deletes || !has(repository) {
        Held::Refused
    } else if operation == Operation::UploadMount && !from.is_some_and(has) {
        // A source that can't be read, Harbor might read.
        Held::WithoutMount
    } else {
        Held::Allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repositories(patterns: &[&str]) -> Repositories {
        let patterns = patterns
            .iter()
            .map(|text| RepositoryPattern::parse(text).unwrap());
        Repositories::new(patterns.collect())
    }

    #[test]
    fn patterns_are_repositories_or_their_beginnings() {
        for (text, is_pattern) in [
            ("acme/app", true),
            ("acme/*", true),
            ("acme/app-*", true),
            ("acme/a/b*", true),
            ("acme", false),
            ("acme*", false),
            ("*", false),
            ("", false),
            ("*/app", false),
            ("acme/**", false),
            ("acme/*/app", false),
            ("Acme/app", false),
            ("acme//*", false),
            ("/acme/*", false),
            ("acme/../*", false),
            ("acme/app:v1", false),
        ] {
            let read = RepositoryPattern::parse(text);
            assert_eq!(read.is_some(), is_pattern, "{text}");
            assert!(read.is_none_or(|read| read.to_string() == text));
        }
        assert_eq!(repositories(&["acme/*", "a/b"]).to_string(), "acme/*, a/b");
    }

    #[test]
    fn what_is_asked_is_narrowed() {
        let acme = repositories(&["acme/*", "pub/base"]);
        let refused = |scope: &str| Err(scope.to_owned());
        let left = |query: &str| Ok(query.to_owned());
        for (asked, expected) in [
            ("service=harbor-registry", left("service=harbor-registry")),
            ("", left("")),
            (
                "service=x&scope=repository:acme/app:pull,push",
                left("service=x&scope=repository:acme/app:pull,push"),
            ),
            (
                "scope=repository%3Aacme%2Fapp%3Apush%2Cpull&service=x",
                left("scope=repository:acme/app:push,pull&service=x"),
            ),
            // A mount's source; whose token it is decides the mount itself.
            (
                "scope=repository:acme/app:pull,push+repository:other/b:pull",
                left("scope=repository:acme/app:pull,push"),
            ),
            (
                "scope=repository:other/b:pull&scope=repository:acme/app:pull,push",
                left("scope=repository:acme/app:pull,push"),
            ),
            (
                "scope=repository:acme/app:pull,push,delete",
                left("scope=repository:acme/app:pull,push"),
            ),
            (
                "scope=repository:acme/app:*",
                refused("repository:acme/app:*"),
            ),
            (
                "scope=repository:acme/app:delete",
                refused("repository:acme/app:delete"),
            ),
            // Harbor grants what the account may, where no action is named.
            ("scope=repository:acme/app", refused("repository:acme/app:")),
            (
                "scope=repository:other/b:pull",
                refused("repository:other/b:pull"),
            ),
            (
                "scope=repository:acme/app:pull+repository:other/b:pull,push",
                refused("repository:other/b:pull,push"),
            ),
            ("scope=registry:catalog:*", refused("registry:catalog:*")),
            (
                "scope=registry:catalog:*+repository:pub/base:pull",
                left("scope=repository:pub/base:pull"),
            ),
            (
                "scope=repository(plugin):acme/app:pull",
                refused("repository(plugin):acme/app:pull"),
            ),
            (
                "scope=repository:acmeevil/app:pull",
                refused("repository:acmeevil/app:pull"),
            ),
            (
                "scope=repository:pub/base2:pull",
                refused("repository:pub/base2:pull"),
            ),
            (
                "scope=repository:acme/../b:pull",
                refused("repository:acme/../b:pull"),
            ),
            (
                "scope=repository:acme/:pull",
                refused("repository:acme/:pull"),
            ),
            (
                "scope=repository:acme/a:b:pull",
                refused("repository:acme/a:b:pull"),
            ),
            (
                "%73cope=repository:other/b:pull",
                refused("repository:other/b:pull"),
            ),
            ("scope=", left("")),
            ("scope=;repository:acme/app:pull", left("")),
        ] {
            assert_eq!(acme.narrow(asked), expected, "{asked}");
        }
        let all = Repositories::default();
        for (asked, expected) in [
            (
                "scope=repository:any/b:pull,delete,push",
                left("scope=repository:any/b:pull,push"),
            ),
            (
                "scope=repository:any/b:delete",
                refused("repository:any/b:delete"),
            ),
        ] {
            assert_eq!(all.narrow(asked), expected, "{asked}");
        }
    }

    #[test]
    fn a_token_is_held_to_its_repositories() {
        let (acme, lib) = (repositories(&["acme/app"]), repositories(&["lib/*"]));
        let all = Repositories::default();
        let (first, both, any) = (vec![&acme], vec![&acme, &lib], vec![&acme, &all]);
        for (several, operation, repository, from, expected) in [
            (
                &first,
                Operation::ManifestPut,
                "acme/app",
                None,
                Held::Allowed,
            ),
            (
                &first,
                Operation::ManifestGet,
                "acme/other",
                None,
                Held::Refused,
            ),
            (&first, Operation::UploadStart, "lib/a", None, Held::Refused),
            (&both, Operation::UploadStart, "lib/a", None, Held::Allowed),
            (&any, Operation::UploadStart, "x/y", None, Held::Allowed),
            (&any, Operation::ManifestDelete, "x/y", None, Held::Refused),
            (
                &first,
                Operation::ManifestDelete,
                "acme/app",
                None,
                Held::Refused,
            ),
            (
                &first,
                Operation::BlobDelete,
                "acme/app",
                None,
                Held::Refused,
            ),
            (
                &first,
                Operation::UploadCancel,
                "acme/app",
                None,
                Held::Allowed,
            ),
            (
                &first,
                Operation::UploadCancel,
                "acme/other",
                None,
                Held::Refused,
            ),
            (
                &first,
                Operation::UploadMount,
                "acme/app",
                Some("acme/app"),
                Held::Allowed,
            ),
            (
                &first,
                Operation::UploadMount,
                "acme/app",
                Some("acme/b"),
                Held::WithoutMount,
            ),
            (
                &first,
                Operation::UploadMount,
                "acme/b",
                Some("acme/app"),
                Held::Refused,
            ),
            (
                &first,
                Operation::UploadMount,
                "acme/app",
                None,
                Held::WithoutMount,
            ),
            (&first, Operation::Other, "acme/b", None, Held::Refused),
            (
                &both,
                Operation::UploadMount,
                "acme/app",
                Some("lib/x"),
                Held::Allowed,
            ),
        ] {
            let held = hold(several.iter().copied(), operation, Some(repository), from);
            assert_eq!(held, expected, "{operation} {repository} {from:?}");
        }
        let ping = hold([&acme].into_iter(), Operation::Ping, None, None);
        assert_eq!(ping, Held::Allowed);
    }
}
