//! The breaking proxy breaks what it is told to, and nothing else.

use crate::example;
use crate::wire::{request, send, until};
use harbormouth::testing::fake_harbor::FakeHarbor;
use harbormouth::testing::fake_harbor::proxy::{
    Buffering, FakeProxy, FakeProxyConfig, HostRule, ProtoRule,
};
use http::Method;

type Change = fn(&mut FakeProxyConfig);

#[tokio::test]
async fn a_hop_changes_what_its_rules_say() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let cases: [(&str, Change, [&str; 4]); 7] = [
        ("honest", |_| {}, ["hub.example.com", "http", "", "Basic x"]),
        (
            "port in Host",
            |hop| hop.host = HostRule::WithDefaultPort,
            ["hub.example.com:80", "http", "", "Basic x"],
        ),
        (
            "its own Host",
            |hop| hop.host = HostRule::Fixed("inner".into()),
            ["inner", "http", "", "Basic x"],
        ),
        (
            "scheme lost",
            |hop| hop.proto = ProtoRule::Drop,
            ["hub.example.com", "", "", "Basic x"],
        ),
        (
            "scheme set",
            |hop| hop.proto = ProtoRule::Set("https, http".into()),
            ["hub.example.com", "https, http", "", "Basic x"],
        ),
        (
            "inner name leaked",
            |hop| hop.forwarded_host = Some("inner".into()),
            ["hub.example.com", "http", "inner", "Basic x"],
        ),
        (
            "Authorization stripped, body buffered",
            |hop| {
                hop.strip_authorization_on = vec![Method::POST];
                hop.buffer = Buffering::Request;
            },
            ["hub.example.com", "http", "", ""],
        ),
    ];
    for (name, change, expected) in cases {
        let mut config = FakeProxyConfig::honest(fake_harbor.origin());
        change(&mut config);
        let hop = FakeProxy::start(config).await.unwrap();
        let post = request(
            "POST",
            "/service/token?a=b",
            &[("authorization", "Basic x")],
            b"12345",
        );
        let reply = send(hop.address(), post).await.unwrap();
        assert_eq!(reply.status, 405, "{name}");
        let seen = fake_harbor.seen().pop().unwrap();
        let headers = [
            "host",
            "x-forwarded-proto",
            "x-forwarded-host",
            "authorization",
        ];
        assert_eq!(
            headers.map(|header| seen.header(header)),
            expected,
            "{name}"
        );
        assert_eq!(
            (seen.target.as_str(), seen.received),
            ("/service/token?a=b", 5),
            "{name}"
        );
        hop.stop().await;
    }
}

#[tokio::test]
async fn a_closed_gate_stops_the_writes_of_uploads_and_nothing_else() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let config = FakeProxyConfig::honest(fake_harbor.origin());
    let gate = config.gate.clone();
    let hop = FakeProxy::start(config).await.unwrap();
    for (method, path, stops) in [
        ("PUT", "/v2/lab/app/blobs/uploads/x?digest=y", true),
        ("PATCH", "/v2/lab/app/blobs/uploads/x", true),
        ("POST", "/v2/lab/app/blobs/uploads/", false),
        ("GET", "/v2/lab/app/blobs/uploads/x", false),
        ("PUT", "/v2/lab/app/manifests/v1", false),
    ] {
        gate.close();
        let arrived = fake_harbor.seen().len();
        let asking = tokio::spawn(send(hop.address(), request(method, path, &[], b"")));
        if stops {
            until(|| gate.waiting() == 1).await;
            assert_eq!(fake_harbor.seen().len(), arrived, "{method} {path}");
            gate.open();
        }
        let reply = asking.await.unwrap();
        assert!(reply.is_ok(), "{method} {path}");
        assert_eq!(fake_harbor.seen().len(), arrived + 1, "{method} {path}");
        assert_eq!(gate.waiting(), 0, "{method} {path}");
    }
    hop.stop().await;
}
