//! Operations: what a request means to a registry, as one word of a fixed list.
//!
//! What this file deliberately doesn't know: paths (see `target`), timeouts, and how often
//! something is tried.

use crate::str_enum::str_enum;

str_enum! {
    /// What is done to a repository, in the word of an access list.
    pub enum Action {
        Pull "pull",
        Push "push",
        Delete "delete",
    }
}

/// Whose answers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HarborPart {
    /// Of what stands below `/v2/` and of the token service.
    Registry,
    /// Of Harbor's own API and portal.
    Web,
}

/// Declares the operations: the word, the method by which a sentence calls it, its part of Harbor,
/// what an account must be allowed to do to the repository, and when it may be sent again.
macro_rules! operations {
    ($($(#[$of_operation:meta])* $operation:ident $word:literal $method:literal $part:ident
        [$($action:ident)?] $replay:ident;)*) => {
        str_enum! {
            /// What a request means to a registry.
            #[derive(Hash, PartialOrd, Ord)]
            pub enum Operation { $($(#[$of_operation])* $operation $word,)* }
        }

        impl Operation {
            /// What a sentence calls it: its method, or `request` where that would say nothing.
            pub(crate) fn method(self) -> &'static str {
                match self { $(Operation::$operation => $method),* }
            }

            /// What an account must be allowed to do to the repository; `None` where none is named.
            pub(crate) fn action(self) -> Option<Action> {
                match self { $(Operation::$operation => None$(.or(Some(Action::$action)))?),* }
            }

            fn part(self) -> HarborPart {
                match self { $(Operation::$operation => HarborPart::$part),* }
            }

            fn replay_of_reads(self) -> Replay {
                match self { $(Operation::$operation => Replay::$replay),* }
            }
        }
    };
}

operations! {
    /// `GET /v2/`: how every client begins.
    Ping "ping" "request" Registry [] Read;
    /// A token is asked for.
    Token "token" "request" Registry [] Read;
    /// The list of repositories.
    Catalog "catalog" "request" Registry [] Read;
    /// A repository's tags.
    Tags "tags" "request" Registry [Pull] Read;
    /// What refers to a manifest: signatures and the like.
    Referrers "referrers" "request" Registry [Pull] Read;
    /// Whether a manifest is there: how a pull or a push begins.
    ManifestHead "manifest_head" "HEAD" Registry [Pull] Read;
    /// A manifest is pulled.
    ManifestGet "manifest_get" "request" Registry [Pull] Read;
    /// A manifest is pushed: the end of every push.
    ManifestPut "manifest_put" "PUT" Registry [Push] Never;
    /// A manifest, or a tag, is deleted.
    ManifestDelete "manifest_delete" "DELETE" Registry [Delete] Never;
    /// Whether a blob is there.
    BlobHead "blob_head" "HEAD" Registry [Pull] Read;
    /// A blob is pulled.
    BlobGet "blob_get" "request" Registry [Pull] Read;
    /// A blob is deleted.
    BlobDelete "blob_delete" "DELETE" Registry [Delete] Never;
    /// An upload is opened.
    UploadStart "upload_start" "POST" Registry [Push] WithoutBody;
    /// A blob of another repository is asked for, instead of an upload.
    UploadMount "upload_mount" "POST" Registry [Push] WithoutBody;
    /// A whole blob in the request that opens the upload.
    UploadMonolithic "upload_monolithic" "POST" Registry [Push] Never;
    /// Bytes of an upload.
    UploadChunk "upload_chunk" "PATCH" Registry [Push] Never;
    /// An upload is ended, with its last bytes or without.
    UploadCommit "upload_commit" "PUT" Registry [Push] Never;
    /// How far an upload has got.
    UploadStatus "upload_status" "request" Registry [Pull] Read;
    /// An upload is given up.
    UploadCancel "upload_cancel" "DELETE" Registry [Delete] Never;
    /// Harbor's own API.
    Api "api" "request" Web [] Read;
    /// Harbor's portal.
    Ui "ui" "request" Web [] Read;
    /// The way back from an identity provider.
    Oidc "oidc" "request" Web [] Never;
    /// What is none of these, or never public.
    Other "other" "request" Registry [] Read;
}

impl Operation {
    /// The steps of an upload that is under way: what a ticket can be good for.
    pub(crate) const TICKETED: [Operation; 3] = [
        Operation::UploadChunk,
        Operation::UploadCommit,
        Operation::UploadStatus,
    ];

    /// What begins an upload.
    pub(crate) const NEW_UPLOAD: [Operation; 3] = [
        Operation::UploadStart,
        Operation::UploadMount,
        Operation::UploadMonolithic,
    ];

    /// What writes to a registry when somebody pushes: what its objective counts.
    pub const PUSH: [Operation; 6] = [
        Operation::UploadStart,
        Operation::UploadMount,
        Operation::UploadMonolithic,
        Operation::UploadChunk,
        Operation::UploadCommit,
        Operation::ManifestPut,
    ];

    /// Whether it writes to a registry when somebody pushes: a step of an upload, or a manifest.
    pub fn is_push(self) -> bool {
        Operation::PUSH.contains(&self)
    }

    /// Whether it changes something, sent by this method.
    pub(crate) fn writes(self, method: &str) -> bool {
        match self.part() {
            HarborPart::Registry => {
                matches!(self.action(), Some(Action::Push | Action::Delete))
                    || (self == Operation::Other && !is_safe(method))
            }
            HarborPart::Web => !is_safe(method),
        }
    }

    /// Whether it reads a manifest or a blob: what another site may be asked for.
    pub(crate) fn is_pull(self) -> bool {
        matches!(
            self,
            Operation::ManifestHead
                | Operation::ManifestGet
                | Operation::BlobHead
                | Operation::BlobGet
        )
    }

    /// True where Harbor may stay silent for minutes before it answers: it hashes or moves the
    /// layer.
    pub(crate) fn is_commit(self) -> bool {
        matches!(self, Operation::UploadCommit | Operation::UploadMonolithic)
    }

    /// When a request may be sent upstream again after an attempt failed without an answer.
    ///
    /// PATCH and PUT never: an offset mismatch cancels the upload. A DELETE that was done would
    /// come back as 404. A second upload start only leaves an empty upload behind. An OIDC
    /// callback's code works once.
    pub(crate) fn replay(self, method: &str) -> Replay {
        match self.replay_of_reads() {
            Replay::Read if !matches!(method, "GET" | "HEAD") => Replay::Never,
            replay @ (Replay::Read | Replay::WithoutBody | Replay::Never) => replay,
        }
    }

    /// True for what stands below `/v2/` and for the token service: the answers registry clients
    /// read, cookies stripped, locations repaired.
    pub fn is_registry(self) -> bool {
        self.part() == HarborPart::Registry
    }

    /// True for the steps of pushes: what the objective and the alerts on pushes count, so that who
    /// asked must be proven to hold a credential.
    pub fn needs_proof(self) -> bool {
        Operation::PUSH.contains(&self) || Operation::TICKETED.contains(&self)
    }
}

/// Whether a request may be sent upstream again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// It only reads.
    Read,
    /// It may have been done already, which does no harm, if it carries no body.
    WithoutBody,
    Never,
}

/// Methods that change nothing (RFC 9110, 9.2.1).
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_own_word_and_index() {
        for (index, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, index, "{operation}");
            let same = Operation::ALL
                .iter()
                .filter(|other| other.as_str() == operation.as_str());
            assert_eq!(same.count(), 1, "{operation}");
        }
    }

    #[test]
    fn what_belongs_to_a_push_is_told_from_the_rest() {
        let words = |is: fn(Operation) -> bool| {
            let are = Operation::ALL
                .into_iter()
                .filter(|operation| is(*operation));
            let words: Vec<&str> = are.map(Operation::as_str).collect();
            words.join(" ")
        };
        assert_eq!(
            words(Operation::is_push),
            "manifest_put upload_start upload_mount upload_monolithic upload_chunk upload_commit"
        );
        assert_eq!(
            words(Operation::needs_proof),
            "manifest_put upload_start upload_mount upload_monolithic upload_chunk upload_commit \
             upload_status"
        );
        assert_eq!(
            words(Operation::is_commit),
            "upload_monolithic upload_commit"
        );
        assert_eq!(words(|operation| !operation.is_registry()), "api ui oidc");
    }

    #[test]
    fn writes_are_never_replayed_but_bodyless_starts() {
        for (operation, method, replay) in [
            (Operation::Ping, "GET", Replay::Read),
            (Operation::Token, "GET", Replay::Read),
            (Operation::Token, "POST", Replay::Never),
            (Operation::BlobGet, "GET", Replay::Read),
            (Operation::ManifestHead, "HEAD", Replay::Read),
            (Operation::ManifestPut, "PUT", Replay::Never),
            (Operation::ManifestDelete, "DELETE", Replay::Never),
            (Operation::UploadStart, "POST", Replay::WithoutBody),
            (Operation::UploadMount, "POST", Replay::WithoutBody),
            (Operation::UploadMonolithic, "POST", Replay::Never),
            (Operation::UploadChunk, "PATCH", Replay::Never),
            (Operation::UploadCommit, "PUT", Replay::Never),
            (Operation::UploadStatus, "GET", Replay::Read),
            (Operation::UploadCancel, "DELETE", Replay::Never),
            (Operation::Api, "GET", Replay::Read),
            (Operation::Api, "POST", Replay::Never),
            (Operation::Oidc, "GET", Replay::Never),
            (Operation::Other, "POST", Replay::Never),
        ] {
            assert_eq!(operation.replay(method), replay, "{operation} {method}");
        }
    }
}
