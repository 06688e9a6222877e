//! What the audit log and the accounting say of real clients: a push, a pull and a deletion by each of them,
//! against what they say themselves and what Harbor has.

use crate::chain::{Chain, PLAIN, Place, Plan};
use crate::clients::{Client, PATIENCE, Tool as _, skopeo};
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;

const AUDITED: Plan = Plan {
    settings: "audit: { file: stderr }\naccounting: {}\n",
    ..PLAIN
};

/// The layers, without a client's compression of them.
const LAYERS: [u64; 2] = [200_000, 3_000];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let clients = Client::ALL.into_iter();
    clients
        .map(|client| {
            let name = format!("audited::{}", client.name());
            trial(world, name, move |world| audited(world, client))
        })
        .collect()
}

/// The lines of an event that went well, so far.
fn done(gateway: &Gateway, event: &str) -> Vec<Value> {
    let lines = gateway.stderr();
    let lines = lines.lines().filter(|line| line.contains("\"event\":"));
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["event"] == event && line["result"] == "ok")
        .collect()
}

/// The last of these lines with this field, once there is one.
fn last(gateway: &Gateway, event: &str, field: (&str, &str)) -> Value {
    let (name, value) = field;
    wait::until(&format!("a {event} of {value}"), PATIENCE, || {
        let mut lines = done(gateway, event);
        lines.retain(|line| line[name] == value);
        lines.pop()
    })
}

fn audited(world: &World, client: Client) {
    let chain = Chain::start(world, AUDITED, Place::BeforeTheHop);
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    let (login, target) = (chain.harbor.login(), chain.reference());
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &LAYERS);

    let pushed = client.push(world, &image, &target, &login, PATIENCE);
    let pushed = pushed.expect("push").manifest;
    let line = last(gateway, "push", ("digest", &pushed));
    let origin = format!("https://{}", chain.host);
    for (field, expected) in [
        ("account", login.user.as_str()),
        ("client_family", client.family()),
        ("registry", "hq"),
        ("project", "lab"),
        ("repository", &target.repository),
        ("tag", &target.tag),
        ("origin", &origin),
    ] {
        assert_eq!(line[field], expected, "{line}");
    }
    assert_eq!(line["account_verified"], true, "{line}");
    assert_eq!(
        chain.harbor.digest_of(&target.repository, &target.tag),
        Some(pushed.clone())
    );
    // Two layers and the image's configuration; the larger layer doesn't shrink below half.
    assert_eq!(line["uploads"]["blobs"], 3, "{line}");
    assert!(
        line["uploads"]["bytes"].as_u64() > Some(LAYERS[0] / 2),
        "{line}"
    );
    let token = last(gateway, "login", ("account", &login.user));
    assert_eq!(token["operation"], "token", "{token}");

    let pulled = client.pull(world, &target, &login, PATIENCE).expect("pull");
    let line = last(gateway, "pull", ("digest", &pulled.manifest));
    assert_eq!(line["account"], login.user.as_str(), "{line}");
    assert_eq!(line["size"], size(&chain, &pulled.manifest), "{line}");

    let admin = chain.harbor.admin();
    let deleted = skopeo::ask(world, "delete", &target.to_string(), &admin, PATIENCE);
    deleted.expect("delete");
    let line = last(gateway, "delete", ("account", &admin.user));
    assert_eq!(
        (&line["digest"], &line["operation"]),
        (&pushed.into(), &"manifest_delete".into())
    );
    accounted(gateway);
    let stderr = gateway.stderr();
    for secret in [&login.password, &admin.password] {
        assert!(
            !stderr.contains(secret.as_str()),
            "a password is in the log"
        );
    }
}

/// How large Harbor's manifest of this digest is.
fn size(chain: &Chain, digest: &str) -> u64 {
    let file = chain.harbor.blob_file(digest);
    std::fs::metadata(file).expect("the manifest").len()
}

/// The project has what went in and out.
fn accounted(gateway: &Gateway) {
    let file = gateway.admin_page("/accounting.csv");
    let lines: Vec<Vec<&str>> = file.lines().map(|line| line.split(',').collect()).collect();
    let [_, lab] = &lines[..] else {
        panic!("{file}");
    };
    assert_eq!((lab[2], lab[3], lab[8]), ("hq", "lab", "1"), "{file}");
    for bytes in [lab[4], lab[5]] {
        let bytes: u64 = bytes.parse().expect("a number");
        assert!(bytes > LAYERS[0] / 2, "{file}");
    }
}
