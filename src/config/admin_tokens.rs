//! Tokens for the admin listener, in a file of their own.

use super::files::{self, Making};
use super::problem::{Complaint, Keyed, Shown};
use super::setting::{Made, Setting, made};
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What nobody guesses: 16 characters of hexadecimal digits are 64 bits.
const SHORTEST: usize = 16;

/// A JSON Web Token of a cluster's service account has a thousand characters.
const LONGEST: usize = 4096;

/// Each is compared with what a client shows; an old and a new one are two.
const MOST: usize = 16;

/// Who shows one of them is answered.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AdminTokens {
    pub(crate) file: PathBuf,
    /// At least one; the first is what this replica shows to others.
    pub(crate) tokens: Vec<Zeroizing<String>>,
}

impl fmt::Debug for AdminTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminTokens")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

made!(AdminTokens);

impl Made for AdminTokens {
    type Keys = String;

    fn make(_: String, draft: &Keyed<String>, making: &mut Making<'_, '_>) -> Option<AdminTokens> {
        let (file, bytes) = making.contents(draft)?;
        let bytes = Zeroizing::new(bytes);
        let Some(tokens) = tokens(&bytes) else {
            let file = Shown::new(&draft.value);
            making.problems.add(&draft.key, Complaint::Tokens { file });
            return None;
        };
        making.warn_of_readers(draft, &file);
        Some(AdminTokens { file, tokens })
    }

    fn keys(&self) -> String {
        files::name(&self.file)
    }
}

/// One on each line that isn't empty; none where a line holds anything else.
fn tokens(bytes: &[u8]) -> Option<Vec<Zeroizing<String>>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let token = |line: &str| is_token(line).then(|| Zeroizing::new(line.to_owned()));
    let tokens = lines.map(token).collect::<Option<Vec<_>>>()?;
    (1..=MOST).contains(&tokens.len()).then_some(tokens)
}

/// What a header can carry (`b64token` of RFC 6750, section 2.1), in bounds.
fn is_token(text: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    (SHORTEST..=LONGEST).contains(&text.len()) && text.bytes().all(is_one)
}
