//! Sealed upload tickets: how a bare upload request gets its token back, on any replica.
//!
//! Pure: keys, times and random bytes come in as values.

mod key;

pub use key::{KEY_LENGTH, Key, KeyError, KeyId, Keyring};
