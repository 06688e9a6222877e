//! An audit line: one JSON object, as docs/audit.schema.json describes it. Pure. Never a password, a token
//! or a path: only names, within bounds.

use super::event::{AuditEvent, AuditResult};
use crate::net::bounded_text::beginning;
use crate::observe::push::PushedBlobs;
use crate::oci::operation::Operation;
use crate::oci::reason::Reason;
use crate::oci::repository::project;
use crate::oci::user_agent::ClientFamily;
use serde::Serialize;
use std::net::IpAddr;
use std::time::SystemTime;

/// Harbor's own limit of a repository's name; of tags and digests it is less.
const NAME: usize = 255;

/// What an audited request did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuditLine<'a> {
    /// When the request came, as in its access record.
    pub(crate) time: SystemTime,
    pub(crate) event: AuditEvent,
    pub(crate) result: AuditResult,
    pub(crate) operation: Operation,
    pub(crate) reason: Reason,
    /// What Harbor answered, or this gateway; none where no answer came.
    pub(crate) status: Option<u16>,
    pub(crate) account: Option<&'a str>,
    /// Harbor accepted the account's credential, for this request or lately.
    pub(crate) is_verified: bool,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_family: ClientFamily,
    pub(crate) registry: &'a str,
    /// By Harbor's name.
    pub(crate) repository: Option<&'a str>,
    /// A tag or a digest.
    pub(crate) reference: Option<&'a str>,
    /// The digest that Harbor answered with.
    pub(crate) digest: Option<&'a str>,
    /// The public origin that the client used.
    pub(crate) origin: Option<&'a str>,
    /// The repository by the client's name, where that is another one.
    pub(crate) asked: Option<&'a str>,
    pub(crate) route: Option<&'a str>,
    /// Bytes of the manifest.
    pub(crate) size: Option<u64>,
    pub(crate) uploads: Option<PushedBlobs>,
    /// Lines about refusals of this client network that were left out before this one.
    pub(crate) left_out: u64,
    /// The filter that denied it.
    pub(crate) filter: Option<&'a str>,
    /// Which of its rules it was.
    pub(crate) rule: Option<&'a str>,
    /// The job that logged in, where an identity stands for the account.
    pub(crate) identity: Option<AuditedJob<'a>>,
    pub(crate) request_id: &'a str,
}

/// A job that logged in without a password.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct AuditedJob<'a> {
    /// The identity that it came to.
    pub(crate) name: &'a str,
    /// Whom its token names.
    pub(crate) subject: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    event: AuditEvent,
    result: AuditResult,
    operation: Operation,
    reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<IpAddr>,
    client_family: ClientFamily,
    registry: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_repository: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uploads: Option<PushedBlobs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<AuditedJob<'a>>,
    request_id: &'a str,
}

impl AuditLine<'_> {
    /// The line, with its end.
    pub(crate) fn json(&self) -> Vec<u8> {
        let repository = self.repository.map(|name| beginning(name, NAME));
        let reference = self.reference.map(|name| beginning(name, NAME));
        // A tag has no colon.
        let is_digest = |reference: &&str| reference.contains(':');
        let named = reference.filter(is_digest);
        let line = Line {
            time: humantime::format_rfc3339_millis(self.time).to_string(),
            event: self.event,
            result: self.result,
            operation: self.operation,
            reason: self.reason,
            status: self.status,
            account: self.account,
            account_verified: self.account.map(|_| self.is_verified),
            client: self.client,
            client_family: self.client_family,
            registry: self.registry,
            project: repository.map(project),
            repository,
            tag: reference.filter(|reference| !is_digest(reference)),
            digest: self.digest.map(|name| beginning(name, NAME)).or(named),
            origin: self.origin,
            asked_repository: self.asked.map(|name| beginning(name, NAME)),
            route: self.route,
            size: self.size,
            uploads: self.uploads,
            left_out: Some(self.left_out).filter(|count| *count > 0),
            filter: self.filter,
            rule: self.rule,
            identity: self.identity,
            request_id: self.request_id,
        };
        // Strings, numbers and options of them always serialise.
        let mut line = serde_json::to_vec(&line).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::time::Duration;

    const SCHEMA: &str = include_str!("../../../docs/audit.schema.json");

    fn pushed() -> AuditLine<'static> {
        AuditLine {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_793_000_000_123),
            event: AuditEvent::Push,
            result: AuditResult::Ok,
            operation: Operation::ManifestPut,
            reason: Reason::Success,
            status: Some(201),
            account: Some("robot$lab+ci"),
            is_verified: true,
            client: Some([203, 0, 113, 9].into()),
            client_family: ClientFamily::DockerClassic,
            registry: "hq",
            repository: Some("dockerhub/library/nginx"),
            reference: Some("v1"),
            digest: Some("sha256:aa"),
            origin: Some("https://mirror.example.com"),
            asked: Some("library/nginx"),
            route: Some("mirror:dockerhub"),
            size: Some(528),
            uploads: Some(PushedBlobs {
                blobs: 2,
                mounted: 1,
                bytes: 12_345,
            }),
            left_out: 0,
            filter: None,
            rule: None,
            identity: None,
            request_id: "5c7d-1",
        }
    }

    fn value(line: &AuditLine<'_>) -> Value {
        let text = String::from_utf8(line.json()).unwrap();
        let (line, rest) = text.split_once('\n').unwrap();
        assert_eq!(rest, "", "one line");
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn a_line_says_who_did_what_by_both_names() {
        assert_eq!(
            value(&pushed()),
            json!({
                "time": "2026-10-26T07:33:20.123Z",
                "event": "push",
                "result": "ok",
                "operation": "manifest_put",
                "reason": "success",
                "status": 201,
                "account": "robot$lab+ci",
                "account_verified": true,
                "client": "203.0.113.9",
                "client_family": "docker_classic",
                "registry": "hq",
                "project": "dockerhub",
                "repository": "dockerhub/library/nginx",
                "tag": "v1",
                "digest": "sha256:aa",
                "origin": "https://mirror.example.com",
                "asked_repository": "library/nginx",
                "route": "mirror:dockerhub",
                "size": 528,
                "uploads": { "blobs": 2, "mounted": 1, "bytes": 12345 },
                "request_id": "5c7d-1",
            })
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let line = AuditLine {
            event: AuditEvent::Denial,
            result: AuditResult::Refused,
            status: None,
            account: None,
            client: None,
            repository: None,
            reference: None,
            digest: None,
            origin: None,
            asked: None,
            route: None,
            size: None,
            uploads: None,
            filter: Some("hours"),
            ..pushed()
        };
        let value = value(&line);
        let fields: Vec<&str> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            fields,
            [
                "client_family",
                "event",
                "filter",
                "operation",
                "reason",
                "registry",
                "request_id",
                "result",
                "time",
            ]
        );
    }

    #[test]
    fn a_digest_is_the_answers_or_the_one_that_was_asked_for() {
        for (reference, digest, expected) in [
            ("v1", Some("sha256:aa"), (Some("v1"), Some("sha256:aa"))),
            ("v1", None, (Some("v1"), None)),
            ("sha256:bb", None, (None, Some("sha256:bb"))),
            ("sha256:bb", Some("sha256:bb"), (None, Some("sha256:bb"))),
        ] {
            let line = AuditLine {
                reference: Some(reference),
                digest,
                ..pushed()
            };
            let value = value(&line);
            assert_eq!((value["tag"].as_str(), value["digest"].as_str()), expected);
        }
    }

    /// A client chooses names as it likes: they make a line neither two nor endless.
    #[test]
    fn names_from_outside_stay_in_their_place() {
        let long = "é".repeat(40_000);
        let line = AuditLine {
            account: Some("a\"}\n{\"event\":\"push"),
            repository: Some(&long),
            reference: Some(&long),
            digest: Some(&long),
            asked: Some(&long),
            ..pushed()
        };
        let value = value(&line);
        assert_eq!(value["account"], "a\"}\n{\"event\":\"push");
        for field in ["repository", "tag", "digest", "asked_repository", "project"] {
            assert_eq!(value[field].as_str().unwrap().len(), 254, "{field}");
        }
        assert!(line.json().len() < 4096);
    }

    #[test]
    fn lines_are_what_the_schema_says_and_it_knows_every_word() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for event in AuditEvent::ALL {
            for result in AuditResult::ALL {
                let line = AuditLine {
                    event,
                    result,
                    left_out: 5,
                    filter: Some("rules"),
                    rule: Some("working hours"),
                    identity: Some(AuditedJob {
                        name: "ci",
                        subject: "repo:lab/app:ref:refs/heads/main",
                    }),
                    ..pushed()
                };
                let line = value(&line);
                if let Err(error) = validator.validate(&line) {
                    panic!("{error}: {line}");
                }
                // Nothing is described that no line has.
                let described = schema["properties"].as_object().unwrap();
                let missing: Vec<_> = described
                    .keys()
                    .filter(|key| line[key.as_str()].is_null())
                    .collect();
                assert!(missing.is_empty(), "{missing:?}");
            }
        }
        for (field, words) in [
            ("event", &AuditEvent::WORDS[..]),
            ("result", &AuditResult::WORDS),
        ] {
            assert_eq!(schema["properties"][field]["enum"], json!(words));
        }
    }
}
