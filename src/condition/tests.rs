//! What conditions accept, what they say of what they don't, and what they find.

mod conformance;
mod second;

use super::*;
use http::HeaderMap;
use ipnet::IpNet;
use serde_json::json;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

/// 2026-11-28 09:30 UTC, a Saturday.
const SATURDAY: u64 = 1_795_858_200;

fn networks() -> Vec<(String, Vec<IpNet>)> {
    let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    vec![
        (
            "office".to_owned(),
            nets(&["192.0.2.0/24", "2001:db8::/32"]),
        ),
        ("build".to_owned(), nets(&["10.20.0.0/16"])),
    ]
}

fn compile(source: &str) -> Result<Condition, Vec<Flaw>> {
    let networks = networks();
    let names = Names {
        networks: &networks,
        registries: &["hq", "research"],
    };
    Condition::compile(source, &REQUEST, &names)
}

/// A push to `prod/app:v1` by a robot.
struct Push {
    headers: HeaderMap,
    client: Option<IpAddr>,
}

impl Default for Push {
    fn default() -> Push {
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", "docker/28.5".parse().unwrap());
        Push {
            headers,
            client: "10.20.3.4".parse().ok(),
        }
    }
}

impl Values for Push {
    fn value(&self, name: &str) -> Option<Value<'_>> {
        Some(match name {
            "surface" => Value::Text("registry"),
            "operation" => Value::Text("manifest_put"),
            "operation.writes" => Value::Truth(true),
            "operation.reads" | "tls" => Value::Truth(false),
            "registry" => Value::Text("hq"),
            "public" => Value::Text("https://hub.example.com"),
            "project" => Value::Text("prod"),
            "repository" => Value::Text("prod/app"),
            "reference" | "tag" => Value::Text("v1"),
            "digest" => Value::Text(""),
            "account" => Value::Text("robot$ci-1"),
            "account.is_robot" => Value::Truth(true),
            "client" => Value::Address(self.client),
            "client.family" => Value::Text("docker_classic"),
            "method" => Value::Text("PUT"),
            "path" => Value::Text("/v2/prod/app/manifests/v1"),
            "headers" => Value::Headers(&self.headers),
            "time" => Value::Time(UNIX_EPOCH + Duration::from_secs(SATURDAY)),
            _ => return None,
        })
    }
}

#[test]
fn each_name_of_the_vocabulary_has_a_value() {
    for variable in REQUEST.variables {
        assert!(
            Push::default().value(variable.name).is_some(),
            "{}",
            variable.name
        );
        assert!(variable.about.ends_with('.'), "{}", variable.name);
    }
}

#[test]
fn conditions_hold_or_dont() {
    for (source, expected) in [
        ("true", true),
        ("operation.writes && project == \"prod\"", true),
        (
            "!(account.startsWith(\"robot$ci\") && client in \"10.20.0.0/16\")",
            false,
        ),
        ("client in office", false),
        ("client in build && !(client in office)", true),
        ("client in [\"192.0.2.9\", \"10.20.0.0/16\"]", true),
        ("client in \"10.20.3.4\"", true),
        ("client in \"10.20.3.5\"", false),
        ("surface in [\"api\", \"ui\"]", false),
        (
            "operation == \"manifest_put\" ? tag == \"v1\" : false",
            true,
        ),
        ("registry != \"research\"", true),
        ("tag.matches(\"^v[0-9]+$\")", true),
        ("account.is_robot && digest == \"\"", true),
        ("headers[\"User-Agent\"].startsWith(\"docker/\")", true),
        ("\"user-agent\" in headers && !(\"range\" in headers)", true),
        ("has(headers.via)", false),
        ("has(headers.via) && headers.via == \"x\"", false),
        ("time.getDayOfWeek() == 6 && time.getHours() == 9", true),
        ("time.getHours(\"Europe/Berlin\") == 10", true),
        ("time > timestamp(\"2026-01-01T00:00:00Z\")", true),
        (
            "time - timestamp(\"2026-11-28T09:00:00Z\") == duration(\"30m\")",
            true,
        ),
        ("[\"prod\", \"live\"].exists(name, name == project)", true),
        ("size(repository) == 8 && repository.size() == 8", true),
        ("project + \"/app\" == repository", true),
        ("headers[\"range\"] == \"\" || true", true),
        ("false && headers[\"range\"] == \"\"", false),
        ("account.contains(\"$\") // a robot's", true),
    ] {
        let condition = compile(source).unwrap_or_else(|flaws| panic!("{source}: {flaws:?}"));
        assert_eq!(condition.holds(&Push::default()), Ok(expected), "{source}");
    }
}

#[test]
fn an_unknown_address_is_in_no_network() {
    let push = Push {
        client: None,
        ..Push::default()
    };
    for source in [
        "client in office",
        "client in \"0.0.0.0/0\"",
        "client in \"::/0\"",
    ] {
        assert_eq!(compile(source).unwrap().holds(&push), Ok(false), "{source}");
    }
}

#[test]
fn what_cant_be_evaluated_says_so_and_no_value() {
    for (source, words) in [
        ("headers[\"range\"] == \"x\"", "there is no \"range\""),
        ("headers.via == \"x\"", "there is no \"via\""),
        ("size(account) / (size(tag) - 2) == 1", "a division by zero"),
        ("int(account) == 1", "int() can't be applied"),
        ("[1, 2][size(account)] == 1", "beyond the end"),
    ] {
        let found = compile(source).unwrap().holds(&Push::default());
        let Err(Unevaluable(message)) = found else {
            panic!("{source}: {found:?}");
        };
        assert!(message.contains(words), "{source}: {message}");
        assert!(!message.contains("robot"), "{source}: {message}");
    }
}

#[test]
fn flaws_are_named_with_their_place() {
    for (source, column, words) in [
        ("accounts == \"x\"", 1, "did you mean \"account\"?"),
        ("true && projects == \"x\"", 9, "did you mean \"project\"?"),
        ("client in offices", 11, "did you mean \"office\"?"),
        ("operation.write", 10, "did you mean \"operation.writes\"?"),
        (
            "operation == \"manifest_psh\"",
            14,
            "did you mean \"manifest_put\"?",
        ),
        (
            "operation in [\"ping\", \"pull\"]",
            23,
            "operation is never \"pull\"",
        ),
        ("registry == \"lab\"", 13, "accepted: hq, research"),
        ("client == \"10.0.0.1\"", 8, "compared by `in`"),
        ("client.in(\"10.0.0.0/8\")", 8, "`in` is an operator"),
        ("client in \"10.0.0.1/8\"", 11, "bits beyond its prefix"),
        ("client in \"ten\"", 11, "is no network"),
        ("client in account", 8, "an address can't be in a string"),
        ("account in office", 9, "a string can't be in a network"),
        (
            "account.startswith(\"x\")",
            19,
            "did you mean \"startsWith\"?",
        ),
        ("account.startsWith(1)", 19, "doesn't take (string, int)"),
        ("account.matches(tag)", 17, "has to stand there"),
        ("account.matches(\"(\")", 17, "no regular expression"),
        ("headers[\"authorization\"] == \"x\"", 9, "is not shown"),
        ("headers.cookie == \"x\"", 8, "is not shown"),
        ("time.getHours(\"Berlin\") == 1", 14, "can't be evaluated"),
        ("time > timestamp(\"yesterday\")", 17, "can't be evaluated"),
        ("account == 1", 9, "a string and an int are never equal"),
        ("account && true", 1, "has to be a bool"),
        ("account", 1, "and this is a string"),
        ("account < 1", 9, "have no order"),
        ("account - tag == \"x\"", 9, "is nothing"),
        ("{\"a\": 1} == {\"a\": 1}", 1, "maps can't be written"),
        ("account.x == \"y\"", 8, "accepted: account.is_robot"),
        ("project.x == \"y\"", 8, "nothing behind a dot"),
        ("account ==", 11, "no CEL expression"),
        ("account.?x == 1", 8, "unsupported syntax"),
        ("optional.none() == 1", 1, "\"optional\" is not a name"),
        ("[[1]].exists(x, x.exists(y, y == 1))", 25, "within a macro"),
        ("[1, \"a\"] == []", 5, "can't hold"),
        ("\"ä\" == accounts", 8, "did you mean"),
    ] {
        let flaws = compile(source).expect_err(source);
        let flaw = &flaws[0];
        assert!(flaw.message.contains(words), "{source}: {flaw}");
        assert_eq!((flaw.line, flaw.column), (1, column), "{source}: {flaw}");
    }
}

#[test]
fn all_flaws_of_a_condition_are_named_at_once() {
    let flaws = compile("accounts == \"x\"\n  && projects == 1").unwrap_err();
    let places: Vec<_> = flaws.iter().map(|flaw| (flaw.line, flaw.column)).collect();
    assert_eq!(places, [(1, 1), (2, 6)]);
}

#[test]
fn a_condition_has_an_end() {
    let long = format!("account == \"{}\"", "x".repeat(LONGEST));
    assert!(
        compile(&long).unwrap_err()[0]
            .message
            .contains("longer than")
    );
    let brackets = |count| format!("{}true{}", "(".repeat(count), ")".repeat(count));
    assert!(compile(&brackets(50)).is_ok());
    assert!(compile(&brackets(MOST_BRACKETS + 1)).is_err());
    for deep in [
        vec!["1"; 500].join(" + ") + " == 500",
        "true ? true : ".repeat(200) + "true",
        format!("claims{} == 1", ".a".repeat(1000)),
        format!("{}true", "!".repeat(2000)),
        format!("{}1 == 1", "-".repeat(2000)),
    ] {
        let _ = compile(&deep);
        let _ = Condition::compile(&deep, &CLAIMS, &Names::default());
    }
    let sum = vec!["1"; 500].join(" + ") + " == 500";
    assert!(compile(&sum).unwrap_err()[0].message.contains("too deep"));
    let wide = vec!["project == \"x\""; 200].join(" || ");
    assert_eq!(compile(&wide).unwrap().holds(&Push::default()), Ok(false));
    let huge = "account.matches(\"((a{1,500}){1,500}){1,500}\")";
    assert!(
        compile(huge).unwrap_err()[0]
            .message
            .contains("no regular expression")
    );
}

struct Job(Claims);

impl Values for Job {
    fn value(&self, name: &str) -> Option<Value<'_>> {
        (name == "claims").then_some(Value::Claims(&self.0))
    }
}

#[test]
fn claims_have_their_own_vocabulary() {
    let claims = json!({
        "repository": "acme/app", "ref": "refs/heads/main", "run": 7, "groups": ["a", "b"],
        "environment": null, "nested": { "deep": true },
    });
    let job = Job(Claims::new(&claims).unwrap());
    let of = |source| Condition::compile(source, &CLAIMS, &Names::default());
    for (source, expected) in [
        (
            "claims.repository == \"acme/app\" && claims.ref == \"refs/heads/main\"",
            Some(true),
        ),
        ("claims.repository == \"acme/other\"", Some(false)),
        ("claims.run == 7 && claims[\"run\"] > 6", Some(true)),
        ("claims.groups.exists(group, group == \"b\")", Some(true)),
        ("\"a\" in claims.groups", Some(true)),
        ("has(claims.ref) && !has(claims.sub)", Some(true)),
        ("claims.nested.deep", Some(true)),
        ("claims.ref.startsWith(\"refs/heads/\")", Some(true)),
        (
            "claims.ref.matches(\"^refs/heads/(main|release-.*)$\")",
            Some(true),
        ),
        ("claims.sub == \"x\"", None),
        ("claims.ref", None),
        ("claims.run.startsWith(\"7\")", None),
        ("claims.environment == \"prod\"", Some(false)),
    ] {
        let condition = of(source).unwrap_or_else(|flaws| panic!("{source}: {flaws:?}"));
        assert_eq!(condition.holds(&job).ok(), expected, "{source}");
    }
    assert!(of("account == \"x\"").is_err());
    assert!(Claims::new(&json!(["a"])).is_none());
}
