//! What a person reads, and what a machine does.

use super::blame::Judged;
use super::seen::Walk;
use super::step::Step;
use super::walk::Watcher;

/// How steps are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: on a terminal with colours and progress, otherwise plain lines.
    Text,
    /// One JSON document at the end, and nothing else on standard output.
    Json,
}

/// Shows steps as they happen, and the findings at the end.
pub struct Report {}

impl Report {
    pub fn to_stdout(_format: Format) -> Report {
        todo!()
    }

    /// Everything that was found, after the last walk.
    ///
    /// # Errors
    /// When standard output can't be written.
    pub fn conclude(&mut self, _walks: &[Judged]) -> std::io::Result<()> {
        todo!()
    }
}

impl Watcher for Report {
    fn began(&mut self, _walk: &Walk, _step: Step) {}
    fn progress(&mut self, _step: Step, _done: u64, _total: u64) {}
    fn ended(&mut self, _walk: &Walk, _step: Step) {}
}

/// 0 where nothing breaks a client, 1 where something does, 2 where the chain could not be examined.
pub fn exit_status(_walks: &[Judged]) -> u8 {
    todo!()
}
