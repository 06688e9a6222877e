//! Upload sessions: POST, PATCH, PUT, GET and DELETE under `…/blobs/uploads/`, with the `_state`
//! that seals name, UUID, offset and start, and so changes with every PATCH.

use super::core::{Core, FakeExchange};
use super::path::is_digest;
use super::response::{FakeBody, FakeResponse, ResponseExt, by_core, by_registry};
use super::store::StoredUpload;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, Mac};
use http::Method;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SealedState {
    name: String,
    #[serde(rename = "UUID")]
    uuid: String,
    offset: u64,
    started_at: String,
}

impl Core {
    pub(super) fn start_upload(&self, exchange: &FakeExchange, repository: &str) -> FakeResponse {
        if exchange.method() != Method::POST {
            return by_registry(404).page_not_found();
        }
        let mut store = self.store.lock();
        if let (Some(mount), Some(from)) = (exchange.query.get("mount"), exchange.query.get("from"))
            && store.blob(from, mount).is_some()
        {
            store.link_blob(repository, mount);
            return created(exchange, repository, mount);
        }
        let upload = StoredUpload::new(
            repository,
            self.config.discard_blobs_over.unwrap_or(u64::MAX),
        );
        let answer = self.progress(exchange, 202, &upload);
        store.begin(upload);
        answer
    }

    pub(super) async fn upload(
        &self,
        exchange: &FakeExchange,
        repository: &str,
        uuid: &str,
        body: &mut FakeBody,
    ) -> FakeResponse {
        let digest = exchange.query.get("digest");
        if exchange.method() == Method::PUT && digest.is_none() {
            return by_core(400).error("BAD_REQUEST", "exist blob require digest");
        }
        // A state that can't be opened has a detail, one for another upload or offset has none.
        let (code, message) = ("BLOB_UPLOAD_INVALID", "blob upload invalid");
        let invalid = || by_registry(404).error(code, message);
        let sealed = exchange.query.get("_state");
        let Some(state) = sealed.and_then(|state| self.open_state(state)) else {
            return by_registry(404).error_about(code, message, &json!({}));
        };
        if state.name != repository || state.uuid != uuid {
            return invalid();
        }
        let Some(upload) = self.store.lock().uploads.get(uuid).cloned() else {
            let message = "blob upload unknown to registry";
            return by_registry(404).error_about("BLOB_UPLOAD_UNKNOWN", message, &json!({}));
        };
        let mut upload = upload.lock().await;
        if state.offset != upload.size {
            return invalid();
        }
        match exchange.method().as_str() {
            "GET" | "HEAD" => self.progress(exchange, 204, &upload),
            // Nobody reads this: the connection is gone.
            "PATCH" | "PUT" if !receive(&mut upload, body).await => by_registry(400),
            "PATCH" => self.progress(exchange, 202, &upload),
            "PUT" => self.commit(exchange, &upload, digest.unwrap_or_default()),
            "DELETE" => {
                self.store.lock().uploads.remove(uuid);
                by_registry(204).with("docker-upload-uuid", uuid)
            }
            _ => by_registry(404).page_not_found(),
        }
    }

    fn commit(&self, exchange: &FakeExchange, upload: &StoredUpload, digest: &str) -> FakeResponse {
        let refuse = |detail| {
            let message = "provided digest did not match uploaded content";
            by_registry(400).error_about("DIGEST_INVALID", message, &detail)
        };
        if !is_digest(digest) {
            return refuse(json!("digest parsing failed"));
        }
        if upload.digest() != digest {
            // The upload stays usable, with the content it has.
            return refuse(json!({ "Digest": digest, "Reason": {} }));
        }
        self.store.lock().commit(upload, digest);
        created(exchange, &upload.repository, digest)
    }

    /// 202 or 204: where the upload stands and where it goes on.
    fn progress(
        &self,
        exchange: &FakeExchange,
        status: u16,
        upload: &StoredUpload,
    ) -> FakeResponse {
        let state = self.seal_state(&SealedState {
            name: upload.repository.clone(),
            uuid: upload.uuid.clone(),
            offset: upload.size,
            started_at: upload.started.clone(),
        });
        let place = format!("{}/blobs/uploads/{}", upload.repository, upload.uuid);
        by_registry(status)
            .with(
                "location",
                &format!("{}/v2/{place}?_state={state}", exchange.base),
            )
            .with("docker-upload-uuid", &upload.uuid)
            .with("range", &format!("0-{}", upload.size.saturating_sub(1)))
    }

    fn seal_state(&self, state: &SealedState) -> String {
        let plain = serde_json::to_vec(state).unwrap_or_default();
        let mut sealed = self.mac(&plain).finalize().into_bytes().to_vec();
        sealed.extend_from_slice(&plain);
        // As Go escapes a query: the padding becomes %3D.
        URL_SAFE.encode(sealed).replace('=', "%3D")
    }

    fn open_state(&self, sealed: &str) -> Option<SealedState> {
        let sealed = URL_SAFE.decode(sealed).ok()?;
        let (seal, plain) = sealed.split_at_checked(32)?;
        self.mac(plain).verify_slice(seal).ok()?;
        serde_json::from_slice(plain).ok()
    }

    fn mac(&self, plain: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as Mac>::new(&self.secret.into());
        mac.update(plain);
        mac
    }
}

/// Takes the content in; whether all of it came. What arrived before a break stays in the upload, as
/// in the registry.
async fn receive(upload: &mut StoredUpload, body: &mut FakeBody) -> bool {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return false;
        };
        if let Ok(data) = frame.into_data() {
            upload.append(data);
        }
    }
    true
}

fn created(exchange: &FakeExchange, repository: &str, digest: &str) -> FakeResponse {
    let location = format!("{}/v2/{repository}/blobs/{digest}", exchange.base);
    let answer = by_registry(201).with("location", &location);
    answer.with("docker-content-digest", digest)
}
