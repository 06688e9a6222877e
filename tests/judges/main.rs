//! Independent test programs against the real binary: slowhttptest, httplint, redbot, testssl.sh, a
//! receiver of traces, and real proxies behind and in front of it, with the payloads with which the HTTP
//! Garden found differences between parsers.
//!
//! Needs the programs that `tests/install.sh` installs; says so when they are missing.

#[path = "../common/mod.rs"]
mod common;

mod acme;
mod advisories;
mod garden;
mod lint;
mod slow;
mod stage;
mod tls;
mod tools;
mod traces;
