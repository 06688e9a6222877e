//! Manifests: PUT, GET, HEAD and DELETE, by tag and by digest.

use super::answer::{Answer, Body, Voice, empty, error, error_detail, full, page_not_found, set};
use super::content::digest as digest_of;
use super::core::{Core, Exchange};
use super::path::{is_digest, is_tag};
use super::store::{Manifest, Store};
use bytes::Bytes;
use http::{Method, StatusCode, header};
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
        exchange: &Exchange,
        repository: &str,
        reference: &str,
        body: &mut Body,
    ) -> Answer {
        if !is_digest(reference) && !is_tag(reference) {
            return page_not_found(Voice::Registry);
        }
        match exchange.method.as_str() {
            "GET" | "HEAD" => self.read_manifest(exchange, repository, reference),
            "PUT" => {
                self.put_manifest(exchange, repository, reference, body)
                    .await
            }
            "DELETE" => self.delete_manifest(repository, reference),
            _ => page_not_found(Voice::Registry),
        }
    }

    fn read_manifest(&self, exchange: &Exchange, repository: &str, reference: &str) -> Answer {
        let store = self.store();
        let Some(known) = store.repository(repository) else {
            return not_found(&format!("repository {repository} not found"));
        };
        let digest = known.tags.get(reference).map_or(reference, String::as_str);
        let Some(manifest) = known.manifests.get(digest) else {
            return artifact_not_found(repository, reference);
        };
        let tag = format!("\"{digest}\"");
        let header = |name| {
            exchange
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        if header(header::IF_NONE_MATCH) == Some(&tag) {
            return empty(StatusCode::NOT_MODIFIED, Voice::Core);
        }
        let accepted = exchange
            .headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|range| range.split(';').next().map(str::trim) == Some(&manifest.media_type));
        let (kind, strict) = match manifest.media_type.as_str() {
            OCI_MANIFEST => ("OCI manifest", true),
            OCI_INDEX => ("OCI index", true),
            // Older clients that name nothing get these.
            _ => ("", false),
        };
        if strict && !accepted {
            let message = format!("{kind} found, but accept header does not support {kind}s");
            let message = message.replace("indexs", "indexes");
            return error(
                StatusCode::NOT_FOUND,
                Voice::Registry,
                "MANIFEST_UNKNOWN",
                &message,
            );
        }
        let mut answer = empty(StatusCode::OK, Voice::Registry);
        set(&mut answer, "content-type", &manifest.media_type);
        set(&mut answer, "docker-content-digest", digest);
        set(&mut answer, "etag", &tag);
        if exchange.method == Method::HEAD {
            set(
                &mut answer,
                "content-length",
                &manifest.body.len().to_string(),
            );
            return answer;
        }
        answer.map(|_| full(manifest.body.clone()))
    }

    async fn put_manifest(
        &self,
        exchange: &Exchange,
        repository: &str,
        reference: &str,
        body: &mut Body,
    ) -> Answer {
        let Ok(content) = Limited::new(body, LARGEST).collect().await else {
            return invalid("manifest is too large or was cut off");
        };
        let content = content.to_bytes();
        let media_type = exchange.headers.get(header::CONTENT_TYPE);
        let media_type = media_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if ![OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].contains(&media_type) {
            return invalid("unmarshal manifest failed: missing signature key");
        }
        let Ok(value) = serde_json::from_slice::<Value>(&content) else {
            return invalid("unmarshal manifest failed: unexpected end of JSON input");
        };
        let mut store = self.store();
        let digest = digest_of(&content);
        if is_digest(reference) && reference != digest {
            let message = "provided digest did not match uploaded content";
            return error(
                StatusCode::BAD_REQUEST,
                Voice::Registry,
                "DIGEST_INVALID",
                message,
            );
        }
        if let Some(missing) = missing(&store, repository, &value) {
            let message = "blob unknown to registry";
            let code = "MANIFEST_BLOB_UNKNOWN";
            return error_detail(StatusCode::BAD_REQUEST, code, message, &json!(missing));
        }
        let manifest = describe(media_type, content, &value);
        let subject = manifest.subject.clone();
        let known = store.repository_mut(repository);
        known.known = true;
        known.manifests.insert(digest.clone(), manifest);
        if !is_digest(reference) {
            known.tags.insert(reference.into(), digest.clone());
        }
        let mut answer = empty(StatusCode::CREATED, Voice::Registry);
        let location = format!("{}/v2/{repository}/manifests/{digest}", exchange.base);
        set(&mut answer, "location", &location);
        set(&mut answer, "docker-content-digest", &digest);
        if let Some(subject) = subject {
            set(&mut answer, "oci-subject", &subject);
        }
        answer
    }

    fn delete_manifest(&self, repository: &str, reference: &str) -> Answer {
        if !is_digest(reference) {
            let message = format!("unsupported digest {reference}: invalid checksum digest format");
            return error(
                StatusCode::BAD_REQUEST,
                Voice::Core,
                "UNSUPPORTED",
                &message,
            );
        }
        let mut store = self.store();
        let known = store.repository_mut(repository);
        if known.manifests.remove(reference).is_none() {
            return artifact_not_found(repository, reference);
        }
        known.tags.retain(|_, digest| digest != reference);
        empty(StatusCode::ACCEPTED, Voice::Core)
    }
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
fn missing(store: &Store, repository: &str, value: &Value) -> Option<String> {
    let digests = |list: &Value| -> Vec<String> {
        let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .filter_map(|item| item["digest"].as_str().map(str::to_owned))
            .collect()
    };
    let mut blobs: Vec<String> = value["config"]["digest"]
        .as_str()
        .map(str::to_owned)
        .into_iter()
        .collect();
    blobs.extend(digests(&value["layers"]));
    let blob = blobs
        .into_iter()
        .find(|digest| store.blob(repository, digest).is_none());
    let known = store.repository(repository);
    let manifest = || {
        digests(&value["manifests"])
            .into_iter()
            .find(|digest| !known.is_some_and(|known| known.manifests.contains_key(digest)))
    };
    blob.or_else(manifest)
}

fn artifact_not_found(repository: &str, reference: &str) -> Answer {
    let separator = if is_digest(reference) { '@' } else { ':' };
    not_found(&format!(
        "artifact {repository}{separator}{reference} not found"
    ))
}

fn not_found(message: &str) -> Answer {
    error(StatusCode::NOT_FOUND, Voice::Core, "NOT_FOUND", message)
}

fn invalid(message: &str) -> Answer {
    error(
        StatusCode::BAD_REQUEST,
        Voice::Core,
        "MANIFEST_INVALID",
        message,
    )
}
