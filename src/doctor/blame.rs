//! Which hop did it: the walks from the outermost entry to the innermost, side by side.

use super::finding::Finding;
use super::kind::Kind;
use super::seen::Walk;

/// A walk and what is wrong in it.
pub struct Judged {
    pub walk: Walk,
    pub findings: Vec<Finding>,
}

/// Where a finding of the public walk comes from. The numbers are places in the list of walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// Between these two entries: the hop that the first one enters.
    Between(usize, usize),
    /// At the innermost entry or behind it.
    AtOrBehind(usize),
    /// Only one walk was taken.
    Unknown,
}

/// Who brought a kind of finding about. The first walk is the public one.
pub fn culprit(_kind: Kind, _walks: &[Judged]) -> Culprit {
    todo!()
}
