//! Trusted proxies, moved Authorization, sealing keys and the limit of logins.

use super::super::{ClientAddressRule, Config, Prefer, ReattachMode};
use super::{Files, LISTENERS, Path, assert_lines, registries, registry, top};
use crate::ticket::Key;
use std::time::Duration;

fn load(yaml: &str) -> Config {
    let loaded = Files::new().load(yaml);
    loaded.unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

#[test]
fn nothing_is_trusted_and_tickets_are_issued_by_default() {
    let config = load(&top("threads: 1"));
    assert!(config.trusted_proxies.is_empty());
    assert!(config.restore_authorization_from.is_empty());
    let limit = &config.login_limit;
    assert_eq!((limit.failures, limit.within.as_secs()), (20, 300));
    assert!(limit.exempt.is_empty());
    let reattach = &config.registries[0].reattach;
    assert_eq!(reattach.mode, ReattachMode::Ticket);
    assert_eq!(reattach.client_address, ClientAddressRule::Note);
    assert!(reattach.keys.is_none());
    assert!(config.warnings.is_empty());
}

#[test]
fn networks_are_read_as_they_are_meant() {
    for (typed, network) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.5", "10.0.0.5/32"),
        ("10.0.0.5/32", "10.0.0.5/32"),
        ("fd00::/8", "fd00::/8"),
        ("FD00:0::/8", "fd00::/8"),
        ("::1", "::1/128"),
        ("::ffff:10.0.0.5", "10.0.0.5/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ] {
        let config = load(&top(&format!("trusted_proxies: ['{typed}']")));
        let read: Vec<_> = config
            .trusted_proxies
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(read, [network], "{typed}");
        let config = load(&top(&format!("login_limit: {{ exempt: ['{typed}'] }}")));
        assert_eq!(config.login_limit.exempt[0].to_string(), network, "{typed}");
    }
}

#[test]
fn networks_that_are_none_are_refused() {
    const ACCEPTED: &str =
        "accepted: an IP address or a network, such as 10.0.0.5, 10.0.0.0/8 or \"fd00::/8\"";
    for typed in [
        "10.0.0.0/33",
        "10.0.0/8",
        "10.0.0.0/",
        "10.0.0.5:80",
        "[::1]",
        "10.0.0.0/255.0.0.0",
        "proxy.example.com",
        " 10.0.0.5",
        "",
    ] {
        let yaml = top(&format!("trusted_proxies: ['{typed}']"));
        let expected = format!("trusted_proxies[0]: {typed:?} is not understood; {ACCEPTED}");
        assert_eq!(Files::new().lines(&yaml), [expected]);
    }
    assert_lines(&[
        (
            top("trusted_proxies: [10.0.0.0/8, 10.1.2.3/8]"),
            "trusted_proxies[1]: \"10.1.2.3/8\" has bits beyond its prefix; write 10.0.0.0/8 for the whole network or 10.1.2.3 for the one address",
        ),
        (
            top("trusted_proxies: ['::ffff:10.0.0.5/104']"),
            "trusted_proxies[0]: \"::ffff:10.0.0.5/104\" has bits beyond its prefix; write 10.0.0.0/8 for the whole network or 10.0.0.5 for the one address",
        ),
        (
            top("login_limit: { exempt: ['fd00::1/8'] }"),
            "login_limit.exempt[0]: \"fd00::1/8\" has bits beyond its prefix; write fd00::/8 for the whole network or fd00::1 for the one address",
        ),
        (
            top("trusted_proxies: [10.0.0.5, 10.0.0.5/32]"),
            "trusted_proxies[1]: \"10.0.0.5/32\" stands twice, first at trusted_proxies[0]",
        ),
        (
            top("login_limit: { exempt: [10.0.0.5, '::ffff:10.0.0.5'] }"),
            "login_limit.exempt[1]: \"10.0.0.5/32\" stands twice, first at login_limit.exempt[0]",
        ),
        (
            top("trusted_proxies: 10.0.0.0/8"),
            "trusted_proxies: is the text \"10.0.0.0/8\"; accepted: a list of IP addresses and networks, such as [10.0.0.5, 10.0.0.0/8, \"fd00::/8\"]",
        ),
        (
            top("trusted_proxies:"),
            "trusted_proxies: has no value; accepted: a list of IP addresses and networks, such as [10.0.0.5, 10.0.0.0/8, \"fd00::/8\"]",
        ),
        (
            top("trusted_proxies: [10]"),
            "trusted_proxies[0]: is the number 10; accepted: an IP address or a network, such as 10.0.0.5, 10.0.0.0/8 or \"fd00::/8\"",
        ),
    ]);
}

#[test]
fn trusting_everybody_is_a_warning() {
    for (networks, warning) in [
        ("0.0.0.0/1, 10.0.0.0/8", None),
        (
            "10.0.0.0/8, 0.0.0.0/0",
            Some(
                "trusted_proxies[1]: 0.0.0.0/0 trusts everybody; any client can claim any address and scheme",
            ),
        ),
        (
            "'::/0'",
            Some(
                "trusted_proxies[0]: ::/0 trusts everybody; any client can claim any address and scheme",
            ),
        ),
    ] {
        let config = load(&top(&format!("trusted_proxies: [{networks}]")));
        let warnings: Vec<&str> = config.warnings.iter().map(String::as_str).collect();
        assert_eq!(warnings, Vec::from_iter(warning), "{networks}");
    }
}

#[test]
fn moved_authorization_is_read_in_the_order_written() {
    let config = load(&top(
        "trusted_proxies: [10.0.0.5]\nrestore_authorization_from: [X-Forwarded-Authorization, { header: X-Original-Authorization, prefer: true }, { header: a, prefer: false }, { header: b }]",
    ));
    let moved: Vec<_> = config
        .restore_authorization_from
        .iter()
        .map(|moved| (moved.header.as_str(), moved.prefer))
        .collect();
    assert_eq!(
        moved,
        [
            ("x-forwarded-authorization", Prefer::Present),
            ("x-original-authorization", Prefer::Moved),
            ("a", Prefer::Present),
            ("b", Prefer::Present),
        ]
    );
}

#[test]
fn headers_that_cannot_carry_a_moved_authorization_are_refused() {
    const ACCEPTED: &str = "accepted: the name of a header that only carries the client's Authorization, such as X-Forwarded-Authorization";
    let from = |items: &str| {
        top(&format!(
            "trusted_proxies: [10.0.0.5]\nrestore_authorization_from: [{items}]"
        ))
    };
    for header in [
        "Authorization",
        "proxy-authorization",
        "HOST",
        "Cookie",
        "Content-Length",
        "Content-Type",
        "Content-Anything",
        "Transfer-Encoding",
        "Connection",
        "X-Forwarded-For",
    ] {
        let expected = format!(
            "restore_authorization_from[0]: {header:?} has a meaning of its own, which a moved Authorization would break; {ACCEPTED}"
        );
        assert_eq!(Files::new().lines(&from(header)), [expected]);
    }
    for header in ["", "X Y", "X:", "X-Ä", "X-Y\\n"] {
        let yaml = from(&format!("{{ header: \"{header}\" }}"));
        let lines = Files::new().lines(&yaml);
        let [line] = lines.as_slice() else {
            panic!("{header}: {lines:?}")
        };
        assert!(
            line.starts_with("restore_authorization_from[0].header: "),
            "{line}"
        );
        assert!(
            line.ends_with(&format!("is not understood; {ACCEPTED}")),
            "{line}"
        );
    }
    assert_lines(&[
        (
            from("X-A, { header: x-a, prefer: true }"),
            "restore_authorization_from[1].header: \"x-a\" stands twice, first at restore_authorization_from[0]",
        ),
        (
            from("{ prefer: true }"),
            "restore_authorization_from[0].header: is missing; accepted: the name of a header that only carries the client's Authorization, such as X-Forwarded-Authorization",
        ),
        (
            from("{ header: X-A, prefer: yes }"),
            "restore_authorization_from[0].prefer: is the text \"yes\"; accepted: true or false",
        ),
        (
            from("{ header: X-A, prefers: true }"),
            "restore_authorization_from[0].prefers: is not a known key (did you mean \"prefer\"?); accepted here: header, prefer",
        ),
        (
            from("7"),
            "restore_authorization_from[0]: is the number 7; accepted: a header's name, or {header: NAME, prefer: true}",
        ),
        (
            top("trusted_proxies: [10.0.0.5]\nrestore_authorization_from: X-A"),
            "restore_authorization_from: is the text \"X-A\"; accepted: a list of header names, or of {header: NAME, prefer: true}",
        ),
        (
            top("restore_authorization_from: [X-A]"),
            "restore_authorization_from: nothing is ever taken from these headers without trusted_proxies; name there the proxies that move Authorization",
        ),
        (
            top("trusted_proxies: []\nrestore_authorization_from: [X-A]"),
            "restore_authorization_from: nothing is ever taken from these headers without trusted_proxies; name there the proxies that move Authorization",
        ),
        // A mistyped network is the problem, not that nobody is trusted.
        (
            top("trusted_proxies: [x]\nrestore_authorization_from: [X-A]"),
            "trusted_proxies[0]: \"x\" is not understood; accepted: an IP address or a network, such as 10.0.0.5, 10.0.0.0/8 or \"fd00::/8\"",
        ),
    ]);
}

#[test]
fn logins_are_limited_within_bounds() {
    let config = load(&top("login_limit: { failures: 0, within: 1s, exempt: [] }"));
    assert_eq!(config.login_limit.failures, 0);
    assert_eq!(config.login_limit.within, Duration::from_secs(1));
    let config = load(&top("login_limit: { failures: 10000, within: 24h }"));
    assert_eq!(config.login_limit.failures, 10_000);
    assert_lines(&[
        (
            top("login_limit: { failures: 10001 }"),
            "login_limit.failures: is the number 10001; accepted: a whole number from 0 to 10000; 0 limits nothing",
        ),
        (
            top("login_limit: { failures: -1 }"),
            "login_limit.failures: is the number -1; accepted: a whole number from 0 to 10000; 0 limits nothing",
        ),
        (
            top("login_limit: { failures: 1.5 }"),
            "login_limit.failures: is the number 1.5; accepted: a whole number from 0 to 10000; 0 limits nothing",
        ),
        (
            top("login_limit: { within: 0s }"),
            "login_limit.within: \"0s\" is not between 1s and 24h: less forgets a guess before the next, more locks people out for days",
        ),
        (
            top("login_limit: { within: 25h }"),
            "login_limit.within: \"25h\" is not between 1s and 24h: less forgets a guess before the next, more locks people out for days",
        ),
        (
            top("login_limit: off"),
            "login_limit: is the text \"off\"; accepted: a table with failures, within, exempt",
        ),
        (
            top("login_limit: { failure: 5 }"),
            "login_limit.failure: is not a known key (did you mean \"failures\"?); accepted here: failures, within, exempt",
        ),
    ]);
}

#[test]
fn a_registry_overrides_reattach_key_by_key() {
    let id = |byte| Key::new([byte; 32]).id();
    let two = |default: &str, own: &str| {
        let upstream = "public: [http://NAME], upstream: { endpoints: [http://10.0.0.5] }";
        let hq = upstream.replace("NAME", "hub");
        let dev = upstream.replace("NAME", "dev");
        load(&format!(
            "{LISTENERS}registries: [{{ name: hq, {hq} }}, {{ name: dev, {dev}, reattach: {own} }}]\nreattach: {default}"
        ))
    };
    for (default, own, expected) in [
        (
            "{}",
            "{}",
            (ReattachMode::Ticket, ClientAddressRule::Note, None),
        ),
        (
            "{ mode: off, client_address: require, keys: { current: a.key } }",
            "{}",
            (ReattachMode::Off, ClientAddressRule::Require, Some(id(1))),
        ),
        (
            "{ mode: off, client_address: require, keys: { current: a.key } }",
            "{ mode: ticket }",
            (
                ReattachMode::Ticket,
                ClientAddressRule::Require,
                Some(id(1)),
            ),
        ),
        (
            "{ client_address: require, keys: { current: a.key } }",
            "{ client_address: ignore }",
            (ReattachMode::Ticket, ClientAddressRule::Ignore, Some(id(1))),
        ),
        (
            "{ keys: { current: a.key } }",
            "{ keys: { current: b.key, previous: [a.key] } }",
            (ReattachMode::Ticket, ClientAddressRule::Note, Some(id(2))),
        ),
        // What YAML 1.1 makes of the word off, on its way through other tools.
        (
            "{ mode: ticket }",
            "{ mode: false }",
            (ReattachMode::Off, ClientAddressRule::Note, None),
        ),
    ] {
        let config = two(default, own);
        let reattach = &config.registries[1].reattach;
        let current = reattach.keys.as_ref();
        let current = current.map(|keys| keys.keyring.current().id());
        let read = (reattach.mode, reattach.client_address, current);
        assert_eq!(read, expected, "{default} {own}");
    }
    // What one registry overrides holds for that one.
    let config = two("{}", "{ mode: off }");
    assert_eq!(config.registries[0].reattach.mode, ReattachMode::Ticket);
    // The table of keys is overridden as a whole, with its previous ones.
    let config = two(
        "{ keys: { current: a.key, previous: [b.key] } }",
        "{ keys: { current: b.key } }",
    );
    let keys = |index: usize| config.registries[index].reattach.keys.clone().unwrap();
    assert_eq!(keys(0).current, Path::new("/conf/a.key"));
    assert_eq!(keys(0).previous, [Path::new("/conf/b.key")]);
    assert_eq!(keys(1).current, Path::new("/conf/b.key"));
    assert!(keys(1).previous.is_empty());
}

#[test]
fn bad_sealing_keys_are_refused() {
    let id = Key::new([1; 32]).id();
    let twice = |key: &str, file: &str, first: &str| {
        format!(
            "reattach.keys.{key}: {file:?} holds the same sealing key ({id}) as reattach.keys.{first}; name each key once"
        )
    };
    let keys = |keys: &str| top(&format!("reattach: {{ keys: {keys} }}"));
    assert_lines(&[
        (
            keys("{ current: no.key }"),
            "reattach.keys.current: \"no.key\" can't be read: no such file",
        ),
        (
            keys("{ current: a.key, previous: [b.key, no.key] }"),
            "reattach.keys.previous[1]: \"no.key\" can't be read: no such file",
        ),
        (
            keys("{ current: hub.key }"),
            "reattach.keys.current: \"hub.key\" holds no sealing key; write one with: harbormouth keygen FILE",
        ),
        (
            keys("{ current: empty.pem }"),
            "reattach.keys.current: \"empty.pem\" holds no sealing key; write one with: harbormouth keygen FILE",
        ),
        (
            keys("{ current: a.key, previous: [cut.key] }"),
            "reattach.keys.previous[0]: \"cut.key\" holds a sealing key that is damaged or cut short",
        ),
        (
            keys("{ current: a.key, previous: [a.key] }"),
            &twice("previous[0]", "a.key", "current"),
        ),
        (
            keys("{ current: a.key, previous: [b.key, also-a.key] }"),
            &twice("previous[1]", "also-a.key", "current"),
        ),
        (
            keys("{ current: b.key, previous: [a.key, also-a.key] }"),
            &twice("previous[1]", "also-a.key", "previous[0]"),
        ),
        (
            keys("{ previous: [a.key] }"),
            "reattach.keys.current: is missing; accepted: the name of a file; relative names start at this file's directory",
        ),
        (
            keys("{ current: '' }"),
            "reattach.keys.current: \"\" is not understood; accepted: the name of a file; relative names start at this file's directory",
        ),
        (
            keys("{ current: a.key, previous: b.key }"),
            "reattach.keys.previous: is the text \"b.key\"; accepted: a list of key files",
        ),
        (
            keys("a.key"),
            "reattach.keys: is the text \"a.key\"; accepted: a table with current and previous",
        ),
        (
            registry("reattach: { keys: { current: hub.key } }"),
            "registries[0].reattach.keys.current: \"hub.key\" holds no sealing key; write one with: harbormouth keygen FILE",
        ),
        (
            top("reattach: { mode: on }"),
            "reattach.mode: \"on\" is not understood; accepted: ticket or off",
        ),
        (
            top("reattach: { mode: true }"),
            "reattach.mode: is the truth value true; accepted: ticket or off",
        ),
        (
            registry("reattach: { client_address: log }"),
            "registries[0].reattach.client_address: \"log\" is not understood; accepted: ignore, note or require",
        ),
        (
            top("reattach: ticket"),
            "reattach: is the text \"ticket\"; accepted: a table with mode, keys, client_address",
        ),
        (
            registry("reattach: { client-address: note }"),
            "registries[0].reattach.client-address: is not a known key (did you mean \"client_address\"?); accepted here: mode, keys, client_address",
        ),
    ]);
}

#[test]
fn every_bad_key_file_is_named_at_once() {
    let upstream = "public: [http://hub], upstream: { endpoints: [http://10.0.0.5] }";
    let yaml = format!(
        "{}reattach: {{ keys: {{ current: no.key, previous: [cut.key, a.key, also-a.key] }} }}\nlogin_limit: {{ failures: x, exempt: [10.0.0.1/8] }}\nrestore_authorization_from: [Host]",
        registries(&format!(
            "{{ name: hq, {upstream}, reattach: {{ keys: {{ current: hub.key }} }} }}"
        ))
    );
    let lines = Files::new().lines(&yaml);
    let keys: Vec<&str> = lines.iter().filter_map(|l| l.split(": ").next()).collect();
    assert_eq!(
        keys,
        [
            "restore_authorization_from[0]",
            "login_limit.failures",
            "login_limit.exempt[0]",
            "restore_authorization_from",
            "reattach.keys.current",
            "reattach.keys.previous[0]",
            "reattach.keys.previous[2]",
            "registries[0].reattach.keys.current",
        ],
        "{lines:#?}"
    );
}

#[test]
fn a_key_that_everybody_may_read_is_a_warning() {
    let warning = |key: &str| {
        format!(
            "{key}: \"open.key\" can be read by every user of this machine; set its mode to 0600, in Kubernetes the Secret's defaultMode to 0440"
        )
    };
    for (yaml, expected) in [
        (
            top("reattach: { keys: { current: a.key, previous: [b.key] } }"),
            None,
        ),
        (
            top("reattach: { keys: { current: open.key } }"),
            Some("reattach.keys.current"),
        ),
        (
            registry("reattach: { keys: { current: a.key, previous: [open.key] } }"),
            Some("registries[0].reattach.keys.previous[0]"),
        ),
    ] {
        let warnings = load(&yaml).warnings;
        assert_eq!(warnings, Vec::from_iter(expected.map(warning)), "{yaml}");
    }
}

/// A key may be pasted wherever a file's name is expected, or where a key of the document is.
#[test]
fn a_pasted_key_is_not_shown() {
    let key = Key::new([0xC7; 32]).write();
    let key = key.trim();
    let secret = key.rsplit(':').next().unwrap();
    for yaml in [
        format!("reattach: {{ keys: {{ current: '{key}' }} }}"),
        format!("reattach: {{ keys: {{ current: a.key, previous: ['{key}'] }} }}"),
        format!("reattach: {{ keys: {{ current: a.key, previous: '{key}' }} }}"),
        format!("reattach: {{ keys: '{key}' }}"),
        format!("reattach: {{ keys: {{ '{key}' }} }}"),
        format!("reattach: {{ mode: '{key}' }}"),
        format!("reattach: '{key}'"),
        format!("'{key}': 1"),
    ] {
        let lines = Files::new().lines(&top(&yaml));
        assert!(!lines.is_empty(), "{yaml}");
        for line in lines {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[test]
fn printed_values_keep_their_meaning() {
    let files = Files::new();
    let hq = registry(
        "reattach: { mode: off, keys: { current: b.key, previous: [a.key] }, client_address: require }",
    );
    let yaml = format!(
        "{hq}trusted_proxies: [10.0.0.5, 'fd00::/8']
restore_authorization_from: [X-Forwarded-Authorization, {{ header: X-Original-Authorization, prefer: true }}]
reattach: {{ keys: {{ current: a.key }} }}
login_limit: {{ failures: 0, within: 90s, exempt: ['::ffff:10.0.0.0/104'] }}"
    );
    let inherits =
        top("reattach: { keys: { current: a.key, previous: [b.key] }, client_address: ignore }");
    for yaml in [yaml, inherits, top("threads: 1")] {
        let first = files.load(&yaml).unwrap();
        let printed = first.to_yaml().unwrap();
        let second = files.load(&printed).unwrap();
        assert_eq!(format!("{first:?}"), format!("{second:?}"), "{printed}");
        assert_eq!(second.to_yaml().unwrap(), printed);
        for byte in [1, 2] {
            let key = Key::new([byte; 32]).write();
            let secret = key.trim().rsplit(':').next().unwrap();
            assert!(!printed.contains(secret), "{printed}");
            assert!(!format!("{first:?}").contains(secret), "{first:?}");
        }
    }
}
