//! `deploy/kubernetes` as kustomize renders it, held against Kubernetes' and the operators' schemas,
//! against itself, and against the gateway's own reading of the configuration that it ships.
//!
//! Not tested here, because nothing here can: what a cluster's admission and scheduler say, whether
//! its network enforces the NetworkPolicy, and real balancers.

#[path = "../common/mod.rs"]
mod common;

mod effective;
mod mounts;
mod packages;
mod rendered;

mod annotations;
mod balancers;
mod complaints;
mod pods;
mod references;

mod breaking;
mod chart;
mod chart_use;
mod elsewhere;
mod generated;
mod harbor_chart;
mod ours;
mod peers;
mod rotation;
mod settings;
mod theirs;
