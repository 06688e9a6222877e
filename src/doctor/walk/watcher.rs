//! The receiver of a walk's progress.

use crate::doctor::step::Step;
use crate::doctor::trace::Walk;

/// Who is told what happens while it does.
pub trait Watcher: Send {
    fn began(&mut self, walk: &Walk, step: Step);
    /// A body is under way.
    fn progress(&mut self, step: Step, done: u64, total: u64);
    /// What the step showed is in the walk.
    fn ended(&mut self, walk: &Walk, step: Step);
}
