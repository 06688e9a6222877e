//! The walk: the steps of a client, one after the other, and what each one showed.

use super::Options;
use super::seen::{Entry, Walk};
use super::step::Step;
use super::wire::WireError;

/// Who is told what happens while it does.
pub trait Watcher: Send {
    fn began(&mut self, walk: &Walk, step: Step);
    /// A body is under way.
    fn progress(&mut self, step: Step, done: u64, total: u64);
    /// What the step showed is in the walk.
    fn ended(&mut self, walk: &Walk, step: Step);
}

/// Takes walks. A token that one of them got serves the later ones, so that no inner hop is ever
/// sent the password if that can be avoided.
pub struct Walker {}

impl Walker {
    /// # Errors
    /// When the authorities can't be read.
    pub fn new(_options: &Options) -> Result<Walker, WireError> {
        todo!()
    }

    /// Takes one walk to its end. It has no way to fail: what goes wrong is what it saw.
    pub async fn walk(&mut self, _entry: &Entry, _watcher: &mut dyn Watcher) -> Walk {
        todo!()
    }
}
