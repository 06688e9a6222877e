//! A push and a pull, step by step, each step told as it ends.

use super::client::{Client, Reply};
use super::image::{Image, MANIFEST};
use super::report::{Mark, Report};
use super::wire;
use crate::sample::content::{Pattern, digest, digest_of};
use crate::standin::link::Body;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Token,
    HeadBlob,
    StartUpload,
    PutBlob,
    PutManifest,
    GetManifest,
    GetBlob,
}

impl Verb {
    fn words(self) -> &'static str {
        match self {
            Verb::Token => "the token",
            Verb::HeadBlob => "HEAD",
            Verb::StartUpload => "POST",
            Verb::PutBlob | Verb::PutManifest => "PUT",
            Verb::GetManifest | Verb::GetBlob => "GET",
        }
    }
}

/// How a push or pull ended early.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) verb: Verb,
    /// `None` when there was no answer.
    pub(super) status: Option<u16>,
    pub(super) message: String,
    /// Of the upload that was going on, if one was.
    pub(super) location: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.verb.words();
        match self.status {
            Some(status) => write!(f, "{verb} was answered {status}: {}", self.message),
            None => write!(f, "{verb} was not answered: {}", self.message),
        }
    }
}

/// What is sent as a blob.
enum Content {
    Made(Pattern),
    AtHand(Bytes),
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Content::Made(pattern) => pattern.size,
            Content::AtHand(bytes) => bytes.len() as u64,
        }
    }

    fn body(&self, sent: &Arc<AtomicU64>) -> Body {
        match self {
            Content::Made(pattern) => wire::counted(*pattern, sent.clone()),
            Content::AtHand(bytes) => wire::full(bytes.clone()),
        }
    }
}

/// One push or pull under way.
struct Run<'a> {
    client: &'a Client,
    image: &'a Image,
    report: &'a Report,
}

pub(super) async fn push(client: &Client, image: &Image, report: &Report) -> Result<(), Failure> {
    let run = Run {
        client,
        image,
        report,
    };
    let layer = Content::Made(image.layer.content);
    run.push_blob("layer", &image.layer.digest, &layer).await?;
    let config = Content::AtHand(image.config.clone());
    run.push_blob("config", &digest(&image.config), &config)
        .await?;
    let path = format!("/v2/{}/manifests/{}", image.repository, image.tag);
    let body = wire::full(image.manifest.clone());
    let verb = Verb::PutManifest;
    let headers = [("content-type", MANIFEST)];
    let reply = run.send(verb, Method::PUT, &path, &headers, body).await?;
    let reply = run.expect(verb, "manifest", 201, reply, "").await?;
    run.told(
        Mark::Good,
        verb,
        "manifest",
        reply.status,
        &format!("tagged {}", image.tag),
    )
}

pub(super) async fn pull(client: &Client, image: &Image, report: &Report) -> Result<(), Failure> {
    let run = Run {
        client,
        image,
        report,
    };
    let path = format!("/v2/{}/manifests/{}", image.repository, image.tag);
    let verb = Verb::GetManifest;
    let accept = [("accept", MANIFEST)];
    let reply = run
        .send(verb, Method::GET, &path, &accept, wire::nothing())
        .await?;
    let reply = run.expect(verb, "manifest", 200, reply, "").await?;
    let pulled = reply.text().await;
    if pulled.as_bytes() != &image.manifest[..] {
        return Err(run.failure(verb, Some(200), "another manifest came back", ""));
    }
    run.told(Mark::Good, verb, "manifest", 200, "the one that was pushed")?;
    run.pull_blob("layer", &image.layer.digest).await?;
    run.pull_blob("config", &digest(&image.config)).await
}

impl Run<'_> {
    async fn push_blob(&self, what: &str, digest: &str, content: &Content) -> Result<(), Failure> {
        let path = format!("/v2/{}/blobs/{digest}", self.image.repository);
        let mut reply = self.head(&path).await?;
        if reply.status == 401 {
            self.told(Mark::Good, Verb::HeadBlob, what, 401, "asks for a token")?;
            // For the scope that the push will need, as clients do.
            let challenge = reply
                .header("www-authenticate")
                .replace(":pull\"", ":pull,push\"");
            let failed =
                |error: std::io::Error| self.failure(Verb::Token, None, &error.to_string(), "");
            let (post, get) = self.client.log_in(&challenge).await.map_err(failed)?;
            let told = |verb, status, note| {
                self.report
                    .step(Mark::Good, verb, "/service/token", status, note)
            };
            told("POST", post, "so the client asks with GET")
                .and_then(|()| told("GET", get, "a token for alice"))
                .map_err(|error| self.failure(Verb::Token, None, &error.to_string(), ""))?;
            reply = self.head(&path).await?;
        }
        self.expect(Verb::HeadBlob, what, 404, reply, "").await?;
        self.told(Mark::Good, Verb::HeadBlob, what, 404, "not there yet")?;

        let start = format!("/v2/{}/blobs/uploads/", self.image.repository);
        let verb = Verb::StartUpload;
        let length = [("content-length", "0")];
        let reply = self
            .send(verb, Method::POST, &start, &length, wire::nothing())
            .await?;
        let reply = self.expect(verb, "upload", 202, reply, "").await?;
        let location = reply.header("location").to_owned();
        let shown = location.split("/v2/").next().unwrap_or_default();
        self.told(
            Mark::Good,
            verb,
            "upload",
            202,
            &format!("Location {shown}/v2/…"),
        )?;
        self.put_blob(what, digest, content, &location).await
    }

    async fn put_blob(
        &self,
        what: &str,
        digest: &str,
        content: &Content,
        location: &str,
    ) -> Result<(), Failure> {
        let verb = Verb::PutBlob;
        let separator = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{separator}digest={digest}");
        let length = content.size().to_string();
        let headers = [
            ("content-length", length.as_str()),
            ("content-type", "application/octet-stream"),
        ];
        let sent = Arc::new(AtomicU64::new(0));
        let sending = self.send(verb, Method::PUT, &target, &headers, content.body(&sent));
        let label = format!("{:<5} {what}", verb.words());
        let reply = self
            .report
            .progress(&label, &sent, content.size(), sending)
            .await?;
        let sized = format!("{what}, {}", bytes(content.size()));
        let reply = self.expect(verb, &sized, 201, reply, location).await?;
        if reply.header("docker-content-digest") != digest {
            return Err(self.failure(verb, Some(201), "for another digest", location));
        }
        self.told(Mark::Good, verb, &sized, 201, "stored")
    }

    async fn pull_blob(&self, what: &str, digest: &str) -> Result<(), Failure> {
        let path = format!("/v2/{}/blobs/{digest}", self.image.repository);
        let verb = Verb::GetBlob;
        let reply = self
            .send(verb, Method::GET, &path, &[], wire::nothing())
            .await?;
        let mut reply = self.expect(verb, what, 200, reply, "").await?;
        let (mut hasher, mut size) = (Sha256::new(), 0);
        while let Some(frame) = reply.body.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => {
                    size += data.len() as u64;
                    hasher.update(&data);
                }
                Ok(Err(_)) => {}
                Err(error) => return Err(self.failure(verb, Some(200), &error.to_string(), "")),
            }
        }
        if digest_of(hasher) != digest {
            return Err(self.failure(verb, Some(200), "other content came back", ""));
        }
        self.told(
            Mark::Good,
            verb,
            &format!("{what}, {}", bytes(size)),
            200,
            "digest equal",
        )
    }

    async fn head(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Verb::HeadBlob, Method::HEAD, path, &[], wire::nothing())
            .await
    }

    async fn send(
        &self,
        verb: Verb,
        method: Method,
        location: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Result<Reply, Failure> {
        let sent = self.client.send(method, location, headers, body).await;
        sent.map_err(|error| self.failure(verb, None, &error.to_string(), location))
    }

    /// The reply, if it has this status; otherwise what it says.
    async fn expect(
        &self,
        verb: Verb,
        what: &str,
        status: u16,
        reply: Reply,
        location: &str,
    ) -> Result<Reply, Failure> {
        if reply.status == status {
            return Ok(reply);
        }
        let got = reply.status;
        let message = reply.error().await;
        self.told(Mark::Bad, verb, what, got, &message)?;
        Err(self.failure(verb, Some(got), &message, location))
    }

    fn told(
        &self,
        mark: Mark,
        verb: Verb,
        what: &str,
        status: u16,
        note: &str,
    ) -> Result<(), Failure> {
        let written = self.report.step(mark, verb.words(), what, status, note);
        written.map_err(|error| self.failure(verb, Some(status), &error.to_string(), ""))
    }

    fn failure(&self, verb: Verb, status: Option<u16>, message: &str, location: &str) -> Failure {
        Failure {
            verb,
            status,
            message: message.into(),
            location: location.into(),
        }
    }
}

/// A size for people.
fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}
