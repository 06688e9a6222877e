//! A Harbor that tests push to and break, and the demo that is played with it. An image is built without.

pub mod demo;
pub mod fake_harbor;
