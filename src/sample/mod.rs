//! What is pushed where something has to be pushed: blobs that are made of a seed, and the smallest
//! image that every registry takes. For the doctor, the canary, the demo and the tests.

pub mod content;
pub mod image;
