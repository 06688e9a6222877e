//! The gateway's binary between a client and a Harbor. Both send exactly what a test prescribes, byte
//! by byte where the bytes matter.

#[path = "../common/mod.rs"]
mod common;

mod client;
mod client_h2;
mod harbor;
mod proxied;
mod push;
mod setup;

mod accounting;
mod acme_challenge;
mod admin;
mod admin_access;
mod answers;
mod attacks;
mod audit;
mod canary;
mod credentials;
mod desync;
mod early;
mod filters;
mod fleet;
mod h2spec;
mod health;
mod identities;
mod imported;
mod life;
mod limits;
mod logins;
mod mirrors;
mod other_sites;
mod pipelining;
mod probes;
mod proxy_protocol;
mod reattach;
mod reload;
mod replicas;
mod reply;
mod request;
mod request_framing;
mod routing;
mod rules;
mod sealing;
mod seeing;
mod shared_names;
mod stall;
mod storage;
mod strangers;
mod timeouts;
mod tls;
mod tracing;
mod transfers;
mod trust;
mod upgrades;
mod verdicts;
