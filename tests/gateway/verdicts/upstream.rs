//! Requests that Harbor breaks off, or the connection to Harbor.

use super::Row;
use super::proof::{Counts, ended};
use super::scene::{BLOB, COMMIT, MANIFEST, START, Scene, UPLOAD, bodyless, headers, whole};
use crate::client_h2::{Finish, request as h2_request};
use crate::harbor::Plan;
use crate::setup::{Registry, Setup};
use bytes::Bytes;
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::certificates::CertificateAuthority;
use harbormouth::testing::fake_harbor::{FakeHarbor, FakeHarborConfig};
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

rows! {
    unresolved UploadStart 504 Unresolved;
    refused_connection UploadStart 504 Connect;
    full_backlog UploadCommit 504 ConnectTimeout;
    untrusted_certificate ManifestPut 504 Tls;
    plain_answer_to_tls Ping 504 Tls;
    reset_before_the_answer UploadCommit 504 Reset;
    closed_before_the_answer ManifestPut 504 Reset;
    reset_while_sending UploadChunk 504 Reset;
    reset_while_sending_over_http2 UploadChunk 504 Reset;
    reset_in_the_answer BlobGet 200 Reset;
    reset_in_the_answer_over_http2 BlobGet 200 Reset;
    closed_in_the_answer ManifestGet 200 Reset;
    closed_between_chunks Tags 200 Reset;
    reset_in_an_error UploadCommit 500 Reset;
    silent_manifest ManifestPut 504 ResponseTimeout;
    silent_chunk UploadChunk 504 ResponseTimeout;
    stalled_answer BlobGet 200 ResponseTimeout;
    silent_commit UploadCommit 504 CommitTimeout;
    silent_commit_over_http2 UploadCommit 504 CommitTimeout;
    silent_monolithic UploadMonolithic 504 CommitTimeout;
    deaf_to_a_chunk UploadChunk 504 BodyTimeout;
    deaf_to_a_commit UploadCommit 504 BodyTimeout;
    no_http UploadStart 504 Protocol;
    broken_length BlobGet 504 Protocol;
    broken_chunk_in_the_answer Tags 200 Protocol;
}

/// Asks a gateway with this setup once: it answers 504 with these words.
async fn fails(row: &Row, setup: Setup, request: Vec<u8>, words: &str) {
    let world = setup.start();
    let before = Counts::of(&world);
    let reply = world.http().await.ask(request).await;
    assert_eq!(reply.status, row.status, "{reply:?}");
    let (code, message) = reply.oci_error();
    assert_eq!(code, "UNAVAILABLE");
    assert!(message.contains(words), "{message}");
    assert!(message.contains("Harbor \"hq\""), "{message}");
    ended(&world, &before, row, row.name).await;
}

/// The same with a Harbor that does this, and short timeouts.
async fn answers_504(row: &Row, plan: Plan, request: Vec<u8>, words: &str) {
    let scene = Scene::with(plan, hasty).await;
    let reply = scene.world.http().await.ask(request).await;
    assert_eq!(reply.status, row.status, "{reply:?}");
    let (code, message) = reply.oci_error();
    assert_eq!(code, "UNAVAILABLE");
    assert!(message.contains(words), "{message}");
    scene.ended(row).await;
}

/// Asks for something whose answer begins and breaks off.
async fn breaks_off(row: &Row, plan: Plan, request: Vec<u8>) {
    let scene = Scene::with(plan, hasty).await;
    let reply = scene.world.http().await.ask(request).await;
    assert_eq!(
        (reply.status, reply.complete),
        (row.status, false),
        "{reply:?}"
    );
    scene.ended(row).await;
}

fn hasty(registry: &mut Registry) {
    registry.between_bytes = "500ms";
    registry.commit = "800ms";
}

const CLOSED: &str = "closed the connection before it answered";
const LATE: &str = "did not answer in time";

/// Longer than the timeouts.
fn silent() -> Plan {
    Plan::ok("late").pause(Duration::from_secs(600))
}

fn half(head: &str) -> Plan {
    Plan::say(format!("HTTP/1.1 {head}\r\n\r\nhalf"))
}

async fn unresolved(row: &Row) {
    let setup = Setup::new("http://harbor.invalid");
    fails(
        row,
        setup,
        bodyless(row, "POST", START),
        "could not be found",
    )
    .await;
}

async fn refused_connection(row: &Row) {
    let gone = format!("http://127.0.0.1:{}", crate::common::wait::free_port());
    let setup = Setup::new(gone);
    fails(
        row,
        setup,
        bodyless(row, "POST", START),
        "could not be reached",
    )
    .await;
}

/// A socket that accepts nothing: once its backlog is full, Linux drops what asks for more.
async fn full_backlog(row: &Row) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).expect("bind");
    socket.listen(0).expect("listen");
    let address = socket.local_addr().expect("its address");
    let address = address.as_socket().expect("an internet address");
    let mut waiting = Vec::new();
    while let Ok(held) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(held);
        assert!(waiting.len() < 100, "the backlog is never full");
    }
    let setup = Setup::new(format!("http://{address}"));
    let setup = setup.registry(|registry| registry.connect = "300ms");
    let asked = whole(row, "PUT", COMMIT, b"content");
    fails(row, setup, asked, "did not accept a connection in time").await;
}

async fn untrusted_certificate(row: &Row) {
    let authority = CertificateAuthority::new("nobody's").expect("an authority");
    let certificate = authority.issue(&["127.0.0.1"]).expect("a certificate");
    let origin = Origin::parse("https://hub.example.com").expect("an origin");
    let mut config = FakeHarborConfig::example(origin);
    config.tls = Some(certificate.server().expect("TLS"));
    let fake_harbor = FakeHarbor::start(config).await.expect("the stand-in");
    let setup = Setup::new(fake_harbor.origin());
    let asked = whole(row, "PUT", MANIFEST, b"{}");
    fails(row, setup, asked, "no trusted TLS connection").await;
    assert!(fake_harbor.seen().is_empty());
}

async fn plain_answer_to_tls(row: &Row) {
    let address = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("bind");
    let url = format!("https://{}", address.local_addr().expect("its address"));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = address.accept().await {
            let said = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, said).await;
        }
    });
    let asked = bodyless(row, "GET", "/v2/");
    fails(row, Setup::new(url), asked, "no trusted TLS connection").await;
}

async fn reset_before_the_answer(row: &Row) {
    let asked = whole(row, "PUT", COMMIT, b"content");
    answers_504(row, Plan::say("").then_reset(), asked, CLOSED).await;
}

async fn closed_before_the_answer(row: &Row) {
    let asked = whole(row, "PUT", MANIFEST, b"{}");
    answers_504(row, Plan::say("").then_close(), asked, CLOSED).await;
}

async fn reset_while_sending(row: &Row) {
    let asked = whole(row, "PATCH", UPLOAD, &vec![1; 8 << 20]);
    answers_504(row, Plan::say("").after(1000).then_reset(), asked, CLOSED).await;
}

async fn reset_while_sending_over_http2(row: &Row) {
    let scene = Scene::new(Plan::say("").after(1000).then_reset()).await;
    let mut h2 = scene.world.h2().await;
    let body = [Bytes::from(vec![1; 8 << 20])];
    let asked = h2_request("PATCH", UPLOAD, &headers(row));
    let reply = h2.send(asked, &body, Finish::EmptyData).await;
    let reply = reply.expect("an answer");
    assert_eq!(reply.status, row.status);
    assert!(reply.oci_error().1.contains(CLOSED));
    scene.ended(row).await;
}

async fn reset_in_the_answer(row: &Row) {
    // The reset would overtake what was said before it.
    let plan = half("200 OK\r\nContent-Length: 100").then_close();
    breaks_off(row, plan, bodyless(row, "GET", BLOB)).await;
}

async fn reset_in_the_answer_over_http2(row: &Row) {
    let scene = Scene::new(half("200 OK\r\nContent-Length: 100").then_close()).await;
    let mut h2 = scene.world.h2().await;
    let reply = h2.ask(h2_request("GET", BLOB, &headers(row))).await;
    let reply = reply.expect("a status");
    assert_eq!((reply.status, reply.complete), (row.status, false));
    scene.ended(row).await;
}

async fn closed_in_the_answer(row: &Row) {
    let plan = half("200 OK\r\nContent-Length: 100").then_close();
    breaks_off(row, plan, bodyless(row, "GET", MANIFEST)).await;
}

async fn closed_between_chunks(row: &Row) {
    let said = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let asked = bodyless(row, "GET", "/v2/lab/app/tags/list");
    breaks_off(row, Plan::say(said).then_close(), asked).await;
}

/// The client can't read why.
async fn reset_in_an_error(row: &Row) {
    let plan = half("500 Internal Server Error\r\nContent-Length: 100").then_close();
    breaks_off(row, plan, whole(row, "PUT", COMMIT, b"content")).await;
}

async fn silent_manifest(row: &Row) {
    let asked = whole(row, "PUT", MANIFEST, b"{}");
    answers_504(row, silent(), asked, LATE).await;
}

async fn silent_chunk(row: &Row) {
    let asked = whole(row, "PATCH", UPLOAD, b"content");
    answers_504(row, silent(), asked, LATE).await;
}

async fn stalled_answer(row: &Row) {
    let plan = half("200 OK\r\nContent-Length: 100").then_deaf();
    breaks_off(row, plan, bodyless(row, "GET", BLOB)).await;
}

async fn silent_commit(row: &Row) {
    let asked = whole(row, "PUT", COMMIT, b"content");
    answers_504(row, silent(), asked, LATE).await;
}

async fn silent_commit_over_http2(row: &Row) {
    let scene = Scene::with(silent(), hasty).await;
    let mut h2 = scene.world.h2().await;
    let body = [Bytes::from_static(b"content")];
    let asked = h2_request("PUT", COMMIT, &headers(row));
    let reply = h2.send(asked, &body, Finish::WithLast).await;
    let reply = reply.expect("an answer");
    assert_eq!(reply.status, row.status);
    assert!(reply.oci_error().1.contains(LATE));
    scene.ended(row).await;
}

async fn silent_monolithic(row: &Row) {
    let path = format!("{START}?digest=sha256:1111");
    let asked = whole(row, "POST", &path, b"content");
    answers_504(row, silent(), asked, LATE).await;
}

/// More than the sockets on the way hold.
fn large() -> Vec<u8> {
    vec![1; 30 << 20]
}

fn deaf() -> Plan {
    Plan::say("").after(1000).then_deaf()
}

async fn deaf_to_a_chunk(row: &Row) {
    let asked = whole(row, "PATCH", UPLOAD, &large());
    answers_504(row, deaf(), asked, "stopped taking in the upload").await;
}

async fn deaf_to_a_commit(row: &Row) {
    let asked = whole(row, "PUT", COMMIT, &large());
    answers_504(row, deaf(), asked, "stopped taking in the upload").await;
}

async fn no_http(row: &Row) {
    let plan = Plan::say("SSH-2.0-OpenSSH_9.2p1\r\n").then_close();
    let asked = bodyless(row, "POST", START);
    answers_504(row, plan, asked, "not valid HTTP").await;
}

async fn broken_length(row: &Row) {
    let plan = Plan::say("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n").then_close();
    let asked = bodyless(row, "GET", BLOB);
    answers_504(row, plan, asked, "not valid HTTP").await;
}

async fn broken_chunk_in_the_answer(row: &Row) {
    let said = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nZZ\r\n";
    let asked = bodyless(row, "GET", "/v2/lab/app/tags/list");
    breaks_off(row, Plan::say(said).then_close(), asked).await;
}
