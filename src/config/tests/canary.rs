//! Canaries: one or several, their credentials, and every mistake.

use super::hops::load;
use super::{Files, LISTENERS, Path, assert_lines, top};
use std::time::Duration;

/// What stands in no output.
const SECRET: &str = "S3cret";

fn canary(yaml: &str) -> String {
    top(&format!("canary: {yaml}"))
}

fn credentials(file: &str) -> String {
    canary(&format!(
        "{{ registry: hq, repository: lab/canary, credentials: {file} }}"
    ))
}

#[test]
fn one_table_and_a_list_of_one_are_the_same() {
    let one = "{ registry: hq, repository: lab/canary, credentials: robot.txt }";
    let (table, list) = (load(&canary(one)), load(&canary(&format!("[{one}]"))));
    assert_eq!(table.canaries, list.canaries);
    let [canary] = table.canaries.as_slice() else {
        panic!("{table:?}");
    };
    assert_eq!(
        (canary.registry.as_str(), canary.repository.as_str()),
        ("hq", "lab/canary")
    );
    assert_eq!(canary.credentials.file, Path::new("/conf/robot.txt"));
    assert_eq!(canary.credentials.user, "robot$canary");
    assert_eq!(canary.credentials.password.as_str(), "S3cret:and:more");
    assert_eq!(
        (canary.interval, &canary.ca),
        (Duration::from_secs(60), &None)
    );
    assert!(table.warnings.is_empty(), "{:?}", table.warnings);
    for none in ["threads: 1", "canary: []"] {
        assert!(load(&top(none)).canaries.is_empty(), "{none}");
    }
}

#[test]
fn what_is_printed_loads_again_and_holds_no_secret() {
    let files = Files::new();
    let yaml = format!(
        "{LISTENERS}registries: [{{ name: hq, public: [http://hub], upstream: {{ endpoints: [http://10.0.0.5] }} }}, {{ name: dev, public: [http://dev], upstream: {{ endpoints: [http://10.0.0.6] }} }}]\n\
         canary:\n  - {{ registry: dev, repository: a, credentials: crlf.txt, interval: 90s, ca: ca.pem, realm_hosts: [Auth.example.com] }}\n  - {{ registry: hq, repository: a-b/c_d/e.f--g, credentials: robot.txt }}\n"
    );
    let first = files.load(&yaml).unwrap();
    let printed = first.to_yaml().unwrap();
    let second = files.load(&printed).unwrap();
    assert_eq!(first.canaries, second.canaries);
    assert_eq!(second.to_yaml().unwrap(), printed);
    for value in [
        "credentials: /conf/crlf.txt",
        "interval: 1m 30s",
        "interval: 1m\n",
        "ca: /conf/ca.pem",
        "- auth.example.com",
    ] {
        assert!(printed.contains(value), "{value}: {printed}");
    }
    for shown in [printed, format!("{first:?}")] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    let watched = first.files();
    for file in ["/conf/crlf.txt", "/conf/robot.txt", "/conf/ca.pem"] {
        assert!(watched.contains(&file.into()), "{file}: {watched:?}");
    }
}

#[test]
fn bad_canaries_are_refused() {
    const REPOSITORY: &str =
        "is not understood; accepted: a repository's name without its registry, such as lab/canary";
    const FILE: &str = "the name of a file whose first line is USER:PASSWORD; relative names start at this file's directory";
    const LINE: &str = "holds no user and password; accepted: a first line USER:PASSWORD";
    let repository = |name: &str| {
        let yaml = format!("{{ registry: hq, repository: {name}, credentials: robot.txt }}");
        (
            canary(&yaml),
            format!("canary.repository: {name:?} {REPOSITORY}"),
        )
    };
    let line = |file: &str| {
        (
            credentials(file),
            format!("canary.credentials: {file:?} {LINE}"),
        )
    };
    let long = format!("a/{}", "b".repeat(254));
    let interval = |given: &str| {
        canary(&format!(
            "{{ registry: hq, repository: a, credentials: robot.txt, interval: {given} }}"
        ))
    };
    let bounds = "is not between 10s and 24h: a shorter interval loads Harbor, a longer one reports failures hours later";
    let row = |(yaml, line): (String, String)| (yaml, line);
    let rows = [
        row(repository("Lab/canary")),
        row(repository("lab/canary:v1")),
        row(repository("lab//canary")),
        row(repository("/lab/canary")),
        row(repository("lab/canary/")),
        row(repository("lab/-canary")),
        row(repository("lab/can..ary")),
        row(repository("lab/can___ary")),
        row(repository("hub.example.com:5000/lab")),
        row(line("no-user.txt")),
        row(line("no-password.txt")),
        row(line("no-colon.txt")),
        row(line("second-line.txt")),
        row(line("control.txt")),
        row(line("empty.pem")),
        (
            canary(&format!("{{ registry: hq, repository: {long}, credentials: robot.txt }}")),
            format!("canary.repository: \"{}…\" {REPOSITORY}", &long[..120]),
        ),
        (
            credentials("nowhere.txt"),
            "canary.credentials: \"nowhere.txt\" can't be read: no such file".to_owned(),
        ),
        (
            // The password itself, where its file should be named.
            credentials("robot:S3cret"),
            format!("canary.credentials: \"***\" is not understood; accepted: {FILE}"),
        ),
        (
            credentials("''"),
            format!("canary.credentials: \"\" is not understood; accepted: {FILE}"),
        ),
        (
            credentials("{ user: me, password: S3cret }"),
            format!("canary.credentials: is a table of keys; accepted: {FILE}"),
        ),
        (
            interval("9s"),
            format!("canary.interval: \"9s\" {bounds}"),
        ),
        (
            interval("25h"),
            format!("canary.interval: \"25h\" {bounds}"),
        ),
        (
            interval("60"),
            "canary.interval: is the number 60; accepted: a number with its unit, such as 5s, 15m or 1h 30m".to_owned(),
        ),
        (
            canary("{ registry: dev, repository: a, credentials: robot.txt }"),
            "canary.registry: \"dev\" is not one of the registries; accepted: hq".to_owned(),
        ),
        (
            canary("{ repository: a, credentials: robot.txt }"),
            "canary.registry: is missing; accepted: the name of one of the registries".to_owned(),
        ),
        (
            canary("{ registry: hq, credentials: robot.txt }"),
            "canary.repository: is missing; accepted: a repository's name without its registry, such as lab/canary".to_owned(),
        ),
        (
            canary("{ registry: hq, repository: a }"),
            format!("canary.credentials: is missing; accepted: {FILE}"),
        ),
        (
            canary("{ registry: hq, repository: a, credentials: robot.txt, intervall: 1m }"),
            "canary.intervall: is not a known key (did you mean \"interval\"?); accepted here: registry, repository, credentials, interval, ca, realm_hosts".to_owned(),
        ),
        (
            canary("{ registry: hq, repository: a, credentials: robot.txt, ca: robot.txt }"),
            "canary.ca: \"robot.txt\" holds no certificate; accepted: PEM with \"BEGIN CERTIFICATE\", the server's own certificate first".to_owned(),
        ),
        (
            canary("{ registry: hq, repository: a, credentials: robot.txt, realm_hosts: [a b] }"),
            "canary.realm_hosts[0]: \"a b\" is not understood; accepted: a host without scheme and port, such as auth.example.com".to_owned(),
        ),
        (
            canary("lab/canary"),
            "canary: is the text \"lab/canary\"; accepted: a table with registry, repository and credentials, or a list of them".to_owned(),
        ),
        (
            canary("[lab/canary]"),
            "canary[0]: is the text \"lab/canary\"; accepted: a table with registry, repository and credentials".to_owned(),
        ),
        (
            canary("[{ registry: hq, repository: a, credentials: robot.txt }, { registry: hq, repository: b, credentials: crlf.txt }]"),
            "canary[1].registry: \"hq\" appears twice, first at canary[0].registry".to_owned(),
        ),
    ];
    let rows = rows
        .iter()
        .map(|(yaml, line)| (yaml.clone(), line.as_str()));
    let rows: Vec<(String, &str)> = rows.collect();
    assert_lines(&rows);
    let lines = rows.iter().flat_map(|(yaml, _)| Files::new().lines(yaml));
    assert!(lines.into_iter().all(|line| !line.contains(SECRET)));
}

#[test]
fn credentials_that_everybody_may_read_are_a_warning() {
    let warnings = load(&credentials("open.txt")).warnings;
    assert_eq!(
        Vec::from_iter(warnings.iter().map(ToString::to_string)),
        [
            "canary.credentials: \"open.txt\" can be read by every user of this machine; set its mode to 0600, in Kubernetes the Secret's defaultMode to 0440"
        ]
    );
}
