//! The two classes of requests, each with its own `max_in_flight`, so that pushes don't starve pulls.

use super::operation::Operation;
use crate::str_enum::str_enum;

str_enum! {
    /// Which places a request takes one of.
    #[derive(Hash)]
    pub enum Class {
        /// What opens an upload, or brings the bytes of one or of a manifest.
        Uploads "uploads",
        /// Everything else: pulls, questions, logins, the portal.
        Other "other",
    }
}

/// Of the places for uploads one in so many is kept for those under way: refusing a start loses
/// nothing, refusing a chunk or a commit loses what the client has sent.
const KEPT: usize = 8;

impl Class {
    pub(crate) fn of(operation: Operation) -> Class {
        if Operation::PUSH.contains(&operation) {
            Class::Uploads
        } else {
            Class::Other
        }
    }
}

/// How many places of its class may be taken when a request of this operation comes.
pub(crate) fn room(operation: Operation, limit: usize) -> usize {
    if Operation::NEW_UPLOAD.contains(&operation) {
        limit - limit / KEPT
    } else {
        limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept_for_uploads_under_way() {
        for (operation, class, limit, expected) in [
            (Operation::UploadStart, Class::Uploads, 4096, 3584),
            (Operation::UploadMount, Class::Uploads, 8, 7),
            (Operation::UploadMonolithic, Class::Uploads, 7, 7),
            (Operation::UploadStart, Class::Uploads, 1, 1),
            (Operation::UploadChunk, Class::Uploads, 8, 8),
            (Operation::UploadCommit, Class::Uploads, 8, 8),
            (Operation::ManifestPut, Class::Uploads, 8, 8),
            (Operation::UploadStatus, Class::Other, 8, 8),
            (Operation::BlobGet, Class::Other, 8, 8),
            (Operation::Token, Class::Other, 8, 8),
            (Operation::Ping, Class::Other, 8, 8),
        ] {
            assert_eq!(Class::of(operation), class, "{operation}");
            assert_eq!(room(operation, limit), expected, "{operation} of {limit}");
        }
    }
}
