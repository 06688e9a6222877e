//! The answer of the token service, read while it goes to the client: whether the token grants what
//! was asked, and whether the password was right.

use crate::oci::token_response::{TokenResponse, parse_token_response};
use zeroize::Zeroizing;

/// What is read of it. Harbor's tokens are of one or two KiB.
const LONGEST: usize = 64 * 1024;

/// As much as came so far.
#[derive(Default)]
pub(super) struct TokenResponseReader(Zeroizing<Vec<u8>>);

impl TokenResponseReader {
    /// One more piece of it; false once it is longer than such an answer is.
    pub(super) fn takes(&mut self, piece: &[u8]) -> bool {
        let fits = self.0.len() + piece.len() <= LONGEST;
        if fits {
            self.0.extend_from_slice(piece);
        }
        fits
    }

    /// What it says to a request with this query.
    pub(super) fn said(&self, query: Option<&str>) -> TokenResponse {
        parse_token_response(query.unwrap_or_default(), &self.0)
    }
}
