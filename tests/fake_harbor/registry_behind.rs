//! The fake Harbor as Harbor's core in front of Debian's Distribution registry: the registry itself
//! builds Location, from what core hands through.

use crate::example;
use crate::wire::{alices_bearer, exchange, request};
use harbormouth::testing::fake_harbor::content::{Pattern, digest};
use harbormouth::testing::fake_harbor::{Backing, FakeHarbor};
use std::net::SocketAddr;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// `core:core-password`; bcrypt at its cheapest.
const HTPASSWD: &str = "core:$2b$04$abcdefghijklmnopqrstuu7Jlgm/6upp4JCFxejmcKpnw8XMptfje\n";

struct Registry {
    address: SocketAddr,
    _child: Child,
    _directory: tempfile::TempDir,
}

async fn registry() -> Registry {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::write(root.join("htpasswd"), HTPASSWD).unwrap();
    let shown = root.display();
    let yml = format!(
        "version: 0.1\nlog: {{ level: info }}\nhttp: {{ addr: '127.0.0.1:0', secret: s }}\n\
         storage: {{ filesystem: {{ rootdirectory: '{shown}/data' }}, delete: {{ enabled: true }} }}\n\
         auth: {{ htpasswd: {{ realm: core, path: '{shown}/htpasswd' }} }}\n"
    );
    std::fs::write(root.join("registry.yml"), yml).unwrap();
    let mut child = Command::new("docker-registry")
        .arg("serve")
        .arg(root.join("registry.yml"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("docker-registry is installed (Debian package docker-registry)");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("the registry came up");
        if let Some((_, rest)) = line.split_once("listening on ") {
            break rest.split(['"', ',', ' ']).next().unwrap().parse().unwrap();
        }
    };
    // Its log must not block it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Registry {
        address,
        _child: child,
        _directory: directory,
    }
}

#[tokio::test]
async fn a_real_registry_behind_builds_location_from_the_headers_that_core_received() {
    let registry = registry().await;
    let mut config = example();
    config.backing = Backing::Distribution {
        address: registry.address,
        username: "core".into(),
        password: "core-password".into(),
    };
    let fake_harbor = FakeHarbor::start(config).await.unwrap();
    let token = alices_bearer(&fake_harbor).await;
    let post = |headers: &[(&str, &str)]| {
        let mut all = vec![("authorization", token.as_str())];
        all.extend_from_slice(headers);
        request("POST", "/v2/lab/app/blobs/uploads/", &all, b"")
    };
    for (headers, base) in [
        (
            vec![
                ("host", "hub.example.com:443"),
                ("x-forwarded-proto", "https"),
            ],
            "https://hub.example.com:443/",
        ),
        (vec![("host", "hub.example.com")], "http://hub.example.com/"),
        (
            vec![("host", "a"), ("x-forwarded-host", "b, c")],
            "http://b/",
        ),
        (
            vec![("host", "a"), ("forwarded", "proto=https;host=f")],
            "https://f/",
        ),
    ] {
        let reply = exchange(&fake_harbor, post(&headers)).await;
        assert_eq!(reply.status, 202, "{headers:?}");
        let location = reply.header("location");
        assert!(location.starts_with(base), "{location} for {headers:?}");
        assert!(reply.cookies().next().unwrap().starts_with("sid="));
    }
    // A push in one PUT, and the pull.
    let content = Pattern {
        seed: 11,
        size: 5_000_000,
    };
    let location = exchange(&fake_harbor, post(&[]))
        .await
        .header("location")
        .to_owned();
    let target = location.split_once("hub.example.com").unwrap().1;
    let target = format!("{target}&digest={}", content.digest());
    let whole = content.bytes(0, content.size);
    // Without Authorization: the story's 401, and the registry behind sees nothing of it.
    let bare = exchange(&fake_harbor, request("PUT", &target, &[], &whole)).await;
    assert_eq!(bare.status, 401);
    let put = request("PUT", &target, &[("authorization", &token)], &whole);
    let committed = exchange(&fake_harbor, put).await;
    assert_eq!(committed.status, 201, "{:?}", committed.body);
    let path = format!("/v2/lab/app/blobs/{}", content.digest());
    let get = request("GET", &path, &[("authorization", &token)], b"");
    assert_eq!(
        digest(&exchange(&fake_harbor, get).await.body),
        content.digest()
    );
}
