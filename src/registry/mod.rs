//! The meaning of a Harbor registry's requests and answers, and the repair of answers. Pure: values in,
//! values out; no Pingora, no Tokio, no clock, no randomness, no logging.

pub mod answer;
pub mod authorities;
pub mod challenge;
pub mod class;
pub mod client;
pub mod cookie;
pub mod error_body;
pub mod exposure;
pub(crate) mod form;
pub(crate) mod grant;
pub mod link;
pub mod location;
pub(crate) mod login;
pub mod mount;
pub mod oci_error;
pub mod operation;
pub mod reason;
pub mod redact;
pub mod repair;
pub mod repository;
pub mod scope;
pub mod target;
pub mod token;
pub(crate) mod upload_state;
pub mod upload_ticket;
pub mod upstream_error;
pub mod verdict;
