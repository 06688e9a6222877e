//! Content for test pushes: blobs that are generated from a seed, and the smallest image that every
//! registry accepts. For the doctor, the canary, the demo and the tests.

pub mod content;
pub mod image;
