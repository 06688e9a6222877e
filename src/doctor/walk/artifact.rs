//! A tiny image: pushed, pulled back, removed.

use super::leftovers::{Id, Pushed};
use super::location::UploadReference;
use super::request::{AuthorizationSource, Site, UnredactedResponse, WalkRequest};
use super::session::Session;
use super::upload::{AfterWrite, Works};
use crate::doctor::options::{Afterwards, Extent};
use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, Leftover, Skip, Trouble};
use crate::doctor::wire::{Framing, Payload, Trust};
use crate::oci::sample::content::{Pattern, digest};
use crate::oci::sample::image::{Image, MANIFEST};
use bytes::Bytes;
use http::Method;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Of a canary's.
const SMALL_LAYER: u64 = 1024;

/// Of a person's at most: enough that what ends a download after some KiB shows.
const LARGE_LAYER: u64 = 8 << 20;

/// Where the part of the layer begins that is asked for by Range, and how long it is.
const PART: (usize, usize) = (100, 300);

/// The address of what has none.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl Session<'_> {
    pub(super) async fn push(&mut self, works: Works) -> Result<(), Skip> {
        if !self.is_public() {
            return Ok(());
        }
        if !self.options.push {
            self.skip(Step::BlobCommit, Skip::NotAskedFor);
            return Ok(());
        }
        match works {
            Works::Nothing => {
                self.skip(Step::BlobCommit, Skip::Impossible);
                Ok(())
            }
            // A blob goes in one PUT; that PATCH fails says nothing about it.
            Works::Starting | Works::Writing => {
                let image = Image::new(Pattern {
                    seed: self.options.artifact.seed,
                    size: self.layer_size(),
                });
                self.push_and_pull(&image).await?;
                self.end(self.options.extent).await
            }
        }
    }

    async fn end(&mut self, extent: Extent) -> Result<(), Skip> {
        match extent {
            Extent::Whole => self.remove().await,
            Extent::Push(Afterwards::Remove) => {
                // With what deletes from the first: a refusal would be counted each time.
                self.widen().await?;
                self.remove().await
            }
            Extent::Push(Afterwards::Keep) => {
                self.pushed = Pushed::default();
                Ok(())
            }
        }
    }

    /// Of the layer: as large as the body that is tried, for who wants to see everything.
    fn layer_size(&self) -> u64 {
        match self.options.extent {
            Extent::Whole => self.options.body.clamp(SMALL_LAYER, LARGE_LAYER),
            Extent::Push(_) => SMALL_LAYER,
        }
    }

    /// Ends where something fails.
    async fn push_and_pull(&mut self, image: &Image) -> Result<(), Skip> {
        let layer = image.layer.content.bytes(0, image.layer.content.size);
        let blob = image.layer.digest.clone();
        if self.is_whole() {
            self.head_blob(Step::HeadBefore, &blob).await?;
        }
        for (step, digest, content) in [
            (Step::BlobCommit, blob.clone(), layer.clone()),
            (
                Step::ConfigCommit,
                digest(&image.config),
                image.config.clone(),
            ),
        ] {
            if !self.commit(step, digest, content).await? {
                return Ok(());
            }
        }
        let manifest = digest(&image.manifest);
        let base = format!("/v2/{}/manifests", self.repository()?);
        let tagging = WalkRequest::new(
            Step::ManifestPut,
            Method::PUT,
            format!("{base}/{}", self.options.artifact.tag),
        )
        .by(AuthorizationSource::Login)
        .header("content-type", MANIFEST)
        .payload(Payload::Bytes(image.manifest.clone(), Framing::Length));
        // From here on it may be there, whatever comes.
        self.pushed.manifest = Some(manifest.clone());
        if !self.ask(tagging).await?.is(201) {
            return Ok(());
        }
        // Who removes the manifest leaves its blobs to the registry's garbage collection.
        self.pushed.blobs.clear();
        if self.is_whole() {
            let tag = format!("{base}/{}", self.options.artifact.tag);
            let asking = WalkRequest::new(Step::ManifestHead, Method::HEAD, tag)
                .by(AuthorizationSource::Login)
                .header("accept", MANIFEST);
            self.ask(asking).await?;
        }
        let pulling = WalkRequest::get(Step::ManifestGet, format!("{base}/{manifest}"))
            .by(AuthorizationSource::Login)
            .header("accept", MANIFEST)
            .expecting(image.manifest.clone());
        self.ask(pulling).await?;
        if self.is_whole() {
            self.head_blob(Step::HeadAfter, &blob).await?;
        }
        self.pull_blob(&blob, layer.clone()).await?;
        if self.is_whole() {
            self.pull_part(&blob, &layer).await?;
            self.pull_slowly(&blob, layer).await?;
        }
        Ok(())
    }

    async fn head_blob(&mut self, step: Step, digest: &str) -> Result<(), Skip> {
        let target = blob_target(&self.repository()?, digest);
        let asking = WalkRequest::new(step, Method::HEAD, target).by(AuthorizationSource::Login);
        self.ask(asking).await.map(drop)
    }

    /// As clients do that pull a layer in pieces; a redirect is not followed again.
    async fn pull_part(&mut self, digest: &str, layer: &Bytes) -> Result<(), Skip> {
        let (from, length) = PART;
        let end = (from + length).min(layer.len());
        let target = blob_target(&self.repository()?, digest);
        let pulling = WalkRequest::get(Step::BlobRange, target)
            .by(AuthorizationSource::Login)
            .header("range", format!("bytes={from}-{}", end - 1))
            .expecting(layer.slice(from..end));
        self.ask(pulling).await.map(drop)
    }

    /// A POST and one PUT, as containerd does; of a push alone the layer goes before the PUT.
    async fn commit(&mut self, step: Step, digest: String, content: Bytes) -> Result<bool, Skip> {
        let Some(id) = self.start().await? else {
            self.skip(step, Skip::Impossible);
            return Ok(false);
        };
        let content = match (self.options.extent, step) {
            (Extent::Push(_), Step::BlobCommit) => {
                if !self.send_ahead(id, content).await? {
                    self.skip(step, Skip::Impossible);
                    return Ok(false);
                }
                Bytes::new()
            }
            (Extent::Whole | Extent::Push(_), _) => content,
        };
        let committing = self
            .continuing(step, Method::PUT, id)?
            .committing(&digest)
            .header("content-type", "application/octet-stream")
            .payload(Payload::Bytes(content, Framing::Length));
        let heard = self.ask(committing).await?;
        let is_there = heard.is(201);
        if is_there {
            self.close(id);
            self.pushed.blobs.push(digest);
        } else {
            self.cancel(id).await?;
        }
        Ok(is_there)
    }

    /// All of it in one PATCH, as docker does.
    async fn send_ahead(&mut self, id: Id, content: Bytes) -> Result<bool, Skip> {
        let payload = Payload::Bytes(content, Framing::Length);
        let (wrote, _) = self.write(Step::UploadChunk, id, payload).await?;
        match wrote {
            AfterWrite::Continues => Ok(true),
            AfterWrite::Unknown => {
                self.cancel(id).await?;
                Ok(false)
            }
        }
    }

    async fn pull_blob(&mut self, digest: &str, content: Bytes) -> Result<(), Skip> {
        let target = blob_target(&self.repository()?, digest);
        let pulling = WalkRequest::get(Step::BlobGet, target)
            .by(AuthorizationSource::Login)
            .expecting(content.clone());
        let heard = self.ask(pulling).await?;
        match storage(&heard) {
            Some(storage) => {
                let pulling = WalkRequest::get(Step::BlobGet, "").expecting(content);
                self.pull_from(storage, pulling).await
            }
            None => Ok(()),
        }
    }

    /// The layer once more, read as slowly as is asked for: who cuts it looks at its age.
    async fn pull_slowly(&mut self, digest: &str, content: Bytes) -> Result<(), Skip> {
        let is_same = |one: &Exchange| {
            let answer = one.answer();
            answer.is_some_and(|answer| answer.content_matches == Some(true))
        };
        let Some(lasts) = self.options.duration else {
            return Ok(());
        };
        if !self.walk.all(Step::BlobGet).any(is_same) {
            return Ok(());
        }
        let target = blob_target(&self.repository()?, digest);
        let slow = |target| {
            let pulling = WalkRequest::get(Step::SlowDownload, target);
            pulling.reading_for(lasts).expecting(content.clone())
        };
        let heard = self
            .ask(slow(target).by(AuthorizationSource::Login))
            .await?;
        match storage(&heard) {
            Some(storage) => self.pull_from(storage, slow(String::new())).await,
            None => Ok(()),
        }
    }

    /// Follows a redirect to storage, once, as clients do: without the Authorization.
    async fn pull_from(
        &mut self,
        storage: UploadReference,
        pulling: WalkRequest,
    ) -> Result<(), Skip> {
        self.secrets.learn_query(&storage.target);
        let own = self.site.clone().ok_or(Skip::Impossible)?;
        let origin = storage.origin.unwrap_or_else(|| own.origin.clone());
        let pulling = WalkRequest {
            target: storage.target,
            ..pulling
        };
        if origin == self.options.target {
            self.ask_at(&own, pulling).await?;
            return Ok(());
        }
        let resolved = self.resolve(&origin).await?;
        let nowhere = || Trouble::Unresolved("it has no address".into());
        let first = resolved.and_then(|all| all.first().copied().ok_or_else(nowhere));
        let mut site = Site {
            place: self.place(&origin, first.clone().unwrap_or(NOWHERE)),
            host: origin.authority(),
            forwarded: Vec::new(),
            origin,
        };
        site.place.trust = Trust::Required;
        match first {
            Ok(_) => self.ask_at(&site, pulling).await.map(drop),
            Err(trouble) => {
                self.not_asked(&site, &pulling, trouble);
                Ok(())
            }
        }
    }

    /// Takes the artifact away again, or says that it is still there.
    pub(super) async fn remove(&mut self) -> Result<(), Skip> {
        if let Some(manifest) = self.pushed.manifest.clone() {
            let target = format!("/v2/{}/manifests/{manifest}", self.repository()?);
            let heard = self.delete(Step::ManifestDelete, target).await?;
            let status = heard.status();
            if status.is_some() {
                self.pushed.manifest = None;
            }
            if !matches!(status, Some(200..300 | 404) | None) {
                self.leave_artifact(&manifest, status);
            }
        }
        for blob in self.pushed.blobs.clone() {
            self.remove_blob(Step::ManifestDelete, &blob).await?;
        }
        Ok(())
    }

    pub(super) fn leave_artifact(&mut self, digest: &str, status: Option<u16>) {
        let reference = format!("{}@{digest}", self.options.artifact.tag);
        self.leave(|repository| Leftover::Artifact {
            repository,
            reference,
            status,
        });
    }

    pub(super) fn leave_blob(&mut self, digest: &str, status: Option<u16>) {
        let digest = digest.to_owned();
        self.leave(|repository| Leftover::Blob {
            repository,
            digest,
            status,
        });
    }
}

pub(super) fn blob_target(repository: &str, digest: &str) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

/// Where the blob is, if the registry doesn't hold it itself.
fn storage(heard: &UnredactedResponse) -> Option<UploadReference> {
    match heard.status() {
        Some(301 | 302 | 303 | 307 | 308) => {
            heard.header("location").and_then(UploadReference::read)
        }
        Some(_) | None => None,
    }
}
