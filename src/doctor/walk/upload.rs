//! An upload from its POST to its DELETE, its Location followed all the way.

use super::leftovers::{Id, OpenUpload};
use super::location::{authority, follow, is_right};
use super::request::{AuthorizationSource, SideEffect, UnredactedResponse, WalkRequest};
use super::session::{Access, Session};
use crate::doctor::step::Step;
use crate::doctor::trace::{Leftover, Skip};
use crate::doctor::wire::{Framing, Payload};
use crate::oci::oci_error::OciError;
use crate::oci::sample::content::Pattern;
use http::Method;

/// Large enough to be a body, and under every limit that anybody sets.
pub(super) const CHUNK: u64 = 64 * 1024;

/// Of nothing: a PUT with it commits nothing.
const WRONG_DIGEST: &str =
    "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// What no proxy has as its name, where the right one would tell nothing.
const PROBE: &str = "harbormouth-doctor.invalid";

/// How far uploads have been seen to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Works {
    Nothing,
    /// They are opened.
    Starting,
    /// They take bodies.
    Writing,
}

/// What a write left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterWrite {
    /// The upload goes on.
    Continues,
    /// Nobody knows where the upload stands.
    Unknown,
}

impl Session<'_> {
    /// One upload, every operation of it.
    pub(super) async fn upload(&mut self) -> Result<Works, Skip> {
        let Some(id) = self.start().await? else {
            return Ok(Works::Nothing);
        };
        self.probe().await?;
        self.status(id).await?;
        let chunk = self.chunk(Step::UploadChunk, id, Framing::Length).await?;
        let works = match chunk {
            AfterWrite::Continues => Works::Writing,
            AfterWrite::Unknown => Works::Starting,
        };
        let Some(id) = self.or_another(id, chunk).await? else {
            return Ok(works);
        };
        let step = Step::UploadChunkChunked;
        let chunk = self.chunk(step, id, Framing::Chunked).await?;
        let Some(id) = self.or_another(id, chunk).await? else {
            return Ok(works);
        };
        let committing = self.continuing(Step::UploadCommit, Method::PUT, id)?;
        self.ask(committing.committing(WRONG_DIGEST)).await?;
        self.cancel(id).await?;
        Ok(works)
    }

    /// Opens one; none where it isn't opened, or leads nowhere.
    pub(super) async fn start(&mut self) -> Result<Option<Id>, Skip> {
        self.start_with(Step::UploadStart, None).await
    }

    async fn start_with(
        &mut self,
        step: Step,
        extra: Option<(&str, String)>,
    ) -> Result<Option<Id>, Skip> {
        let target = format!("/v2/{}/blobs/uploads/", self.repository()?);
        let mut starting =
            WalkRequest::new(step, Method::POST, target).by(AuthorizationSource::Login);
        starting.begins = SideEffect::Upload;
        let extra = extra.map(|(name, value)| (name.to_owned(), value));
        starting.extra.extend(extra);
        let heard = self.ask(starting).await?;
        if !heard.is(202) {
            return Ok(None);
        }
        match heard.header("location").and_then(follow) {
            Some(target) => Ok(Some(self.opened(target))),
            None => {
                // It can't be cancelled either.
                self.leave_upload(None);
                Ok(None)
            }
        }
    }

    fn opened(&mut self, target: String) -> Id {
        let newest = self.open.iter().map(|open| open.id.0).max();
        let id = Id(newest.map_or(0, |newest| newest + 1));
        self.open.push(OpenUpload { id, target });
        id
    }

    /// Where the Location was wrong: which headers decide about it?
    async fn probe(&mut self) -> Result<(), Skip> {
        let started = self.walk.answer(Step::UploadStart);
        let location = started.and_then(|answer| answer.header("location"));
        let (scheme, name) = (self.options.target.scheme, self.walk.typed.clone());
        let typed = format!("{scheme}://{name}");
        let Some(location) = location.filter(|location| !is_right(location, &typed)) else {
            return Ok(());
        };
        if !self.is_public() {
            return Ok(());
        }
        let host = match authority(location) {
            Some(came) if came == name => PROBE.to_owned(),
            Some(_) | None => name.clone(),
        };
        for (step, header, value) in [
            (
                Step::ProbeForwardedProto,
                "x-forwarded-proto",
                scheme.to_string(),
            ),
            (Step::ProbeForwardedHost, "x-forwarded-host", host),
            (
                Step::ProbeForwarded,
                "forwarded",
                format!("proto={scheme};host={}", quoted(&name)),
            ),
        ] {
            if let Some(id) = self.start_with(step, Some((header, value))).await? {
                self.cancel(id).await?;
            }
        }
        Ok(())
    }

    async fn status(&mut self, id: Id) -> Result<(), Skip> {
        let asking = self.continuing(Step::UploadStatus, Method::GET, id)?;
        let heard = self.ask(asking).await?;
        if heard.is(204) {
            self.follow(id, &heard);
        }
        Ok(())
    }

    async fn chunk(&mut self, step: Step, id: Id, framing: Framing) -> Result<AfterWrite, Skip> {
        let content = Pattern {
            seed: self.options.artifact.seed,
            size: CHUNK,
        };
        let payload = Payload::Bytes(content.bytes(0, CHUNK), framing);
        let (wrote, _) = self.write(step, id, payload).await?;
        Ok(wrote)
    }

    /// A PATCH, and where the upload goes on after it.
    pub(super) async fn write(
        &mut self,
        step: Step,
        id: Id,
        payload: Payload,
    ) -> Result<(AfterWrite, UnredactedResponse), Skip> {
        // No Content-Range, as docker, podman and containerd send none.
        let writing = self
            .continuing(step, Method::PATCH, id)?
            .header("content-type", "application/octet-stream")
            .payload(payload);
        let heard = self.ask(writing).await?;
        // 202 is right, and some answer 204.
        let is_taken = heard.is(202) || heard.is(204);
        let wrote = if is_taken && self.follow(id, &heard) {
            AfterWrite::Continues
        } else {
            AfterWrite::Unknown
        };
        Ok((wrote, heard))
    }

    /// The same upload where it goes on, and another one in its place where it doesn't: what comes
    /// next is not to fail for what came before.
    async fn or_another(&mut self, id: Id, wrote: AfterWrite) -> Result<Option<Id>, Skip> {
        match wrote {
            AfterWrite::Continues => Ok(Some(id)),
            AfterWrite::Unknown => {
                self.cancel(id).await?;
                self.start().await
            }
        }
    }

    /// The next request of an upload.
    pub(super) fn continuing(
        &self,
        step: Step,
        method: Method,
        id: Id,
    ) -> Result<WalkRequest, Skip> {
        let open = self.open.iter().find(|open| open.id == id);
        let target = open
            .map(|open| open.target.clone())
            .ok_or(Skip::Impossible)?;
        Ok(WalkRequest::new(step, method, target).by(AuthorizationSource::Login))
    }

    /// Takes the newest Location; false where there is none to take.
    fn follow(&mut self, id: Id, heard: &UnredactedResponse) -> bool {
        let open = self.open.iter_mut().find(|open| open.id == id);
        match (open, heard.header("location").and_then(follow)) {
            (Some(open), Some(target)) => {
                open.target = target;
                true
            }
            (Some(_) | None, _) => false,
        }
    }

    /// It was committed, or is known to be gone.
    pub(super) fn close(&mut self, id: Id) {
        self.open.retain(|open| open.id != id);
    }

    /// The upload's end. One that gets no answer is tried once more at the walk's end.
    pub(super) async fn cancel(&mut self, id: Id) -> Result<(), Skip> {
        let step = Step::UploadCancel;
        let target = self.continuing(step, Method::DELETE, id)?.target;
        let heard = self.delete(step, target).await?;
        match heard.status() {
            // Distribution doesn't let go of an upload of which it got more than its state says:
            // after a write that was cut.
            Some(404) if is_state_refused(&heard) => self.leave_open(id, Some(404)),
            // Registries drop an upload of their own accord after some refusals.
            Some(200..300 | 404) => self.close(id),
            Some(status) => self.leave_open(id, Some(status)),
            None => {}
        }
        Ok(())
    }

    pub(super) fn leave_open(&mut self, id: Id, status: Option<u16>) {
        self.close(id);
        self.leave_upload(status);
    }

    /// Everything that is still open, at the end.
    pub(super) fn still_open(&self) -> Vec<Id> {
        self.open.iter().map(|open| open.id).collect()
    }

    fn leave_upload(&mut self, status: Option<u16>) {
        self.leave(|repository| Leftover::Upload { repository, status });
    }

    /// Says what is still there, in the repository of this walk.
    pub(super) fn leave(&mut self, left: impl FnOnce(String) -> Leftover) {
        let repository = self.walk.repository.clone().unwrap_or_default();
        self.walk.left.push(left(repository));
    }

    pub(super) fn repository(&self) -> Result<String, Skip> {
        match self.access {
            Access::Open | Access::LoggedIn => {
                self.walk.repository.clone().ok_or(Skip::NoRepository)
            }
            Access::Without(why) => Err(why),
        }
    }
}

/// Whether it is said that the upload is not as the request's `_state` has it.
fn is_state_refused(heard: &UnredactedResponse) -> bool {
    let body = heard.0.as_ref().map(|reply| reply.body.as_ref());
    let error = body.ok().and_then(OciError::read);
    error.is_some_and(|error| error.code == "BLOB_UPLOAD_INVALID")
}

/// RFC 7239, 4: a host with a port stands in quotes.
fn quoted(host: &str) -> String {
    if host.contains([':', '[']) {
        format!("\"{host}\"")
    } else {
        host.to_owned()
    }
}
