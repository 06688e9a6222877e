//! What the JSON Schema says of each kind of setting.

use super::super::schema;
use serde_json::{Value, json};

/// The part of the schema for a setting: its keys, with those of the tables around it.
fn of(path: &str) -> Value {
    let below = |part: Value, key: &str| {
        let tables = [&part, &part["items"], &part["anyOf"][0]];
        let mut found = tables.into_iter().map(|table| &table["properties"][key]);
        found.find(|found| !found.is_null()).unwrap().clone()
    };
    path.split('.').fold(schema(), below)
}

#[test]
fn every_kind_of_setting_is_described() {
    let duration =
        |default: &str| json!({ "type": "string", "pattern": "^ *[0-9]", "default": default });
    // What is accepted in words, and what an editor checks.
    for (path, accepted, mut expected) in [
        (
            "threads",
            "a whole number from 1 to 1024.",
            json!({ "type": "integer", "minimum": 1, "maximum": 1024 }),
        ),
        (
            "limits.header_bytes",
            "a size from 4KiB to 1MiB.",
            json!({ "default": "64KiB", "anyOf": [
                { "type": "integer", "minimum": 4096, "maximum": 1_048_576 },
                { "type": "string", "pattern": "^[0-9.]+ *[A-Za-z]*$" },
            ] }),
        ),
        (
            "registries.timeouts.connect",
            "a number with its unit, such as 5s, 15m or 1h 30m, from 10ms to 2m; ",
            duration("5s"),
        ),
        (
            "registries.hsts",
            "a number with its unit, such as 5s, 15m or 1h 30m, from 0s to 732d; ",
            json!({ "anyOf": [
                { "enum": ["off", false] },
                { "type": "string", "pattern": "^ *[0-9]" },
            ] }),
        ),
        (
            "registries.maintenance",
            "off, pushes or all.",
            json!({ "enum": ["off", "pushes", "all", false], "default": "off" }),
        ),
        (
            "log.format",
            "text or json.",
            json!({ "enum": ["text", "json"], "default": "text" }),
        ),
        (
            "registries.expose",
            "a list of registry, api, ui.",
            json!({
                "type": "array", "minItems": 1, "items": { "enum": ["registry", "api", "ui"] },
                "default": ["registry", "api", "ui"],
            }),
        ),
        (
            "registries.objective",
            "a percentage from 50% to 99.999% with at most three decimals, such as 99.5%.",
            json!({ "type": "string", "default": "99.5%" }),
        ),
        (
            "registries.public",
            "a list of at least one scheme://host[:port] that clients type.",
            json!({ "type": "array", "minItems": 1, "items": { "type": "string" } }),
        ),
        (
            "trusted_proxies",
            "a list of IP addresses and networks, such as [10.0.0.5, 10.0.0.0/8, \"fd00::/8\"].",
            json!({ "type": "array", "items": { "type": "string" } }),
        ),
        (
            "listeners.redirect_to_https",
            "true or false.",
            json!({ "type": "boolean" }),
        ),
        (
            "registries.upstream.tls.ca",
            "the name of a file; relative names start at this file's directory.",
            json!({ "type": "string" }),
        ),
        (
            "canary.interval",
            "a number with its unit, such as 5s, 15m or 1h 30m, from 10s to 24h; ",
            duration("1m"),
        ),
    ] {
        let found = of(path);
        let description = found["description"].as_str().unwrap();
        let (_, said) = description.split_once("\n\nAccepted: ").unwrap();
        assert!(said.starts_with(accepted), "{path}: {said}");
        expected["description"] = description.into();
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn tables_name_the_keys_that_they_need() {
    for (path, needed) in [
        ("registries", json!(["name", "public", "upstream"])),
        ("registries.upstream", json!(["endpoints"])),
        ("registries.timeouts", Value::Null),
        ("listeners.tls", Value::Null),
        ("listeners.tls.acme", json!(["domains", "cache"])),
        ("listeners.tls.certificates", json!(["cert", "key"])),
        ("reattach", Value::Null),
        ("reattach.keys", json!(["current"])),
    ] {
        let found = of(path);
        let table = [&found, &found["items"]]
            .into_iter()
            .find(|table| table["type"] == "object")
            .unwrap();
        assert_eq!(table["required"], needed, "{path}");
        assert_eq!(table["additionalProperties"], false, "{path}");
    }
    let whole = schema();
    assert_eq!(whole["required"], json!(["listeners"]));
    let either = json!([{ "required": ["registries"] }, { "required": ["include"] }]);
    assert_eq!(whole["anyOf"], either);
}

#[test]
fn what_may_be_written_in_two_ways_is_described_in_both() {
    let moved = of("restore_authorization_from")["items"]["anyOf"].clone();
    assert_eq!(moved[0], json!({ "type": "string" }));
    assert_eq!(moved[1]["required"], json!(["header"]));
    let canary = of("canary")["anyOf"].clone();
    assert_eq!(
        canary[0]["required"],
        json!(["registry", "repository", "credentials"])
    );
    assert_eq!(canary[1], json!({ "type": "array", "items": canary[0] }));
}
