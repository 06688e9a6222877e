//! Sealing keys: how they are written down, and what they are called.
//!
//! A key file holds one line, so that a key can be told from any other secret that ends up in its
//! place: `harbormouth-ticket-key-1:` and 32 bytes in base64url without padding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

const PREFIX: &str = "harbormouth-ticket-key-1:";

/// Bytes of a key: what XChaCha20-Poly1305 takes.
pub const KEY_LENGTH: usize = 32;

/// One sealing key. Its secret is wiped when it is dropped and shown nowhere.
pub struct SealingKey {
    id: KeyId,
    secret: Zeroizing<[u8; KEY_LENGTH]>,
}

/// Which key sealed a ticket: the first bytes of a hash of it, the same on every replica. Says
/// nothing about the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(super) [u8; 4]);

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("holds no sealing key; write one with: harbormouth keygen FILE")]
    NotAKey,
    #[error("holds a sealing key that is damaged or cut short")]
    Damaged,
    #[error("holds a sealing key that is all zeros, which is no secret")]
    Zero,
}

impl SealingKey {
    pub fn new(secret: [u8; KEY_LENGTH]) -> SealingKey {
        let hash = Sha256::new()
            .chain_update(b"harbormouth ticket key id")
            .chain_update(secret)
            .finalize();
        SealingKey {
            id: KeyId([hash[0], hash[1], hash[2], hash[3]]),
            secret: Zeroizing::new(secret),
        }
    }

    /// Reads a key file's content.
    ///
    /// # Errors
    /// When it is anything but one key; blanks around it don't matter.
    pub fn read(content: &[u8]) -> Result<SealingKey, KeyError> {
        let text = std::str::from_utf8(content).map_err(|_| KeyError::NotAKey)?;
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(KeyError::NotAKey)?;
        let secret = Zeroizing::new(
            URL_SAFE_NO_PAD
                .decode(encoded)
                .map_err(|_| KeyError::Damaged)?,
        );
        let secret = <[u8; KEY_LENGTH]>::try_from(secret.as_slice());
        match secret.map_err(|_| KeyError::Damaged)? {
            secret if secret == [0; KEY_LENGTH] => Err(KeyError::Zero),
            secret => Ok(SealingKey::new(secret)),
        }
    }

    /// The content of a key file.
    pub fn write(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.secret.as_slice()));
        Zeroizing::new(format!("{PREFIX}{}\n", encoded.as_str()))
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn secret(&self) -> &[u8; KEY_LENGTH] {
        &self.secret
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The keys of one registry: one seals, all open.
#[derive(Debug)]
pub struct Keyring {
    current: SealingKey,
    previous: Vec<SealingKey>,
}

impl Keyring {
    /// `previous` open what they sealed, or what other replicas already seal with them.
    pub fn new(current: SealingKey, previous: Vec<SealingKey>) -> Keyring {
        Keyring { current, previous }
    }

    pub fn current(&self) -> &SealingKey {
        &self.current
    }

    /// The ids of all keys, the current one's first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.all().map(|key| key.id)
    }

    pub(super) fn find(&self, id: KeyId) -> Option<&SealingKey> {
        self.all().find(|key| key.id == id)
    }

    fn all(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = SealingKey::new([7; 32]);
        let text = key.write();
        let again = SealingKey::read(text.as_bytes()).unwrap();
        assert_eq!(again.secret(), key.secret());
        assert_eq!(again.id(), key.id());
        let padded = format!("\n {}\r\n", text.trim());
        assert_eq!(SealingKey::read(padded.as_bytes()).unwrap().id(), key.id());
        assert_ne!(SealingKey::new([8; 32]).id(), key.id());
    }

    #[test]
    fn what_is_no_key_says_so() {
        let good = SealingKey::new([7; 32]).write();
        let good = good.trim();
        let long = format!("{good}AA");
        let other = good.replace("-1:", "-2:");
        let two = format!("{good}\n{good}");
        let zero = SealingKey::new([0; 32]).write();
        for (content, error) in [
            ("", KeyError::NotAKey),
            ("-----BEGIN PRIVATE KEY-----", KeyError::NotAKey),
            (other.as_str(), KeyError::NotAKey),
            (&good[..good.len() - 1], KeyError::Damaged),
            (&good[..PREFIX.len()], KeyError::Damaged),
            (long.as_str(), KeyError::Damaged),
            (two.as_str(), KeyError::Damaged),
            (zero.as_str(), KeyError::Zero),
        ] {
            assert_eq!(
                SealingKey::read(content.as_bytes()).unwrap_err(),
                error,
                "{content}"
            );
        }
        assert_eq!(
            SealingKey::read(&[0xFF, 0xFE]).unwrap_err(),
            KeyError::NotAKey
        );
    }

    /// Metrics and logs of all replicas name a key alike.
    #[test]
    fn an_id_is_eight_digits_of_the_secrets_hash() {
        let counted = SealingKey::new(std::array::from_fn(|index| index as u8));
        assert_eq!(counted.id().to_string(), "75d6a6cb");
        let (current, previous) = (SealingKey::new([7; 32]), SealingKey::new([9; 32]));
        let expected = [current.id(), previous.id()];
        let keys = Keyring::new(current, vec![previous]);
        assert_eq!(keys.ids().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let (current, previous) = (SealingKey::new([7; 32]), SealingKey::new([9; 32]));
        let expected = format!(
            "Keyring {{ current: Key({}), previous: [Key({})] }}",
            current.id(),
            previous.id()
        );
        let shown = format!("{:?}", Keyring::new(current, vec![previous]));
        assert_eq!(shown, expected);
    }
}
