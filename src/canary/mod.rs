//! The canary: a small real push and pull through a registry's own public origin, again and again, so
//! that a quiet night isn't a blind one. It walks as the doctor does, and the doctor's judgement is
//! what it tells.
//!
//! `run` says what came of one walk, by its `steps` (pure), `seen` keeps the last one of each registry,
//! `runner` takes them in their time, `supervisor` has one runner for each canary that is configured.
//! What all of it deliberately doesn't know: how a walk is taken and judged (see `doctor`).

mod examine;
mod run;
mod runner;
mod seen;
mod settings;
mod steps;
mod supervisor;

pub(crate) use examine::Doctor;
pub(crate) use seen::{Canaries, CanaryView};
pub use settings::{Settings, TAG};
pub(crate) use steps::labels;
pub use steps::{STEPS, timed};
pub(crate) use supervisor::supervise;

#[cfg(test)]
mod tests;
