//! Limits, maintenance, drain, and who may speak the PROXY protocol.

use super::super::limits::Drain;
use super::super::{Expose, Hsts, Limits, Maintenance, MaxInFlight, ProxyProtocol};
use super::hops::load;
use super::{Files, assert_lines, listeners, registries, registry, top};
use std::time::Duration;

const DEFAULT: Limits = Limits {
    connections: 16_384,
    connections_per_client: 8_192,
    header_time: Duration::from_secs(15),
    header_fields: 100,
    header_bytes: 65_536,
    keepalive_idle: Duration::from_secs(75),
    keepalive_requests: 10_000,
    http2_streams: 128,
    body_memory: 2 << 30,
    upload_progress: 65_536,
    unread_answer: Duration::from_secs(60),
    download_progress: 16_384,
    stands_still: Duration::from_secs(10),
};

#[test]
fn everything_has_a_limit_by_default() {
    let config = load(&top("threads: 1"));
    assert_eq!(config.limits, DEFAULT);
    let drain = Drain {
        delay: Duration::ZERO,
        timeout: Duration::from_secs(600),
    };
    assert_eq!(config.drain, drain);
    assert_eq!(config.listeners[0].proxy_protocol, ProxyProtocol::Off);
    assert_eq!(config.client_address_header, None);
    let registry = &config.registries[0];
    let max = MaxInFlight {
        uploads: 4_096,
        other: 4_096,
    };
    assert_eq!(registry.max_in_flight, max);
    assert_eq!(registry.maintenance, Maintenance::Off);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn one_limit_leaves_the_others_as_they_are() {
    let config = load(&top(
        "limits: { header_bytes: 16KiB, upload_progress: 1000, http2_streams: 7 }",
    ));
    let expected = Limits {
        header_bytes: 16_384,
        upload_progress: 1_000,
        http2_streams: 7,
        ..DEFAULT
    };
    assert_eq!(config.limits, expected);
    let config = load(&registry("max_in_flight: { uploads: 3 }"));
    assert_eq!(config.registries[0].max_in_flight.uploads, 3);
    assert_eq!(config.registries[0].max_in_flight.other, 4_096);
}

#[test]
fn words_are_read_as_they_are_meant() {
    for (word, maintenance) in [
        ("off", Maintenance::Off),
        ("false", Maintenance::Off),
        ("pushes", Maintenance::Pushes),
        ("all", Maintenance::All),
    ] {
        let config = load(&registry(&format!("maintenance: {word}")));
        assert_eq!(config.registries[0].maintenance, maintenance, "{word}");
    }
    for (word, protocol) in [
        ("off", ProxyProtocol::Off),
        ("false", ProxyProtocol::Off),
        ("accept", ProxyProtocol::Accept),
        ("require", ProxyProtocol::Require),
    ] {
        let listener = format!("{{ address: 127.0.0.1:1, proxy_protocol: {word} }}");
        let yaml = format!("{}\ntrusted_proxies: [10.0.0.5]", listeners(&listener));
        assert_eq!(load(&yaml).listeners[0].proxy_protocol, protocol, "{word}");
    }
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    assert_lines(&[
        (
            top("limits: { connections: 0 }"),
            "limits.connections: is the number 0; accepted: a whole number from 1 to 1000000",
        ),
        (
            top("limits: { header_bytes: 1KiB }"),
            "limits.header_bytes: is the text \"1KiB\"; accepted: a size from 4KiB to 1MiB",
        ),
        (
            top("limits: { header_bytes: much }"),
            "limits.header_bytes: is the text \"much\"; accepted: a size from 4KiB to 1MiB",
        ),
        (
            top("limits: { upload_progress: much }"),
            "limits.upload_progress: is the text \"much\"; accepted: a size from 0 to 1GiB; 0 requires only one byte",
        ),
        (
            top("limits: { body_memory: 2TiB }"),
            "limits.body_memory: is the text \"2TiB\"; accepted: a size from 16MiB to 1TiB",
        ),
        (
            top("limits: { header_time: 10m }"),
            "limits.header_time: \"10m\" is not between 100ms and 5m: a header is a few packets; a client that needs longer holds connections open on purpose",
        ),
        (
            registry("maintenance: pulls"),
            "registries[0].maintenance: \"pulls\" is not understood; accepted: off, pushes or all",
        ),
        (
            registry("max_in_flight: 5"),
            "registries[0].max_in_flight: is the number 5; accepted: a table with uploads, other",
        ),
        (
            listeners("{ address: 127.0.0.1:1, proxy_protocol: v2 }"),
            "listeners[0].proxy_protocol: \"v2\" is not understood; accepted: off, accept or require",
        ),
        (
            top("trusted_proxies: [10.0.0.5]\nclient_address_header: X-Forwarded-For"),
            "client_address_header: \"X-Forwarded-For\" has its own meaning, which this setting would break; accepted: the name of a header that holds the client's address and nothing else, such as CF-Connecting-IP",
        ),
    ]);
}

#[test]
fn requests_of_all_registries_are_counted_together() {
    let max = |name: &str, limits: &str| {
        format!(
            "{{ name: {name}, public: [http://{name}], upstream: {{ endpoints: [http://10.0.0.5] }}, max_in_flight: {limits} }}"
        )
    };
    let config = load(&registries(&format!(
        "{}, {}",
        max("a", "{ uploads: 3, other: 50 }"),
        max("b", "{ uploads: 700, other: 9000 }")
    )));
    assert_eq!(config.in_flight(), 9753);
}

#[test]
fn what_of_a_harbor_is_public_is_read_and_printed() {
    for (parts, registry_part, api, ui) in [
        ("[registry]", true, false, false),
        ("[api]", false, true, false),
        ("[ui]", false, false, true),
        ("[ui, registry]", true, false, true),
    ] {
        let config = load(&registry(&format!("expose: {parts}")));
        let exposed = Expose {
            registry: registry_part,
            api,
            ui,
        };
        assert_eq!(config.registries[0].expose, exposed, "{parts}");
        let again = load(&config.to_yaml().unwrap());
        assert_eq!(again.registries[0].expose, exposed, "{parts}");
    }
}

#[test]
fn browsers_are_told_to_come_by_https_where_all_do() {
    const ACCEPTED: &str = "accepted: off, or for how long browsers remember it, such as 30d";
    let day = Duration::from_secs(86_400);
    let with = |public: &str, hsts: &str| {
        registries(&format!(
            "{{ name: hq, public: [{public}], upstream: {{ endpoints: [http://10.0.0.5] }}{hsts} }}"
        ))
    };
    for (public, hsts, expected, printed) in [
        ("https://hub", "", Hsts::For(day * 30), "hsts: 30days"),
        ("http://hub", "", Hsts::Off, "hsts: off"),
        ("https://hub, http://hub", "", Hsts::Off, "hsts: off"),
        ("https://hub", ", hsts: off", Hsts::Off, "hsts: off"),
        ("https://hub", ", hsts: false", Hsts::Off, "hsts: off"),
        (
            "https://hub",
            ", hsts: 0s",
            Hsts::For(Duration::ZERO),
            "hsts: 0s",
        ),
        (
            "http://hub",
            ", hsts: 732d",
            Hsts::For(day * 732),
            "hsts: 2years",
        ),
    ] {
        let config = load(&with(public, hsts));
        assert_eq!(config.registries[0].hsts, expected, "{public} {hsts}");
        let text = config.to_yaml().unwrap();
        assert!(text.contains(printed), "{printed}: {text}");
        assert_eq!(load(&text).registries[0].hsts, expected, "{text}");
    }
    for (hsts, line) in [
        ("true", format!("is the boolean true; {ACCEPTED}")),
        ("on", format!("\"on\" is not understood; {ACCEPTED}")),
        (
            "733d",
            "\"733d\" is not between 0s and 732d: browsers' preload lists require one year or two, and browsers keep a mistake for just as long".to_owned(),
        ),
    ] {
        let yaml = with("https://hub", &format!(", hsts: {hsts}"));
        let expected = format!("registries[0].hsts: {line}");
        assert_eq!(Files::new().lines(&yaml), [expected]);
    }
}

#[test]
fn nobody_is_believed_without_being_trusted() {
    const NOBODY: &str =
        "has no effect without trusted_proxies; list the proxies that send this there";
    for word in ["accept", "require"] {
        let listener = format!("{{ address: 127.0.0.1:1, proxy_protocol: {word} }}");
        assert_eq!(
            Files::new().lines(&listeners(&listener)),
            [format!("listeners[0].proxy_protocol: {NOBODY}")]
        );
    }
    assert_eq!(
        Files::new().lines(&top("client_address_header: CF-Connecting-IP")),
        [format!("client_address_header: {NOBODY}")]
    );
}

#[test]
fn printed_limits_keep_their_meaning() {
    let yaml = top(
        "trusted_proxies: [10.0.0.5]\nclient_address_header: x-real-ip\nlimits: { header_bytes: 5000, upload_progress: 3MiB, unread_answer: 30s, download_progress: 1KiB, stands_still: 2s }",
    );
    let first = load(&yaml);
    let printed = first.to_yaml().unwrap();
    for value in [
        "header_bytes: 5000",
        "upload_progress: 3MiB",
        "unread_answer: 30s",
        "download_progress: 1KiB",
        "stands_still: 2s",
        "client_address_header: x-real-ip",
        "proxy_protocol: off",
        "maintenance: off",
    ] {
        assert!(printed.contains(value), "{value}: {printed}");
    }
    let second = load(&printed);
    assert_eq!(format!("{first:?}"), format!("{second:?}"), "{printed}");
}
