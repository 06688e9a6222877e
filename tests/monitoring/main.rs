//! `deploy/monitoring` held against what the gateway exports and against the programs that will
//! read it: promtool, Grafana's published types, a Prometheus that scrapes a running gateway.
//!
//! Not tested here, because nothing here can: how Grafana draws the dashboard.

#[path = "../common/mod.rs"]
mod common;

// The gateway's own tests have clients that speak HTTP byte by byte; only some are used here.
#[allow(dead_code)]
#[path = "../gateway/client.rs"]
mod client;
#[allow(dead_code)]
#[path = "../gateway/client_h2.rs"]
mod client_h2;
#[allow(dead_code)]
#[path = "../gateway/push.rs"]
mod push;
#[allow(dead_code)]
#[path = "../gateway/setup.rs"]
mod setup;

mod files;
mod known;
mod promql;

mod dashboard;
mod faults;
mod fleet;
mod lean;
mod links;
mod live;
mod names;
mod prometheus;
mod protected;
mod rules;
mod runbooks;
mod schema;
mod stretched;
mod traffic;
