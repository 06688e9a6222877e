//! Whether a refusal comes while the body is still to be sent: not where a hop collects it first.

use super::course::Course;
use super::request::Request;
use crate::doctor::seen::Why;
use crate::doctor::step::Step;
use crate::doctor::wire::{Framing, Patience, Payload};
use http::Method;
use std::time::Duration;
use uuid::Uuid;

/// Asked about where no repository is given: what answers first is nearly always who may ask, not
/// whether it exists.
pub(super) const NO_REPOSITORY: &str = "library/harbormouth-doctor";

/// What is announced. Go's servers read up to 256 KiB of a body that nobody wants before they answer,
/// unless more than that is announced; and no hop has a limit under 1 MiB.
const ANNOUNCED: u64 = 1 << 20;

/// Chunked bodies announce nothing: of these, half is sent, which is more than those servers read.
const CHUNKED: u64 = 640 * 1024;

/// Longer than anybody waits for the other half.
const NEVER: Duration = Duration::from_secs(24 * 3600);

impl Course<'_> {
    pub(super) async fn early_answers(&mut self) -> Result<(), Why> {
        let withheld = Payload::Withheld {
            length: ANNOUNCED,
            framing: Framing::Length,
        };
        self.early_answer(Step::EarlyAnswer, withheld).await?;
        let half = Payload::Made {
            size: CHUNKED,
            seed: self.options.artifact.seed,
            framing: Framing::Chunked,
            pause: Some(NEVER),
        };
        self.early_answer(Step::EarlyAnswerChunked, half).await
    }

    async fn early_answer(&mut self, step: Step, payload: Payload) -> Result<(), Why> {
        let repository = self.options.repository.as_deref();
        let target = format!(
            "/v2/{}/blobs/uploads/{}",
            repository.unwrap_or(NO_REPOSITORY),
            Uuid::new_v4()
        );
        let early = self.bounds.early;
        let mut write = Request::new(step, Method::PATCH, target)
            .header("content-type", "application/octet-stream")
            .payload(payload)
            .patience(Patience {
                answer: early,
                progress: early,
            });
        write.limit = Some(early);
        self.ask(write).await?;
        Ok(())
    }
}
