//! A Harbor that tests push to and break, an issuer of ID tokens, and the demo that is played with the
//! one. An image is built without.

pub mod demo;
pub mod fake_harbor;
pub mod fake_issuer;
