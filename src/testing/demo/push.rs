//! A push and a pull, step by step, each step told as it ends.

use super::client::{self, DemoClient, DemoResponse, header};
use super::report::{DemoMark, DemoReport};
use crate::oci::sample::content::{digest, digest_of};
use crate::oci::sample::image::{Image, MANIFEST};
use crate::testing::fake_harbor::response::{FakeBody, full, nothing};
use anyhow::{Context, ensure};
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const REPOSITORY: &str = "lab/demo";
const TAG: &str = "v1";

/// An answer that ends a push or pull early.
#[derive(Debug, thiserror::Error)]
#[error("{method} was answered {status}: {message}")]
pub(super) struct StepFailure {
    pub(super) method: Method,
    /// What was asked: a path, or a Location.
    pub(super) target: String,
    pub(super) status: u16,
    pub(super) message: String,
}

/// One push or pull under way.
struct PushRun<'a> {
    client: &'a DemoClient,
    report: &'a DemoReport,
}

/// # Errors
/// [`StepFailure`] where a step is answered otherwise than a push that works is.
pub(super) async fn push(
    client: &DemoClient,
    image: &Image,
    report: &DemoReport,
) -> anyhow::Result<()> {
    let run = PushRun { client, report };
    let layer = &image.layer;
    let pieces = layer.content.chunks();
    run.push_blob("layer", &layer.digest, layer.content.size, pieces)
        .await?;
    let config = image.config.clone();
    let (name, size) = (digest(&config), config.len() as u64);
    run.push_blob("config", &name, size, std::iter::once(config))
        .await?;
    let path = format!("/v2/{REPOSITORY}/manifests/{TAG}");
    let headers = [("content-type", MANIFEST)];
    let body = full(image.manifest.clone());
    let answered = run.send(Method::PUT, &path, &headers, body).await?;
    answered.expect("manifest", 201).await?;
    run.told("PUT", "manifest", 201, &format!("tagged {TAG}"))
}

/// # Errors
/// As of [`push`].
pub(super) async fn pull(
    client: &DemoClient,
    image: &Image,
    report: &DemoReport,
) -> anyhow::Result<()> {
    let run = PushRun { client, report };
    let path = format!("/v2/{REPOSITORY}/manifests/{TAG}");
    let accept = [("accept", MANIFEST)];
    let answered = run.send(Method::GET, &path, &accept, nothing()).await?;
    let pulled = client::text(answered.expect("manifest", 200).await?).await;
    ensure!(
        pulled.as_bytes() == &image.manifest[..],
        "GET was answered 200: another manifest came back"
    );
    run.told("GET", "manifest", 200, "the one that was pushed")?;
    run.pull_blob("layer", &image.layer.digest).await?;
    run.pull_blob("config", &digest(&image.config)).await
}

impl PushRun<'_> {
    async fn push_blob(
        &self,
        what: &str,
        digest: &str,
        size: u64,
        pieces: impl Iterator<Item = Bytes> + Send + 'static,
    ) -> anyhow::Result<()> {
        self.seek(what, digest).await?;
        let start = format!("/v2/{REPOSITORY}/blobs/uploads/");
        let length = [("content-length", "0")];
        let answered = self.send(Method::POST, &start, &length, nothing()).await?;
        let reply = answered.expect("upload", 202).await?;
        let location = header(&reply, "location");
        let shown = location.split("/v2/").next().unwrap_or_default();
        self.told("POST", "upload", 202, &format!("Location {shown}/v2/…"))?;

        let separator = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{separator}digest={digest}");
        let length = size.to_string();
        let headers = [
            ("content-length", length.as_str()),
            ("content-type", "application/octet-stream"),
        ];
        let sent = Arc::new(AtomicU64::new(0));
        let sending = self.send(Method::PUT, &target, &headers, counted(pieces, &sent));
        let label = format!("PUT   {what}");
        let answered = self.report.progress(&label, &sent, size, sending).await?;
        let sized = format!("{what}, {}", bytes(size));
        let reply = answered.expect(&sized, 201).await?;
        ensure!(
            header(&reply, "docker-content-digest") == digest,
            "PUT was answered 201: for another digest"
        );
        self.told("PUT", &sized, 201, "stored")
    }

    /// Asks for a blob that isn't there yet, and for a token where that is asked for.
    async fn seek(&self, what: &str, digest: &str) -> anyhow::Result<()> {
        let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
        let head = || self.send(Method::HEAD, &path, &[], nothing());
        let mut answered = head().await?;
        if answered.reply.status() == 401 {
            self.told("HEAD", what, 401, "asks for a token")?;
            // For the scope that the push will need, as clients do.
            let challenge = header(&answered.reply, "www-authenticate");
            let challenge = challenge.replace(":pull\"", ":pull,push\"");
            let logged_in = self.client.log_in(&challenge).await;
            let (post, get) = logged_in.context("the token was not answered")?;
            self.told(
                "POST",
                "/service/token",
                post,
                "so the client asks with GET",
            )?;
            self.told("GET", "/service/token", get, "a token for alice")?;
            answered = head().await?;
        }
        answered.expect(what, 404).await?;
        self.told("HEAD", what, 404, "not there yet")
    }

    async fn pull_blob(&self, what: &str, digest: &str) -> anyhow::Result<()> {
        let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
        let answered = self.send(Method::GET, &path, &[], nothing()).await?;
        let mut reply = answered.expect(what, 200).await?;
        let (mut hasher, mut size) = (Sha256::new(), 0);
        while let Some(frame) = reply.body_mut().frame().await {
            let frame = frame.context("GET was answered 200")?;
            if let Ok(data) = frame.into_data() {
                size += data.len() as u64;
                hasher.update(&data);
            }
        }
        ensure!(
            digest_of(hasher) == digest,
            "GET was answered 200: other content came back"
        );
        let sized = format!("{what}, {}", bytes(size));
        self.told("GET", &sized, 200, "digest equal")
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: FakeBody,
    ) -> anyhow::Result<StepResponse<'_>> {
        let sent = self.client.send(method.clone(), target, headers, body);
        let reply = sent.await;
        Ok(StepResponse {
            reply: reply.with_context(|| format!("{method} was not answered"))?,
            report: self.report,
            method,
            target: target.to_owned(),
        })
    }

    fn told(&self, method: &str, what: &str, status: u16, note: &str) -> anyhow::Result<()> {
        self.report.step(DemoMark::Good, method, what, status, note)
    }
}

/// A reply, and what it answers.
struct StepResponse<'a> {
    reply: DemoResponse,
    report: &'a DemoReport,
    method: Method,
    target: String,
}

impl StepResponse<'_> {
    /// The reply, if it has this status; otherwise what it says.
    async fn expect(self, what: &str, status: u16) -> anyhow::Result<DemoResponse> {
        if self.reply.status() == status {
            return Ok(self.reply);
        }
        let status = self.reply.status().as_u16();
        let message = client::error(self.reply).await;
        let method = self.method;
        self.report
            .step(DemoMark::Bad, method.as_str(), what, status, &message)?;
        Err(StepFailure {
            method,
            target: self.target,
            status,
            message,
        }
        .into())
    }
}

/// Content, counted as it is taken for sending.
fn counted(
    pieces: impl Iterator<Item = Bytes> + Send + 'static,
    sent: &Arc<AtomicU64>,
) -> FakeBody {
    let sent = Arc::clone(sent);
    let frames = pieces.map(move |piece| {
        sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Ok(Frame::data(piece))
    });
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// A size for people.
fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}
