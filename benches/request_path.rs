//! The pure work on the path of one request: what the gateway adds to a bare proxy.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use divan::{Bencher, black_box};
use harbormouth::config::LogFormat;
use harbormouth::net::host::{Routes, requested_authority};
use harbormouth::net::origin::{Origin, Scheme};
use harbormouth::net::path::NormalPath;
use harbormouth::observe::push::{BodyProgress, PushTracker, RequestBegan, RequestEnded};
use harbormouth::oci::authorities::KnownAuthorities;
use harbormouth::oci::challenge::repair_challenge;
use harbormouth::oci::location::{LocationContext, repair_location};
use harbormouth::oci::oci_error::OciError;
use harbormouth::oci::operation::Operation;
use harbormouth::oci::reason::{Proof, Reason};
use harbormouth::oci::redact::redacted;
use harbormouth::oci::target::{BodyPresence, Target};
use harbormouth::oci::user_agent::ClientFamily;
use harbormouth::oci::verdict::{CredentialState, Facts, RequestEnd, judge};
use harbormouth::sizing::PULL;
use harbormouth::tickets::{Keyring, SealingKey, Ticket, TicketStep, open, seal};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

fn main() {
    divan::main();
}

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/f7a330ab-6ce5-4609-adec-2cc646e1ea39?_state=Xagwx9brBDQBw-1rjpu15cqNK-jbQLrxYpDLHtZeb4Ks9AQd39lxSxEaZIusijwZWf9hVNOkYBChXikbCgvcm6VUOY77q7QxmzbvJEzEXrjlFabuRbrrxocx6rcRqFSMJFlZ6TxnlWQGjx0Ezer&digest=sha256%3Ae3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const USER_AGENT: &str = "docker/28.2.2 go/go1.24.3 git-commit/45873be kernel/6.8.0 os/linux arch/amd64 containerd-client/2.1.1 storage-driver/overlayfs UpstreamClient(Docker-Client/28.2.2 \\(linux\\))";

fn origin(text: &str) -> Origin {
    Origin::parse(text).expect("a constant of this file")
}

#[divan::bench]
fn classify() -> Operation {
    let path = NormalPath::parse(black_box(UPLOAD.as_bytes())).expect("a constant of this file");
    Target::of("PUT", &path, BodyPresence::Present).operation
}

#[divan::bench]
fn route(bencher: Bencher) {
    let names = [
        "https://hub.example.com",
        "https://hub.lan.example:8443",
        "https://two.example.com",
    ];
    let routes = Routes::new(
        names
            .iter()
            .enumerate()
            .map(|(index, name)| (origin(name), index)),
    );
    bencher.bench(|| {
        let host: &[u8] = black_box(b"hub.example.com:443");
        let asked = requested_authority(None, [host]).expect("a constant of this file");
        routes.find(&asked, Scheme::Https).map(|(_, index)| *index)
    });
}

#[divan::bench]
fn location(bencher: Bencher) {
    let public = origin("https://hub.example.com");
    let known = KnownAuthorities::new([&public]);
    let reply = LocationContext {
        operation: Operation::UploadChunk,
        status: 202,
        public: &public,
        known: &known,
    };
    let value = format!("https://hub.example.com:443{UPLOAD}");
    bencher.bench(|| {
        matches!(
            repair_location(black_box(value.as_bytes()), &reply),
            harbormouth::oci::location::LocationRepair::Relative { .. }
        )
    });
}

#[divan::bench]
fn challenge(bencher: Bencher) {
    let realm = "https://hub.example.com/service/token";
    let value = r#"Bearer realm="http://core:8080/service/token",service="harbor-registry",scope="repository:lab/app:pull,push""#;
    bencher.bench(|| repair_challenge(black_box(value), realm));
}

#[divan::bench]
fn redact() -> String {
    let (path, query) = black_box(UPLOAD)
        .split_once('?')
        .expect("a constant of this file");
    redacted(path, Some(query))
}

#[divan::bench]
fn client_family() -> ClientFamily {
    ClientFamily::of(Some(black_box(USER_AGENT)))
}

#[divan::bench(args = [LogFormat::Text, LogFormat::Json])]
fn record(bencher: Bencher, format: LogFormat) {
    bencher.bench(|| black_box(&PULL).line(format));
}

const STEP: TicketStep<'_> = TicketStep {
    registry: "hq",
    origin: "https://hub.example.com",
    repository: "lab/app",
    upload: "f7a330ab-6ce5-4609-adec-2cc646e1ea39",
    state: b"Xagwx9brBDQBw",
};

/// A token of a Harbor with a key of 4,096 bits.
fn ticket() -> Ticket {
    let claims = r#"{"iss":"harbor-token-issuer","sub":"robot$lab+ci","aud":"harbor-registry","exp":1800001800,"nbf":1800000000,"iat":1800000000,"jti":"x7Fq2lLkWJm4bTzC","access":[{"type":"repository","name":"lab/app","actions":["pull","push","delete","scanner-pull"]}]}"#;
    let signature: Vec<u8> = (0..512u32).map(|n| (n * n % 251) as u8).collect();
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let token = format!(
        "{}.{}.{}",
        encode(br#"{"alg":"RS256","typ":"JWT"}"#),
        encode(claims.as_bytes()),
        encode(&signature)
    );
    Ticket {
        token: token.into(),
        expires: 1_800_001_800,
        client: None,
    }
}

fn keys() -> Keyring {
    Keyring::new(SealingKey::new([1; 32]), Vec::new())
}

#[divan::bench]
fn ticket_sealed(bencher: Bencher) {
    let (keys, ticket) = (keys(), ticket());
    bencher.bench(|| seal(&keys, &STEP, black_box(&ticket), [3; 24]));
}

#[divan::bench]
fn ticket_opened(bencher: Bencher) {
    let keys = keys();
    let sealed = seal(&keys, &STEP, &ticket(), [3; 24]).expect("a token that fits");
    bencher.bench(|| open(&keys, &STEP, black_box(sealed.as_bytes()), 1_800_000_000));
}

/// The verdict on an answer without an error, and on one whose error body is read.
#[divan::bench(args = ["", r#"{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content","detail":{}}]}"#])]
fn verdict(body: &str) -> Reason {
    let error = match black_box(body) {
        "" => None,
        body => OciError::read(body.as_bytes()),
    };
    judge(&Facts {
        operation: black_box(Operation::UploadCommit),
        method: "PUT",
        credentials: CredentialState::Given,
        proof: Proof::Proven,
        end: RequestEnd::Passed {
            status: if error.is_some() { 400 } else { 201 },
            error: error.as_ref(),
            had_blob: false,
        },
    })
}

/// What a layer costs in the push tracker: the beginnings and ends of its POST and its PUT.
#[divan::bench]
fn tracked_upload(bencher: Bencher) {
    let pushes = PushTracker::new(["hq"]);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    bencher.bench(|| {
        step(&pushes, Operation::UploadStart, now);
        step(&pushes, Operation::UploadCommit, now)
    });
}

fn step(pushes: &PushTracker, operation: Operation, now: SystemTime) -> bool {
    let upload = "f7a330ab-6ce5-4609-adec-2cc646e1ea39";
    let is_commit = operation == Operation::UploadCommit;
    let flow = Arc::new(BodyProgress::default());
    let began = RequestBegan {
        registry: 0,
        operation,
        repository: "lab/app",
        upload: Some(upload).filter(|_| is_commit),
        client: Some([203, 0, 113, 9].into()),
        client_family: ClientFamily::DockerContainerd,
        request_id: "5c7d5180-00c4-4477-82e1-3989eeca23e5",
        expected: None,
        flow: &flow,
    };
    pushes.began(black_box(&began), now);
    let ended = RequestEnded {
        registry: 0,
        operation,
        repository: Some("lab/app"),
        upload: Some(upload).filter(|_| is_commit),
        client: began.client,
        client_family: began.client_family,
        request_id: began.request_id,
        account: None,
        host: "hub.example.com",
        public_host: "hub.example.com",
        proof: Proof::Proven,
        reason: Reason::Success,
        status: Some(201),
        code: None,
        message: None,
        rule: None,
        received: 31_467_097,
        sent: 0,
        duration: Duration::from_millis(161),
        silence: Duration::ZERO,
        commit_wait: is_commit.then_some(Duration::from_millis(30)),
        opened: Some(upload).filter(|_| !is_commit),
        upload_age: None,
        digest: is_commit
            .then_some("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        reference: None,
        token_life: None,
        token_grants_push: None,
        had_credential: true,
        reattached: false,
        behind_cloudflare: false,
        in_clear: false,
        unknown_blob: None,
        flow: Some(&flow),
    };
    pushes.ended(black_box(&ended), now).started
}
