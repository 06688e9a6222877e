//! The table `reattach`: inheritance, and good and bad files of sealing keys.

use super::super::{ClientAddressRule, ReattachMode};
use super::hops::load;
use super::{Files, LISTENERS, Path, assert_lines, registries, registry, top};
use crate::tickets::SealingKey;

#[test]
fn a_registry_overrides_reattach_key_by_key() {
    let id = |byte| SealingKey::new([byte; 32]).id();
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
    let id = SealingKey::new([1; 32]).id();
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
            "reattach.mode: is the boolean true; accepted: ticket or off",
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
        let warnings = Vec::from_iter(load(&yaml).warnings.iter().map(ToString::to_string));
        assert_eq!(warnings, Vec::from_iter(expected.map(warning)), "{yaml}");
    }
}

/// A key may be pasted wherever a file's name is expected, or where a key of the document is.
#[test]
fn a_pasted_key_is_not_shown() {
    let key = SealingKey::new([0xC7; 32]).write();
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
