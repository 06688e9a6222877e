//! What there is of the doctor where the gateway is built without it: canaries that are absent.

#[path = "canary/absent.rs"]
pub(crate) mod canary;
