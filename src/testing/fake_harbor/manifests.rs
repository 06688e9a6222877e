//! Manifests: PUT, GET, HEAD and DELETE, by tag and by digest.

use super::content::digest as digest_of;
use super::core::{Core, FakeExchange};
use super::path::{is_digest, is_tag};
use super::response::{FakeBody, FakeResponse, ResponseExt, by_core, by_registry};
use super::store::{Manifest, Store};
use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Distribution's own limit.
const LARGEST: usize = 4 * 1024 * 1024;

impl Core {
    pub(super) async fn manifest(
        &self,
        exchange: &FakeExchange,
        repository: &str,
        reference: &str,
        body: &mut FakeBody,
    ) -> FakeResponse {
        match exchange.method().as_str() {
            _ if !is_digest(reference) && !is_tag(reference) => by_registry(404).page_not_found(),
            "GET" | "HEAD" => self.read_manifest(exchange, repository, reference),
            "PUT" => match Limited::new(body, LARGEST).collect().await {
                Ok(content) => {
                    self.put_manifest(exchange, repository, reference, content.to_bytes())
                }
                Err(_) => invalid("manifest is too large or was cut off"),
            },
            "DELETE" => self.delete_manifest(repository, reference),
            _ => by_registry(404).page_not_found(),
        }
    }

    fn read_manifest(
        &self,
        exchange: &FakeExchange,
        repository: &str,
        reference: &str,
    ) -> FakeResponse {
        let store = self.store.lock();
        let Some(known) = store.repository(repository) else {
            return not_found(&format!("repository {repository} not found"));
        };
        let digest = known.tags.get(reference).map_or(reference, String::as_str);
        let Some(manifest) = known.manifests.get(digest) else {
            return artifact_not_found(repository, reference);
        };
        let tag = format!("\"{digest}\"");
        if exchange.header("if-none-match") == Some(&tag) {
            return by_core(304);
        }
        let refusal = match manifest.media_type.as_str() {
            OCI_MANIFEST => "OCI manifest found, but accept header does not support OCI manifests",
            OCI_INDEX => "OCI index found, but accept header does not support OCI indexes",
            // Older clients that name nothing get these.
            _ => "",
        };
        if !refusal.is_empty() && !accepts(exchange, &manifest.media_type) {
            return by_registry(404).error("MANIFEST_UNKNOWN", refusal);
        }
        let answer = by_registry(200)
            .with("content-type", &manifest.media_type)
            .with("docker-content-digest", digest)
            .with("etag", &tag);
        if exchange.method() == Method::HEAD {
            return answer.with("content-length", &manifest.body.len().to_string());
        }
        answer.saying(manifest.body.clone())
    }

    fn put_manifest(
        &self,
        exchange: &FakeExchange,
        repository: &str,
        reference: &str,
        content: Bytes,
    ) -> FakeResponse {
        let media_type = exchange.header("content-type").unwrap_or_default();
        if ![OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].contains(&media_type) {
            return invalid("unmarshal manifest failed: missing signature key");
        }
        let Ok(value) = serde_json::from_slice::<Value>(&content) else {
            return invalid("unmarshal manifest failed: unexpected end of JSON input");
        };
        let mut store = self.store.lock();
        let digest = digest_of(&content);
        if is_digest(reference) && reference != digest {
            let message = "provided digest did not match uploaded content";
            return by_registry(400).error("DIGEST_INVALID", message);
        }
        if let Some(missing) = missing(&store, repository, &value) {
            let message = "blob unknown to registry";
            return by_registry(400).error_about("MANIFEST_BLOB_UNKNOWN", message, &json!(missing));
        }
        let manifest = describe(media_type, content, &value);
        let subject = manifest.subject.clone();
        let known = store.repository_mut(repository);
        known.known = true;
        known.manifests.insert(digest.clone(), manifest);
        if !is_digest(reference) {
            known.tags.insert(reference.into(), digest.clone());
        }
        let location = format!("{}/v2/{repository}/manifests/{digest}", exchange.base);
        let answer = by_registry(201)
            .with("location", &location)
            .with("docker-content-digest", &digest);
        match subject {
            Some(subject) => answer.with("oci-subject", &subject),
            None => answer,
        }
    }

    fn delete_manifest(&self, repository: &str, reference: &str) -> FakeResponse {
        if !is_digest(reference) {
            let message = format!("unsupported digest {reference}: invalid checksum digest format");
            return by_core(400).error("UNSUPPORTED", &message);
        }
        let mut store = self.store.lock();
        let known = store.repository_mut(repository);
        if known.manifests.remove(reference).is_none() {
            return artifact_not_found(repository, reference);
        }
        known.tags.retain(|_, digest| digest != reference);
        by_core(202)
    }
}

fn accepts(exchange: &FakeExchange, media_type: &str) -> bool {
    let values = exchange.head.headers.get_all("accept").iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().map(str::trim) == Some(media_type))
}

fn describe(media_type: &str, body: Bytes, value: &Value) -> Manifest {
    let config = value["config"]["mediaType"].as_str().unwrap_or_default();
    Manifest {
        media_type: media_type.into(),
        body,
        subject: value["subject"]["digest"].as_str().map(str::to_owned),
        artifact_type: value["artifactType"].as_str().unwrap_or(config).to_owned(),
    }
}

/// The first blob or manifest that a manifest names and its repository doesn't have.
fn missing<'v>(store: &Store, repository: &str, value: &'v Value) -> Option<&'v str> {
    let digest = |item: &'v Value| item["digest"].as_str();
    let listed = |list: &'v Value| list.as_array().into_iter().flatten().filter_map(digest);
    let has_manifest = |digest: &str| {
        let known = store.repository(repository);
        known.is_some_and(|known| known.manifests.contains_key(digest))
    };
    let blobs = digest(&value["config"]).into_iter();
    blobs
        .chain(listed(&value["layers"]))
        .find(|digest| store.blob(repository, digest).is_none())
        .or_else(|| listed(&value["manifests"]).find(|digest| !has_manifest(digest)))
}

fn artifact_not_found(repository: &str, reference: &str) -> FakeResponse {
    let separator = if is_digest(reference) { '@' } else { ':' };
    not_found(&format!(
        "artifact {repository}{separator}{reference} not found"
    ))
}

fn not_found(message: &str) -> FakeResponse {
    by_core(404).error("NOT_FOUND", message)
}

fn invalid(message: &str) -> FakeResponse {
    by_core(400).error("MANIFEST_INVALID", message)
}
