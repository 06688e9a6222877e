//! The copy of a small form's body, which the gateway reads itself and then sends to Harbor. No other
//! body is kept, and a request with a body is never retried.

use crate::oci::login_response::{FORM_LENGTH, is_form};
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use pingora::http::RequestHeader;

/// The body of the portal's login form (see `proxy::login_attempt`), if a hook asked for it.
#[derive(Default)]
pub(super) struct KeptForm(Option<Vec<u8>>);

impl KeptForm {
    /// Keeps the body from now on. Must be called before its first byte is read.
    pub(super) fn keep(&mut self, request: &RequestHeader, received: usize) {
        let length = request.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let is_kept = request.method == Method::POST
            && request.headers.get(CONTENT_TYPE).is_some_and(is_form)
            && length.is_some_and(|length| length <= FORM_LENGTH);
        if is_kept && received == 0 && self.0.is_none() {
            self.0 = Some(Vec::new());
        }
    }

    pub(super) fn came(&mut self, piece: &[u8]) {
        if let Some(form) = &mut self.0 {
            form.extend_from_slice(piece);
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// The bytes read so far.
    pub(super) fn read(&self) -> Option<Bytes> {
        let form = self.0.as_ref().filter(|form| !form.is_empty())?;
        Some(Bytes::copy_from_slice(form))
    }
}
