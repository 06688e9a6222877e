//! Requests that the client breaks off, or whose answers it doesn't read.

use super::Row;
use super::scene::{BLOB, COMMIT, MANIFEST, Scene, UPLOAD, bodyless, headers, whole};
use crate::client_h2::{reply, request as h2_request};
use crate::harbor::Plan;
use crate::setup::PATIENCE;
use std::time::Duration;

rows! {
    gone_in_a_chunk UploadChunk 0 ClientGone;
    gone_in_a_chunk_over_http2 UploadChunk 0 ClientGone;
    connection_gone_in_a_commit_over_http2 UploadCommit 0 ClientGone;
    gone_in_a_manifest ManifestPut 0 ClientGone;
    gone_in_a_download BlobGet 200 ClientGone;
    gone_in_a_download_over_http2 BlobGet 200 ClientGone;
    gone_soon_after_its_last_byte UploadCommit 0 ClientGone;
    gone_waiting_for_a_commit UploadCommit 0 ClientGoneWaiting;
    gone_waiting_for_a_commit_over_http2 UploadCommit 0 ClientGoneWaiting;
    gone_waiting_for_a_manifest ManifestGet 0 ClientGoneWaiting;
    stalled_in_a_chunk UploadChunk 408 ClientStalled;
    stalled_in_a_commit UploadCommit 408 ClientStalled;
    stalled_in_a_chunk_over_http2 UploadChunk 408 ClientStalled;
    stalled_in_a_commit_over_http2 UploadCommit 0 ClientStalled;
    stalled_in_a_download BlobGet 200 ClientStalled;
    stalled_in_a_download_over_http2 BlobGet 200 ClientStalled;
}

/// Longer than any test waits.
fn silent() -> Plan {
    Plan::ok("late").pause(Duration::from_secs(600))
}

/// More than sockets and windows on the way hold.
fn large() -> Plan {
    Plan::ok(&"x".repeat(30 << 20))
}

/// Longer than the time from which on a client that leaves has waited.
const WAITED: Duration = Duration::from_millis(5400);

async fn gone_in_a_chunk(row: &Row) {
    let scene = Scene::new(silent()).await;
    let conn = scene.begin(row, "PATCH", UPLOAD, 100, b"half").await;
    scene.arrived(4).await;
    drop(conn);
    let record = scene.ended(row).await;
    assert!(record.contains(" in=4 "), "{record}");
}

async fn gone_in_a_chunk_over_http2(row: &Row) {
    let scene = Scene::new(silent()).await;
    let (_h2, _response, mut stream) = scene.begin_h2(row, "PATCH", UPLOAD, b"half").await;
    scene.arrived(4).await;
    stream.send_reset(h2::Reason::CANCEL);
    let record = scene.ended(row).await;
    assert!(record.contains(" in=4 "), "{record}");
}

async fn connection_gone_in_a_commit_over_http2(row: &Row) {
    let scene = Scene::new(silent()).await;
    let (h2, _response, _stream) = scene.begin_h2(row, "PUT", COMMIT, b"half").await;
    scene.arrived(4).await;
    h2.driver.abort();
    scene.ended(row).await;
}

async fn gone_in_a_manifest(row: &Row) {
    let scene = Scene::new(silent()).await;
    let conn = scene.begin(row, "PUT", MANIFEST, 100, b"{").await;
    scene.arrived(1).await;
    drop(conn);
    scene.ended(row).await;
}

async fn gone_in_a_download(row: &Row) {
    let scene = Scene::new(large()).await;
    let mut conn = scene.world.http().await;
    conn.write(bodyless(row, "GET", BLOB)).await.expect("write");
    // The answer has begun.
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut conn.io, &mut byte).await;
    assert_eq!(read.expect("a byte"), 1);
    drop(conn);
    scene.ended(row).await;
}

async fn gone_in_a_download_over_http2(row: &Row) {
    let scene = Scene::new(large()).await;
    let mut h2 = scene.world.h2().await;
    let (response, mut stream) = h2.open(h2_request("GET", BLOB, &headers(row)), true).await;
    let unread = response.await.expect("an answer");
    stream.send_reset(h2::Reason::CANCEL);
    scene.ended(row).await;
    drop(unread);
}

async fn gone_soon_after_its_last_byte(row: &Row) {
    let scene = Scene::new(silent()).await;
    let mut conn = scene.world.http().await;
    let bytes = whole(row, "PUT", COMMIT, b"content");
    conn.write(bytes).await.expect("write");
    scene.arrived(7).await;
    drop(conn);
    scene.ended(row).await;
}

async fn gone_waiting_for_a_commit(row: &Row) {
    let scene = Scene::new(silent()).await;
    let mut conn = scene.world.http().await;
    let bytes = whole(row, "PUT", COMMIT, b"content");
    conn.write(bytes).await.expect("write");
    scene.arrived(7).await;
    tokio::time::sleep(WAITED).await;
    drop(conn);
    scene.ended(row).await;
}

async fn gone_waiting_for_a_commit_over_http2(row: &Row) {
    let scene = Scene::new(silent()).await;
    let (_h2, _response, mut stream) = scene.begin_h2(row, "PUT", COMMIT, b"content").await;
    stream.send_data("!".into(), true).expect("send");
    scene.arrived(8).await;
    tokio::time::sleep(WAITED).await;
    stream.send_reset(h2::Reason::CANCEL);
    scene.ended(row).await;
}

async fn gone_waiting_for_a_manifest(row: &Row) {
    let scene = Scene::new(silent()).await;
    let mut conn = scene.world.http().await;
    let bytes = bodyless(row, "GET", MANIFEST);
    conn.write(bytes).await.expect("write");
    scene.arrived(0).await;
    tokio::time::sleep(WAITED).await;
    drop(conn);
    scene.ended(row).await;
}

async fn stalls(row: &Row, method: &str, path: &str) {
    let scene = Scene::with(silent(), |registry| registry.between_bytes = "400ms").await;
    let mut conn = scene.begin(row, method, path, 100, b"half").await;
    let reply = conn.answer().await;
    assert_eq!(reply.status, row.status);
    let (code, message) = reply.oci_error();
    assert_eq!(code, "UNAVAILABLE");
    assert!(
        message.contains("the client sent nothing for too long"),
        "{message}"
    );
    assert!(conn.is_closed_within(PATIENCE).await);
    scene.ended(row).await;
}

async fn stalled_in_a_chunk(row: &Row) {
    stalls(row, "PATCH", UPLOAD).await;
}

async fn stalled_in_a_commit(row: &Row) {
    stalls(row, "PUT", COMMIT).await;
}

async fn stalls_over_http2(row: &Row, method: &str, path: &str) {
    let scene = Scene::with(silent(), |registry| registry.between_bytes = "400ms").await;
    let (_h2, response, _stream) = scene.begin_h2(row, method, path, b"half").await;
    match reply(response).await {
        Ok(reply) => assert_eq!(reply.status, row.status, "{reply:?}"),
        Err(error) => assert!(error.is_reset() && row.status == 0, "{error}"),
    }
    scene.ended(row).await;
}

async fn stalled_in_a_chunk_over_http2(row: &Row) {
    stalls_over_http2(row, "PATCH", UPLOAD).await;
}

/// Harbor may be silent after a commit for longer than a client may before it, so another watch
/// finds this one.
async fn stalled_in_a_commit_over_http2(row: &Row) {
    stalls_over_http2(row, "PUT", COMMIT).await;
}

async fn stalled_in_a_download(row: &Row) {
    let scene = Scene::with(large(), |registry| registry.between_bytes = "400ms").await;
    let mut conn = scene.world.http().await;
    conn.write(bodyless(row, "GET", BLOB)).await.expect("write");
    scene.ended(row).await;
    assert!(!conn.answer().await.complete);
}

async fn stalled_in_a_download_over_http2(row: &Row) {
    let scene = Scene::with(large(), |registry| registry.between_bytes = "400ms").await;
    let mut h2 = scene.world.h2().await;
    let (response, _) = h2.open(h2_request("GET", BLOB, &headers(row)), true).await;
    let unread = response.await.expect("an answer").into_body();
    scene.ended(row).await;
    drop(unread);
}
