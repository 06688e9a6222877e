//! Upload sessions: POST, PATCH, PUT, GET and DELETE under `…/blobs/uploads/`, with the `_state`
//! that seals name, UUID, offset and start, and so changes with every PATCH.

use super::answer::{Answer, Body, Voice, empty, error, error_detail, page_not_found, set};
use super::core::{Core, Exchange};
use super::path::is_digest;
use super::store::Upload;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, Mac};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;
use std::time::SystemTime;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    name: String,
    #[serde(rename = "UUID")]
    uuid: String,
    offset: u64,
    started_at: String,
}

impl Core {
    pub(super) fn start_upload(&self, exchange: &Exchange, repository: &str) -> Answer {
        if exchange.method != Method::POST {
            return page_not_found(Voice::Registry);
        }
        let mut store = self.store();
        if let (Some(mount), Some(from)) = (exchange.query.get("mount"), exchange.query.get("from"))
            && store.blob(from, mount).is_some()
        {
            store.link_blob(repository, mount);
            return created(exchange, repository, mount);
        }
        let started = humantime::format_rfc3339_nanos(SystemTime::now()).to_string();
        let uuid = store.begin_upload(repository, started.clone());
        self.progress(
            exchange,
            StatusCode::ACCEPTED,
            repository,
            &uuid,
            0,
            &started,
        )
    }

    pub(super) async fn upload(
        &self,
        exchange: &Exchange,
        repository: &str,
        uuid: &str,
        body: &mut Body,
    ) -> Answer {
        let digest = exchange.query.get("digest");
        if exchange.method == Method::PUT && digest.is_none() {
            let message = "exist blob require digest";
            return error(StatusCode::BAD_REQUEST, Voice::Core, "BAD_REQUEST", message);
        }
        let sealed = exchange
            .query
            .get("_state")
            .and_then(|state| self.open_state(state));
        let Some(state) = sealed else {
            return invalid(Some(()));
        };
        if state.name != repository || state.uuid != uuid {
            return invalid(None);
        }
        let Some(upload) = self.store().upload(uuid) else {
            return unknown_upload();
        };
        let mut upload = upload.lock().await;
        if state.offset != upload.size {
            return invalid(None);
        }
        let stands = |status, upload: &Upload| {
            let started = &upload.started;
            self.progress(exchange, status, repository, uuid, upload.size, started)
        };
        match exchange.method.as_str() {
            "GET" | "HEAD" => stands(StatusCode::NO_CONTENT, &upload),
            "PATCH" => match receive(&mut upload, body).await {
                Ok(()) => stands(StatusCode::ACCEPTED, &upload),
                Err(answer) => *answer,
            },
            "PUT" => match receive(&mut upload, body).await {
                Ok(()) => self.commit(exchange, &mut upload, uuid, digest.unwrap_or_default()),
                Err(answer) => *answer,
            },
            "DELETE" => {
                self.store().end_upload(uuid);
                let mut answer = empty(StatusCode::NO_CONTENT, Voice::Registry);
                set(&mut answer, "docker-upload-uuid", uuid);
                answer
            }
            _ => page_not_found(Voice::Registry),
        }
    }

    fn commit(&self, exchange: &Exchange, upload: &mut Upload, uuid: &str, digest: &str) -> Answer {
        let refuse = |detail| {
            error_detail(
                StatusCode::BAD_REQUEST,
                "DIGEST_INVALID",
                "provided digest did not match uploaded content",
                &detail,
            )
        };
        if !is_digest(digest) {
            return refuse(json!("digest parsing failed"));
        }
        if upload.digest() != digest {
            // The upload stays usable, with the content it has.
            return refuse(json!({ "Digest": digest, "Reason": {} }));
        }
        let repository = upload.repository.clone();
        self.store().commit(uuid, upload, digest);
        created(exchange, &repository, digest)
    }

    /// 202 or 204: where the upload stands and where it goes on.
    fn progress(
        &self,
        exchange: &Exchange,
        status: StatusCode,
        repository: &str,
        uuid: &str,
        size: u64,
        started: &str,
    ) -> Answer {
        let state = self.seal_state(&State {
            name: repository.into(),
            uuid: uuid.into(),
            offset: size,
            started_at: started.into(),
        });
        let mut answer = empty(status, Voice::Registry);
        let base = &exchange.base;
        let location = format!("{base}/v2/{repository}/blobs/uploads/{uuid}?_state={state}");
        set(&mut answer, "location", &location);
        set(&mut answer, "docker-upload-uuid", uuid);
        set(
            &mut answer,
            "range",
            &format!("0-{}", size.saturating_sub(1)),
        );
        answer
    }

    fn seal_state(&self, state: &State) -> String {
        let plain = serde_json::to_vec(state).unwrap_or_default();
        let mut sealed = self.mac(&plain).finalize().into_bytes().to_vec();
        sealed.extend_from_slice(&plain);
        // As Go escapes a query: the padding becomes %3D.
        URL_SAFE.encode(sealed).replace('=', "%3D")
    }

    fn open_state(&self, sealed: &str) -> Option<State> {
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

/// Takes the content in; what arrived before a break stays in the upload, as in the registry.
async fn receive(upload: &mut Upload, body: &mut Body) -> Result<(), Box<Answer>> {
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    upload.append(data);
                }
            }
            // Nobody reads this: the connection is gone.
            Err(_) => return Err(Box::new(empty(StatusCode::BAD_REQUEST, Voice::Registry))),
        }
    }
    Ok(())
}

fn created(exchange: &Exchange, repository: &str, digest: &str) -> Answer {
    let mut answer = empty(StatusCode::CREATED, Voice::Registry);
    set(
        &mut answer,
        "location",
        &format!("{}/v2/{repository}/blobs/{digest}", exchange.base),
    );
    set(&mut answer, "docker-content-digest", digest);
    answer
}

fn unknown_upload() -> Answer {
    let message = "blob upload unknown to registry";
    error_detail(
        StatusCode::NOT_FOUND,
        "BLOB_UPLOAD_UNKNOWN",
        message,
        &json!({}),
    )
}

/// A state that can't be opened has a detail, one for another upload or offset has none.
fn invalid(detail: Option<()>) -> Answer {
    let (code, message) = ("BLOB_UPLOAD_INVALID", "blob upload invalid");
    match detail {
        Some(()) => error_detail(StatusCode::NOT_FOUND, code, message, &json!({})),
        None => error(StatusCode::NOT_FOUND, Voice::Registry, code, message),
    }
}
