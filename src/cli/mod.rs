//! The command line, and those of its commands that are more than one call of the library.

pub mod args;
pub mod check;
#[cfg(feature = "doctor")]
pub mod doctor;
pub mod keygen;
pub mod size;
