//! What the test binaries share: child processes that can't outlive the tests, a certificate
//! authority, the gateway as a child, waiting with deadlines.
//!
//! Deliberately doesn't know: registries, clients and chains (`tests/real`), the fake Harbor.
//! Nothing here binds a fixed port or sleeps for luck.

// Every test binary compiles its own copy of this module, and none uses all of it.
#![allow(dead_code)]

pub mod attackers;
pub mod ca;
pub mod gateway;
pub mod plain_http;
pub mod process;
pub mod tools;
pub mod venv;
pub mod wait;
