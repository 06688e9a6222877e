//! Harbor answers while the body is still arriving: the request ends with this answer, whatever happens
//! to the rest of the body and to the connection.

use super::Row;
use super::scene::{COMMIT, Scene, UPLOAD, headers, id, whole};
use crate::client_h2::{Finish, reply, request as h2_request};
use crate::harbor::Plan;
use bytes::Bytes;

rows! {
    denied_and_closed UploadChunk 401 Denied;
    denied_and_reset UploadCommit 401 Denied;
    denied_and_deaf UploadChunk 401 Denied;
    denied_and_closed_over_http2 UploadCommit 401 Denied;
    denied_and_reset_over_http2 UploadChunk 401 Denied;
    denied_and_deaf_over_http2 UploadCommit 401 Denied;
    too_large_and_closed UploadChunk 413 BodyTooLarge;
    too_large_and_reset UploadCommit 413 BodyTooLarge;
    too_large_and_reset_over_http2 UploadCommit 413 BodyTooLarge;
    quota_and_closed UploadCommit 403 Quota;
    bare_and_reset UploadChunk 401 AuthorizationMissing;
    left_after_the_answer UploadCommit 401 Denied;
    left_after_the_answer_over_http2 UploadChunk 401 Denied;
    stalled_after_the_answer UploadCommit 401 Denied;
    stalled_after_the_answer_over_http2 UploadCommit 401 Denied;
    skipped_the_body UploadCommit 401 Denied;
}

const ROLE: &str = r#"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized to access repository: lab/app, action: push"}]}"#;
const NGINX: &str = "<html><head><title>413 Request Entity Too Large</title></head></html>";
const QUOTA: &str = r#"{"errors":[{"code":"DENIED","message":"adding 8.0 MiB of storage resource, which when updated to current usage of 100 B will exceed the configured upper limit of 19.5 KiB."}]}"#;

/// More than the sockets on the way hold: the client is still sending when the answer comes.
const SIZE: usize = 30 << 20;

fn denied() -> Plan {
    Plan::status("401 Unauthorized", "", ROLE).after(1000)
}

fn too_large() -> Plan {
    Plan::status("413 Request Entity Too Large", "", NGINX).after(1000)
}

/// Sends everything, and reads then.
async fn sends_all(row: &Row, plan: Plan, method: &str, path: &str) {
    let scene = Scene::with(plan, |registry| registry.between_bytes = "1s").await;
    let mut conn = scene.world.http().await;
    let reply = conn.ask(whole(row, method, path, &vec![1; SIZE])).await;
    assert_eq!((reply.status, reply.complete), (row.status, true));
    scene.ended(row).await;
}

async fn sends_all_over_http2(row: &Row, plan: Plan, method: &str, path: &str) {
    let scene = Scene::with(plan, |registry| registry.between_bytes = "1s").await;
    let mut h2 = scene.world.h2().await;
    let body = vec![Bytes::from(vec![1; 1 << 20]); SIZE >> 20];
    let asked = h2_request(method, path, &headers(row));
    let reply = h2.send(asked, &body, Finish::EmptyData).await;
    let reply = reply.expect("an answer");
    assert_eq!((reply.status, reply.complete), (row.status, true));
    scene.ended(row).await;
}

async fn denied_and_closed(row: &Row) {
    sends_all(row, denied().then_close(), "PATCH", UPLOAD).await;
}

async fn denied_and_reset(row: &Row) {
    sends_all(row, denied().then_reset(), "PUT", COMMIT).await;
}

async fn denied_and_deaf(row: &Row) {
    sends_all(row, denied().then_deaf(), "PATCH", UPLOAD).await;
}

async fn denied_and_closed_over_http2(row: &Row) {
    sends_all_over_http2(row, denied().then_close(), "PUT", COMMIT).await;
}

async fn denied_and_reset_over_http2(row: &Row) {
    sends_all_over_http2(row, denied().then_reset(), "PATCH", UPLOAD).await;
}

async fn denied_and_deaf_over_http2(row: &Row) {
    sends_all_over_http2(row, denied().then_deaf(), "PUT", COMMIT).await;
}

async fn too_large_and_closed(row: &Row) {
    sends_all(row, too_large().then_close(), "PATCH", UPLOAD).await;
}

async fn too_large_and_reset(row: &Row) {
    sends_all(row, too_large().then_reset(), "PUT", COMMIT).await;
}

async fn too_large_and_reset_over_http2(row: &Row) {
    sends_all_over_http2(row, too_large().then_reset(), "PUT", COMMIT).await;
}

async fn quota_and_closed(row: &Row) {
    let plan = Plan::status("403 Forbidden", "", QUOTA).after(1000);
    sends_all(row, plan.then_close(), "PUT", COMMIT).await;
}

/// It came without a token, and Harbor's refusal is replaced.
async fn bare_and_reset(row: &Row) {
    let scene = Scene::new(denied().then_reset()).await;
    let mut conn = scene.world.http().await;
    let body = vec![1; SIZE];
    let asked = crate::client::with_length("PATCH", UPLOAD, &[&id(row)], &body);
    let reply = conn.ask(asked).await;
    assert_eq!((reply.status, reply.complete), (row.status, true));
    let (_, message) = reply.oci_error();
    assert!(
        message.contains("without its Authorization header"),
        "{message}"
    );
    scene.ended(row).await;
}

/// Sends the beginning and reads the answer; returns when the client has it.
async fn left_after_the_answer(row: &Row) {
    let scene = Scene::new(denied().after(4)).await;
    let mut conn = scene.begin(row, "PUT", COMMIT, SIZE, b"half").await;
    let reply = conn.answer().await;
    assert_eq!((reply.status, reply.complete), (row.status, true));
    drop(conn);
    scene.ended(row).await;
}

async fn left_after_the_answer_over_http2(row: &Row) {
    let scene = Scene::new(denied().after(4)).await;
    let (_h2, response, mut stream) = scene.begin_h2(row, "PATCH", UPLOAD, b"half").await;
    let reply = reply(response).await.expect("an answer");
    assert_eq!((reply.status, reply.complete), (row.status, true));
    stream.send_reset(h2::Reason::CANCEL);
    scene.ended(row).await;
}

/// The client has its answer, keeps the connection, and sends nothing more.
async fn stalled_after_the_answer(row: &Row) {
    let scene = Scene::with(denied().after(4), |r| r.between_bytes = "400ms").await;
    let mut conn = scene.begin(row, "PUT", COMMIT, SIZE, b"half").await;
    let reply = conn.answer().await;
    assert_eq!((reply.status, reply.complete), (row.status, true));
    scene.ended(row).await;
}

async fn stalled_after_the_answer_over_http2(row: &Row) {
    let scene = Scene::with(denied().after(4), |r| r.between_bytes = "400ms").await;
    let (_h2, response, _stream) = scene.begin_h2(row, "PUT", COMMIT, b"half").await;
    let reply = reply(response).await.expect("an answer");
    assert_eq!((reply.status, reply.complete), (row.status, true));
    scene.ended(row).await;
}

/// A client that asked first keeps its body to itself.
async fn skipped_the_body(row: &Row) {
    let scene = Scene::new(denied().after(0)).await;
    let mut conn = scene.world.http().await;
    let lines = [
        &id(row),
        super::scene::TOKEN,
        "Expect: 100-continue",
        "Content-Length: 31457280",
    ];
    let asked = crate::client::request("PUT", COMMIT, &lines, b"");
    assert_eq!(conn.ask(asked).await.status, row.status);
    scene.ended(row).await;
}
