//! What the tests of the doctor's parts share.

pub(super) mod fixtures;
