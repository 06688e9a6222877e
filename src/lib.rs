//! Harbormouth, the public edge for Harbor container registries.
//!
//! The modules stand in the order of the data's way: what is configured, what is known (pure), how
//! a request comes in, what happens to it, where it goes, and what is told about it.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

pub mod config;

pub mod edge;
pub mod push;
pub mod registry;
pub mod ticket;

pub mod gateway;
pub mod listener;
pub mod live;
pub mod upstream;

pub mod admin;
pub mod canary;
pub mod descriptors;
pub mod logging;
pub mod metrics;
pub mod record;

pub mod file;
pub mod guardian;
pub mod pulse;
pub mod random;
pub mod reload;
pub mod sample;
pub mod sealing;
pub mod server;
pub mod signals;
#[cfg(feature = "demo")]
pub mod standin;
pub mod systemd;
pub mod terminal;
pub mod threads;

#[cfg(feature = "demo")]
pub mod demo;
pub mod doctor;
