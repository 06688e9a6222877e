//! Scopes: what a request needs of which repository, as Harbor's challenges write it.

use super::operation::Operation;
use crate::words::words;
use std::fmt;

words! {
    /// What is done to a repository, in the word of an access list.
    pub enum Action {
        Pull "pull",
        Push "push",
        Delete "delete",
    }
}

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
        let Some(action) = action(operation) else {
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

fn action(operation: Operation) -> Option<Action> {
    match operation {
        Operation::Tags
        | Operation::Referrers
        | Operation::ManifestHead
        | Operation::ManifestGet
        | Operation::BlobHead
        | Operation::BlobGet
        | Operation::UploadStatus => Some(Action::Pull),
        Operation::ManifestPut
        | Operation::UploadStart
        | Operation::UploadMount
        | Operation::UploadMonolithic
        | Operation::UploadChunk
        | Operation::UploadCommit => Some(Action::Push),
        Operation::ManifestDelete | Operation::BlobDelete | Operation::UploadCancel => {
            Some(Action::Delete)
        }
        Operation::Ping
        | Operation::Token
        | Operation::Catalog
        | Operation::Api
        | Operation::Ui
        | Operation::Oidc
        | Operation::Other => None,
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
