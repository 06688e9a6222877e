//! Harbormouth, the public edge for [Harbor](https://goharbor.io) container registries, as a library:
//! the same gateway as the command `harbormouth serve`, with filters of your own in it.
//!
//! ```no_run
//! use harbormouth::filter::{Decision, ErrorCode, Filter, Request, async_trait};
//! use harbormouth::Server;
//!
//! /// Nobody pushes to `library` by this edge.
//! struct Library;
//!
//! #[async_trait]
//! impl Filter for Library {
//!     fn name(&self) -> &str {
//!         "library"
//!     }
//!
//!     async fn request(&self, request: &Request) -> Decision {
//!         let is_library = request.repository().is_some_and(|it| it.starts_with("library/"));
//!         if is_library && request.operation().is_push() {
//!             Decision::deny(403, ErrorCode::Denied, "library is pushed to from within")
//!         } else {
//!             Decision::Continue
//!         }
//!     }
//! }
//!
//! fn main() -> Result<(), harbormouth::Error> {
//!     Server::from_file("harbormouth.yaml")?.filter(Library).run()
//! }
//! ```
//!
//! # The life of a request
//!
//! ```text
//!  received     who asks, over what                      ─▶ what is no HTTP, or for the health
//!     ▼                                                     path, ends here
//!  classified   what it means to a registry
//!     ▼
//!  routed       to which Harbor                          ─▶ an unknown host, a closed path,
//!     ▼                                                     maintenance end here
//!  admitted     it has its place            Filter::request   ─▶ a denial ends here
//!     ▼
//!  sent         Host, forwarded headers,    Filter::upstream  once for each try
//!     ▼         Authorization are set
//!  answered     Location, Link, challenge   Filter::response
//!     ▼         are put right
//!  ended        outcome, reason, fault      Filter::ended     once, however it ended
//! ```
//!
//! What a filter sees, may do and may not do is told in [`filter`].
//!
//! # The modules
//!
//! [`Server`], [`Config`] and [`filter`] are what programs build on. Other modules are public only for this
//! package's own command, tests and fuzz targets: they are no promise, and hidden here. Each module
//! imports only what stands before it (`tests/tidy` reads the source and holds it):
//!
//! ```text
//! pure         epoch str_enum nearest net tickets oci oidc filter condition
//! system       system
//! settings     config
//! observed     observe
//! shared       runtime acme
//! the request  listener proxy
//! apart        testing doctor import sizing
//! assembly     server main
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]
// What only the doctor and the canaries ask stands with the rules that it belongs to.
#![cfg_attr(not(feature = "doctor"), allow(dead_code, unused_imports))]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

#[doc(inline)]
pub use config::{Config, load_file};
pub use server::{Error, Server};

mod epoch;
pub mod filter;
mod nearest;
#[doc(hidden)]
pub mod net;
#[doc(hidden)]
pub mod oci;
#[doc(hidden)]
pub mod oidc;
mod str_enum;
#[doc(hidden)]
pub mod tickets;

#[doc(hidden)]
pub mod condition;

#[doc(hidden)]
pub mod system;

#[doc(hidden)]
pub mod config;

#[doc(hidden)]
pub mod observe;

#[doc(hidden)]
pub mod runtime;

mod acme;

mod listener;
mod proxy;

#[doc(hidden)]
#[cfg(feature = "doctor")]
pub mod doctor;
#[cfg(not(feature = "doctor"))]
#[path = "doctor/absent.rs"]
mod doctor;
#[doc(hidden)]
#[cfg(feature = "doctor")]
pub mod import;
#[doc(hidden)]
pub mod sizing;
#[doc(hidden)]
#[cfg(feature = "demo")]
pub mod testing;

#[doc(hidden)]
pub mod server;

#[cfg(test)]
#[path = "../tests/scale/mod.rs"]
mod scale;
