//! The public side of the gateway: origins, Host values, paths and forwarded headers. Pure: values in,
//! values out; no Pingora, no Tokio, no clock, no randomness.

pub(crate) mod accepted;
pub(crate) mod balancers;
pub mod client_network;
pub(crate) mod forwarded;
pub mod host;
pub mod login;
pub(crate) mod login_limit;
pub mod origin;
pub mod path;
pub mod proxy_header;
pub mod query;
pub(crate) mod text;
pub mod trusted;
