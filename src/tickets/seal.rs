//! Sealing and opening.
//!
//! A ticket is, in base64url without padding (no client escapes any of its characters):
//!
//! ```text
//! version 1 · key id 4 · nonce 24 · sealed (plain text + 16)
//! ```
//!
//! XChaCha20-Poly1305: its nonces are long enough to be drawn at random by any number of replicas.
//! The plain text is the token's expiry, the client's network, and the token packed. What the
//! ticket is good for goes in as associated data, so that it opens nowhere else.

use super::key::{KeyId, Keyring};
use super::pack::{pack, unpack};
use crate::net::client_network::ClientNetwork;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use zeroize::Zeroizing;

/// Raised whenever the layout or the associated data changes. Replicas of both versions then give
/// the other's tickets no more than a 401.
const VERSION: u8 = 1;

/// Random bytes that each ticket needs.
pub const NONCE_LENGTH: usize = 24;

const HEAD: usize = 1 + 4 + NONCE_LENGTH;

/// The longest ticket. A Location has to fit, with the rest of the header, into the 4 KiB page that
/// nginx has for it by default, and the request line that comes of it into 8 KiB.
pub const MAX_LENGTH: usize = 2048;

/// What one ticket is good for: one step of one upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketStep<'a> {
    /// The registry's configured name.
    pub registry: &'a str,
    /// The public origin that the client uses.
    pub origin: &'a str,
    pub repository: &'a str,
    /// The upload's identifier, as in the path.
    pub upload: &'a str,
    /// The decoded `_state`, which changes with every step; empty where there is none.
    pub state: &'a [u8],
}

impl TicketStep<'_> {
    /// Each part with its length before it, so that no two steps look the same.
    fn associated_data(&self) -> Vec<u8> {
        let state = Sha256::digest(self.state);
        let mut data = b"harbormouth upload ticket".to_vec();
        data.push(VERSION);
        for part in [
            self.registry.as_bytes(),
            self.origin.as_bytes(),
            self.repository.as_bytes(),
            self.upload.as_bytes(),
            &state,
        ] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// What a ticket holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The Bearer token, without its scheme.
    pub token: Zeroizing<String>,
    /// Seconds since 1970 at which the token expires, and the ticket with it.
    pub expires: u64,
    /// Who started the upload, as far as it is known.
    pub client: Option<ClientNetwork>,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("expires", &self.expires)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Why a ticket opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Damaged, forged, of another layout, or good for another step.
    #[error("the ticket is not valid here")]
    Invalid,
    #[error("the ticket was sealed with a key that this gateway doesn't have")]
    UnknownKey,
    #[error("the ticket has expired with its token")]
    Expired,
}

/// A token that makes a ticket longer than [`MAX_LENGTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is too long for a ticket")]
pub struct TooLong;

/// Seals a ticket for one step. `nonce` is random and used once.
///
/// # Errors
/// When the token is so long that the Location would no longer fit.
pub fn seal(
    keys: &Keyring,
    step: &TicketStep<'_>,
    ticket: &Ticket,
    nonce: [u8; NONCE_LENGTH],
) -> Result<String, TooLong> {
    let key = keys.current();
    let mut plain = Zeroizing::new(ticket.expires.to_be_bytes().to_vec());
    match ticket.client.map(ClientNetwork::address) {
        None => plain.push(0),
        Some(IpAddr::V4(address)) => {
            plain.push(4);
            plain.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            plain.push(8);
            plain.extend_from_slice(&address.octets()[..8]);
        }
    }
    plain.extend_from_slice(&pack(&ticket.token));
    let cipher = XChaCha20Poly1305::new(key.secret().into());
    let payload = Payload {
        msg: &plain,
        aad: &step.associated_data(),
    };
    // Fails only for messages of 256 GiB.
    let sealed = cipher
        .encrypt(XNonce::from_slice(&nonce), payload)
        .map_err(|_| TooLong)?;
    let mut whole = Vec::with_capacity(HEAD + sealed.len());
    whole.push(VERSION);
    whole.extend_from_slice(&key.id().0);
    whole.extend_from_slice(&nonce);
    whole.extend_from_slice(&sealed);
    let text = URL_SAFE_NO_PAD.encode(whole);
    if text.len() <= MAX_LENGTH {
        Ok(text)
    } else {
        Err(TooLong)
    }
}

/// Opens a ticket that came with one step, at `now` in seconds since 1970.
///
/// # Errors
/// See [`OpenError`]; all of them mean that there is no ticket.
pub fn open(
    keys: &Keyring,
    step: &TicketStep<'_>,
    text: &[u8],
    now: u64,
) -> Result<Ticket, OpenError> {
    if text.len() > MAX_LENGTH {
        return Err(OpenError::Invalid);
    }
    let whole = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| OpenError::Invalid)?;
    let (head, sealed) = whole.split_at_checked(HEAD).ok_or(OpenError::Invalid)?;
    let [version, a, b, c, d, nonce @ ..] = head else {
        return Err(OpenError::Invalid);
    };
    if *version != VERSION {
        return Err(OpenError::Invalid);
    }
    let key = keys
        .find(KeyId([*a, *b, *c, *d]))
        .ok_or(OpenError::UnknownKey)?;
    let payload = Payload {
        msg: sealed,
        aad: &step.associated_data(),
    };
    let plain = XChaCha20Poly1305::new(key.secret().into())
        .decrypt(XNonce::from_slice(nonce), payload)
        .map_err(|_| OpenError::Invalid)?;
    let ticket = read(&Zeroizing::new(plain)).ok_or(OpenError::Invalid)?;
    if now < ticket.expires {
        Ok(ticket)
    } else {
        Err(OpenError::Expired)
    }
}

fn read(plain: &[u8]) -> Option<Ticket> {
    let (expires, rest) = plain.split_first_chunk()?;
    let (kind, rest) = rest.split_first()?;
    let (client, packed) = match kind {
        0 => (None, rest),
        4 => {
            let (octets, rest) = rest.split_first_chunk::<4>()?;
            (Some(ClientNetwork::of(IpAddr::from(*octets))), rest)
        }
        8 => {
            let (prefix, rest) = rest.split_first_chunk()?;
            let address = Ipv6Addr::from(u128::from(u64::from_be_bytes(*prefix)) << 64);
            (Some(ClientNetwork::of(IpAddr::V6(address))), rest)
        }
        _ => return None,
    };
    Some(Ticket {
        token: unpack(packed)?,
        expires: u64::from_be_bytes(*expires),
        client,
    })
}

#[cfg(test)]
mod tests {
    use super::super::SealingKey;
    use super::*;

    const NOW: u64 = 1_800_000_000;
    const STEP: TicketStep<'_> = TicketStep {
        registry: "hq",
        origin: "https://hub.example.com",
        repository: "lab/app",
        upload: "ca3340ff-6d54-4cb5-84ae-f65d4b93a823",
        state: b"hvxiC9K",
    };

    fn keys() -> Keyring {
        Keyring::new(SealingKey::new([1; 32]), vec![SealingKey::new([2; 32])])
    }

    /// As long as Harbor's: a 4096-bit signature, and the claims of a push with a mount.
    fn harbor_token() -> String {
        let header = r#"{"alg":"RS256","kid":"MFH5:M5QW:TXIN:7LZR:SMDX:JU7T:3JSB:QOWN:SPHS:6XHH:7V4K:LFKB","typ":"JWT"}"#;
        let claims = r#"{"iss":"harbor-token-issuer","sub":"robot$lab+continuous-integration","aud":"harbor-registry","exp":1800001800,"nbf":1800000000,"iat":1800000000,"jti":"x7Fq2lLkWJm4bTzC","access":[{"type":"repository","name":"lab/continuous/app","actions":["pull","push","delete","scanner-pull"]},{"type":"repository","name":"library/base-images/debian","actions":["pull","scanner-pull"]}]}"#;
        let mut signature = Vec::new();
        for block in 0..16u8 {
            signature.extend_from_slice(&Sha256::digest([block]));
        }
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let (header, claims) = (encode(header.as_bytes()), encode(claims.as_bytes()));
        format!("{header}.{claims}.{}", encode(&signature))
    }

    fn ticket() -> Ticket {
        Ticket {
            token: Zeroizing::new(harbor_token()),
            expires: NOW + 1800,
            client: Some(ClientNetwork::of("203.0.113.9".parse().unwrap())),
        }
    }

    fn sealed() -> String {
        seal(&keys(), &STEP, &ticket(), [3; 24]).unwrap()
    }

    #[test]
    fn a_ticket_opens_where_it_belongs() {
        for client in [
            None,
            Some("203.0.113.9"),
            Some("2001:db8:1:2:3:4:5:6"),
            Some("::ffff:10.0.0.1"),
        ] {
            let ticket = Ticket {
                client: client.map(|text| ClientNetwork::of(text.parse().unwrap())),
                ..ticket()
            };
            let text = seal(&keys(), &STEP, &ticket, [3; 24]).unwrap();
            assert_eq!(open(&keys(), &STEP, text.as_bytes(), NOW), Ok(ticket));
        }
    }

    /// Replicas of several builds open each other's tickets: the layout of a version never changes.
    /// This one was sealed by libsodium.
    #[test]
    fn a_ticket_of_another_build_opens() {
        let key = SealingKey::new(std::array::from_fn(|index| index as u8));
        let text = "AXXWpssDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwNI9X5GtpxLbvxATN_K4WCZEDZnYDXNgwm0ppbW5gtZC5t_9hA";
        let ticket = Ticket {
            token: Zeroizing::new("opaque".to_owned()),
            ..ticket()
        };
        let keys = Keyring::new(key, vec![]);
        assert_eq!(seal(&keys, &STEP, &ticket, [3; 24]).as_deref(), Ok(text));
        assert_eq!(open(&keys, &STEP, text.as_bytes(), NOW), Ok(ticket));
    }

    #[test]
    fn a_ticket_for_a_real_token_fits_and_needs_no_escapes() {
        let text = sealed();
        assert!(text.len() < 1500, "{}", text.len());
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        assert!(text.bytes().all(unreserved), "{text}");
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let whole = URL_SAFE_NO_PAD.decode(sealed()).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let text = URL_SAFE_NO_PAD.encode(&changed);
            let expected = match bit / 8 {
                1..=4 => OpenError::UnknownKey,
                _ => OpenError::Invalid,
            };
            assert_eq!(
                open(&keys(), &STEP, text.as_bytes(), NOW),
                Err(expected),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn what_is_cut_longer_or_written_otherwise_is_refused() {
        let text = sealed();
        for length in 0..text.len() {
            let cut = &text.as_bytes()[..length];
            assert_eq!(
                open(&keys(), &STEP, cut, NOW),
                Err(OpenError::Invalid),
                "{length}"
            );
        }
        let long = "A".repeat(MAX_LENGTH + 1);
        for other in [
            format!("{text}A"),
            format!("{text}="),
            format!(" {text}"),
            text.replace(['-', '_'], "+"),
            long,
        ] {
            let opened = open(&keys(), &STEP, other.as_bytes(), NOW);
            assert_eq!(opened, Err(OpenError::Invalid), "{other}");
        }
    }

    #[test]
    fn a_ticket_is_good_for_one_step_only() {
        let text = sealed();
        for (name, step) in [
            (
                "registry",
                TicketStep {
                    registry: "dr",
                    ..STEP
                },
            ),
            (
                "origin",
                TicketStep {
                    origin: "https://hub.lan",
                    ..STEP
                },
            ),
            (
                "repository",
                TicketStep {
                    repository: "lab/app2",
                    ..STEP
                },
            ),
            (
                "upload",
                TicketStep {
                    upload: "ca3340ff-6d54-4cb5-84ae-f65d4b93a824",
                    ..STEP
                },
            ),
            (
                "state",
                TicketStep {
                    state: b"hvxiC9L",
                    ..STEP
                },
            ),
            ("no state", TicketStep { state: b"", ..STEP }),
            // The same bytes, divided otherwise.
            (
                "division",
                TicketStep {
                    registry: "hqh",
                    origin: "ttps://hub.example.com",
                    ..STEP
                },
            ),
        ] {
            let opened = open(&keys(), &step, text.as_bytes(), NOW);
            assert_eq!(opened, Err(OpenError::Invalid), "{name}");
        }
    }

    #[test]
    fn a_ticket_lives_as_long_as_its_token() {
        let text = sealed();
        let open_at = |now| open(&keys(), &STEP, text.as_bytes(), now).map(|_| ());
        for (now, expected) in [
            (0, Ok(())),
            (NOW + 1799, Ok(())),
            (NOW + 1800, Err(OpenError::Expired)),
            (u64::MAX, Err(OpenError::Expired)),
        ] {
            assert_eq!(open_at(now), expected, "{now}");
        }
    }

    #[test]
    fn keys_rotate() {
        let key = |n| SealingKey::new([n; 32]);
        let by = |current, previous: &[u8]| {
            Keyring::new(key(current), previous.iter().map(|n| key(*n)).collect())
        };
        let text = seal(&by(1, &[]), &STEP, &ticket(), [3; 24]).unwrap();
        for (name, keys, expected) in [
            ("accept only", by(1, &[2]), Ok(())),
            ("promoted", by(2, &[1]), Ok(())),
            ("dropped", by(2, &[]), Err(OpenError::UnknownKey)),
            ("never had", by(3, &[4]), Err(OpenError::UnknownKey)),
        ] {
            let opened = open(&keys, &STEP, text.as_bytes(), NOW).map(|_| ());
            assert_eq!(opened, expected, "{name}");
        }
    }

    #[test]
    fn a_token_that_is_too_long_is_not_sealed() {
        let of_length = |length| Ticket {
            token: Zeroizing::new("a".repeat(length)),
            ..ticket()
        };
        let longest = of_length(1477);
        let text = seal(&keys(), &STEP, &longest, [3; 24]).unwrap();
        assert_eq!(text.len(), 2048);
        assert_eq!(open(&keys(), &STEP, text.as_bytes(), NOW), Ok(longest));
        for length in [1478, MAX_LENGTH] {
            let sealed = seal(&keys(), &STEP, &of_length(length), [3; 24]);
            assert_eq!(sealed, Err(TooLong), "{length}");
        }
    }
}
