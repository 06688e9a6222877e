//! Configuration: the YAML file or the flags, read into one validated [`Config`].

pub mod types;
pub use types::*;
