//! ID tokens of OpenID Connect issuers: how they are read and verified, where an issuer's keys are, and
//! in which words a token is refused. Pure: values in, values out; no Pingora, no Tokio, no clock, no
//! randomness.
//!
//! What stands in a token's header never decides where a key comes from: `jku`, `x5u`, `jwk` and `x5c`
//! are not even read, and `kid` only picks among the keys that the configured issuer publishes. Which
//! algorithm a key is for is the key's own affair. What this module deliberately doesn't know:
//! identities and robots (see `config`), and how keys are fetched and kept (see `runtime`).

mod algorithm;
mod claims;
mod discovery;
mod issuer;
mod jwt;
mod keys;
mod refused;

pub(crate) use claims::Claims;
pub(crate) use discovery::{DiscoveryFlaw, discover};
pub use issuer::Issuer;
pub(crate) use jwt::Jwt;
pub(crate) use keys::{KeySet, KeysFlaw, SignatureFlaw};
pub(crate) use refused::{LoginResult, Refused};
