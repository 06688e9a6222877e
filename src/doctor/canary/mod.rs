//! The canary: a small real push and pull through a registry's own public origin, again and again, so
//! that faults are found when nobody pushes, too. It makes the doctor's walk and reports the doctor's
//! judgement.
//!
//! `run` gives the result of one walk by its `steps` (pure), `last_runs` keeps the last run of each registry,
//! `runner` starts the runs at their times, `supervisor` has one runner for each configured canary.
//! This module deliberately doesn't know how a walk is made and judged (see `doctor`).

mod examine;
mod last_runs;
mod run;
mod runner;
mod settings;
mod steps;
mod supervisor;

pub(crate) use examine::Doctor;
pub(crate) use last_runs::{Canaries, CanaryView};
pub use settings::{Settings, TAG};
pub(crate) use steps::labels;
pub use steps::{STEPS, timed};
pub(crate) use supervisor::supervise;

#[cfg(test)]
mod tests;
