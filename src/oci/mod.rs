//! The meaning of a Harbor registry's requests and answers, and the repair of answers. Pure: values in,
//! values out; no Pingora, no Tokio, no clock, no randomness, no logging.

pub mod authorities;
pub mod challenge;
pub mod cookie;
pub(crate) mod docs;
pub mod error_body;
pub mod exposure;
pub(crate) mod form_upload;
pub mod link;
pub mod local_reply;
pub mod location;
pub(crate) mod login_response;
pub mod narrowing;
pub mod oci_error;
pub mod operation;
pub mod project;
pub mod reason;
pub mod redact;
pub mod refused_mount;
pub mod repair;
pub mod repository;
pub mod request_class;
pub mod routing;
#[cfg(any(feature = "doctor", feature = "demo"))]
pub mod sample;
pub mod scope;
pub mod storage;
pub mod target;
pub mod token;
pub(crate) mod token_response;
pub(crate) mod upload_state;
pub mod upload_ticket;
pub mod upstream_error;
pub mod user_agent;
pub mod verdict;
pub mod way;
