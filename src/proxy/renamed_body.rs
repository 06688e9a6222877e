//! The bodies of a mirror's answers in which Harbor's names stand: errors, lists of tags, the catalog.
//!
//! Nothing else is touched: layers and manifests pass as they come. A list of tags has its name at its
//! beginning, so no more than a beginning is held.

use super::request::Routed;
use crate::oci::operation::Operation;
use crate::oci::routing::Naming;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};

/// Harbor's errors are of some hundred bytes, and the name stands in the first of a list of tags.
const BEGINNING: usize = 16 * 1024;

/// A page of the catalog: a thousand names, none longer than 255 bytes.
const LONGEST_PAGE: usize = 1024 * 1024;

/// A body that is being renamed.
pub(super) struct RenamedBody {
    held: Vec<u8>,
    renaming: Renaming,
}

/// What of it is renamed.
enum Renaming {
    /// One name, wherever it stands in the beginning.
    One { there: String, here: String },
    /// A page of all names, which is read as a whole.
    Catalog(Naming),
    /// The beginning is through.
    Done,
}

impl RenamedBody {
    /// The body of an answer, where a name may stand in it. Its length will be another one.
    pub(super) fn of(
        header: &RequestHeader,
        response: &mut ResponseHeader,
        request: Routed<'_>,
    ) -> Result<Option<Box<RenamedBody>>> {
        let Some(renaming) = renaming(response, request) else {
            return Ok(None);
        };
        // It would be Harbor's, even where there is no body.
        response.remove_header(&CONTENT_LENGTH);
        if header.method == http::Method::HEAD {
            return Ok(None);
        }
        if header.version == http::Version::HTTP_11 {
            response.insert_header(TRANSFER_ENCODING, "chunked")?;
        }
        Ok(Some(Box::new(RenamedBody {
            held: Vec::new(),
            renaming,
        })))
    }

    /// A piece came; what of the body goes on now takes its place.
    pub(super) fn piece(&mut self, body: &mut Option<Bytes>, last: bool) {
        let longest = match &self.renaming {
            Renaming::One { .. } => BEGINNING,
            Renaming::Catalog(_) => LONGEST_PAGE,
            Renaming::Done => return,
        };
        if let Some(piece) = body.take() {
            self.held.extend_from_slice(&piece);
        }
        if last || self.held.len() >= longest {
            let held = std::mem::take(&mut self.held);
            let through = match std::mem::replace(&mut self.renaming, Renaming::Done) {
                Renaming::One { there, here } => replaced(&held, &there, &here),
                Renaming::Catalog(naming) => naming.catalog_here(&held).unwrap_or_else(|| {
                    log::warn!("a page of Harbor's catalog can't be read: it is left out");
                    NO_NAMES.to_vec()
                }),
                Renaming::Done => held,
            };
            *body = Some(through.into());
        }
    }
}

/// A page that has nothing: other projects' names are not a mirror's to tell.
const NO_NAMES: &[u8] = b"{\"repositories\":[]}\n";

fn renaming(response: &ResponseHeader, request: Routed<'_>) -> Option<Renaming> {
    let naming = request.naming()?;
    let operation = request.asked.operation;
    let is_plain = !response.headers.contains_key(CONTENT_ENCODING);
    let status = response.status.as_u16();
    if operation == Operation::Catalog && status == 200 {
        return Some(Renaming::Catalog(naming.clone()));
    }
    let is_list = operation == Operation::Tags && status == 200;
    let is_json = response
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().windows(4).any(|word| word == b"json"));
    let is_error = operation.is_registry() && status >= 400 && is_json;
    if !is_plain || !(is_list || is_error) {
        return None;
    }
    let asked = &request.asked;
    Some(Renaming::One {
        there: asked.repository.clone()?,
        here: asked.repository_here.clone()?,
    })
}

fn replaced(text: &[u8], there: &str, here: &str) -> Vec<u8> {
    match std::str::from_utf8(text) {
        Ok(text) => text.replace(there, here).into_bytes(),
        Err(_) => text.to_vec(),
    }
}
