//! Requests that a Harbor 2.9.5 was asked, asked again here; status, headers and error bodies must
//! be its own. What each run makes anew (UUIDs, states, digests of content that wasn't recorded)
//! is learnt from the answers as the replay goes on.

use crate::wire::{Reply, bearer, exchange, request};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::content::{Pattern, digest};
use harbormouth::testing::fake_harbor::{FakeHarbor, FakeHarborConfig};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

#[derive(Deserialize)]
struct Recorded {
    name: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    status: u16,
    answer: Vec<(String, String)>,
    answer_body: Option<String>,
    claims: Option<serde_json::Value>,
}

/// One replay: what was recorded → what it is in this run.
struct Replay {
    fake_harbor: FakeHarbor,
    learnt: HashMap<String, String>,
    tokens: HashMap<String, String>,
    failures: Vec<String>,
}

#[tokio::test]
async fn pings_are_answered_as_recorded() {
    run(&["v2-ping"]).await;
}

#[tokio::test]
async fn tokens_are_given_as_recorded() {
    run(&["token"]).await;
}

#[tokio::test]
async fn uploads_blobs_manifests_and_lists_are_answered_as_recorded() {
    // In this order: each builds on what the one before left there.
    run(&["upload", "blob", "manifest", "list", "bearer-faults"]).await;
}

#[tokio::test]
async fn paths_are_taken_as_recorded() {
    run(&["paths"]).await;
}

#[tokio::test]
async fn realm_and_location_come_from_the_headers_as_recorded() {
    run(&["forwarded"]).await;
}

async fn run(topics: &[&str]) {
    let mut config = FakeHarborConfig::example(Origin::parse("https://harbor-a.lab.test").unwrap());
    config.core_url = Some(Origin::parse("http://core:8080").unwrap());
    config.failed_login_delay = Duration::from_millis(5);
    let fake_harbor = FakeHarbor::start(config).await.unwrap();
    let mut replay = Replay {
        fake_harbor,
        learnt: HashMap::new(),
        tokens: HashMap::new(),
        failures: Vec::new(),
    };
    let mut asked = 0;
    for topic in topics {
        let path = format!(
            "{}/tests/fixtures/fake_harbor/{topic}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let recorded: Vec<Recorded> =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        replay.prepare(topic).await;
        for one in &recorded {
            replay.ask(topic, one).await;
            asked += 1;
        }
    }
    assert!(asked > 10, "there is something to replay");
    let failures = replay.failures;
    assert!(
        failures.is_empty(),
        "{} of {asked} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

impl Replay {
    /// What the recorder had set up beforehand.
    async fn prepare(&self, topic: &str) {
        let blobs: &[(u64, u64)] = match topic {
            "manifest" => &[(1, 50_000), (2, 30_000), (3, 700), (5, 100)],
            "paths" => &[(5, 100)],
            _ => &[],
        };
        for (seed, size) in blobs {
            self.fake_harbor
                .register_blob(
                    "lab/rec-c",
                    Pattern {
                        seed: *seed,
                        size: *size,
                    },
                )
                .await;
        }
        if topic == "paths" {
            let config = Pattern { seed: 5, size: 100 }.digest();
            let manifest = format!(
                "{{\"schemaVersion\":2,\"config\":{{\"digest\":\"{config}\"}},\"layers\":[]}}"
            );
            let alice = crate::wire::basic("admin", "Harbor12345");
            let headers = [
                ("authorization", alice.as_str()),
                ("content-type", "application/vnd.oci.image.manifest.v1+json"),
            ];
            let put = request(
                "PUT",
                "/v2/lab/rec-c/manifests/v1",
                &headers,
                manifest.as_bytes(),
            );
            assert_eq!(exchange(&self.fake_harbor, put).await.status, 201);
        }
    }

    async fn ask(&mut self, topic: &str, recorded: &Recorded) {
        let body = match content(&recorded.body) {
            Some(content) => content,
            None => Bytes::from(self.fill(&recorded.body)),
        };
        let target = self
            .fill(&recorded.target)
            .replace("{body}", &digest(&body));
        let mut headers = Vec::new();
        for (name, value) in &recorded.headers {
            let value = self.credentials(value).await;
            headers.push((name.clone(), self.fill(&value)));
        }
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let reply = exchange(
            &self.fake_harbor,
            request(&recorded.method, &target, &headers, &body),
        )
        .await;
        self.learn(recorded, &reply);
        let mut differences = Vec::new();
        if reply.status != recorded.status {
            differences.push(format!("status {} for {}", reply.status, recorded.status));
        }
        self.compare_headers(recorded, &reply, &mut differences);
        if let Some(expected) = &recorded.answer_body {
            let expected = self.fill(expected);
            if reply.body != expected && recorded.method != "HEAD" {
                differences.push(format!("body {:?} for {expected:?}", reply.body));
            }
        }
        if let Some(claims) = &recorded.claims {
            compare_claims(claims, &reply, &mut differences);
        }
        if !differences.is_empty() {
            let list = differences.join("\n    ");
            self.failures
                .push(format!("{topic}: {}\n    {list}", recorded.name));
        }
    }

    fn compare_headers(&self, recorded: &Recorded, reply: &Reply, differences: &mut Vec<String>) {
        let count = |name: &str| recorded.answer.iter().filter(|(n, _)| n == name).count();
        for (name, expected) in &recorded.answer {
            let key = name.to_ascii_lowercase();
            let actual: Vec<&str> = reply
                .headers
                .get_all(&key)
                .iter()
                .map(|v| v.to_str().unwrap())
                .collect();
            if actual.len() != count(name) {
                differences.push(format!("{} × {name} for {}", actual.len(), count(name)));
            }
            let expected = self.fill(expected);
            if expected != "*" && actual.first() != Some(&expected.as_str()) {
                differences.push(format!("{name} {actual:?} for {expected:?}"));
            }
        }
        for name in reply.headers.keys() {
            let ours = ["date", "x-request-id", "content-length", "connection"];
            let known = recorded
                .answer
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case(name.as_str()));
            if !known && !ours.contains(&name.as_str()) {
                differences.push(format!("{name} was not recorded"));
            }
        }
    }

    fn learn(&mut self, recorded: &Recorded, reply: &Reply) {
        let expected = |name: &str| {
            recorded
                .answer
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, value)| value.clone())
        };
        let split = |location: &str| {
            let (_, rest) = location.split_once("/blobs/uploads/")?;
            let (uuid, state) = rest.split_once("?_state=")?;
            Some((uuid.to_owned(), state.to_owned()))
        };
        let old = expected("Location").and_then(|location| split(&location));
        if let (Some(old), Some(new)) = (old, split(reply.header("location"))) {
            self.learnt.insert(old.0, new.0);
            self.learnt.insert(old.1, new.1);
        }
        let is_put = recorded.method == "PUT" && recorded.target.contains("/manifests/");
        if let (true, Some(old)) = (is_put, expected("Docker-Content-Digest")) {
            let new = reply.header("docker-content-digest").to_owned();
            self.learnt.insert(
                old.trim_start_matches("sha256:").into(),
                new.replace("sha256:", ""),
            );
        }
    }

    /// Puts in what this run has in place of what was recorded.
    fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (old, new) in &self.learnt {
            filled = filled.replace(old, new);
        }
        while let Some(from) = filled.find("{pattern ") {
            let to = from + filled[from..].find('}').unwrap();
            let numbers: Vec<u64> = filled[from + 9..to]
                .split(' ')
                .map(|number| number.parse().unwrap())
                .collect();
            let pattern = Pattern {
                seed: numbers[0],
                size: numbers[1],
            };
            filled.replace_range(from..=to, &pattern.digest());
        }
        filled
    }

    /// `{bearer who:scopes}` becomes a token of this run.
    async fn credentials(&mut self, value: &str) -> String {
        let alice = "{bearer alice:}".to_owned();
        let (wanted, lower) = match value {
            "{lower-case bearer}" => (alice.as_str(), true),
            _ => (value, false),
        };
        let inner = wanted
            .strip_prefix("{bearer ")
            .and_then(|rest| rest.strip_suffix('}'));
        let Some((who, scope)) = inner.and_then(|inner| inner.split_once(':')) else {
            return value.to_owned();
        };
        let password = match who {
            "alice" => "Alice12345",
            "bob" => "Bob123456",
            _ => "Harbor12345",
        };
        let key = wanted.to_owned();
        if !self.tokens.contains_key(&key) {
            let token = bearer(&self.fake_harbor, who, password, scope).await;
            self.tokens.insert(key.clone(), token);
        }
        let token = &self.tokens[&key];
        if lower {
            token.replacen("Bearer", "bearer", 1)
        } else {
            token.clone()
        }
    }
}

/// `{pattern seed offset length}`: content that wasn't recorded.
fn content(text: &str) -> Option<Bytes> {
    let inner = text.strip_prefix("{pattern ")?.strip_suffix('}')?;
    let numbers: Vec<u64> = inner
        .split(' ')
        .filter_map(|number| number.parse().ok())
        .collect();
    match numbers[..] {
        [seed, offset, length] => Some(
            Pattern {
                seed,
                size: u64::MAX,
            }
            .bytes(offset, length),
        ),
        _ => None,
    }
}

fn compare_claims(expected: &serde_json::Value, reply: &Reply, differences: &mut Vec<String>) {
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let token = body["token"].as_str().unwrap_or_default();
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: serde_json::Value =
        serde_json::from_slice(&claims.unwrap_or_default()).unwrap_or_default();
    // Harbor lists actions in no particular order.
    let sorted = |value: &serde_json::Value| {
        let mut access = value["access"].clone();
        for scope in access.as_array_mut().into_iter().flatten() {
            if let Some(actions) = scope["actions"].as_array_mut() {
                actions.sort_by_key(ToString::to_string);
            }
        }
        access
    };
    for key in ["sub", "iss", "aud"] {
        if claims[key] != expected[key] {
            differences.push(format!("{key} {} for {}", claims[key], expected[key]));
        }
    }
    if sorted(&claims) != sorted(expected) {
        differences.push(format!(
            "access {} for {}",
            claims["access"], expected["access"]
        ));
    }
    let life = claims["exp"]
        .as_u64()
        .zip(claims["iat"].as_u64())
        .map(|(exp, iat)| exp - iat);
    if life != Some(1800) || body["expires_in"] != 1800 || body["access_token"] != "" {
        differences.push(format!("another life than 1800 s: {life:?}"));
    }
}
