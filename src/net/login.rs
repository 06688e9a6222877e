//! A login in a request: an account's name and its password, from a Basic credential or from the login
//! form. Only hashes of both are kept.
//!
//! Both are parsed as Go parses them, because Harbor uses Go's parser, and no more strictly: a name
//! must count here for the same account as at Harbor. What this file deliberately doesn't know:
//! which logins are right, and how often one may be wrong.

use super::query;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bits beyond the last byte mean nothing to Go's decoder: they don't make another credential.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where the login form has the account's name and the password (Harbor's `core/controllers/base.go`).
const NAME: &str = "principal";
const PASSWORD: &str = "password";

/// An account's name and a password, hashed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Login {
    account: [u8; 32],
    pair: [u8; 32],
}

impl Login {
    /// Case and blanks around a name make no other account: a directory behind Harbor may not tell
    /// them apart.
    pub(crate) fn new(name: &[u8], password: &[u8]) -> Login {
        let name = String::from_utf8_lossy(name).trim().to_lowercase();
        let account = Sha256::digest(&name);
        let pair = Sha256::new().chain_update(account).chain_update(password);
        Login {
            account: account.into(),
            pair: pair.finalize().into(),
        }
    }

    /// What can't be taken apart counts as one account's, whatever it is.
    pub(crate) fn unreadable(raw: &[u8]) -> Login {
        Login::new(b"", raw)
    }

    /// From what stands behind `Basic` (RFC 7617).
    pub fn from_basic(encoded: &str) -> Login {
        let decoded = BASE64.decode(encoded).unwrap_or_default();
        match decoded.iter().position(|byte| *byte == b':') {
            Some(end) => Login::new(&decoded[..end], &decoded[end + 1..]),
            None => Login::unreadable(encoded.as_bytes()),
        }
    }

    /// The account's name in what stands behind `Basic`, as it is written there; none where it can't be
    /// read. The password goes nowhere.
    pub(crate) fn name_in_basic(encoded: &str) -> Option<String> {
        let decoded = Zeroizing::new(BASE64.decode(encoded).ok()?);
        let end = decoded.iter().position(|byte| *byte == b':')?;
        String::from_utf8(decoded[..end].to_vec()).ok()
    }

    /// The account's name in the login form, as it is written there; none where it can't be read.
    pub(crate) fn name_in_form(body: &[u8], query: Option<&str>) -> Option<String> {
        let form = String::from_utf8_lossy(body);
        let mut names =
            query::values(&form, NAME).chain(query::values(query.unwrap_or_default(), NAME));
        let name = names.next().filter(|_| names.next().is_none())?;
        String::from_utf8(name).ok()
    }

    /// The password in what stands behind `Basic`; none where it can't be read.
    pub(crate) fn password_in_basic(encoded: &str) -> Option<Zeroizing<String>> {
        let decoded = Zeroizing::new(BASE64.decode(encoded).ok()?);
        let end = decoded.iter().position(|byte| *byte == b':')?;
        let password = std::str::from_utf8(&decoded[end + 1..]).ok()?;
        Some(Zeroizing::new(password.to_owned()))
    }

    /// Whether its account is this one, in whatever way it is written.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.account == Login::new(name.as_bytes(), b"").account
    }

    /// From the login form and its URL's query, where Go looks as well. A name that stands twice is
    /// unreadable: which one counts would be a guess.
    pub fn from_form(body: &[u8], query: Option<&str>) -> Login {
        let form = String::from_utf8_lossy(body);
        let query = query.unwrap_or_default();
        let all = |name| -> Vec<Vec<u8>> {
            let fields = query::values(&form, name).chain(query::values(query, name));
            fields.collect()
        };
        match (all(NAME).as_slice(), all(PASSWORD).as_slice()) {
            ([name], [password]) => Login::new(name, password),
            _ => Login::unreadable(body),
        }
    }

    /// Whether it is known whose it is. Of what isn't, a right one says nothing about the next.
    pub(crate) fn is_readable(&self) -> bool {
        self.account != Login::unreadable(b"").account
    }

    /// The same for all passwords of one account.
    pub fn account(&self) -> &[u8; 32] {
        &self.account
    }

    /// The account with this password.
    pub(crate) fn pair(&self) -> &[u8; 32] {
        &self.pair
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(encoded: &str) -> [u8; 32] {
        *Login::from_basic(encoded).account()
    }

    #[test]
    fn one_account_has_one_key_however_it_is_written() {
        // `alice:x1`, and the same with other trailing bits, without padding, in other cases.
        let plain = Login::from_basic("YWxpY2U6eDE=");
        assert!(plain == Login::new(b"alice", b"x1"));
        for (name, encoded) in [
            ("trailing bits", "YWxpY2U6eDF="),
            ("more of them", "YWxpY2U6eDG="),
            ("no padding", "YWxpY2U6eDE"),
        ] {
            assert!(Login::from_basic(encoded) == plain, "{name}");
        }
        for (name, password) in [("Alice", "x2"), (" alice ", "x"), ("ALICE", "")] {
            let login = Login::new(name.as_bytes(), password.as_bytes());
            assert_eq!(login.account(), plain.account(), "{name}");
            assert_ne!(login.pair(), plain.pair(), "{name}");
        }
        assert_ne!(Login::new(b"bob", b"x1").account(), plain.account());
    }

    #[test]
    fn what_can_not_be_read_is_one_account() {
        let unreadable = *Login::unreadable(b"").account();
        for encoded in ["???", "YWxpY2U=", "", "YWxp Y2U6eDE="] {
            assert_eq!(account(encoded), unreadable, "{encoded}");
        }
        assert!(Login::from_basic("???") != Login::from_basic("!!!"));
        assert!(!Login::from_basic("???").is_readable());
        assert!(Login::new(b"alice", b"").is_readable());
    }

    #[test]
    fn a_name_is_shown_as_it_was_written() {
        for (plain, encoded, name) in [
            ("Alice:x1:2", "QWxpY2U6eDE6Mg==", Some("Alice")),
            (":x", "Ong=", Some("")),
            ("alice", "YWxpY2U=", None),
            ("\\xff:x", "/zp4", None),
            ("no base64", "???", None),
        ] {
            let shown = Login::name_in_basic(encoded);
            assert_eq!(shown.as_deref(), name, "{plain}");
        }
    }

    #[test]
    fn a_password_is_what_stands_behind_the_first_colon() {
        for (encoded, password) in [
            ("b2lkYzphLmIuYw==", Some("a.b.c")),
            ("b2lkYzphOmI", Some("a:b")),
            ("b2lkYzo=", Some("")),
            ("b2lkYw==", None),
            ("b2lkYzr/", None),
            ("???", None),
        ] {
            let found = Login::password_in_basic(encoded);
            assert_eq!(found.as_deref().map(String::as_str), password, "{encoded}");
        }
        for (name, expected) in [
            ("oidc", true),
            (" OIDC ", true),
            ("oidc2", false),
            ("", false),
        ] {
            assert_eq!(
                Login::new(name.as_bytes(), b"x").is_of("oidc"),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn the_form_is_read_as_harbor_reads_it() {
        let alice = Login::new(b"alice", b"x 1");
        for (name, body, query) in [
            ("body", "principal=alice&password=x+1", None),
            ("escaped", "%70rincipal=%61lice&password=x%201", None),
            ("query", "", Some("principal=alice&password=x%201")),
            ("both", "password=x+1", Some("principal=alice")),
        ] {
            assert!(Login::from_form(body.as_bytes(), query) == alice, "{name}");
            let shown = Login::name_in_form(body.as_bytes(), query);
            assert_eq!(shown.as_deref(), Some("alice"), "{name}");
        }
        let unreadable = *Login::unreadable(b"").account();
        for (name, body) in [
            ("twice", "principal=alice&principal=bob&password=x"),
            ("a pair that Go refuses", "principal=alice;&password=x"),
            ("another form", "--a\r\nname=\"principal\"\r\n\r\nalice"),
            ("nothing", ""),
        ] {
            let login = Login::from_form(body.as_bytes(), None);
            assert_eq!(*login.account(), unreadable, "{name}");
        }
        let twice = b"principal=alice&principal=bob&password=x";
        assert_eq!(Login::name_in_form(twice, None), None);
    }
}
