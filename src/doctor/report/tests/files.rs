//! The report of a file, against `tests/fixtures/doctor/file_*.txt`.

use super::*;
use crate::doctor::language::Language;
use crate::doctor::offline::{Examined, examine};
use serde_json::Value;

const STORY: (&str, &str) = (
    "conf/nginx.conf",
    include_str!("../../../../tests/fixtures/offline/story.conf"),
);
const RIGHT: (&str, &str) = (
    "nginx.conf",
    include_str!("../../../../tests/fixtures/offline/right/nginx.conf"),
);
const ENVOY: (&str, &str) = (
    "envoy.yaml",
    "virtual_hosts:\n  - routes:\n      - match: {prefix: /}\n        route: {cluster: harbor}\n",
);

fn drawn(name: &str, examined: &Examined, format: Format) -> String {
    let report = FileReport { name, examined };
    report.drawn(format, Style::PLAIN).unwrap().unwrap()
}

#[test]
fn reports_of_files_are_as_they_were_read_and_approved() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut differing = Vec::new();
    for (file, (name, text), format, language) in [
        ("file_story", STORY, Format::Text, Language::English),
        ("file_story_zh", STORY, Format::Text, Language::Chinese),
        ("file_right", RIGHT, Format::Text, Language::English),
        ("file_envoy", ENVOY, Format::All, Language::English),
    ] {
        let written = drawn(name, &examine(name, text, language).unwrap(), format);
        let file = format!("{file}.txt");
        let approved = std::fs::read_to_string(root.join("tests/fixtures/doctor").join(&file));
        if approved.ok().as_deref() != Some(written.as_str()) {
            let fresh = root.join("target/doctor");
            std::fs::create_dir_all(&fresh).unwrap();
            std::fs::write(fresh.join(&file), written).unwrap();
            differing.push(file);
        }
    }
    assert!(
        differing.is_empty(),
        "{differing:?} differ; the new ones are in target/doctor"
    );
}

#[test]
fn a_machine_reads_the_same() {
    let examined = examine(STORY.0, STORY.1, Language::English).unwrap();
    let document: Value = serde_json::from_str(&drawn(STORY.0, &examined, Format::Json)).unwrap();
    assert_eq!(document["file_kind"], "nginx");
    assert_eq!(document["verdict"], "broken");
    assert_eq!(document["exit_status"], 1);
    assert_eq!(document["target"], "https://hub.example.com");
    assert_eq!(document["not_read"][0]["line"], 9);
    let findings = document["findings"].as_array().unwrap();
    let port = findings
        .iter()
        .find(|one| one["kind"] == "location_port")
        .unwrap();
    assert_eq!(port["places"][0]["line"], 13);
    assert_eq!(
        port["places"][0]["text"],
        "proxy_set_header Host $host:$server_port;"
    );
    assert_eq!(port["fixes"][0]["product"], "nginx");
}

#[test]
fn the_exit_status_is_that_of_a_walk() {
    for ((name, text), expected) in [
        (STORY, 1),
        (RIGHT, 0),
        (("nginx.conf", "server { listen 80; }"), 2),
    ] {
        let examined = examine(name, text, Language::English).unwrap();
        let report = FileReport {
            name,
            examined: &examined,
        };
        assert_eq!(report.exit_status(), expected, "{text}");
    }
}

#[test]
fn a_hostile_file_drives_no_terminal_and_gives_no_password_away() {
    let text = "server {\n  listen 443 ssl;\n  location / {\n    proxy_pass http://harbor;\n    \
                proxy_set_header Authorization \"Basic czNjcjN0\";\n    \
                proxy_set_header Host \"\u{1b}[31m$proxy_host\u{7}:443\";\n  }\n}\n";
    let examined = examine("\u{1b}nginx.conf", text, Language::English).unwrap();
    for format in [Format::Text, Format::All] {
        let drawn = drawn("\u{1b}nginx.conf", &examined, format);
        assert!(drawn.contains("token_refused"), "{drawn}");
        assert!(!drawn.contains(['\u{1b}', '\u{7}']), "{drawn:?}");
        assert!(!drawn.contains("czNjcjN0"), "{drawn}");
    }
}

#[test]
fn a_file_has_no_report_for_browsers_and_runners() {
    let examined = examine(RIGHT.0, RIGHT.1, Language::English).unwrap();
    for format in [Format::Markdown, Format::Html, Format::Junit] {
        let report = FileReport {
            name: RIGHT.0,
            examined: &examined,
        };
        assert!(
            report.drawn(format, Style::PLAIN).unwrap().is_none(),
            "{format}"
        );
    }
}
