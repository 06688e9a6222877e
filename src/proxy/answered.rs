//! The facts of Harbor's final answer that later phases need.

use super::credentials;
use super::renamed_body::RenamedBody;
use super::request::{ProxyRequest, Routed};
use super::token_response::TokenResponseReader;
use crate::oci::login_response::Password;
use crate::oci::oci_error::READ_OF_ERROR;
use crate::oci::operation::Operation;
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use pingora::http::{RequestHeader, ResponseHeader};

/// Harbor's answer to one request. The default says that there is none yet.
#[derive(Default)]
pub(super) struct Answered {
    pub(super) status: Option<u16>,
    /// Harbor asks for credentials as if the request had none, although the gateway sent it with some.
    pub(super) authorization_removed: bool,
    /// The token that was passed on grants nothing of what was asked.
    pub(super) empty_grant: bool,
    /// What the answer says of the credential that was given to be checked.
    pub(super) password: Option<Password>,
    /// The manifest that Harbor put or gave, by its own word; kept where that is audited.
    pub(super) digest: Option<String>,
    pub(super) token_answer: Option<TokenResponseReader>,
    /// The body that takes the place of Harbor's.
    pub(super) instead: Option<Bytes>,
    /// The body is a mirror's, and Harbor's names stand in it.
    pub(super) renamed: Option<Box<RenamedBody>>,
    /// The answer is an error to a registry client, and its body is read.
    pub(super) is_refusal: bool,
    /// The beginning of that body.
    pub(super) error_beginning: Vec<u8>,
}

impl Answered {
    /// Keeps what is needed later of the final answer's header.
    pub(super) fn of(
        header: &RequestHeader,
        response: &ResponseHeader,
        request: Routed<'_>,
    ) -> Answered {
        let status = response.status.as_u16();
        let operation = request.asked.operation;
        // A compressed body isn't read: Harbor compresses neither errors nor tokens.
        let is_plain = !response.headers.contains_key(CONTENT_ENCODING);
        let is_token = operation == Operation::Token && status == 200 && is_plain;
        Answered {
            status: Some(status),
            authorization_removed: credentials::was_removed(header, response, &request),
            digest: digest(response, &request),
            token_answer: is_token.then(TokenResponseReader::default),
            is_refusal: operation.is_registry() && status >= 400 && is_plain,
            ..Answered::default()
        }
    }

    pub(super) fn is_success(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// A piece of the answer's body came.
    pub(super) fn piece(&mut self, body: &mut Option<Bytes>, last: bool) {
        if let Some(piece) = body.as_ref().filter(|_| self.is_refusal) {
            let room = READ_OF_ERROR.saturating_sub(self.error_beginning.len());
            let read = &piece[..room.min(piece.len())];
            self.error_beginning.extend_from_slice(read);
        }
        if let Some(renamed) = &mut self.renamed {
            renamed.piece(body, last);
        }
        // The replacement goes out with the first piece; the other pieces are dropped.
        if let Some(instead) = &mut self.instead {
            *body = Some(std::mem::take(instead));
        }
    }
}

fn digest(response: &ResponseHeader, request: &ProxyRequest) -> Option<String> {
    let is_manifest = matches!(
        request.asked.operation,
        Operation::ManifestPut | Operation::ManifestGet
    );
    request.shared.audit.as_ref().filter(|_| is_manifest)?;
    let digest = response.headers.get("docker-content-digest")?;
    digest.to_str().ok().map(ToOwned::to_owned)
}
