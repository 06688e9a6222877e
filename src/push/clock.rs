//! The tracker's time.
