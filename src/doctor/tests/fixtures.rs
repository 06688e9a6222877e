//! Walks made by hand, for the tests of what is made of walks. What is healthy here was recorded
//! from real registries; what is wrong is changed by a test.

mod changes;

use crate::doctor::language::Language;
use crate::doctor::step::Step;
use crate::doctor::trace::{
    AddressSeen, Body, Carried, CertificateSeen, Entry, Exchange, GrantedScope, ResponseSeen,
    SentRequest, Skip, Skipped, TlsSeen, TokenGrant, User, Walk,
};
use crate::net::origin::{Origin, Scheme};
use crate::oci::sample::image::MANIFEST;
use std::net::SocketAddr;
use std::time::Duration;

/// 2026-11-21, 12:00 UTC.
pub(crate) const BEGAN: u64 = 1_795_262_400;

pub(crate) const HUB: &str = "https://hub.example.com";

/// The path of the upload in every walk made here, as it is shown.
pub(crate) const UPLOAD: &str =
    "/v2/lab/app/blobs/uploads/ca3340ff-6d54-4cb5-84ae-f65d4b93a823?_state=***";

const DAY: i64 = 24 * 60 * 60;

/// A walk that a test can change.
pub(crate) struct FixtureWalk(pub(crate) Walk);

impl FixtureWalk {
    /// A Harbor with nothing wrong: every step that is taken without `--push`, `--idle` and
    /// `--commit-wait`.
    pub(crate) fn harbor(target: &str) -> FixtureWalk {
        let mut made = FixtureWalk::empty(target);
        let realm = format!("{}/service/token", made.0.target);
        let challenge = format!("Bearer realm=\"{realm}\",service=\"harbor-registry\"");
        made = made.plain_http(308).ping(401, &challenge);
        for (step, method, status, carried) in [
            (Step::TokenPost, "POST", 405, Carried::Nothing),
            (Step::TokenGet, "GET", 200, Carried::Basic),
        ] {
            let mut exchange = asked(step, method, &realm, status);
            exchange.request.authorization = carried;
            made = made.with(exchange);
        }
        made.0.grant = Some(granted(&["pull", "push"]));
        made.uploads(Carried::Bearer)
    }

    /// Distribution as it is installed, with htpasswd: absolute Locations, no tokens.
    pub(crate) fn htpasswd(target: &str) -> FixtureWalk {
        FixtureWalk::empty(target)
            .plain_http(308)
            .ping(401, "Basic realm=\"Registry Realm\"")
            .uploads(Carried::Basic)
    }

    /// A registry that asks nobody who they are.
    pub(crate) fn open(target: &str) -> FixtureWalk {
        let mut made = FixtureWalk::empty(target).plain_http(308).ping(200, "");
        made.0.user = None;
        made.uploads(Carried::Nothing)
            .without(Step::Authorized)
            .status(Step::EarlyAnswer, 404)
            .status(Step::EarlyAnswerChunked, 404)
    }

    /// An address, a name and a user, and no request yet.
    pub(crate) fn empty(target: &str) -> FixtureWalk {
        let target = Origin::parse(target).expect("an origin");
        let address = SocketAddr::from(([203, 0, 113, 10], target.port));
        let is_tls = target.scheme == Scheme::Https;
        FixtureWalk(Walk {
            entry: Entry::Public,
            typed: target.authority(),
            began: BEGAN,
            proxy: None,
            resolved: Some(Ok(vec![address])),
            addresses: vec![AddressSeen {
                address,
                connected: Ok(Duration::from_millis(4)),
                tls: is_tls.then(|| Ok(trusted(target.host.bare()))),
                is_used: true,
            }],
            repository: Some("lab/app".to_owned()),
            user: Some(User {
                name: "alice".to_owned(),
                source: "--user".to_owned(),
            }),
            exchanges: Vec::new(),
            grant: None,
            realm: None,
            skipped: Vec::new(),
            left: Vec::new(),
            requires_uploads: false,
            client: None,
            layer: None,
            language: Language::English,
            target,
        })
    }

    /// The same walk, told in this language.
    pub(crate) fn in_language(mut self, language: Language) -> FixtureWalk {
        self.0.language = language;
        self
    }

    /// The same walk, taken at an inner hop.
    pub(crate) fn via(mut self, origin: &str) -> FixtureWalk {
        let origin = Origin::parse(origin).expect("an origin");
        let address = SocketAddr::from(([10, 0, 0, 5], origin.port));
        self.0.resolved = Some(Ok(vec![address]));
        self.0.addresses = vec![AddressSeen {
            address,
            connected: Ok(Duration::from_millis(1)),
            tls: None,
            is_used: true,
        }];
        for exchange in &mut self.0.exchanges {
            exchange.address = address;
        }
        self.0.entry = Entry::Via(origin);
        self.without(Step::Tls)
            .without(Step::PlainHttp)
            .without(Step::PlainHttpWrite)
    }

    fn plain_http(self, status: u16) -> FixtureWalk {
        if self.0.target.scheme != Scheme::Https || self.0.target.port != 443 {
            return self;
        }
        let url = format!("http://{}/v2/", self.0.target.host);
        let location = format!("{}/v2/", self.0.target);
        let mut made = self;
        for (step, method) in [(Step::PlainHttp, "GET"), (Step::PlainHttpWrite, "POST")] {
            let mut exchange = asked(step, method, &url, status);
            exchange.address.set_port(80);
            made = made
                .with(exchange)
                .header(step, "location", Some(&location))
                .html(step);
        }
        made
    }

    fn ping(self, status: u16, challenge: &str) -> FixtureWalk {
        let target = self.0.target.clone();
        let mut made = self
            .with(asked(
                Step::PingBare,
                "GET",
                &format!("{target}/v2"),
                status,
            ))
            .with(asked(Step::Ping, "GET", &format!("{target}/v2/"), status));
        for step in [Step::PingBare, Step::Ping] {
            made = made
                .header(
                    step,
                    "docker-distribution-api-version",
                    Some("registry/2.0"),
                )
                .header(step, "set-cookie", Some("sid=***; Path=/; HttpOnly"));
            if status == 401 {
                made = made
                    .header(step, "www-authenticate", Some(challenge))
                    .json_error(step, "UNAUTHORIZED", "unauthorized: unauthorized");
            }
        }
        made
    }

    fn uploads(self, carried: Carried) -> FixtureWalk {
        let target = self.0.target.clone();
        let at = format!("{target}{UPLOAD}");
        let start = format!("{target}/v2/lab/app/blobs/uploads/");
        let probe = format!("{start}00000000-0000-4000-8000-000000000000");
        let length = Body::Length(64 << 10);
        let chunked = Body::Chunked(64 << 10);
        let mib = 1 << 20;
        let mut made = self;
        for (step, method, url, body, status) in [
            (
                Step::Authorized,
                "GET",
                format!("{target}/v2/"),
                Body::None,
                200,
            ),
            (
                Step::EarlyAnswer,
                "PATCH",
                probe.clone(),
                Body::Length(mib),
                401,
            ),
            (
                Step::EarlyAnswerChunked,
                "PATCH",
                probe,
                Body::Chunked(mib),
                401,
            ),
            (Step::UploadStart, "POST", start, Body::None, 202),
            (Step::UploadStatus, "GET", at.clone(), Body::None, 204),
            (Step::UploadChunk, "PATCH", at.clone(), length, 202),
            (Step::UploadChunkChunked, "PATCH", at.clone(), chunked, 202),
            (
                Step::UploadCommit,
                "PUT",
                format!("{at}&digest=sha256:***"),
                Body::None,
                400,
            ),
            (Step::UploadCancel, "DELETE", at.clone(), Body::None, 204),
            (Step::Body, "PATCH", at.clone(), Body::Length(2 * mib), 202),
        ] {
            let mut exchange = asked(step, method, &url, status);
            exchange.request.body = body;
            exchange.sent = body.size();
            exchange.request.authorization = carried;
            if matches!(step, Step::EarlyAnswer | Step::EarlyAnswerChunked) {
                exchange.request.authorization = Carried::Nothing;
                exchange.sent = 1;
            }
            made = made.with(exchange);
            match status {
                202 | 204 if step != Step::UploadCancel => {
                    let range = match body {
                        Body::None => "0-0".to_owned(),
                        Body::Length(length) | Body::Chunked(length) => {
                            format!("0-{}", length - 1)
                        }
                    };
                    made = made.header(step, "location", Some(&at)).header(
                        step,
                        "range",
                        Some(&range),
                    );
                }
                400 => made = made.json_error(step, "DIGEST_INVALID", "digest mismatch"),
                401 => made = made.json_error(step, "UNAUTHORIZED", "unauthorized"),
                _ => {}
            }
        }
        for step in [
            Step::BlobCommit,
            Step::Idle,
            Step::SlowUpload,
            Step::CommitWait,
        ] {
            made.0.skipped.push(Skipped {
                step,
                why: Skip::NotAskedFor,
            });
        }
        made
    }

    /// The steps of `--push`, all of them well.
    pub(crate) fn pushed(self) -> FixtureWalk {
        let target = self.0.target.clone();
        let upload = format!("{target}{UPLOAD}&digest=sha256:***");
        let blob = format!("{target}/v2/lab/app/blobs/sha256:***");
        let manifest = format!("{target}/v2/lab/app/manifests/harbormouth-doctor");
        let mut made = self;
        for (step, method, url, status) in [
            (Step::HeadBefore, "HEAD", &blob, 404),
            (Step::BlobCommit, "PUT", &upload, 201),
            (Step::ConfigCommit, "PUT", &upload, 201),
            (Step::ManifestPut, "PUT", &manifest, 201),
            (Step::ManifestHead, "HEAD", &manifest, 200),
            (Step::ManifestGet, "GET", &manifest, 200),
            (Step::HeadAfter, "HEAD", &blob, 200),
            (Step::BlobGet, "GET", &blob, 200),
            (Step::BlobRange, "GET", &blob, 206),
            (Step::ManifestDelete, "DELETE", &manifest, 202),
        ] {
            let mut exchange = asked(step, method, url, status);
            exchange.request.authorization = Carried::Bearer;
            if method == "PUT" {
                exchange.request.body = Body::Length(1024);
                exchange.sent = 1024;
                exchange.silence = Some(Duration::from_millis(15));
            }
            made = made
                .with(exchange)
                .header(step, "docker-content-digest", Some("sha256:***"));
            if method == "GET" {
                made = made.change_answer(step, |answer| answer.content_matches = Some(true));
            }
            if method == "HEAD" && status == 200 {
                made = made.header(step, "content-length", Some("1024"));
            }
        }
        [Step::ManifestHead, Step::ManifestGet]
            .into_iter()
            .fold(made, |made, step| {
                made.header(step, "content-type", Some(MANIFEST))
            })
    }

    /// A commit of this many bytes, which the body had sent, that was silent for so long.
    pub(crate) fn committed(self, bytes: u64, silence: Duration) -> FixtureWalk {
        let at = format!("{}{UPLOAD}", self.0.target);
        let mut put = asked(Step::CommitWait, "PUT", &format!("{at}&digest=***"), 201);
        put.silence = Some(silence);
        put.took = silence;
        put.request.authorization = Carried::Bearer;
        self.change(Step::Body, |body| {
            body.request.body = Body::Length(bytes);
            body.sent = bytes;
        })
        .header(Step::Body, "range", Some(&format!("0-{}", bytes - 1)))
        .with(put)
        .header(
            Step::CommitWait,
            "docker-content-digest",
            Some("sha256:***"),
        )
    }
}

/// An exchange as it usually is: without a body, answered soon and emptily.
pub(crate) fn asked(step: Step, method: &str, url: &str, status: u16) -> Exchange {
    Exchange {
        step,
        request: SentRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            authorization: Carried::Nothing,
            body: Body::None,
            headers: Vec::new(),
        },
        result: Ok(answered(status)),
        sent: 0,
        took: Duration::from_millis(20),
        silence: Some(Duration::from_millis(20)),
        address: SocketAddr::from(([203, 0, 113, 10], 443)),
    }
}

pub(crate) fn answered(status: u16) -> ResponseSeen {
    ResponseSeen {
        status,
        headers: Vec::new(),
        body: String::new(),
        content_matches: None,
    }
}

/// A token for `lab/app`.
pub(crate) fn granted(actions: &[&str]) -> TokenGrant {
    TokenGrant {
        access: Some(vec![GrantedScope {
            kind: "repository".to_owned(),
            name: "lab/app".to_owned(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        }]),
        subject: Some("alice".to_owned()),
        expires_in: Some(1800),
    }
}

/// A handshake with nothing wrong.
pub(crate) fn trusted(name: &str) -> TlsSeen {
    let began = i64::try_from(BEGAN).expect("a time");
    let certificate = |subject: &str, issuer: &str, names: &[&str]| CertificateSeen {
        subject: subject.to_owned(),
        issuer: issuer.to_owned(),
        issuer_at: Some("http://r11.i.lencr.org/".to_owned()),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        not_before: began - 30 * DAY,
        not_after: began + 60 * DAY,
    };
    TlsSeen {
        version: "TLSv1.3".to_owned(),
        alpn: Some("h2".to_owned()),
        chain: vec![
            certificate(&format!("CN={name}"), "CN=R11, O=Let's Encrypt", &[name]),
            certificate("CN=R11, O=Let's Encrypt", "CN=ISRG Root X1", &[]),
        ],
        distrust: None,
        kept_by_docker: false,
        asks_for: None,
    }
}
