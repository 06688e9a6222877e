//! Properties of the code that runs on each request, with input built from difficult pieces.

#[allow(dead_code, reason = "shared with the fuzz targets")]
#[path = "../fuzz/checks.rs"]
mod checks;

use harbormouth::net::client_network::ClientNetwork;
use harbormouth::net::origin::{Authority, Host, Origin};
use harbormouth::net::path::NormalPath;
use harbormouth::net::query;
use harbormouth::net::trusted_proxies::TrustedProxies;
use harbormouth::oci::authorities::KnownAuthorities;
use harbormouth::oci::challenge::{
    TokenError, bearer_challenge, parse, realm as realm_of, repair_challenge,
};
use harbormouth::oci::cookie::secure_cookie;
use harbormouth::oci::error_body::{ErrorCode, error_body};
use harbormouth::oci::location::{LocationContext, LocationRepair, repair_location};
use harbormouth::oci::operation::Operation;
use harbormouth::oci::project::{ProjectPattern, ProjectTable};
use harbormouth::oci::redact::redacted;
use harbormouth::oci::refused_mount;
use harbormouth::oci::routing::Naming;
use harbormouth::oci::scope::{Action, Scope};
use harbormouth::oci::target::{BodyPresence, Target};
use harbormouth::tickets::{Keyring, OpenError, SealingKey, Ticket, TicketStep, open, seal};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Pieces of paths that are something to somebody.
const PATH_PIECES: [&str; 34] = [
    "/",
    "/",
    "/",
    "//",
    "%2F",
    "%2f",
    "%252F",
    ".",
    "..",
    "%2e",
    "%2E%2e",
    "..;",
    ";",
    "%3B",
    "v2",
    "%762",
    "V2",
    "v1",
    "api",
    "%61pi",
    "internal",
    "%69nternal",
    "INTERNAL",
    "service",
    "token",
    "notifications",
    "v2.0",
    "blobs",
    "uploads",
    "manifests",
    "tags/list",
    "lab",
    "%25",
    "%C3%A9",
];

const URL_PIECES: [&str; 26] = [
    "http",
    "https",
    "https, http",
    ":",
    "://",
    "//",
    "/",
    "\\",
    "@",
    "?",
    "#",
    "hub.example.com",
    "HUB.example.com.",
    ":443",
    ":8443",
    "core:8080",
    "10.0.0.5",
    "evil.test",
    "[::1]",
    "/v2/",
    "v2/",
    "lab/x/blobs/uploads/u",
    "?_state=a%3D%3D",
    " ",
    "é",
    "..",
];

const CHALLENGE_PIECES: [&str; 24] = [
    "Bearer",
    "bearer",
    "Basic",
    "Negotiate",
    " ",
    " ",
    ",",
    ", ",
    "=",
    "\"",
    "\\",
    "realm=",
    "REALM = ",
    "service=",
    "\"harbor-registry\"",
    "\"http://core:8080/service/token\"",
    "\"https://hub.example.com/service/token\"",
    "/service/token",
    "scope=",
    "\"a:b:pull,push\"",
    "YWJj==",
    "token",
    "\"a\\\"b\"",
    "é",
];

const ERROR_PIECES: [&str; 20] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "{\"errors\":[",
    "{\"code\":\"DENIED\"",
    ",\"message\":\"no\"",
    ",\"detail\":",
    "\"sha256:11111111111111111111111111111111\"",
    "{\"digest\":\"sha512:22222222222222222222222222222222\"}",
    "\"errors\"",
    "\"code\"",
    "\"\\u0007\"",
    "null",
    "1e9",
    "\"",
    " ",
    "é",
];

/// What decides in a query where a request goes.
const QUERY_PIECES: [&str; 26] = [
    "&",
    "&",
    "=",
    ";",
    "+",
    "%20",
    "%09",
    "%ff",
    "%3A",
    "%2F",
    ":",
    "/",
    "..",
    "ns=",
    "n%73=",
    "scope=",
    "s%63ope=",
    "repository",
    "repository:",
    "repository:lab/x",
    ":pull,push",
    "mount=sha256:aa",
    "from=",
    "fr%6Fm=lab/x",
    "last=",
    "harbormouth_registry=hq",
];

fn joined(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec(select(pieces), 0..14).prop_map(|pieces| pieces.concat())
}

fn hub() -> Origin {
    Origin::parse("https://hub.example.com").unwrap()
}

/// A repository's name by the specification's grammar, with keywords in it.
fn repository() -> impl Strategy<Value = String> {
    let component = prop_oneof![
        "[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?",
        select(
            &[
                "blobs",
                "manifests",
                "tags",
                "uploads",
                "list",
                "referrers",
                "_catalog"
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    vec(component, 1..6).prop_map(|components| components.join("/"))
}

fn scope(repository: &str, action: Action) -> Scope {
    Scope {
        repository: repository.to_owned(),
        action,
    }
}

fn step_of([registry, repository, upload, state]: &[String; 4]) -> TicketStep<'_> {
    TicketStep {
        registry,
        origin: "https://hub.example.com",
        repository,
        upload,
        state: state.as_bytes(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4096,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_do(bytes in vec(any::<u8>(), 0..200)) {
        checks::path(&bytes);
        checks::location(&bytes);
        checks::challenge(&bytes);
        checks::link(&bytes);
        checks::host(&bytes);
        checks::oci_error(&bytes);
        checks::login(&bytes);
        checks::verdict(&bytes);
        checks::routing(&bytes);
    }

    #[test]
    fn paths_mean_one_thing(path in joined(&PATH_PIECES), query in "(\\?[!-~&&[^#]]{0,20})?") {
        let target = format!("/{path}{query}");
        checks::path(target.as_bytes());
        checks::routing(target.as_bytes());
    }

    #[test]
    fn locations_become_relative(value in joined(&URL_PIECES)) {
        checks::location(value.as_bytes());
        checks::link(format!("<{value}>; rel=next, </v2/a>; title=\"<\"").as_bytes());
    }

    #[test]
    fn links_keep_the_rest(value in joined(&URL_PIECES), params in "[ -~]{0,20}") {
        checks::link(format!("<{value}>{params},<{value}>").as_bytes());
    }

    #[test]
    fn challenges_keep_the_rest(value in joined(&CHALLENGE_PIECES)) {
        checks::challenge(value.as_bytes());
    }

    #[test]
    fn error_bodies_are_read_from_their_beginning(value in joined(&ERROR_PIECES)) {
        checks::oci_error(value.as_bytes());
    }

    #[test]
    fn well_formed_challenges_are_always_repaired(
        authority in "[a-z]{1,8}(:[0-9]{1,4})?",
        service in "[ -~&&[^\"\\\\]]{0,20}",
        scope in "[ -~&&[^\"\\\\]]{0,40}",
        realm_is_first in any::<bool>(),
    ) {
        let realm = format!("realm=\"http://{authority}/service/token\"");
        let rest = format!("service=\"{service}\",scope=\"{scope}\"");
        let value = if realm_is_first {
format!("Bearer {realm},{rest}")
} else {
format!("Bearer {rest},{realm}")
};
        let repaired = repair_challenge(&value, &realm_of(&hub())).expect("a foreign realm is repaired");
        prop_assert!(repaired.contains(&rest));
        let challenges = parse(&repaired).expect("it can be read");
        let param = |name: &str| challenges[0].param(name).unwrap().value.to_string();
        prop_assert_eq!(param("realm"), "https://hub.example.com/service/token");
        prop_assert_eq!(param("service"), service);
        prop_assert_eq!(param("scope"), scope);
    }

    #[test]
    fn an_upload_location_is_cut_at_its_path_and_nowhere_else(
        scheme in select(&["http", "https", "https, http", "HTTP", ""][..]),
        authority in select(&["hub.example.com", "hub.example.com:443", "x.test:1", "a, b"][..]),
        name in repository(),
        query in "[!-~&&[^\\\\]]{0,60}",
    ) {
        let known = KnownAuthorities::new(&[hub()]);
        let public = hub();
        let operation = Operation::UploadStart;
        let reply = LocationContext { operation, status: 202, public: &public, known: &known };
        let rest = format!("/v2/{name}/blobs/uploads/u-1?{query}");
        let value = format!("{scheme}://{authority}{rest}");
        match repair_location(value.as_bytes(), &reply) {
            LocationRepair::Relative { value: relative, .. } => prop_assert_eq!(relative, rest),
            other => prop_assert!(false, "{}: {:?}", value, other),
        }
    }

    #[test]
    fn names_are_read_whole(name in repository(), reference in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}") {
        for (kind, method, operation) in [
            ("manifests", "PUT", Operation::ManifestPut),
            ("referrers", "GET", Operation::Referrers),
            ("blobs/uploads", "PATCH", Operation::UploadChunk),
        ] {
            let target = format!("/v2/{name}/{kind}/{reference}");
            let path = NormalPath::parse(target.as_bytes()).unwrap();
            let found = Target::of(method, &path, BodyPresence::Present);
            prop_assert_eq!(path.upstream_target(), None);
            prop_assert_eq!(found.operation, operation);
            prop_assert_eq!(found.repository, Some(name.as_str()));
            prop_assert_eq!(found.reference.or(found.upload), Some(reference.as_str()));
        }
    }

    #[test]
    fn a_mirrors_names_come_back(name in repository(), project in "[a-z][a-z0-9-]{0,8}") {
        let hub = "docker.io".to_owned();
        let (of_hub, plain) = (Naming::of(&project, [&hub]), Naming::of(&project, []));
        let long = if name.contains('/') { name.clone() } else { format!("library/{name}") };
        let (hubs, theirs) = (of_hub.there(&name), plain.there(&name));
        prop_assert_eq!(of_hub.here(&hubs), Some(long.as_str()));
        prop_assert_eq!(plain.here(&theirs), Some(name.as_str()));
        let tags = |name: &str| format!("/v2/{name}/tags/list");
        prop_assert_eq!(plain.path_here(&tags(&theirs)), Some(tags(&name)));
        let others = format!("{project}x/{name}");
        prop_assert_eq!(plain.here(&others), None);
    }

    #[test]
    fn queries_of_mirrors_stay_below_their_project(
        path in select(&["service/token", "v2/_catalog", "v2/a/blobs/uploads/", "v2/lab/x/manifests/1"][..]),
        query in joined(&QUERY_PIECES),
    ) {
        checks::routing(format!("/{path}?{query}").as_bytes());
    }

    #[test]
    fn a_project_is_found_as_by_looking_at_each(
        texts in vec("[ab]{1,4}\\*?", 0..12), project in "[ab]{1,6}"
    ) {
        let mut patterns: Vec<ProjectPattern> = Vec::new();
        for pattern in texts.iter().filter_map(|text| ProjectPattern::parse(text)) {
            if !patterns.iter().any(|other| other.overlaps(&pattern)) {
                patterns.push(pattern);
            }
        }
        let has = |pattern: &ProjectPattern| match pattern.to_string().strip_suffix('*') {
            Some(beginning) => project.starts_with(beginning),
            None => project == pattern.to_string(),
        };
        let expected = patterns.iter().position(has);
        let numbered = patterns.iter().cloned().enumerate();
        let table = ProjectTable::new(numbered.map(|(number, pattern)| (pattern, number)));
        prop_assert_eq!(table.find(&project), expected, "{:?}", patterns);
    }

    #[test]
    fn hosts_have_one_form(name in "[a-zA-Z0-9]([a-zA-Z0-9-]{0,9}[a-zA-Z])?", port in 1u16..) {
        let lower = Host::parse(&name.to_ascii_lowercase());
        for text in [name.clone(), format!("{name}."), name.to_ascii_uppercase()] {
            prop_assert_eq!(Host::parse(&text), lower.clone());
            let authority = Authority::parse(&format!("{text}:{port}"));
            prop_assert_eq!(authority.map(|found| found.port), lower.clone().map(|_| Some(port)));
        }
        checks::host(format!("{name}:{port}").as_bytes());
    }

    #[test]
    fn secrets_stay_out_of_logs(secret in "[A-Za-z0-9_-]{12,40}", path in "(/[a-z]{1,8}){1,4}") {
        for name in ["_state", "token", "access_token", "code", "hm", "password"] {
            let shown = redacted(&path, Some(&format!("n=1&{name}={secret}&digest=sha256:aa")));
            prop_assert!(!shown.contains(&secret), "{}", shown);
            prop_assert!(shown.ends_with("&digest=sha256:aa"), "{}", shown);
        }
    }

    #[test]
    fn cookies_are_made_secure_once(value in "[ -~]{0,60}") {
        if let Some(secure) = secure_cookie(&value) {
            prop_assert_eq!(secure_cookie(&secure), None);
        }
    }

    #[test]
    fn error_bodies_are_json_whatever_they_say(message in any::<String>()) {
        let body = error_body(ErrorCode::Unknown, &message, "id");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(body["errors"][0]["message"].as_str(), Some(message.as_str()));
    }

    #[test]
    fn only_the_mount_leaves_a_query(
        pairs in vec((select(vec!["mount", "from", "m%6funt", "%66rom", "x", "digest", "Mount", "", "%ff"]),
            select(vec!["", "=", "=a%2Fb", "=sha256:aa", "=mount=b", "=+"])), 0..8)
    ) {
        let is_mount = |name: &str| matches!(name, "mount" | "from" | "m%6funt" | "%66rom");
        let join = |pairs: &[(&str, &str)]| {
            let texts: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}{value}")).collect();
            texts.join("&")
        };
        let kept: Vec<_> = pairs.iter().copied().filter(|(name, _)| !is_mount(name)).collect();
        let left = query::without(&join(&pairs), &refused_mount::PARAMETERS).unwrap_or_else(|| join(&pairs));
        prop_assert_eq!(&left, &join(&kept));
        prop_assert_eq!(query::without(&left, &refused_mount::PARAMETERS), None);
    }

    #[test]
    fn clients_are_named_by_the_input(
        peer in any::<[u8; 4]>(), hops in vec((any::<bool>(), any::<[u8; 4]>()), 0..6), junk in ".{0,20}"
    ) {
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "128.0.0.0/1".parse().unwrap()]);
        let peer = std::net::IpAddr::from(peer);
        let hops: Vec<_> = hops.into_iter().map(|(near, mut hop)| {
            if near { hop[0] = 10; }
            std::net::IpAddr::from(hop)
        }).collect();
        let texts: Vec<_> = hops.iter().map(ToString::to_string).collect();
        let value = texts.join(", ");
        let client = trusted.client_of(peer, std::iter::once(value.as_bytes()));
        prop_assert!(client == peer || hops.contains(&client), "{} {}", client, value);
        // The caller asks only where the peer is trusted.
        let model = hops.iter().rev().fold((peer, true), |(client, on), hop| {
            if on { (*hop, trusted.contains(*hop)) } else { (client, on) }
        });
        prop_assert_eq!(client, model.0);
        // Whatever stands in front of an address, and whatever else there is, ends nothing early.
        let _ = trusted.client_of(peer, std::iter::once(junk.as_bytes()));
        prop_assert_eq!(trusted.client_of(peer, [value.as_bytes(), b"junk"].into_iter()), peer);
    }

    #[test]
    fn made_challenges_are_read_back(repository in "[ -~]{1,30}", from in repository(), push in any::<bool>()) {
        let public = Origin::parse("https://hub.example.com").unwrap();
        let action = if push { Action::Push } else { Action::Pull };
        let scopes = [scope(&repository, action), scope(&from, Action::Pull)];
        for error in [None, Some(TokenError::InvalidToken), Some(TokenError::InsufficientScope)] {
            let value = bearer_challenge(&realm_of(&public), &scopes, error);
            let challenges = parse(&value).unwrap();
            prop_assert_eq!(challenges.len(), 1);
            let param = |name: &str| challenges[0].param(name).map(|param| param.value.to_string());
            prop_assert!(challenges[0].is_bearer());
            prop_assert_eq!(param("realm"), Some("https://hub.example.com/service/token".to_owned()));
            prop_assert_eq!(param("service"), Some("harbor-registry".to_owned()));
            prop_assert_eq!(param("scope"), Some(format!("{} {}", scopes[0], scopes[1])));
            prop_assert_eq!(param("error"), error.map(|error| error.as_str().to_owned()));
        }
    }

    #[test]
    fn what_is_sealed_opens_for_its_step_and_for_no_other(
        token in "[!-~]{1,1200}", expires in 1..u64::MAX, nonce in any::<[u8; 24]>(),
        client in proptest::option::of(any::<[u8; 16]>()),
        parts in vec(".{0,20}", 4), other in vec(".{0,20}", 4), now in any::<u64>()
    ) {
        let keys = Keyring::new(SealingKey::new([1; 32]), Vec::new());
        let step = |parts: &[String]| -> [String; 4] { parts.to_vec().try_into().unwrap() };
        let (mine, another) = (step(&parts), step(&other));
        let ticket = Ticket {
            token: token.into(),
            expires,
            client: client.map(|octets| ClientNetwork::of(octets.into())),
        };
        let sealed = seal(&keys, &step_of(&mine), &ticket, nonce).unwrap();
        let opened = open(&keys, &step_of(&mine), sealed.as_bytes(), now);
        if now < expires {
prop_assert_eq!(opened, Ok(ticket))
} else {
prop_assert_eq!(opened, Err(OpenError::Expired))
}
        if mine != another {
            let elsewhere = open(&keys, &step_of(&another), sealed.as_bytes(), 0);
            prop_assert_eq!(elsewhere, Err(OpenError::Invalid));
        }
    }
}
