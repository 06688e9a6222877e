//! A gateway with real failures: its page in the browser shows each failure while it happens.

use crate::browser::{Browser, Scheme};
use crate::client::{Conn, Reply, request, with_length};
use crate::common::gateway::Gateway;
use crate::common::wait::free_port;
use crate::push::{basic, bearer, begin, commit};
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::{
    ConnectionEnd, FakeHarbor, FakeHarborConfig, InjectedFault, Match, Times, content,
};
use http::Method;
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

struct World {
    gateway: Gateway,
    fake_harbor: FakeHarbor,
}

/// Two registries: `hq`, and `gone`, where nobody listens. Tickets are off, so that an
/// Authorization that is lost stays lost.
async fn world() -> World {
    let origin = Origin::parse("http://hub.example.com").expect("an origin");
    let mut config = FakeHarborConfig::example(origin);
    config.failed_login_delay = Duration::from_millis(20);
    let fake_harbor = FakeHarbor::start(config).await.expect("the stand-in");
    let yaml = format!(
        "threads: 1\nadmin: {{ address: 127.0.0.1:0 }}\nlisteners:\n  - address: 127.0.0.1:0\n\
         registries:\n  - name: hq\n    public: [http://hub.example.com]\n    upstream: {{ \
         endpoints: [{}], health: {{ path: /api/v2.0/ping, interval: 1h }} }}\n    reattach: {{ \
         mode: off }}\n  - name: gone\n    public: [http://gone.example.com]\n    upstream: {{ \
         endpoints: ['http://127.0.0.1:{}'], health: {{ path: /x, interval: 1h }} }}\n",
        fake_harbor.origin(),
        free_port(),
    );
    World {
        gateway: Gateway::with_config(&yaml),
        fake_harbor,
    }
}

impl World {
    async fn conn(&self) -> Conn {
        let socket = TcpStream::connect(self.gateway.http[0]).await;
        Conn::new(socket.expect("connect"))
    }

    async fn layer(&self, login: &str, content: &[u8]) -> Reply {
        let mut conn = self.conn().await;
        let location = begin(&mut conn, login).await;
        commit(&mut conn, login, &location, content).await
    }

    /// A whole push of one layer and its configuration.
    async fn push(&self, login: &str, tag: &str) {
        let (config, layer) = (format!("{{\"tag\":\"{tag}\"}}"), format!("layer of {tag}"));
        for blob in [&config, &layer] {
            assert_eq!(self.layer(login, blob.as_bytes()).await.status, 201);
        }
        let entry = |kind: &str, blob: &str| json!({ "mediaType": kind, "size": blob.len(), "digest": content::digest(blob.as_bytes()) });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": entry("application/vnd.oci.image.config.v1+json", &config),
            "layers": [entry("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        let path = format!("/v2/lab/app/manifests/{tag}");
        let kind = "Content-Type: application/vnd.oci.image.manifest.v1+json";
        let put = with_length(
            "PUT",
            &path,
            &[login, kind],
            manifest.to_string().as_bytes(),
        );
        let reply = self.conn().await.ask(put).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }
}

#[tokio::test]
async fn real_failures_are_shown_as_they_happen() {
    let world = world().await;
    let admin = world.gateway.admin.expect("an admin listener");
    let browser = Browser::open(admin, "").await;
    browser.says("#verdicts", "No push yet").await;

    let login = bearer(&mut world.conn().await).await;
    world.push(&login, "v1").await;
    browser.says("#verdicts", "Pushing works at hq").await;
    browser.says("#pushes", "lab/app").await;
    browser.says("#pushes .badge", "ok").await;

    // Harbor breaks the connection in the middle of a commit.
    let faults = world.fake_harbor.faults();
    let commits = Match::method(Method::PUT).path_contains("/blobs/uploads/");
    let cut = InjectedFault::CutRequest {
        after: 3,
        end: ConnectionEnd::Reset,
    };
    faults.inject(commits, Times::N(3), cut);
    for layer in ["a layer", "another", "a third"] {
        let reply = world.layer(&login, layer.as_bytes()).await;
        assert_eq!(reply.status, 504, "{reply:?}");
    }
    // 3 of 11: five good of the push, three POSTs that went well, three commits that did not.
    browser
        .says(".verdict", "Pushing is broken at hq since about ")
        .await;
    browser
        .says(
            ".verdict",
            "27 % of the push requests of the last 5 minutes failed (3 of 11 requests)",
        )
        .await;
    browser
        .says(".verdict", "upload commit (3 of 3 failures)")
        .await;
    browser
        .says(".verdict", "reset – The connection to Harbor broke")
        .await;

    // A hop takes the Authorization away.
    let mut conn = world.conn().await;
    let location = begin(&mut conn, &login).await;
    let reply = commit(&mut conn, "X-Nothing: here", &location, b"bare").await;
    assert_eq!(reply.status, 401, "{reply:?}");
    browser.says("#failures", "authorization lost").await;
    browser
        .says("#failures", "fault: the network in front")
        .await;

    // A guest may not push.
    let guest = basic("bob", "Bob123456");
    let post = request(
        "POST",
        "/v2/lab/app/blobs/uploads/",
        &[&guest, "Content-Length: 0"],
        b"",
    );
    let reply = world.conn().await.ask(post).await;
    assert!(matches!(reply.status, 401 | 403), "{reply:?}");
    browser
        .says("#failures", "upload start refused: denied")
        .await;
    // Whoever is called at night knows the name.
    browser.js("location.hash = '#search=bob'").await;
    browser
        .becomes("document.querySelectorAll('#failures > li').length === 1")
        .await;
    browser.js("location.hash = ''").await;

    // Nobody listens where the other Harbor should be.
    let gone = b"POST /v2/lab/app/blobs/uploads/ HTTP/1.1\r\nHost: gone.example.com\r\nAuthorization: Bearer x\r\nContent-Length: 0\r\n\r\n";
    let reply = world.conn().await.ask(gone.to_vec()).await;
    assert_eq!(reply.status, 504, "{reply:?}");
    browser
        .says("#verdicts", "No endpoint of gone answers")
        .await;
    // It proves nobody's credential, so it is listed and doesn't count.
    browser
        .says("#failures", "upload start failed: connect")
        .await;

    // An upload under way, and its client's end.
    let mut slow = world.conn().await;
    let location = begin(&mut slow, &login).await;
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: hub.example.com\r\n{login}\r\nContent-Length: 4194304\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    slow.io.write_all(head.as_bytes()).await.expect("a header");
    slow.io.write_all(&[b'x'; 1 << 20]).await.expect("a part");
    slow.io.flush().await.expect("flush");
    browser.says("#uploads", "sending (upload chunk)").await;
    browser.says("#uploads", "1 MiB of 4 MiB").await;
    browser
        .becomes("document.querySelector('#uploads progress').position === 0.25")
        .await;
    for (screen, width, scheme) in [
        ("desktop-light", 1280, Scheme::Light),
        ("phone-dark", 360, Scheme::Dark),
    ] {
        browser.screen(width, scheme).await;
        browser.picture(&format!("real-{screen}")).await;
    }
    drop(slow);
    browser
        .says("#failures", "upload chunk aborted: client gone")
        .await;
    browser
        .says(
            "#uploads-empty",
            "Nothing is being sent; 5 uploads are open",
        )
        .await;

    // The list says the same as the API, and the filter narrows it.
    browser.says("#failures-count", "7, newest first").await;
    browser.js("location.hash = '#reason=reset'").await;
    browser
        .becomes("document.querySelectorAll('#failures > li').length === 3")
        .await;
    browser.js("location.hash = '#reason=nonsense'").await;
    browser
        .says("#refused", "unknown reason \"nonsense\"")
        .await;
    // The browser itself notes a 400 in its console; nothing else may be there.
    let noted = browser.console().await;
    assert!(
        noted
            .iter()
            .all(|line| line.contains("reason=nonsense") && line.contains("400")),
        "{noted:?}"
    );
    let (own, foreign) = browser.foreign_requests().await;
    assert!(own > 0);
    assert_eq!(foreign, Vec::<String>::new());

    drop(world.gateway);
    browser.says("#status", "No answer").await;
    browser
        .says("#stale", "The gateway hasn't answered for ")
        .await;
}
