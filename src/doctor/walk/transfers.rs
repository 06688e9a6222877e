//! Large bodies, bodies that pause or take long, and slow commits: what the chain does with them.

use super::artifact::blob_target;
use super::body_limit::{MOST_TRIES, next};
use super::leftovers::Id;
use super::request::{AuthorizationSource, UnredactedResponse, WalkRequest};
use super::session::Session;
use super::upload::{AfterWrite, CHUNK, Works};
use crate::doctor::step::Step;
use crate::doctor::trace::{Skip, Trouble};
use crate::doctor::wire::{Framing, Pace, Payload, ResponseTimeouts};
use crate::oci::sample::content::Pattern;
use http::Method;

/// Two pieces with a pause between them.
const PAUSED: u64 = 128 * 1024;

/// Of a slow body, in bytes a second: what a bad line brings, and eight times of what Apache asks for
/// at least (`RequestReadTimeout`, MinRate=500).
const SLOW: u64 = 4 * 1024;

/// The content of bodies, unlike the artifact's: a commit that finds its blob stored already would
/// not take its time.
const UNLIKE_THE_ARTIFACT: u64 = 0x626f_6479;

impl Session<'_> {
    /// One body as large as is asked for, and whether it got through.
    pub(super) async fn body(&mut self, works: Works) -> Result<AfterWrite, Skip> {
        let Some(id) = self.another(Step::Body, works).await? else {
            return Ok(AfterWrite::Unknown);
        };
        let size = self.options.body;
        let (wrote, heard) = self.transfer(Step::Body, id, size, Pace::Full).await?;
        self.cancel(id).await?;
        if wrote == AfterWrite::Unknown && is_limit(&heard) {
            self.bracket(size).await?;
        }
        Ok(wrote)
    }

    /// Smaller ones, until it is clear which go through. A chunk did.
    async fn bracket(&mut self, size: u64) -> Result<(), Skip> {
        let (mut passed, mut failed) = (CHUNK.min(size), size);
        for _ in 0..MOST_TRIES {
            let Some(size) = next(passed, failed) else {
                break;
            };
            let Some(id) = self.start().await? else {
                break;
            };
            let (wrote, heard) = self.transfer(Step::BodyLimit, id, size, Pace::Full).await?;
            self.cancel(id).await?;
            match wrote {
                AfterWrite::Continues => passed = size,
                AfterWrite::Unknown if is_limit(&heard) => failed = size,
                AfterWrite::Unknown => break,
            }
        }
        Ok(())
    }

    pub(super) async fn idle(&mut self, works: Works) -> Result<(), Skip> {
        let Some(pause) = self.options.idle else {
            self.skip(Step::Idle, Skip::NotAskedFor);
            return Ok(());
        };
        if let Some(id) = self.another(Step::Idle, works).await? {
            let pace = Pace::Pausing(pause);
            self.transfer(Step::Idle, id, PAUSED, pace).await?;
            self.cancel(id).await?;
        }
        Ok(())
    }

    /// A body whose bytes keep coming, for as long as is asked for: who cuts it looks at its age. No
    /// larger than the one that got through at once.
    pub(super) async fn slow_upload(&mut self, works: Works) -> Result<(), Skip> {
        let Some(lasts) = self.options.duration else {
            self.skip(Step::SlowUpload, Skip::NotAskedFor);
            return Ok(());
        };
        if let Some(id) = self.another(Step::SlowUpload, works).await? {
            let size = (lasts.as_secs() * SLOW).min(self.options.body).max(CHUNK);
            let pace = Pace::Slow(lasts);
            self.transfer(Step::SlowUpload, id, size, pace).await?;
            self.cancel(id).await?;
        }
        Ok(())
    }

    /// Commits a blob as large as the body that got through, and waits for the answer longer than
    /// any client does.
    pub(super) async fn commit_wait(&mut self, body: AfterWrite) -> Result<(), Skip> {
        if !self.has_commit() {
            return Ok(());
        }
        if !self.options.commit_wait {
            self.skip(Step::CommitWait, Skip::NotAskedFor);
            return Ok(());
        }
        let works = match body {
            AfterWrite::Continues => Works::Writing,
            AfterWrite::Unknown => Works::Nothing,
        };
        let Some(id) = self.another(Step::CommitWait, works).await? else {
            return Ok(());
        };
        let size = self.options.body;
        let (wrote, _) = self
            .transfer(Step::CommitWait, id, size, Pace::Full)
            .await?;
        match wrote {
            AfterWrite::Continues => self.commit_large(id, size).await,
            AfterWrite::Unknown => self.cancel(id).await,
        }
    }

    async fn commit_large(&mut self, id: Id, size: u64) -> Result<(), Skip> {
        let content = self.content(size);
        let hashing = tokio::task::spawn_blocking(move || content.digest());
        let time = super::timeouts::time(Step::CommitWait);
        let digest = self.halt.unless(time, hashing).await?;
        let digest = digest.map_err(|_| Skip::Impossible)?;
        let committing = self
            .continuing(Step::CommitWait, Method::PUT, id)?
            .committing(&digest)
            .patience(ResponseTimeouts {
                answer: self.bounds.commit,
                ..self.bounds.patience(0)
            });
        // From here on it may be there, whatever comes.
        self.pushed.blobs.push(digest.clone());
        if self.ask(committing).await?.is(201) {
            self.close(id);
        } else {
            self.cancel(id).await?;
        }
        self.remove_blob(Step::CommitWait, &digest).await
    }

    /// Removes a blob that nothing refers to, where the registry does that.
    pub(super) async fn remove_blob(&mut self, step: Step, digest: &str) -> Result<(), Skip> {
        let target = blob_target(&self.repository()?, digest);
        let removing =
            WalkRequest::new(step, Method::DELETE, target).by(AuthorizationSource::Deleting);
        let status = self.ask(removing).await?.status();
        if status.is_some() {
            self.pushed.blobs.retain(|known| known != digest);
        }
        if !matches!(status, Some(200..300 | 404) | None) {
            self.leave_blob(digest, status);
        }
        Ok(())
    }

    /// An upload for a step that needs bodies to get through.
    async fn another(&mut self, step: Step, works: Works) -> Result<Option<Id>, Skip> {
        let begun = match works {
            Works::Nothing | Works::Starting => None,
            Works::Writing => self.start().await?,
        };
        if begun.is_none() {
            self.skip(step, Skip::Impossible);
        }
        Ok(begun)
    }

    async fn transfer(
        &mut self,
        step: Step,
        id: Id,
        size: u64,
        pace: Pace,
    ) -> Result<(AfterWrite, UnredactedResponse), Skip> {
        let payload = Payload::Generated {
            size,
            seed: self.content(size).seed,
            framing: Framing::Length,
            pace,
        };
        self.write(step, id, payload).await
    }

    fn content(&self, size: u64) -> Pattern {
        Pattern {
            seed: self.options.artifact.seed ^ UNLIKE_THE_ARTIFACT,
            size,
        }
    }
}

/// Whether it failed in a way in which size can be the reason. Hops say 413, or 400 and 5xx where
/// they gather the body first; others just hang up.
fn is_limit(heard: &UnredactedResponse) -> bool {
    match &heard.0 {
        Ok(reply) => matches!(reply.status, 400 | 413 | 500 | 502),
        Err(trouble) => *trouble == Trouble::Cut,
    }
}
