//! Sealed upload tickets: how a bare upload request gets its token back, on any replica.
//!
//! Pure: keys, times and random bytes come in as values.

mod key;
mod pack;
mod seal;

pub use key::{KEY_LENGTH, KeyError, KeyId, Keyring, SealingKey};
pub use seal::{MAX_LENGTH, NONCE_LENGTH, OpenError, Ticket, TicketStep, TooLong, open, seal};
