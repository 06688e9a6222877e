//! One request between a client and a Harbor that does one thing.

use super::Row;
use super::proof::{Counts, ended};
use crate::client::{Conn, request, with_length};
use crate::client_h2::{H2, request as h2_request};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{Registry, Setup, World, until};
use bytes::Bytes;
use h2::SendStream;
use h2::client::ResponseFuture;

pub const START: &str = "/v2/lab/app/blobs/uploads/";
pub const UPLOAD: &str = "/v2/lab/app/blobs/uploads/9e00f96a-57be-4f5e-b506-decb2abe1bda?_state=x";
pub const COMMIT: &str =
    "/v2/lab/app/blobs/uploads/9e00f96a-57be-4f5e-b506-decb2abe1bda?_state=x&digest=sha256:1111";
pub const MANIFEST: &str = "/v2/lab/app/manifests/v1";
pub const BLOB: &str =
    "/v2/lab/app/blobs/sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A token that says nothing of itself: whatever Harbor answers, it was given one. In a scene Harbor
/// has accepted it before, as far as it is open.
pub const TOKEN: &str = "Authorization: Bearer opaque";

/// A gateway, the Harbor behind it, and what had been counted before.
pub struct Scene {
    pub harbor: Harbor,
    pub world: World,
    before: Counts,
}

impl Scene {
    /// A Harbor that does this with every request.
    pub async fn new(plan: Plan) -> Scene {
        Scene::with(plan, |_| {}).await
    }

    pub async fn with(plan: Plan, change: impl FnOnce(&mut Registry)) -> Scene {
        Scene::limited(plan, "", change).await
    }

    /// The same, with these top-level keys.
    pub async fn limited(plan: Plan, top: &str, change: impl FnOnce(&mut Registry)) -> Scene {
        let harbor = Harbor::start(move |_: &Got| plan.clone()).await;
        let mut setup = Setup::new(harbor.url()).registry(change);
        setup.top = top.to_owned();
        let world = setup.start();
        crate::push::prove(&mut world.http().await, TOKEN).await;
        let before = Counts::after(1, &world).await;
        Scene {
            harbor,
            world,
            before,
        }
    }

    /// Opens a connection and writes a request whose body has this length and begins so.
    pub async fn begin(
        &self,
        row: &Row,
        method: &str,
        path: &str,
        length: usize,
        body: &[u8],
    ) -> Conn {
        let mut conn = self.world.http().await;
        let length = format!("Content-Length: {length}");
        let bytes = request(method, path, &[&id(row), TOKEN, &length], body);
        conn.write(bytes).await.expect("write");
        conn
    }

    /// The same on a stream; the body goes on.
    pub async fn begin_h2(
        &self,
        row: &Row,
        method: &str,
        path: &str,
        body: &'static [u8],
    ) -> (H2, ResponseFuture, SendStream<Bytes>) {
        let mut h2 = self.world.h2().await;
        let asked = h2_request(method, path, &headers(row));
        let (response, mut stream) = h2.open(asked, false).await;
        let body = Bytes::from_static(body);
        stream.send_data(body, false).expect("send");
        (h2, response, stream)
    }

    /// Harbor has the request and so many bytes of its body.
    pub async fn arrived(&self, bytes: usize) {
        until("the request at Harbor", || {
            let got = self.harbor.got();
            got.iter().any(|got| got.body.len() >= bytes).then_some(())
        })
        .await;
    }

    /// The request ended as its row says; returns the record.
    pub async fn ended(&self, row: &Row) -> String {
        let left = ended(&self.world, &self.before, row, row.name).await;
        left.record
    }
}

/// The line with the row's request id.
pub fn id(row: &Row) -> String {
    format!("X-Request-Id: {}", row.name)
}

/// The row's request id, and a token.
pub fn headers(row: &Row) -> [(&'static str, &'static str); 2] {
    [
        ("x-request-id", row.name),
        ("authorization", "Bearer opaque"),
    ]
}

/// A whole request with a token.
pub fn whole(row: &Row, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    with_length(method, path, &[&id(row), TOKEN], body)
}

/// A request without a body, with a token.
pub fn bodyless(row: &Row, method: &str, path: &str) -> Vec<u8> {
    request(method, path, &[&id(row), TOKEN], b"")
}
