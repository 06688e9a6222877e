//! The canary: a small real push and pull through a registry's own public origin, again and again, so
//! that a quiet night isn't a blind one. It walks as the doctor does, and the doctor's judgement is
//! what it tells.
//!
//! `run` says what came of one walk, by its `steps` (pure), `seen` keeps the last one of each registry,
//! `runner` takes them in their time, `supervisor` has one runner for each canary that is configured.
//! What all of it deliberately doesn't know: how a walk is taken and judged (see `doctor`).

#[cfg(not(feature = "doctor"))]
mod absent;
#[cfg(feature = "doctor")]
mod examine;
#[cfg(feature = "doctor")]
mod run;
#[cfg(feature = "doctor")]
mod runner;
#[cfg(feature = "doctor")]
mod seen;
#[cfg(feature = "doctor")]
mod settings;
#[cfg(feature = "doctor")]
mod steps;
#[cfg(feature = "doctor")]
mod supervisor;

#[cfg(not(feature = "doctor"))]
pub(crate) use absent::{Canaries, CanaryView, Doctor, labels, supervise};
#[cfg(feature = "doctor")]
pub(crate) use examine::Doctor;
#[cfg(feature = "doctor")]
pub(crate) use seen::{Canaries, CanaryView};
#[cfg(feature = "doctor")]
pub use settings::{Settings, TAG};
#[cfg(feature = "doctor")]
pub(crate) use steps::labels;
#[cfg(feature = "doctor")]
pub use steps::{STEPS, TIMED};
#[cfg(feature = "doctor")]
pub(crate) use supervisor::supervise;

#[cfg(all(test, feature = "doctor"))]
mod tests;
