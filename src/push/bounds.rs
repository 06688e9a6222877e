//! What the tracker keeps at most, and why that much.

/// Bytes of a registry's name: it comes from the configuration, and labels metrics.
pub const NAME: usize = 64;
