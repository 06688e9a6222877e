//! Harbormouth, the public edge for Harbor container registries.
//!
//! The modules in their layers; each imports only what stands before it (`tests/tidy` reads the
//! source and holds it):
//!
//! ```text
//! pure         words edge ticket registry push
//! system       descriptors file random signals systemd terminal threads
//! settings     config sealing
//! observed     logging record metrics
//! shared       upstream live pulse
//! the request  listener gateway
//! life cycle   reload guardian
//! apart        sample standin demo doctor canary
//! assembly     admin server main
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

pub mod edge;
pub mod push;
pub mod registry;
pub mod ticket;
mod words;

pub mod descriptors;
pub mod file;
pub mod random;
pub mod signals;
pub mod systemd;
pub mod terminal;
pub mod threads;

pub mod config;
pub mod sealing;

pub mod logging;
pub mod metrics;
pub mod record;

pub mod live;
pub mod pulse;
pub mod upstream;

pub mod gateway;
pub mod listener;

pub mod guardian;
pub mod reload;

pub mod canary;
#[cfg(feature = "demo")]
pub mod demo;
pub mod doctor;
pub mod sample;
#[cfg(feature = "demo")]
pub mod standin;

pub mod admin;
pub mod server;
