//! Identities: what each says, and every mistake.

use super::hops::load;
use super::{Files, LISTENERS, Path, assert_lines, top};

const FORGE: &str = "name: forge, issuer: \"https://git.example.com\", audience: \"https://hub\", when: 'claims.ref == \"refs/heads/main\"', credentials: { file: robot.txt }";

fn identities(yaml: &str) -> String {
    top(&format!("identities: [{yaml}]"))
}

fn forge(more: &str) -> String {
    identities(&format!("{{ {FORGE}, {more} }}"))
}

#[test]
fn an_identity_is_read_whole() {
    let config = load(&forge("repositories: [ \"lab/*\", pub/base ], ca: ca.pem"));
    let [identity] = config.identities.as_slice() else {
        panic!("{config:?}");
    };
    assert_eq!(identity.name, "forge");
    assert_eq!(identity.issuer.as_str(), "https://git.example.com");
    assert_eq!(identity.account(), "robot$canary");
    assert_eq!(identity.repositories().to_string(), "lab/*, pub/base");
    assert!(identity.is_for("hq"));
    let when = identity.when.as_ref().map(|when| when.0.source());
    assert_eq!(when, Some("claims.ref == \"refs/heads/main\""));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let files = config.files();
    for file in ["/conf/robot.txt", "/conf/ca.pem"] {
        assert!(files.iter().any(|it| it == Path::new(file)), "{file}");
    }
    let shown = format!("{config:?}");
    assert!(!shown.contains("S3cret"), "{shown}");
    assert!(load(&top("identities: []")).identities.is_empty());
}

#[test]
fn what_is_printed_loads_again_and_holds_no_secret() {
    let files = Files::new();
    let yaml = forge("registry: hq, repositories: [ \"lab/app-*\" ], ca: ca.pem");
    let first = files.load(&yaml).unwrap();
    let printed = first.to_yaml().unwrap();
    let second = files.load(&printed).unwrap();
    assert_eq!(first.identities, second.identities);
    assert_eq!(second.to_yaml().unwrap(), printed);
    assert!(printed.contains("file: /conf/robot.txt"), "{printed}");
    assert!(!printed.contains("S3cret"), "{printed}");
}

#[test]
fn every_mistake_is_told() {
    let accepted = "accepted:";
    for (yaml, expected) in [
        (
            identities("{ name: forge }"),
            "identities[0].issuer: is missing; accepted: an issuer's URL",
        ),
        (
            identities("{ name: forge }"),
            "identities[0].credentials: is missing; accepted: a table with file",
        ),
        (
            forge("registry: dev"),
            "identities[0].registry: \"dev\" is not one of the registries; accepted: hq",
        ),
        (
            forge("repositories: [ lab ]"),
            "identities[0].repositories[0]: \"lab\" is not understood; accepted: a repository with its project",
        ),
        (
            identities(&format!("{{ {FORGE} }}, {{ {FORGE} }}")),
            "identities[1].name: \"forge\" appears twice, first at identities[0].name",
        ),
        (
            identities(&format!(
                "{{ {} }}",
                FORGE.replace("https://git", "http://git")
            )),
            "identities[0].issuer: \"http://git.example.com\" is not understood; accepted: an issuer's URL",
        ),
        (
            identities(&format!("{{ {} }}", FORGE.replace("forge", "other"))),
            "identities[0].name: \"other\" is not understood;",
        ),
        (
            identities(&format!(
                "{{ {} }}",
                FORGE.replace("robot.txt", "empty.txt")
            )),
            "identities[0].credentials.file: ",
        ),
        (
            identities(&format!(
                "{{ {} }}",
                FORGE.replace("robot.txt", "\"robot$ci:S3cret\"")
            )),
            "identities[0].credentials.file: \"***\" is not understood;",
        ),
        (
            identities(&format!(
                "{{ {} }}",
                FORGE.replace("claims.ref ==", "claim.ref ==")
            )),
            "identities[0].when: line 1, column 1: ",
        ),
        (
            identities(&format!(
                "{{ {} }}",
                FORGE
                    .replace("claims.ref == \"refs/heads/main\"", "claims.ref ==")
                    .as_str()
            )),
            "identities[0].when: line 1, column ",
        ),
        (
            identities(&format!(
                "{{ {FORGE} }}, {{ {}, ca: ca.pem }}",
                FORGE.replace("name: forge", "name: other")
            )),
            "identities[1].ca: differs from identities[0].ca, which has the same issuer",
        ),
        (
            identities(
                "{ name: forge, issuer: \"https://token.actions.githubusercontent.com\", audience: a, credentials: { file: robot.txt } }",
            ),
            "identities[0].issuer: issues tokens to everybody, for any audience,",
        ),
    ] {
        let problems = Files::new().load(&yaml).unwrap_err().to_string();
        assert!(problems.contains(expected), "{yaml}\n{problems}");
        assert!(!problems.contains("S3cret"), "{problems}");
        assert!(problems.contains(accepted) || !expected.contains(accepted));
    }
}

#[test]
fn with_several_registries_an_identity_names_its_own() {
    let two = format!(
        "{LISTENERS}registries: [{{ name: hq, public: [http://hub], upstream: {{ endpoints: [http://10.0.0.5] }} }}, {{ name: dev, public: [http://dev], upstream: {{ endpoints: [http://10.0.0.6] }} }}]\n"
    );
    assert_lines(&[(
        format!("{two}identities: [{{ {FORGE} }}]"),
        "identities[0]: names no registry, and there are several: its robot is one Harbor's; accepted in registry: hq, dev",
    )]);
    let config = load(&format!("{two}identities: [{{ {FORGE}, registry: dev }}]"));
    let [identity] = config.identities.as_slice() else {
        panic!("{config:?}");
    };
    assert_eq!(
        (identity.is_for("hq"), identity.is_for("dev")),
        (false, true)
    );
}

#[test]
fn what_is_more_than_it_looks_is_warned_of() {
    let open = FORGE.replace("when: 'claims.ref == \"refs/heads/main\"', ", "");
    let warnings = |yaml: &str| {
        let warnings = load(yaml).warnings;
        warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let open = warnings(&identities(&format!("{{ {open} }}")));
    assert!(
        open.contains("identities[0]: has no `when`: every token of https://git.example.com for its audience is taken"),
        "{open}"
    );
    let other = FORGE.replace("name: forge", "name: other-forge");
    let shared = identities(&format!(
        "{{ {FORGE} }}, {{ {other}, repositories: [ lab/app ] }}"
    ));
    let shared = warnings(&shared);
    assert!(
        shared.contains("identities[1]: has the robot robot$canary of the identity forge"),
        "{shared}"
    );
    let same = identities(&format!("{{ {FORGE} }}, {{ {other} }}"));
    assert_eq!(warnings(&same), "");
}
