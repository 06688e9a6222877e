//! Every link of the dashboard leads somewhere: to a runbook that is there, to a page that the gateway has, or
//! to an address that the operator sets.

use crate::files;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the links of a dashboard, its panels and its fields are, wherever they stand.
fn links(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            if let (Some(url), Some(title)) = (fields.get("url"), fields.get("title")) {
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                found.push((text(title), text(url)));
            }
            fields.values().for_each(|inner| links(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| links(inner, found)),
        _ => {}
    }
}

/// `${name}` and what stands behind it.
fn leading_variable(url: &str) -> Option<(&str, &str)> {
    url.strip_prefix("${")?.split_once('}')
}

/// Why a link leads nowhere.
fn lack(url: &str, variables: &BTreeSet<String>) -> Option<&'static str> {
    if let Some(host) = url.strip_prefix("http://") {
        let is_gateway = ["${__value.raw}/", "${__field.labels.instance}/"].contains(&host);
        return (!is_gateway).then_some("no gateway");
    }
    let Some((variable, rest)) = leading_variable(url) else {
        return Some("no variable in front");
    };
    if !variables.contains(variable) {
        return Some("no such variable");
    }
    let is_there = match (variable, rest) {
        (_, "") => true,
        // A column of names of alerts.
        ("runbooks", "/${__value.raw}.md") => true,
        ("runbooks", page) => files::folder().join(format!("runbooks{page}")).is_file(),
        ("page", filter) => filter.strip_prefix("/#").is_some_and(|filter| {
            let mut parts = filter.split('&').filter_map(|part| part.split_once('='));
            parts.all(|(key, _)| ["registry", "operation", "reason"].contains(&key))
        }),
        _ => false,
    };
    (!is_there).then_some("nothing there")
}

fn variables() -> BTreeSet<String> {
    let dashboard = files::dashboard();
    let list = dashboard["templating"]["list"].as_array().expect("a list");
    let set = list.iter().filter(|one| one["type"] == "textbox");
    set.map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut found = Vec::new();
    links(&files::dashboard(), &mut found);
    let variables = variables();
    for (title, url) in &found {
        assert_eq!(lack(url, &variables), None, "{title}: {url}");
    }
    for wanted in [
        "${runbooks}",
        "${page}",
        "${logs}",
        "http://${__value.raw}/",
    ] {
        assert!(
            found.iter().any(|(_, url)| url == wanted),
            "no link to {wanted}"
        );
    }
    assert!(found.len() > 30, "only {}", found.len());
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let variables = variables();
    for url in [
        "https://example.com",
        "${nothing}/x",
        "${runbooks}/HarbormouthNothing.md",
        "${page}/#color=red",
        "http://${__value.text}/",
    ] {
        assert!(lack(url, &variables).is_some(), "{url}");
    }
}

/// The operator sets them in the file, as the README says, or in the address.
#[test]
fn what_the_operator_sets_is_an_address() {
    let dashboard = files::dashboard();
    let readme = files::read("README.md");
    for variable in dashboard["templating"]["list"].as_array().expect("a list") {
        if variable["type"] == "textbox" {
            let address = variable["query"].as_str().expect("a text");
            assert!(address.starts_with("https://"), "{address}");
            assert_eq!(variable["current"]["value"], address);
            assert!(
                readme.contains(address),
                "the README doesn't name {address}"
            );
        }
    }
}
