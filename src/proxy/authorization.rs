//! With which Authorization a request goes to Harbor: its own, the one that a trusted proxy had
//! moved to another header, or the token from its upload ticket. Settled once, before the first
//! try, and only read from then on.

use crate::config::{MovedAuthorization, Prefer};
use crate::oci::token::{self, Credential};
use crate::oci::upload_ticket::UploadStep;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use pingora::http::RequestHeader;

/// The Authorization with which a request goes to Harbor.
#[derive(Default)]
pub(super) struct Authorization {
    pub(super) credential: Credential,
    /// Whose a login is, as it says itself, in the header or in the login form.
    pub(super) login_name: Option<String>,
    /// Sent in place of the client's own.
    pub(super) replacement: Option<HeaderValue>,
    /// A ticket isn't used when the request has an Authorization, but it still proves that the upload
    /// belongs to a credential holder.
    pub(super) ticket: Option<Box<TicketBrought>>,
}

/// A ticket as the request carries it.
pub(super) struct TicketBrought {
    /// None for a request that is no step of an upload.
    pub(super) step: Option<UploadStep>,
    pub(super) text: Vec<u8>,
}

impl Authorization {
    pub(super) fn own(request: &RequestHeader) -> Authorization {
        let value = request.headers.get(AUTHORIZATION);
        value.map_or_else(Authorization::default, Authorization::read)
    }

    pub(super) fn instead(value: &HeaderValue) -> Authorization {
        let mut value = value.clone();
        value.set_sensitive(true);
        Authorization {
            replacement: Some(value.clone()),
            ..Authorization::read(&value)
        }
    }

    fn read(value: &HeaderValue) -> Authorization {
        let credential = Credential::read(value.as_bytes());
        // Of a token it is read when somebody asks; of a login only a hash is kept.
        let login_name = match credential {
            Credential::Basic(_) => token::login_name(value.as_bytes()),
            Credential::Bearer(_) | Credential::Other | Credential::None => None,
        };
        Authorization {
            credential,
            login_name,
            ..Authorization::default()
        }
    }

    /// The account that the credential names, which nothing here verifies.
    pub(super) fn account(&self) -> Option<&str> {
        match &self.credential {
            Credential::Bearer(token) => token.account(),
            Credential::Basic(_) | Credential::Other | Credential::None => {
                self.login_name.as_deref()
            }
        }
    }
}

/// The Authorization that a trusted proxy moved to another header, if `restore_authorization_from` names it.
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
