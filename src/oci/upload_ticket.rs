//! The place of upload tickets: one query parameter of an upload's Location. The client sends it back
//! with its next request, possibly in another order and with other escapes.
//!
//! What this file deliberately doesn't know: keys, times, and what is in a ticket.

use super::operation::Operation;
use super::target::{BodyPresence, Target};
use crate::net::path::NormalPath;
use crate::net::query;
use crate::str_enum::str_enum;

/// The parameter. No client drops one that it doesn't know, and Harbor never sees it.
pub const PARAMETER: &str = "harbormouth_ticket";

/// Which upload a Location or a request is about, as a ticket is bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStep {
    pub repository: String,
    pub upload: String,
    /// The decoded `_state`; empty where there is none.
    pub state: Vec<u8>,
}

str_enum! {
    /// Why the Location of an upload got no ticket.
    pub enum NotIssued {
        /// The client's side isn't TLS, as far as a trusted hop says.
        NotTls "not_tls",
        /// The token says nothing of its expiry, or is past it.
        NoExpiry "no_expiry",
        /// The Location would no longer fit through other proxies.
        TooLong "too_long",
        /// The Location isn't an upload's of the same repository.
        Location "location",
        /// The system gave no random bytes.
        NoRandomness "no_randomness",
    }
}

str_enum! {
    /// Why a ticket that came was not accepted.
    pub enum TicketRefused {
        /// Damaged, forged, or of another step, upload, repository, name or registry.
        Invalid "invalid",
        UnknownKey "unknown_key",
        Expired "expired",
        NotTls "not_tls",
        /// Another client than the one that started the upload, where that is required.
        ClientAddress "client_address",
    }
}

/// The ticket that a request brings, for the operations that may use one. Several are none: which
/// one was meant is not ours to say.
pub fn brought(operation: Operation, query: &str) -> Option<Vec<u8>> {
    if Operation::TICKETED.contains(&operation) {
        query::only_value(query, PARAMETER)
    } else {
        None
    }
}

/// The step of an upload that a request is; none if it is no upload, or its `_state` is written
/// more than once.
pub fn step_of(target: &Target<'_>, query: Option<&str>) -> Option<UploadStep> {
    let query = query.unwrap_or("");
    let state = match query::values(query, STATE).count() {
        0 => Vec::new(),
        _ => query::only_value(query, STATE)?,
    };
    Some(UploadStep {
        repository: target.repository?.to_owned(),
        upload: target.upload?.to_owned(),
        state,
    })
}

/// Distribution's state of an upload: a signed offset, which changes with every step.
pub(crate) const STATE: &str = "_state";

/// The step that the next request to this Location will be.
pub fn next_step(location: &str) -> Option<UploadStep> {
    if location.contains('#') {
        return None;
    }
    let path = NormalPath::parse(location.as_bytes()).ok()?;
    // Any method that makes it an upload.
    let target = Target::of("PATCH", &path, BodyPresence::Present);
    match target.operation {
        Operation::UploadChunk => step_of(&target, path.query()),
        _ => None,
    }
}

/// The Location with a ticket. Every other byte stays.
pub fn with_ticket(location: &str, ticket: &str) -> String {
    let lead = if location.contains('?') { '&' } else { '?' };
    format!("{location}{lead}{PARAMETER}={ticket}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCATION: &str = "/v2/lab/app/blobs/uploads/ca3340ff?_state=hvxi%3D%3D";

    fn request(method: &str, target: &str) -> (Operation, Option<UploadStep>, Option<Vec<u8>>) {
        let path = NormalPath::parse(target.as_bytes()).unwrap();
        let read = Target::of(method, &path, BodyPresence::Present);
        let ticket = brought(read.operation, path.query().unwrap_or(""));
        (read.operation, step_of(&read, path.query()), ticket)
    }

    #[test]
    fn a_ticket_comes_back_with_the_step_that_it_left_for() {
        let left = with_ticket(LOCATION, "AbC-_9");
        let step = next_step(LOCATION);
        assert!(step.is_some());
        for (name, method, target) in [
            ("as it is", "PATCH", left.clone()),
            ("with digest", "PUT", format!("{left}&digest=sha256:aa")),
            (
                "sorted and escaped again",
                "PUT",
                "/v2/lab/app/blobs/uploads/ca3340ff?_state=hvxi%3D%3D&digest=sha256%3Aaa&harbormouth_ticket=AbC-_9".into(),
            ),
            (
                "unescaped",
                "GET",
                "/v2/lab/app/blobs/uploads/ca3340ff?harbormouth_ticket=AbC-_9&_state=hvxi==".into(),
            ),
            (
                "escaped more",
                "PUT",
                "/v2/lab%2Fapp/blobs/uploads/ca3340ff?harbormouth%5Fticket=AbC%2D%5F9&%5Fstate=hvxi%3d%3d".into(),
            ),
            (
                "with a slash behind",
                "PATCH",
                "/v2/lab/app/blobs/uploads/ca3340ff/?_state=hvxi%3D%3D&harbormouth_ticket=AbC-_9".into(),
            ),
        ] {
            let (_, came, ticket) = request(method, &target);
            assert_eq!(came, step, "{name}");
            assert_eq!(ticket.as_deref(), Some(&b"AbC-_9"[..]), "{name}");
        }
    }

    #[test]
    fn other_requests_bring_no_ticket() {
        let left = with_ticket(LOCATION, "AbC");
        for (method, target) in [
            ("DELETE", left.as_str()),
            ("POST", &left),
            ("POST", "/v2/lab/app/blobs/uploads/?harbormouth_ticket=AbC"),
            ("PUT", "/v2/lab/app/manifests/v1?harbormouth_ticket=AbC"),
            ("GET", "/v2/lab/app/tags/list?harbormouth_ticket=AbC"),
            ("GET", "/v2/lab/app/blobs/sha256:aa?harbormouth_ticket=AbC"),
            (
                "PATCH",
                "/v2/lab/app/blobs/uploads/u?harbormouth_ticket=a&harbormouth_ticket=b",
            ),
            ("PATCH", "/v2/lab/app/blobs/uploads/u?_state=a"),
            ("PATCH", "/v2/lab/app/blobs/uploads/u"),
            ("GET", "/api/v2.0/x?harbormouth_ticket=AbC"),
        ] {
            let (operation, _, ticket) = request(method, target);
            assert_eq!(ticket, None, "{method} {target} {operation}");
        }
    }

    #[test]
    fn only_an_upload_has_a_step() {
        for location in [
            "/v2/lab/app/blobs/sha256:aa",
            "/v2/lab/app/manifests/v1",
            "/v2/lab/app/blobs/uploads/",
            "/v2/lab/app/blobs/uploads/u?_state=a&_state=b",
            "/v2/lab/app/blobs/uploads/u?_state=a#x",
            "https://hub/v2/lab/app/blobs/uploads/u",
            "/api/v2.0/x",
            "",
        ] {
            assert_eq!(next_step(location), None, "{location}");
        }
        let bare = next_step("/v2/lab/app/blobs/uploads/u").unwrap();
        assert_eq!((bare.upload.as_str(), bare.state.len()), ("u", 0));
        assert_eq!(with_ticket("/v2/u", "T"), "/v2/u?harbormouth_ticket=T");
    }
}
