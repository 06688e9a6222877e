//! What a walk has created and not yet removed: the list for its cleanup.

/// An upload that was begun.
pub(super) struct OpenUpload {
    pub(super) id: Id,
    /// Path and query of the newest Location: its state changes with every write.
    pub(super) target: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(pub(super) u32);

/// What was pushed and is still to be removed.
#[derive(Default)]
pub(super) struct Pushed {
    /// The digest of a manifest that may be there.
    pub(super) manifest: Option<String>,
    /// Blobs that may be there, and that no manifest holds.
    pub(super) blobs: Vec<String>,
}
