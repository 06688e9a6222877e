//! Origins that several registries or mirrors have, and every mistake.

use super::hops::load;
use super::{Files, assert_lines, registries, registry, top};

/// hq and dev at one origin, each with these keys.
fn both(hq: &str, dev: &str) -> String {
    let one = |name: &str, number: u8, more: &str| {
        format!(
            "{{ name: {name}, public: [https://hub], upstream: {{ endpoints: [http://10.0.0.{number}] }}{more} }}"
        )
    };
    registries(&format!("{}, {}", one("hq", 5, hq), one("dev", 6, dev)))
}

fn mirror(yaml: &str) -> String {
    top(&format!("mirrors: [{yaml}]"))
}

#[test]
fn registries_share_an_origin_by_their_projects() {
    for (hq, dev) in [("", ", projects: [lab, 'ml-*']"), (", projects: [lab]", "")] {
        let config = load(&both(hq, dev));
        assert_eq!(config.registries.len(), 2);
        let printed = config.to_yaml().unwrap();
        let again = Files::new().load(&printed).unwrap();
        assert_eq!(again.to_yaml().unwrap(), printed);
    }
    assert_lines(&[
        (
            registries(
                "{ name: hq, public: [https://hub], projects: [lab], upstream: { endpoints: [http://10.0.0.5] } }",
            ),
            "registries[0].projects: says which projects of https://hub are this registry's, but no registry without `projects` has that origin, and with it the rest",
        ),
        (
            both(", projects: [lab, lab]", ""),
            "registries[0].projects[1]: \"lab\" appears twice, first at registries[0].projects[0]",
        ),
        (
            registry("projects: [Lab]"),
            "registries[0].projects[0]: \"Lab\" is not understood; accepted: a project's name, or how it begins and a star, such as ml-*",
        ),
    ]);
}

/// A project is one Harbor's.
#[test]
fn projects_of_several_registries_do_not_overlap() {
    let one = |name: &str, number: u8, projects: &str| {
        format!(
            "{{ name: {name}, public: [https://hub], upstream: {{ endpoints: [http://10.0.0.{number}] }}, projects: [{projects}] }}"
        )
    };
    let all = [
        one("hq", 5, ""),
        one("dev", 6, "ml-a"),
        one("far", 7, "'ml-*'"),
    ];
    let yaml = registries(&all.join(", "));
    assert_lines(&[(
        yaml,
        "registries[2].projects[0]: \"ml-*\" has projects in common with \"ml-a\" at registries[1].projects[0]; each belongs to one registry",
    )]);
}

#[test]
fn mirrors_are_projects_with_origins_of_their_own() {
    let config = load(&mirror(
        "{ public: [https://mirror.example.com], registry: hq, project: dockerhub, ns: [docker.io] }, { public: [https://mirror.example.com], registry: hq, project: ghcr, ns: [ghcr.io, 'localhost:5000'] }, { public: [https://team.example.com], registry: hq, project: team }",
    ));
    let projects: Vec<&str> = config
        .mirrors
        .iter()
        .map(|one| one.project.as_str())
        .collect();
    assert_eq!(projects, ["dockerhub", "ghcr", "team"]);
    assert_eq!(config.mirrors[1].sources, ["ghcr.io", "localhost:5000"]);
    let printed = config.to_yaml().unwrap();
    assert_eq!(
        Files::new().load(&printed).unwrap().to_yaml().unwrap(),
        printed
    );
    assert_lines(&[
        (
            mirror("{ public: [https://m], registry: other, project: a }"),
            "mirrors[0].registry: \"other\" is not one of the registries; accepted: hq",
        ),
        (
            mirror("{ public: [https://m], registry: hq, project: a/b }"),
            "mirrors[0].project: \"a/b\" is not understood; accepted: a project's name, such as dockerhub",
        ),
        (
            mirror("{ public: [https://m], registry: hq, project: a, ns: ['https://docker.io'] }"),
            "mirrors[0].ns[0]: \"https://docker.io\" is not understood; accepted: a registry's host as it stands in front of an image's name, such as docker.io or ghcr.io",
        ),
        (
            mirror("{ public: [http://hub.example.com], registry: hq, project: a }"),
            "mirrors[0].public[0]: http://hub.example.com has the same Host as registries[0].public[0], which belongs to another registry; requests could not be told apart (registries share an origin if all but one have `projects`)",
        ),
        (
            mirror(
                "{ public: [https://m], registry: hq, project: a, ns: [docker.io] }, { public: [https://m], registry: hq, project: b }",
            ),
            "mirrors[1].public[0]: https://m has the same Host as mirrors[0].public[0], which belongs to another mirror; mirrors that share one are told apart by `ns`, which both have to have",
        ),
        (
            mirror(
                "{ public: [https://m], registry: hq, project: a, ns: [docker.io] }, { public: [https://m], registry: hq, project: b, ns: [ghcr.io, docker.io] }",
            ),
            "mirrors[1].ns[1]: \"docker.io\" appears twice, first at mirrors[0].ns[0]",
        ),
        (
            mirror("{ public: [], registry: hq, project: a }"),
            "mirrors[0].public: is an empty list; accepted: a list of at least one scheme://host[:port] that clients configure",
        ),
    ]);
}

/// A canary pushes through the origin that it shares.
#[test]
fn a_canary_is_at_its_own_registry() {
    let with = |registry: &str, repository: &str| {
        let canary = format!(
            "canary: {{ registry: {registry}, repository: {repository}, credentials: robot.txt }}\n"
        );
        both("", ", projects: [lab, 'ml-*']") + &canary
    };
    for (registry, repository) in [
        ("hq", "pub/canary"),
        ("dev", "lab/canary"),
        ("dev", "ml-a/canary"),
    ] {
        load(&with(registry, repository));
    }
    assert_lines(&[
        (
            with("hq", "lab/canary"),
            "canary.repository: is in the project \"lab\", which isn't at \"hq\" where registries share its origin; a canary pushes to its own registry",
        ),
        (
            with("dev", "pub/canary"),
            "canary.repository: is in the project \"pub\", which isn't at \"dev\" where registries share its origin; a canary pushes to its own registry",
        ),
    ]);
}

/// What a fallback and a followed redirect need.
#[test]
fn other_sites_are_other_registries_with_an_account() {
    let with = |hq: &str, dev: &str| {
        registries(&format!(
            "{{ name: hq, public: [https://hub], upstream: {{ endpoints: [http://10.0.0.5] }}{hq} }}, {{ name: dev, public: [https://dev], upstream: {{ endpoints: [http://10.0.0.6] }}{dev} }}"
        ))
    };
    let account = ", credentials: { file: robot.txt }";
    let config = load(&with(
        ", fallback: [{ registry: dev, when: [not_found, unreachable], projects: [{ project: lab, as: lab-copy }] }], storage_redirects: { follow: [10.0.0.0/8] }, storage: { hosts: ['minio:9000'], max_in_flight: 7 }",
        account,
    ));
    let printed = config.to_yaml().unwrap();
    let again = Files::new().load(&printed).unwrap();
    assert_eq!(again.to_yaml().unwrap(), printed);
    assert!(!printed.contains("S3cret"), "{printed}");
    assert_lines(&[
        (
            with(", fallback: [dev]", ""),
            "registries[0].fallback[0]: \"dev\" has no `credentials`; a fallback is asked with a robot account of its own",
        ),
        (
            with(", fallback: [hq]", account),
            "registries[0].fallback[0]: is this registry itself; a fallback is another one",
        ),
        (
            with(", fallback: [far]", account),
            "registries[0].fallback[0]: \"far\" is not one of the registries; accepted: hq, dev",
        ),
        (
            with(", fallback: [dev, { registry: dev }]", account),
            "registries[0].fallback[1].registry: \"dev\" appears twice, first at registries[0].fallback[0]",
        ),
        (
            with(", storage_redirects: follow", ""),
            "registries[0].storage_redirects: has no effect without storage.hosts; list the hosts that redirects may lead to there",
        ),
        (
            with(", storage_redirects: yes", ""),
            "registries[0].storage_redirects: \"yes\" is not understood; accepted: pass, follow, or { follow: [ networks of clients ] }",
        ),
        (
            with(", storage: { hosts: ['*'] }", ""),
            "registries[0].storage.hosts[0]: \"*\" is not understood; accepted: a host with its port where that isn't the default, such as minio.internal:9000 or *.s3.eu-central-1.amazonaws.com",
        ),
        (
            with(", credentials: { file: none.txt }", ""),
            "registries[0].credentials.file: \"none.txt\" can't be read: no such file",
        ),
    ]);
}
