//! The doctor's walks through chains with the fake Harbor at their end: what they record, what they
//! leave behind, where they end. On loopback, without real clients.

mod bounded;
mod broken;
mod canary;
mod command;
mod faultless;
mod forward;
mod inner;
mod logins;
mod middle;
mod proxied;
mod secrets;
mod stage;
mod transfers;
