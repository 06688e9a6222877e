//! What clients do at a registry beside one plain request: their own name, several connections at
//! once, HTTP/2, long requests, HEAD. None of it needs credentials.

use super::artifact::blob_target;
use super::early_refusal::NO_REPOSITORY;
use super::request::{AuthorizationSource, WalkCredential, WalkRequest};
use super::session::Session;
use crate::doctor::step::Step;
use crate::doctor::trace::{AddressSeen, Skip};
use crate::doctor::wire::Protocol;
use crate::oci::sample::content::digest;
use http::Method;

/// docker's, as 28.5 sends it with its own store.
const DOCKER: &str = "docker/28.5.2 go/go1.24.9 git-commit/89c5e8f kernel/6.1.0-41-amd64 os/linux \
                      arch/amd64 UpstreamClient(Docker-Client/28.5.2 \\(linux\\))";

/// As many as podman opens; docker has five, and containerd as many as there are layers.
const AT_ONCE: usize = 6;

/// Half of the 8 KiB that nearly every server takes, and more than a Location of Harbor's with a
/// ticket, or a token for a dozen repositories, has.
const LONG: usize = 4096;

impl Session<'_> {
    pub(super) async fn client_behaviour(&mut self) -> Result<(), Skip> {
        let as_docker = WalkRequest::get(Step::UserAgent, "/v2/").header("user-agent", DOCKER);
        self.ask(as_docker).await?;
        self.ask_at_once(AT_ONCE, || WalkRequest::get(Step::AtOnce, "/v2/"))
            .await?;
        if self.walk.address().is_some_and(offers_http2) {
            let by_http2 = WalkRequest::get(Step::Http2, "/v2/").by_protocol(Protocol::Http2);
            self.ask(by_http2).await?;
        }
        let target = format!("/v2/?harbormouth-doctor={}", "a".repeat(LONG));
        self.ask(WalkRequest::get(Step::LongUri, target)).await?;
        if self.asks_for_tokens() {
            let long = WalkCredential::bearer(&"a".repeat(LONG));
            let asking = WalkRequest::get(Step::LongAuthorization, "/v2/").carrying(Some(long));
            self.ask(asking).await?;
        }
        self.head_absent().await?;
        self.pull_by_tag().await
    }

    /// Another registry is sent no token, not even one that is none.
    fn asks_for_tokens(&self) -> bool {
        let ping = self.walk.answer(Step::Ping);
        ping.is_some_and(|answer| answer.challenges().any(|one| one.is_bearer()))
    }

    /// Of a layer whose content nobody has made before.
    async fn head_absent(&mut self) -> Result<(), Skip> {
        let repository = self.walk.repository.as_deref().unwrap_or(NO_REPOSITORY);
        let nobodys = digest(format!("absent {}", self.options.artifact.seed).as_bytes());
        let target = blob_target(repository, &nobodys);
        let asking = WalkRequest::new(Step::HeadAbsent, Method::HEAD, target);
        self.ask(asking.by(AuthorizationSource::Login))
            .await
            .map(drop)
    }
}

fn offers_http2(address: &AddressSeen) -> bool {
    let tls = address.tls.as_ref().and_then(|tls| tls.as_ref().ok());
    tls.is_some_and(|tls| tls.alpn.as_deref() == Some("h2"))
}
