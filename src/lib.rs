//! Harbormouth, the public edge for Harbor container registries. The modules stand in the order
//! of the data's way.

pub mod config;
pub mod edge;
pub mod registry;
