//! From what a walk saw to what is wrong: pure, and the same at every time.

use super::finding::Finding;
use super::seen::Walk;

/// What is wrong, in the order of the steps that showed it. May be asked of a walk that is not done
/// yet; what it finds then it finds at the end as well.
pub fn judge(_walk: &Walk) -> Vec<Finding> {
    todo!()
}
