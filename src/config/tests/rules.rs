//! Rules, the networks that they name, and every mistake.

use super::hops::load;
use super::{Files, assert_lines, top};

fn rules(yaml: &str) -> String {
    top(&format!("rules: [{yaml}]"))
}

#[test]
fn rules_are_printed_as_they_are_read() {
    let config = load(&top(
        "networks: { office: [192.0.2.0/24, '2001:db8::/32'], one: [10.0.0.1] }
rules:
  - { name: only CI, when: 'operation.writes && project == \"prod\"', deny: { message: no } }
  - { name: office, when: client in office, allow: {} }
  - { name: what if, when: client in one, report: {} }
  - { name: slow, rate: { per: project, requests: 600/m, burst: 5, bytes: 100MiB/s } }
  - { name: policy, when: account.is_robot, on_error: allow, ask: { url: 'http://policy.internal/registry?v=1', cache: 10s } }",
    ));
    let printed = config.to_yaml().unwrap();
    for line in [
        "status: 403",
        "allow: {}",
        "report: {}",
        "requests: 600/m",
        "bytes: 100MiB/s",
        "url: http://policy.internal/registry?v=1",
        "timeout: 300ms",
        "on_error: allow",
        "- 10.0.0.1/32",
    ] {
        assert!(printed.contains(line), "{line}:\n{printed}");
    }
    let again = Files::new().load(&printed).unwrap();
    assert_eq!(again.to_yaml().unwrap(), printed);
    assert_eq!(again.rules, config.rules);
}

#[test]
fn each_mistake_in_a_rule_is_named() {
    assert_lines(&[
        (
            rules("{ name: a }"),
            "rules[0]: has to say what happens: exactly one of deny, allow, report, rate, ask",
        ),
        (
            rules("{ name: a, deny: {}, report: {} }"),
            "rules[0]: has to say what happens: exactly one of deny, allow, report, rate, ask",
        ),
        (
            rules("{ name: a, deny: {} }, { name: a, allow: {} }"),
            "rules[1].name: \"a\" appears twice, first at rules[0].name",
        ),
        (
            rules("{ name: ' a', deny: {} }"),
            "rules[0].name: \" a\" is not understood; accepted: a name of 1 to 100 characters on one line, such as pushes to prod only by CI",
        ),
        (
            rules("{ name: a, when: projects == \"x\", deny: {} }"),
            "rules[0].when: line 1, column 1: \"projects\" is not a name that is known here (did you mean \"project\"?); accepted: surface, operation, operation.writes, operation.reads, registry, public, project, repository, reference, tag, digest, account, account.is_robot, client, client.family, method, path, headers, time, tls",
        ),
        (
            rules("{ name: a, when: registry == \"lab\", deny: {} }"),
            "rules[0].when: line 1, column 13: registry is never \"lab\"; accepted: hq",
        ),
        (
            rules("{ name: a, deny: { status: 401 } }"),
            "rules[0].deny.status: 401 would ask the client for credentials, which only Harbor may; accepted: 403, and any other from 400 to 599",
        ),
        (
            rules("{ name: a, rate: { per: client } }"),
            "rules[0].rate: limits nothing: set requests, bytes or both",
        ),
        (
            rules("{ name: a, rate: { per: client, bytes: 1MiB/s, burst: 2 } }"),
            "rules[0].rate.burst: has no effect without requests",
        ),
        (
            rules("{ name: a, rate: { per: client, requests: 5/day, bytes: 1MiB/s } }"),
            "rules[0].rate.requests: \"5/day\" is not understood; accepted: a whole number from 1 to 1000000 in a second, minute or hour, such as 50/s or 600/m",
        ),
        (
            rules("{ name: a, rate: { per: client, requests: 5/s, bytes: 1KiB/s } }"),
            "rules[0].rate.bytes: \"1KiB/s\" is not understood; accepted: a size from 64KiB to 1TiB in a second, such as 100MiB/s",
        ),
        (
            rules("{ name: a, ask: { url: 'http://me:pw@policy/' } }"),
            "rules[0].ask.url: \"http://***@policy/\" has user information; an origin is only scheme://host[:port]",
        ),
        (
            rules(
                "{ name: a, ask: { url: 'http://p/', timeout: 1s } }, { name: b, ask: { url: 'http://p/', timeout: 600ms } }",
            ),
            "rules[1].ask: makes the rules ask for more than 1500ms together, with the timeouts of the rules before; a request waits for all of them",
        ),
    ]);
}

#[test]
fn each_mistake_in_the_networks_is_named() {
    assert_lines(&[
        (
            top("networks: { in: [10.0.0.0/8] }"),
            "networks.in: \"in\" can't be a network's name; accepted: letters, digits and _, beginning with a letter, and no name that conditions know already",
        ),
        (
            top("networks: { client: [10.0.0.0/8] }"),
            "networks.client: \"client\" can't be a network's name; accepted: letters, digits and _, beginning with a letter, and no name that conditions know already",
        ),
        (
            top("networks: { the-office: [10.0.0.0/8] }"),
            "networks.the-office: \"the-office\" can't be a network's name; accepted: letters, digits and _, beginning with a letter, and no name that conditions know already",
        ),
        (
            top("networks: { office: [] }"),
            "networks.office: is an empty list; accepted: a list of addresses and networks, such as [ 192.0.2.0/24, \"2001:db8::/32\" ]",
        ),
        (
            top("networks: { office: [10.0.0.1/8] }"),
            "networks.office[0]: \"10.0.0.1/8\" has bits beyond its prefix; write 10.0.0.0/8 for the whole network or 10.0.0.1 for the one address",
        ),
        (
            top("networks: { office: [10.0.0.0/8], office: [192.0.2.0/24] }"),
            "networks.office: \"office\" appears twice, first at networks.office",
        ),
    ]);
}
