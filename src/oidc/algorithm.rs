//! The algorithms that a token may be signed with (RFC 7518, 3.1; RFC 8037, RFC 9864): those of a key
//! pair whose public half an issuer publishes. `none`, and everything that takes a shared secret, is no
//! algorithm here.

use crate::str_enum::str_enum;

str_enum! {
    /// How a token is signed.
    pub(crate) enum Algorithm {
        Rs256 "RS256",
        Rs384 "RS384",
        Rs512 "RS512",
        Es256 "ES256",
        Es384 "ES384",
        EdDsa "EdDSA",
    }
}

/// As it is said to people.
pub(super) const ACCEPTED: &str = "RS256, RS384, RS512, ES256, ES384, EdDSA";

impl Algorithm {
    /// None where it is none of these. Case counts (RFC 7515, 4.1.1).
    pub(super) fn parse(word: &str) -> Option<Algorithm> {
        let mut all = Algorithm::ALL.into_iter();
        match word {
            // The newer name of the only curve of EdDSA that is accepted.
            "Ed25519" => Some(Algorithm::EdDsa),
            _ => all.find(|known| known.as_str() == word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_key_pairs_sign() {
        for (word, accepted) in [
            ("RS256", true),
            ("ES384", true),
            ("EdDSA", true),
            ("Ed25519", true),
            ("none", false),
            ("None", false),
            ("HS256", false),
            ("HS512", false),
            ("PS256", false),
            ("ES256K", false),
            ("rs256", false),
            ("RS256 ", false),
            ("", false),
        ] {
            assert_eq!(Algorithm::parse(word).is_some(), accepted, "{word:?}");
        }
        assert_eq!(ACCEPTED, Algorithm::WORDS.join(", "));
    }
}
