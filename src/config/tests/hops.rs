//! Trusted proxies, moved Authorization and the limit of logins.

use super::super::{ClientAddressRule, Config, Prefer, ReattachMode};
use super::{Files, assert_lines, registry, top};
use crate::tickets::SealingKey;
use std::time::Duration;

pub(super) fn load(yaml: &str) -> Config {
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

/// It is watched like every other file, and printed as it was named.
#[test]
fn trusted_proxies_may_stand_in_a_file() {
    let yaml = "trusted_proxies: [10.0.0.5]\ntrusted_proxies_file: networks.txt\n\
                client_address_header: CF-Connecting-IP";
    let config = load(&top(yaml));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let trusted = config.trusted_proxies();
    for (address, is_trusted) in [
        ("198.51.100.7", true),
        ("2001:db8::7", true),
        ("10.0.0.5", true),
        ("10.0.0.6", false),
    ] {
        assert_eq!(
            trusted.contains(address.parse().unwrap()),
            is_trusted,
            "{address}"
        );
    }
    let file = std::path::Path::new("/conf/networks.txt");
    assert!(config.files().iter().any(|watched| watched == file));
    let printed = config.to_yaml().unwrap();
    assert!(
        printed.contains("trusted_proxies_file: /conf/networks.txt\n"),
        "{printed}"
    );
    // Alone it is enough for what needs trusted proxies.
    load(&top(
        "trusted_proxies_file: networks.txt\nclient_address_header: CF-Connecting-IP",
    ));
    let everybody = load(&top("trusted_proxies_file: all-networks.txt")).warnings;
    let everybody = everybody[0].to_string();
    assert!(
        everybody.contains("0.0.0.0/0 trusts everybody"),
        "{everybody}"
    );
    assert_lines(&[
        (
            top("trusted_proxies_file: no-networks.txt"),
            "trusted_proxies_file: \"no-networks.txt\", line 2: \"198.51.100.0/40\" is not understood; accepted: an IP address or a network on each line, such as 10.0.0.0/8, and comments that begin with #",
        ),
        (
            top("trusted_proxies_file: host.txt"),
            "trusted_proxies_file: \"host.txt\", line 2: \"198.51.100.7/24\" has bits beyond its prefix; write 198.51.100.0/24 for the whole network or 198.51.100.7 for the one address",
        ),
        (
            top("trusted_proxies_file: many-networks.txt"),
            "trusted_proxies_file: \"many-networks.txt\" has 2001 networks; accepted: 2000 at most, since each is compared with every client's address",
        ),
    ]);
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
            "trusted_proxies[1]: \"10.0.0.5/32\" appears twice, first at trusted_proxies[0]",
        ),
        (
            top("login_limit: { exempt: [10.0.0.5, '::ffff:10.0.0.5'] }"),
            "login_limit.exempt[1]: \"10.0.0.5/32\" appears twice, first at login_limit.exempt[0]",
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
        let warnings = Vec::from_iter(config.warnings.iter().map(ToString::to_string));
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
            "restore_authorization_from[0]: {header:?} has its own meaning, which this setting would break; {ACCEPTED}"
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
            "restore_authorization_from[1].header: \"x-a\" appears twice, first at restore_authorization_from[0]",
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
            "restore_authorization_from: has no effect without trusted_proxies; list the proxies that send this there",
        ),
        (
            top("trusted_proxies: []\nrestore_authorization_from: [X-A]"),
            "restore_authorization_from: has no effect without trusted_proxies; list the proxies that send this there",
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
            "login_limit.within: \"0s\" is not between 1s and 24h: less forgets one guess before the next, more locks people out for days",
        ),
        (
            top("login_limit: { within: 25h }"),
            "login_limit.within: \"25h\" is not between 1s and 24h: less forgets one guess before the next, more locks people out for days",
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
            let key = SealingKey::new([byte; 32]).write();
            let secret = key.trim().rsplit(':').next().unwrap();
            assert!(!printed.contains(secret), "{printed}");
            assert!(!format!("{first:?}").contains(secret), "{first:?}");
        }
    }
}
