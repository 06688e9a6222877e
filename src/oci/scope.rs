//! Scopes: the repository and the actions that a request needs, as Harbor's challenges write them.

pub use super::operation::Action;

use super::operation::Operation;
use std::fmt;

/// One action on one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub repository: String,
    pub action: Action,
}

impl Scope {
    /// What an operation on a repository needs; a mount needs to read from another one as well.
    pub(crate) fn asked(
        operation: Operation,
        repository: &str,
        mount_from: Option<&str>,
    ) -> Vec<Scope> {
        let Some(action) = operation.action() else {
            return Vec::new();
        };
        let scope = |repository: &str, action| Scope {
            repository: repository.to_owned(),
            action,
        };
        let mut scopes = vec![scope(repository, action)];
        if operation == Operation::UploadMount {
            scopes.extend(mount_from.map(|from| scope(from, Action::Pull)));
        }
        scopes
    }
}

impl fmt::Display for Scope {
    /// As Harbor writes it: who pushes also asks to pull.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions = match self.action {
            Action::Pull => "pull",
            Action::Push => "pull,push",
            Action::Delete => "delete",
        };
        write!(f, "repository:{}:{actions}", self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_written_as_harbor_does() {
        for (operation, from, expected) in [
            (Operation::ManifestHead, None, "repository:lab/app:pull"),
            (
                Operation::UploadCommit,
                None,
                "repository:lab/app:pull,push",
            ),
            (Operation::ManifestDelete, None, "repository:lab/app:delete"),
            (
                Operation::UploadMount,
                Some("pub/base"),
                "repository:lab/app:pull,push repository:pub/base:pull",
            ),
            (Operation::UploadMount, None, "repository:lab/app:pull,push"),
            (
                Operation::UploadStart,
                Some("x/y"),
                "repository:lab/app:pull,push",
            ),
            (Operation::Catalog, None, ""),
            (Operation::Ping, None, ""),
        ] {
            let scopes = Scope::asked(operation, "lab/app", from);
            let written: Vec<_> = scopes.iter().map(ToString::to_string).collect();
            assert_eq!(written.join(" "), expected, "{operation}");
        }
    }
}
