//! Removes what a walk has created; what can't be removed is listed.

use super::session::Session;
use crate::doctor::trace::Skip;

impl Session<'_> {
    /// Ends what is still open and removes what is still there. Nothing interrupts it, but it is
    /// bounded; what it doesn't manage is listed.
    pub(super) async fn clean_up(&mut self) {
        self.halt.clean();
        let bound = self.bounds.cleaning;
        // Whatever ends it early is seen by what is still there.
        let _ = tokio::time::timeout(bound, self.tidy()).await;
        for id in self.still_open() {
            self.leave_open(id, None);
        }
        if let Some(manifest) = self.pushed.manifest.take() {
            self.leave_artifact(&manifest, None);
        }
        for blob in std::mem::take(&mut self.pushed.blobs) {
            self.leave_blob(&blob, None);
        }
    }

    async fn tidy(&mut self) -> Result<(), Skip> {
        for id in self.still_open() {
            self.cancel(id).await?;
        }
        self.remove().await
    }
}
