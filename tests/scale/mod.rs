//! Fifty replicas behind a balancer that passes TCP through, in simulated time: a roll-out, a zone that is
//! lost, a crowd of nodes that pull one image, a Harbor that slows down.
//!
//! The bounds are the gateway's own code and defaults (`ConcurrencyLimit`, `FairShares`, `BodyMemory`), the
//! cost of bytes and connections are the figures of `sizing`, and clients retry as docs/limits.md says that
//! they do. What else is assumed, Harbor's speed above all, stands in `setting`. It is compiled with the
//! crate's unit tests, because what it asks is private:
//! `cargo test --locked --profile quick --lib scale:: -- --nocapture`.
//!
//! Left out: packets and their losses, single cores, HTTP/2, and what Harbor does with a request whose client
//! has gone (nothing here).

mod client;
mod documents;
#[path = "../tidy/generated.rs"]
mod generated;
mod harbor;
mod holder;
mod outcome;
mod random;
mod replica;
mod scenarios;
mod setting;
mod world;
