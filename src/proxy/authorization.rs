//! With which Authorization a request goes to Harbor: its own, the one that a trusted proxy had
//! moved to another header, or the token from its upload ticket. Settled once, before the first
//! try, and only read from then on.

use crate::config::{MovedAuthorization, Prefer};
use crate::oci::token::Credential;
use crate::oci::upload_ticket::UploadStep;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use pingora::http::RequestHeader;

/// What a request goes to Harbor with.
#[derive(Default)]
pub(super) struct Authorization {
    pub(super) credential: Credential,
    /// Sent in place of the client's own.
    pub(super) replacement: Option<HeaderValue>,
    /// Beside an Authorization a ticket isn't used, and still says that the upload is a credential
    /// holder's.
    pub(super) ticket: Option<Box<TicketBrought>>,
}

/// A ticket as a request brings it.
pub(super) struct TicketBrought {
    /// None where the request is no step that one could be for.
    pub(super) step: Option<UploadStep>,
    pub(super) text: Vec<u8>,
}

impl Authorization {
    pub(super) fn own(request: &RequestHeader) -> Authorization {
        let value = request.headers.get(AUTHORIZATION);
        Authorization {
            credential: value.map_or(Credential::None, read),
            ..Authorization::default()
        }
    }

    pub(super) fn instead(value: &HeaderValue) -> Authorization {
        let mut value = value.clone();
        value.set_sensitive(true);
        Authorization {
            credential: read(&value),
            replacement: Some(value),
            ticket: None,
        }
    }
}

fn read(value: &HeaderValue) -> Credential {
    Credential::read(value.as_bytes())
}

/// The Authorization that a trusted proxy has moved, where it counts.
pub(super) fn moved(request: &RequestHeader, from: &[MovedAuthorization]) -> Option<HeaderValue> {
    let is_absent = !request.headers.contains_key(AUTHORIZATION);
    let counts = |prefer| match prefer {
        Prefer::Present => is_absent,
        Prefer::Moved => true,
    };
    from.iter().find_map(|moved| {
        let value = request.headers.get(&moved.header)?;
        (counts(moved.prefer) && !value.is_empty()).then(|| value.clone())
    })
}
