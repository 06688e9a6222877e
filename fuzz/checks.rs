//! Checks that must hold for every input: the bodies of the fuzz targets. The tests `corpus` and
//! `properties` run them too, on stable Rust.

use harbormouth::net::host::requested_authority;
use harbormouth::net::login::Login;
use harbormouth::net::origin::{Authority, Origin};
use harbormouth::net::path::NormalPath;
use harbormouth::net::proxy_protocol::{Beginning, MAX_LENGTH};
use harbormouth::net::query;
use harbormouth::oci::authorities::KnownAuthorities;
use harbormouth::oci::challenge::{self, TOKEN_PATH, repair_challenge};
use harbormouth::oci::exposure::{Exposure, exposure};
use harbormouth::oci::link::repair_link;
use harbormouth::oci::local_reply::{LocalReply, Lost};
use harbormouth::oci::location::{LocationContext, LocationRepair, repair_location};
use harbormouth::oci::oci_error::OciError;
use harbormouth::oci::operation::Operation;
use harbormouth::oci::project::{ProjectPattern, ProjectTable};
use harbormouth::oci::reason::{Proof, Quality, Reason};
use harbormouth::oci::redact::redacted;
use harbormouth::oci::refused_mount;
use harbormouth::oci::routing::{BEGAN_AT, Naming, SharedSite};
use harbormouth::oci::target::{BodyPresence, Target};
use harbormouth::oci::token::Credential;
use harbormouth::oci::upload_ticket::{self, UploadStep};
use harbormouth::oci::upstream_error::UpstreamError;
use harbormouth::oci::verdict::{CredentialState, Facts, Failure, RequestEnd, judge};
use harbormouth::oci::way::Names;
use harbormouth::tickets::{self, Keyring, SealingKey, Ticket, TicketStep};

pub const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW"];

/// An error body is read from its beginning: what is read is fit to be shown, and a body that is
/// cut gives the same error or none.
pub fn oci_error(body: &[u8]) {
    let whole = OciError::read(body);
    if let Some(error) = &whole {
        for text in [&error.code, &error.message] {
            assert!(text.chars().count() <= 200 && !text.contains(char::is_control));
        }
        if let Some(digest) = &error.digest {
            assert!(
                digest.len() < body.len() && digest.contains(':'),
                "{digest}"
            );
        }
    }
    for end in [
        body.len() / 2,
        body.len() * 7 / 8,
        body.len().saturating_sub(1),
    ] {
        let cut = OciError::read(&body[..end]);
        assert!(cut.is_none() || cut == whole, "{cut:?} of {whole:?}");
    }
}

/// A target is refused, or has one normal form that nobody behind the gateway reads otherwise.
pub fn path(target: &[u8]) {
    let Ok(normal) = NormalPath::parse(target) else {
        return;
    };
    let upstream = normal.upstream_target().unwrap_or_else(|| {
        String::from_utf8(target.to_vec()).expect("an accepted target is UTF-8")
    });
    let again = NormalPath::parse(upstream.as_bytes()).expect("a normal target is accepted");
    assert_eq!(again.upstream_target(), None, "normalising is done once");
    assert_eq!(
        (again.path(), again.query()),
        (normal.path(), normal.query())
    );

    let query = target
        .iter()
        .position(|&b| b == b'?')
        .map(|at| &target[at + 1..]);
    assert_eq!(
        normal.query().map(str::as_bytes),
        query,
        "the query is kept byte for byte"
    );
    assert!(normal.path().starts_with('/') && !normal.path().contains("//"));
    assert!(
        normal
            .path()
            .split('/')
            .all(|segment| segment != "." && segment != "..")
    );

    let part = exposure(normal.path());
    for reading in [as_core_reads(normal.path()), as_nginx_reads(normal.path())] {
        let read = exposure(&reading);
        assert!(
            part == Exposure::Never || part == read,
            "{target:?}: {part:?}, {reading}: {read:?}"
        );
    }
    for method in METHODS {
        let found = Target::of(method, &normal, BodyPresence::Present);
        assert_eq!(found, Target::of(method, &again, BodyPresence::Present));
        let is_registry = part == Exposure::Registry;
        assert!(is_registry || found.repository.is_none());
        assert!(
            found
                .repository
                .is_none_or(|name| !name.is_empty() && !name.ends_with('/'))
        );
    }
    let shown = redacted(normal.path(), normal.query());
    assert!(shown.bytes().all(|b| b.is_ascii_graphic()) && shown.len() < 1100);
}

/// Harbor's core: escapes decoded once, slashes merged, dot segments left alone.
fn as_core_reads(path: &str) -> String {
    let mut read = String::new();
    for c in decoded(path).chars() {
        if c != '/' || !read.ends_with('/') {
            read.push(c);
        }
    }
    read
}

/// Harbor's nginx: escapes decoded once, slashes merged, dot segments resolved.
fn as_nginx_reads(path: &str) -> String {
    let decoded = decoded(path);
    let mut segments: Vec<&str> = Vec::new();
    let mut last = "";
    for segment in decoded.split('/') {
        last = segment;
        match segment {
            "" | "." => {}
            ".." => assert!(segments.pop().is_some(), "{path} leads above the root"),
            _ => segments.push(segment),
        }
    }
    let end = if matches!(last, "" | "." | "..") && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", segments.join("/"))
}

fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .expect("a normal path is UTF-8 once decoded")
        .into_owned()
}

/// Origins of a registry with two public names, an endpoint and an alias.
fn origins() -> [Origin; 4] {
    [
        "https://hub.example.com",
        "https://hub.lan:8443",
        "http://10.0.0.5",
        "http://core:8080",
    ]
    .map(|text| Origin::parse(text).expect("an origin"))
}

const REPLIES: [(Operation, u16); 6] = [
    (Operation::UploadStart, 202),
    (Operation::ManifestPut, 201),
    (Operation::BlobGet, 307),
    (Operation::Ui, 302),
    (Operation::Oidc, 302),
    (Operation::Api, 201),
];

/// A Location is left alone, or becomes the end of itself and path-absolute.
pub fn location(value: &[u8]) {
    let origins = origins();
    let known = KnownAuthorities::new(&origins);
    for (operation, status) in REPLIES {
        let reply = LocationContext {
            operation,
            status,
            public: &origins[0],
            known: &known,
        };
        let LocationRepair::Relative {
            value: relative,
            unknown,
            ..
        } = repair_location(value, &reply)
        else {
            continue;
        };
        let text = std::str::from_utf8(value)
            .expect("a repaired value is UTF-8")
            .trim();
        assert!(relative.starts_with('/'), "{relative}");
        assert!(
            !relative.starts_with("//") && !relative.contains('\\'),
            "{relative}"
        );
        assert!(
            !relative.bytes().any(|b| b <= b' ' || b >= 0x7F),
            "{relative}"
        );
        // Only a slash that was missing, and slashes that were too many, make a difference.
        assert!(text.ends_with(&relative[1..]), "{relative}");
        assert!(unknown.is_none() || operation.is_registry(), "{relative}");
        if operation.is_registry() {
            assert!(relative.starts_with("/v2/"), "{relative}");
        }
        assert_eq!(
            repair_location(relative.as_bytes(), &reply),
            LocationRepair::Unchanged
        );
    }
}

/// A Link keeps everything but its targets, and is repaired once.
pub fn link(value: &[u8]) {
    let Ok(value) = std::str::from_utf8(value) else {
        return;
    };
    let origins = origins();
    let known = KnownAuthorities::new(&origins);
    for (operation, status) in REPLIES {
        let reply = LocationContext {
            operation,
            status,
            public: &origins[0],
            known: &known,
        };
        let Some(repaired) = repair_link(value, &reply) else {
            continue;
        };
        assert_eq!(
            repair_link(&repaired.value, &reply),
            None,
            "{}",
            repaired.value
        );
        let ends = |text: &str| text.matches('>').count();
        assert_eq!(ends(&repaired.value), ends(value), "{}", repaired.value);
    }
}

/// A challenge keeps its schemes and parameters, and its realm becomes the public one.
pub fn challenge(value: &[u8]) {
    let Ok(value) = std::str::from_utf8(value) else {
        return;
    };
    let public_realm = challenge::realm(&origins()[0]);
    let Some(repaired) = repair_challenge(value, &public_realm) else {
        return;
    };
    assert_eq!(
        repair_challenge(&repaired, &public_realm),
        None,
        "{repaired}"
    );
    let before = challenge::parse(value).expect("a repaired challenge was read");
    let after = challenge::parse(&repaired).expect("a repaired challenge can be read");
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.scheme, after.scheme);
        assert_eq!(before.params.len(), after.params.len());
        let realm = after.param("realm").map(|param| param.value.as_ref());
        for (old, new) in before.params.iter().zip(&after.params) {
            assert_eq!(old.name, new.name);
            let is_realm = before.is_bearer() && old.name.eq_ignore_ascii_case("realm");
            assert!(is_realm || old.value == new.value, "{repaired}");
        }
        let ours = |named: &str| named == public_realm;
        let path = |realm: &str| {
            realm
                .split(['?', '#'])
                .next()
                .is_some_and(|p| p.ends_with(TOKEN_PATH))
        };
        assert!(!before.is_bearer() || realm.is_none_or(|realm| ours(realm) || !path(realm)));
    }
}

/// A Host value is refused, or has a normal form that reads the same.
pub fn host(value: &[u8]) {
    let Ok(authority) = requested_authority(None, [value]) else {
        return;
    };
    let shown = match authority.port {
        Some(port) => format!("{}:{port}", authority.host),
        None => authority.host.to_string(),
    };
    assert_eq!(Authority::parse(&shown), Ok(authority.clone()));
    assert!(
        shown
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && b != b'/')
    );
    let both = requested_authority(Some(&shown), [value]).expect("alike");
    assert_eq!(both.host, authority.host);
}

/// The first bytes of a connection are told apart: the first answer is the last, whatever follows,
/// and never waits for more than a header may have.
pub fn proxy_header(bytes: &[u8]) {
    let whole = Beginning::read(bytes);
    let length = match &whole {
        Beginning::Unfinished => {
            assert!(bytes.len() < MAX_LENGTH);
            return;
        }
        Beginning::Header { header, length } => {
            assert!(*length <= bytes.len() && *length <= MAX_LENGTH);
            let shown = header.vpc_endpoint.as_deref().unwrap_or_default();
            assert!(shown.bytes().all(|b| b.is_ascii_graphic() || b == b' '));
            assert!(shown.len() <= 4 * 64);
            *length
        }
        Beginning::Other | Beginning::Refused(_) => bytes.len(),
    };
    let mut seen = Beginning::Unfinished;
    for end in 0..=bytes.len() {
        let read = Beginning::read(&bytes[..end]);
        assert!(seen == Beginning::Unfinished || seen == read, "{end} bytes");
        seen = read;
    }
    assert_eq!(seen, whole);
    let other = [&bytes[..length], b"\x16\x03\x01 the client's own"].concat();
    assert_eq!(Beginning::read(&other), whole);
}

/// Nothing that somebody makes up opens, what was sealed opens again, and a request's query never
/// makes it do so elsewhere. The input is a query, or else a token.
pub fn ticket(data: &[u8]) {
    let keys = Keyring::new(SealingKey::new([1; 32]), vec![SealingKey::new([2; 32])]);
    let text = String::from_utf8_lossy(data);
    let target = format!("/v2/lab/app/blobs/uploads/ca33?{text}");
    if let Ok(path) = NormalPath::parse(target.as_bytes()) {
        let read = Target::of("PUT", &path, BodyPresence::Present);
        if let (Some(step), Some(brought)) = (
            upload_ticket::step_of(&read, path.query()),
            upload_ticket::brought(read.operation, path.query().unwrap_or("")),
        ) {
            assert!(tickets::open(&keys, &bound(&step), &brought, 0).is_err());
        }
        let left = path.without(&[upload_ticket::PARAMETER]);
        let left = left.query().unwrap_or("");
        assert_eq!(query::values(left, upload_ticket::PARAMETER).count(), 0);
    }
    assert!(tickets::open(&keys, &bound(&step()), data, 0).is_err());

    let sealed = Ticket {
        token: text.to_string().into(),
        expires: 100,
        client: None,
    };
    let Ok(sealed) = tickets::seal(&keys, &bound(&step()), &sealed, [5; tickets::NONCE_LENGTH])
    else {
        return;
    };
    assert!(sealed.len() <= tickets::MAX_LENGTH);
    let location = upload_ticket::with_ticket(LOCATION, &sealed);
    assert_eq!(upload_ticket::next_step(LOCATION), Some(step()));
    let path = NormalPath::parse(location.as_bytes()).expect("a Location that is a path");
    let brought = upload_ticket::brought(Operation::UploadCommit, path.query().unwrap_or(""));
    let opened = tickets::open(&keys, &bound(&step()), &brought.expect("it is there"), 99);
    let can_stand_in_a_header = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    match opened {
        Ok(opened) => assert_eq!(opened.token.as_str(), text),
        Err(error) => assert!(!can_stand_in_a_header, "{error}: {text:?}"),
    }
}

const LOCATION: &str = "/v2/lab/app/blobs/uploads/ca33?_state=hvxi";

fn step() -> UploadStep {
    UploadStep {
        repository: "lab/app".to_owned(),
        upload: "ca33".to_owned(),
        state: b"hvxi".to_vec(),
    }
}

fn bound(step: &UploadStep) -> TicketStep<'_> {
    TicketStep {
        registry: "hq",
        origin: "https://hub.example.com",
        repository: &step.repository,
        upload: &step.upload,
        state: &step.state,
    }
}

/// A login has one account and one password, however its base64 is written: with other bits behind
/// the last byte, which Go ignores, and without padding.
pub fn login(data: &[u8]) {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let _ = Login::from_form(data, std::str::from_utf8(data).ok());
    let text = String::from_utf8_lossy(data);
    let _ = Login::from_basic(&text);
    let _ = Credential::read(data);
    let encoded = encoded(data, ALPHABET);
    let login = Login::from_basic(&encoded);
    let plain = encoded.trim_end_matches('=');
    assert!(
        Login::from_basic(plain) == login || !data.contains(&b':'),
        "{encoded}"
    );
    let spare = match encoded.len() - plain.len() {
        1 => 4,
        2 => 16,
        _ => 1,
    };
    let Some((last, before)) = plain.as_bytes().split_last() else {
        return;
    };
    let place = ALPHABET.iter().position(|byte| byte == last);
    let place = place.expect("base64") / spare * spare;
    for bits in 0..spare {
        let mut other = before.to_vec();
        other.push(ALPHABET[place + bits]);
        let other = String::from_utf8(other).expect("ASCII");
        let other = Login::from_basic(&other);
        // What can't be read is told apart by its text, and is one account's.
        assert_eq!(other.account(), login.account(), "{encoded} {bits}");
        assert!(other == login || !data.contains(&b':'), "{encoded} {bits}");
    }
}

/// RFC 4648, section 4.
fn encoded(data: &[u8], alphabet: &[u8]) -> String {
    let mut text = String::new();
    for three in data.chunks(3) {
        let byte = |place: usize| three.get(place).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place)) as usize & 63;
            match place <= three.len() {
                true => text.push(char::from(alphabet[six])),
                false => text.push('='),
            }
        }
    }
    text
}

/// However a request of a step of a push ended: its reason is one that can end it, and without proof it
/// counts for nothing.
pub fn verdict(data: &[u8]) {
    let [operation, credentials, end, status, rest @ ..] = data else {
        return;
    };
    let operation = Operation::ALL[usize::from(*operation) % Operation::ALL.len()];
    let all = [
        CredentialState::None,
        CredentialState::LeftOut,
        CredentialState::Expired,
        CredentialState::Removed,
        CredentialState::Given,
    ];
    let credentials = all[usize::from(*credentials) % all.len()];
    let error = OciError::read(rest);
    let waited = Some(std::time::Duration::from_secs(u64::from(*status)));
    let broken = |failure| RequestEnd::Broken { failure, waited };
    let end = match end % 6 {
        0 => broken(Failure::ClientGone),
        1 => broken(Failure::ClientStalled),
        2 => broken(Failure::Upstream(
            UpstreamError::ALL[usize::from(*status) % UpstreamError::ALL.len()],
        )),
        3 => RequestEnd::Answered(LocalReply::AuthorizationLost(Lost::Upload)),
        4 => broken(Failure::Drained),
        _ => RequestEnd::Passed {
            status: 100 + u16::from(*status) * 2,
            error: error.as_ref(),
            had_blob: rest.len() % 2 == 0,
        },
    };
    for proof in [Proof::Proven, Proof::Unproven] {
        let reason = judge(&Facts {
            operation,
            method: METHODS[rest.len() % METHODS.len()],
            credentials,
            proof,
            end: end.clone(),
        });
        assert!(reason.can_end(operation), "{operation} {reason}");
        if proof == Proof::Unproven {
            assert_eq!(
                reason.counts(proof),
                Quality::Excluded,
                "{operation} {reason}"
            );
            let is_loss = matches!(reason, Reason::AuthorizationLost | Reason::TokenExpired);
            assert!(!is_loss, "{operation} {reason}");
        } else {
            assert!(!reason.is_unproven(), "{operation} {reason}");
        }
    }
}

/// Whatever a target is, Harbor hears of a mirror's project alone; and where several Harbors share a
/// name, it hears of nothing that is the gateway's own.
pub fn routing(target: &[u8]) {
    let Ok(path) = NormalPath::parse(target) else {
        return;
    };
    let hub = "docker.io".to_owned();
    let mirrors = [
        ("dockerhub/", Naming::of("dockerhub", [&hub])),
        ("lab/", Naming::of("lab", [])),
    ];
    for method in METHODS {
        for body in [BodyPresence::Present, BodyPresence::Absent] {
            let found = Target::of(method, &path, body);
            for (project, naming) in &mirrors {
                below(project, naming, (&path, &found), (method, body));
            }
            shared(&path, &found);
        }
    }
}

fn below(
    project: &str,
    naming: &Naming,
    (path, found): (&NormalPath<'_>, &Target<'_>),
    (method, body): (&str, BodyPresence),
) {
    let names = Names::Mirror(naming);
    if !names.serves(found) {
        return;
    }
    let upstream = names.upstream(path, found).target;
    let upstream = upstream.expect("a mirror's target is written anew");
    let there = NormalPath::parse(upstream.as_bytes()).expect("what goes upstream is a target");
    assert_eq!(there.upstream_target(), None, "{upstream}");
    let seen = Target::of(method, &there, body);
    let name = found.repository.map(|here| naming.there(here));
    assert_eq!(seen.operation, found.operation, "{upstream}");
    assert_eq!(seen.repository, name.as_deref(), "{upstream}");
    match found.repository {
        Some(_) => {
            for reading in [as_core_reads(there.path()), as_nginx_reads(there.path())] {
                let name = reading.strip_prefix("/v2/");
                assert!(
                    name.is_some_and(|name| name.starts_with(project)),
                    "{upstream}"
                );
            }
        }
        None => assert_eq!(there.path(), path.path()),
    }
    for (name, value) in query::decoded_pairs(there.query().unwrap_or("")) {
        match name.as_str() {
            "ns" => panic!("{upstream}"),
            "from" if found.operation == Operation::UploadMount => {
                assert!(value.starts_with(project), "{upstream}");
            }
            // Harbor takes scopes apart at blanks (`src/core/service/token/creator.go`).
            "scope" if found.operation == Operation::Token => {
                for scope in value.split(' ') {
                    let name = scope.strip_prefix("repository:");
                    assert!(
                        name.is_none_or(|name| name.starts_with(project)),
                        "{upstream}"
                    );
                }
            }
            _ => {}
        }
    }
}

fn shared(path: &NormalPath<'_>, found: &Target<'_>) {
    let pattern = ProjectPattern::parse("l*").expect("a pattern");
    let site = SharedSite {
        rest: 0,
        projects: ProjectTable::new([(pattern, 1)]),
        registries: vec![("hq".to_owned(), 0), ("lab".to_owned(), 1)],
    };
    let upstream = Names::Shared(&site).upstream(path, found);
    let Some(target) = upstream.target else {
        assert!(!upstream.is_mount_refused);
        return;
    };
    let there = NormalPath::parse(target.as_bytes()).expect("what goes upstream is a target");
    assert_eq!(there.path(), path.path());
    let has = |name: &str| {
        let mut names = query::decoded_pairs(there.query().unwrap_or("")).map(|(name, _)| name);
        names.any(|it| it == name)
    };
    assert!(!has(BEGAN_AT) && !has(upload_ticket::PARAMETER), "{target}");
    let is_mount = refused_mount::PARAMETERS.into_iter().any(has);
    assert!(!upstream.is_mount_refused || !is_mount, "{target}");
}
