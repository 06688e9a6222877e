//! What a pull asks of the repository as it is, without a push: its tags, the manifest of one, and the
//! beginning of a layer. Nothing of it is kept but whether it is what its digest says.

use super::artifact::blob_target;
use super::request::{AuthorizationSource, UnredactedResponse, WalkRequest};
use super::session::Session;
use crate::doctor::step::Step;
use crate::doctor::trace::Skip;
use crate::doctor::wire::MOST_BODY;
use crate::oci::sample::content::digest;
use bytes::Bytes;
use serde_json::Value;

/// Every type of a manifest that clients know: of one image, and of several.
pub(in crate::doctor) const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Enough to see whether a part is given.
const FIRST: &str = "bytes=0-1023";

impl Session<'_> {
    /// Ends where the repository has nothing, or this account may not read it.
    pub(super) async fn pull_by_tag(&mut self) -> Result<(), Skip> {
        if !self.is_public() || self.access().is_err() {
            return Ok(());
        }
        let repository = self.repository()?;
        let listing = WalkRequest::get(Step::TagsList, format!("/v2/{repository}/tags/list?n=1"));
        let listed = self.ask(listing.by(AuthorizationSource::Login)).await?;
        let Some(tag) = content(&listed).as_deref().and_then(first_tag) else {
            return Ok(());
        };
        let target = format!("/v2/{repository}/manifests/{tag}");
        let pulling = WalkRequest::get(Step::TagGet, target)
            .by(AuthorizationSource::Login)
            .header("accept", MANIFESTS.join(", "));
        let pulled = self.ask(pulling).await?;
        let Some(manifest) = content(&pulled) else {
            return Ok(());
        };
        self.compare(&pulled, &manifest);
        let Some(layer) = first_layer(&manifest) else {
            return Ok(());
        };
        let target = blob_target(&repository, &layer);
        let part = WalkRequest::get(Step::LayerRange, target)
            .by(AuthorizationSource::Login)
            .header("range", FIRST);
        self.ask(part).await.map(drop)
    }

    /// Whether the manifest is what its digest says. One that is longer than what is kept says nothing.
    fn compare(&mut self, pulled: &UnredactedResponse, manifest: &Bytes) {
        let told = pulled.header("docker-content-digest");
        let sha256 = told.filter(|told| told.starts_with("sha256:"));
        let (Some(told), true) = (sha256, manifest.len() < MOST_BODY) else {
            return;
        };
        let seen = self.walk.exchanges.last_mut();
        if let Some(Ok(answer)) = seen.map(|exchange| &mut exchange.result) {
            answer.content_matches = Some(digest(manifest) == told);
        }
    }
}

/// The body of what was done.
fn content(heard: &UnredactedResponse) -> Option<Bytes> {
    let reply = heard.0.as_ref().ok()?;
    (reply.status == 200).then(|| reply.body.clone())
}

/// One that can stand in a path as it is (distribution specification, "Pulling manifests").
fn first_tag(list: &[u8]) -> Option<String> {
    let list: Value = serde_json::from_slice(list).ok()?;
    let tag = list["tags"].as_array()?.first()?.as_str()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_tag = !tag.is_empty() && tag.len() <= 128 && tag.chars().all(is_plain);
    is_tag.then(|| tag.to_owned())
}

/// None of several images' manifest, whose layers stand in others.
fn first_layer(manifest: &[u8]) -> Option<String> {
    let manifest: Value = serde_json::from_slice(manifest).ok()?;
    let digest = manifest["layers"].as_array()?.first()?["digest"].as_str()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == ':';
    (digest.len() <= 200 && digest.chars().all(is_plain)).then(|| digest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_stand_in_a_path_is_asked_for() {
        for (list, tag) in [
            (r#"{"name":"a","tags":["v1.2_3-x","b"]}"#, Some("v1.2_3-x")),
            (r#"{"name":"a","tags":[]}"#, None),
            (r#"{"name":"a","tags":null}"#, None),
            (r#"{"tags":["../../x"]}"#, None),
            (r#"{"tags":["a b"]}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(first_tag(list.as_bytes()).as_deref(), tag, "{list}");
        }
        for (manifest, layer) in [
            (
                r#"{"layers":[{"digest":"sha256:aa"},{}]}"#,
                Some("sha256:aa"),
            ),
            (r#"{"layers":[{"digest":"sha256:aa/../b"}]}"#, None),
            (r#"{"manifests":[{"digest":"sha256:aa"}]}"#, None),
            (r#"{"layers":[]}"#, None),
        ] {
            assert_eq!(
                first_layer(manifest.as_bytes()).as_deref(),
                layer,
                "{manifest}"
            );
        }
    }
}
