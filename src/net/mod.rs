//! The public side of the gateway: origins, Host values, paths and forwarded headers. Pure: values in,
//! values out; no Pingora, no Tokio, no clock, no randomness.

pub(crate) mod accepted_credentials;
pub(crate) mod balancer_timeouts;
pub(crate) mod bounded_text;
pub mod client_network;
pub(crate) mod forwarded;
pub mod host;
pub mod login;
pub(crate) mod login_limiter;
pub(crate) mod network;
pub mod origin;
pub mod path;
pub mod proxy_protocol;
pub mod query;
pub(crate) mod trace_context;
pub mod trusted_proxies;
pub(crate) mod url;
