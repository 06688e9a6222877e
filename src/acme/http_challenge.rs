//! The proof by HTTP (RFC 8555, section 8.3): a file for each token, in folders that this program or
//! another one, such as certbot, writes.

use crate::system::small_file;
use bytes::Bytes;
use std::path::PathBuf;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

const PATH: &str = "/.well-known/acme-challenge/";

/// A token has at least 128 bits; authorities use 43 characters.
const LONGEST_TOKEN: usize = 128;

/// An answer is a token and a digest: some 90 characters.
const LONGEST: u64 = 1024;

/// Anybody can ask. A file system that hangs then holds so many threads, and no more.
static READS: Semaphore = Semaphore::const_new(16);

/// What is answered to whoever asks for a token.
pub(crate) enum ChallengeAnswer {
    Found(Bytes),
    Unknown,
    /// Too many ask at once, or the file can't be read.
    Busy,
}

/// The token that a request's path asks for, with its query; what can be none is an empty one. `None`
/// where it asks for something else.
pub(crate) fn token(target: &str) -> Option<&str> {
    let token = target.strip_prefix(PATH)?;
    Some(if is_token(token) { token } else { "" })
}

/// Letters of base64url, of which no path can be made.
pub(super) fn is_token(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(is_letter)
}

/// Looks for a token in these folders.
pub(crate) async fn answer(folders: &[PathBuf], token: &str) -> ChallengeAnswer {
    if token.is_empty() {
        return ChallengeAnswer::Unknown;
    }
    let Ok(_place) = READS.try_acquire() else {
        return ChallengeAnswer::Busy;
    };
    let files: Vec<PathBuf> = folders.iter().map(|folder| folder.join(token)).collect();
    let read = spawn_blocking(move || {
        let mut answer = ChallengeAnswer::Unknown;
        for file in files {
            match small_file::read_if_there(&file, LONGEST) {
                Ok(Some(bytes)) => return ChallengeAnswer::Found(bytes.into()),
                Ok(None) => {}
                Err(error) => {
                    log::warn!("{}: can't be read: {error}", file.display());
                    answer = ChallengeAnswer::Busy;
                }
            }
        }
        answer
    });
    read.await.unwrap_or(ChallengeAnswer::Busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_become_names_of_files() {
        for (target, expected) in [
            ("/.well-known/acme-challenge/abc-_9", Some("abc-_9")),
            ("/.well-known/acme-challenge/", Some("")),
            ("/.well-known/acme-challenge/../account.json", Some("")),
            ("/.well-known/acme-challenge/a/b", Some("")),
            ("/.well-known/acme-challenge/%61", Some("")),
            ("/.well-known/acme-challenge/a?b", Some("")),
            ("/.well-known/acme-challenge", None),
            ("/v2/", None),
        ] {
            assert_eq!(token(target), expected, "{target}");
        }
        assert!(is_token(&"a".repeat(128)) && !is_token(&"a".repeat(129)));
    }
}
