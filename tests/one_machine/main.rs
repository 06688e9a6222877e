//! What is shipped for one machine: the Dockerfile, the systemd unit and the compose file, each
//! read by the program that an operator's machine reads it with, and held to the configuration that
//! goes with it. The image itself is built and run in `tests/deployed`.
//!
//! Needs the programs that `tests/install.sh` installs; says so when they are missing.

#[path = "../common/mod.rs"]
mod common;

mod action;
mod activated;
mod compose;
mod dockerfile;
mod notify;
mod shipped;
mod unit;
