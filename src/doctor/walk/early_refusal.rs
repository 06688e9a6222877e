//! Whether an error answer arrives before the body is sent: if a hop buffers the body, it doesn't.

use super::challenge::ChallengeKind;
use super::request::WalkRequest;
use super::session::{Access, Session};
use crate::doctor::step::Step;
use crate::doctor::trace::Skip;
use crate::doctor::wire::{Framing, Payload, ResponseTimeouts};
use http::Method;
use uuid::Uuid;

/// Asked about where no repository is given: what answers first is nearly always who may ask, not
/// whether it exists.
pub(super) const NO_REPOSITORY: &str = "library/harbormouth-doctor";

/// What is announced: more than any server gathers of a body that nobody wants, and no more than
/// the smallest limit that hops have.
const ANNOUNCED: u64 = 1 << 20;

impl Session<'_> {
    /// What is asked of who writes, if that is more than of who reads.
    pub(super) async fn early_answers(&mut self) -> Result<Option<ChallengeKind>, Skip> {
        let mut asked = None;
        for (step, framing) in [
            (Step::EarlyAnswer, Framing::Length),
            (Step::EarlyAnswerChunked, Framing::Chunked),
        ] {
            let repository = self.walk.repository.as_deref();
            let target = format!(
                "/v2/{}/blobs/uploads/{}",
                repository.unwrap_or(NO_REPOSITORY),
                Uuid::new_v4()
            );
            let write = WalkRequest::new(step, Method::PATCH, target)
                .header("content-type", "application/octet-stream")
                .payload(Payload::Withheld {
                    length: ANNOUNCED,
                    framing,
                })
                .patience(ResponseTimeouts {
                    answer: self.bounds.early,
                    progress: self.bounds.early,
                });
            let heard = self.ask(write).await?;
            if heard.is(401) {
                asked = Some(ChallengeKind::read(heard.headers("www-authenticate")));
            }
        }
        Ok(asked.filter(|_| self.access == Access::Open))
    }
}
