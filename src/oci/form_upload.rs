//! Uploads with a form's Content-Type. Distribution reads `_state` and `digest` with Go's `FormValue`,
//! which prefers a form's parameters to the query's (net/http, `ParseForm`): the body could override
//! what the ticket is bound to, and what was classified here. Distribution would also lose the blob's
//! bytes, so no working client sends this.

use super::operation::Operation;
use super::target::BodyPresence;

/// Whether a request for this has a body in which parameters would be looked for.
pub(crate) fn hides_parameters<'v>(
    operation: Operation,
    body: BodyPresence,
    mut content_types: impl Iterator<Item = &'v [u8]>,
) -> bool {
    writes_a_blob(operation) && body == BodyPresence::Present && content_types.any(is_form)
}

fn writes_a_blob(operation: Operation) -> bool {
    Operation::NEW_UPLOAD.contains(&operation) || Operation::TICKETED.contains(&operation)
}

/// As Go's `mime.ParseMediaType` reads it: without parameters, spaces and case.
fn is_form(content_type: &[u8]) -> bool {
    let kind = content_type.split(|byte| *byte == b';').next();
    let kind = kind.unwrap_or_default().trim_ascii();
    [
        &b"application/x-www-form-urlencoded"[..],
        b"multipart/form-data",
    ]
    .iter()
    .any(|form| kind.eq_ignore_ascii_case(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_no_form() {
        use BodyPresence::{Absent, Present};
        const FORM: &str = "application/x-www-form-urlencoded";
        for (operation, body, types, hides) in [
            (Operation::UploadChunk, Present, vec![FORM], true),
            (Operation::UploadCommit, Present, vec![FORM], true),
            (Operation::UploadMonolithic, Present, vec![FORM], true),
            (
                Operation::UploadChunk,
                Present,
                vec![" Application/X-WWW-Form-Urlencoded ; a=b"],
                true,
            ),
            (
                Operation::UploadChunk,
                Present,
                vec!["multipart/form-data; boundary=x"],
                true,
            ),
            (
                Operation::UploadChunk,
                Present,
                vec!["application/octet-stream", FORM],
                true,
            ),
            // curl --data "" says so of nothing.
            (Operation::UploadStart, Absent, vec![FORM], false),
            (
                Operation::UploadChunk,
                Present,
                vec!["application/octet-stream"],
                false,
            ),
            (
                Operation::UploadChunk,
                Present,
                vec!["application/x-www-form-urlencoded-not"],
                false,
            ),
            (Operation::UploadChunk, Present, vec![], false),
            (Operation::Token, Present, vec![FORM], false),
            (Operation::ManifestPut, Present, vec![FORM], false),
            (Operation::Ui, Present, vec![FORM], false),
        ] {
            let content_types = types.iter().map(|value| value.as_bytes());
            assert_eq!(
                hides_parameters(operation, body, content_types),
                hides,
                "{operation} {types:?}"
            );
        }
    }
}
