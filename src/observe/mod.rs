//! What is told of requests and of the process: log lines, the access log, metrics, and the push tracker.
//! Unknown here: how requests are served. Whoever serves them tells.

pub mod access_log;
pub(crate) mod accounting;
pub mod audit;
pub(crate) mod logging;
pub mod metrics;
pub mod push;
pub(crate) mod tracing;
