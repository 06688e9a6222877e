//! Judges that are not ours, before the real binary: slowhttptest, httplint, redbot, testssl.sh,
//! and real proxies behind and in front of it, with the payloads by which the HTTP Garden found
//! what they disagree about.
//!
//! Needs the programs that `tests/install.sh` installs; says so when they are missing.

#[path = "../common/mod.rs"]
mod common;

mod advisories;
mod garden;
mod lint;
mod slow;
mod stage;
mod tls;
mod tools;
