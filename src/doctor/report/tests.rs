//! The whole report of walks that were made by hand, against the files of `tests/fixtures/doctor`.
//!
//! Where an output differs, the test fails and leaves the new one in `target/doctor/`: read it, and
//! copy it over the old one if it is what it should be. Nothing else writes these files.

mod documents;
mod files;
mod scenes;
mod schema;

use super::*;
use crate::doctor::kind::Severity;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB};
use crate::doctor::trace::{Skip, Skipped};
use crate::doctor::{Client, Layer};
use crate::system::terminal::{Output, columns};
use scenes::{SCENES, judged, story};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same, told in Chinese.
fn in_chinese(walks: Vec<Judged>) -> Vec<Judged> {
    let told = |judged: Judged| FixtureWalk(judged.walk).in_language(Language::Chinese);
    walks.into_iter().map(|one| judged(told(one))).collect()
}

/// What a report writes while these walks are taken, and at their end.
fn reported(format: Format, walks: &[Judged]) -> String {
    let written = Written::default();
    let screen = Screen::plain(Box::new(written.clone()));
    let mut report = Report::new(format, Style::PLAIN, screen);
    for judged in walks {
        for step in Step::ALL {
            let mut walk = judged.walk.clone();
            walk.exchanges.retain(|exchange| exchange.step < step);
            let is_taken = match step {
                Step::Resolve => walk.resolved.is_some(),
                Step::Connect => !walk.addresses.is_empty(),
                Step::Tls => walk.addresses.iter().any(|one| one.tls.is_some()),
                _ => judged.walk.first(step).is_some(),
            };
            if !is_taken {
                continue;
            }
            report.began(&walk, step);
            report.progress(step, 1, 2);
            walk.exchanges.extend(judged.walk.all(step).cloned());
            report.ended(&walk, step);
        }
    }
    report.conclude(walks).unwrap();
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn reports_are_as_they_were_read_and_approved() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = root.join("target/doctor");
    let mut differing = Vec::new();
    let short = SCENES.map(|(name, walks)| (format!("{name}.txt"), Format::Text, walks));
    let others = SCENES.into_iter().flat_map(|(name, walks)| {
        [
            ("the_story", "_all.txt", Format::All),
            ("the_story_via", ".md", Format::Markdown),
            ("the_story_via", ".html", Format::Html),
            ("http_realm_and_left_over", ".xml", Format::Junit),
        ]
        .into_iter()
        .filter(move |(scene, _, _)| *scene == name)
        .map(move |(_, end, format)| (format!("{name}{end}"), format, walks))
    });
    let english = short.into_iter().chain(others);
    let english = english.map(|(file, format, walks)| (file, format, walks()));
    let chinese =
        SCENES.map(|(name, walks)| (format!("{name}_zh.txt"), Format::Text, in_chinese(walks())));
    for (file, format, walks) in english.chain(chinese) {
        // A release changes no report.
        let tool = concat!("harbormouth doctor ", env!("CARGO_PKG_VERSION"));
        let written = reported(format, &walks).replace(tool, "harbormouth doctor X.Y.Z");
        let approved = std::fs::read_to_string(root.join("tests/fixtures/doctor").join(&file));
        if approved.ok().as_deref() != Some(written.as_str()) {
            std::fs::create_dir_all(&fresh).unwrap();
            std::fs::write(fresh.join(&file), written).unwrap();
            differing.push(file);
        }
    }
    assert!(
        differing.is_empty(),
        "{differing:?} differ from tests/fixtures/doctor; the new ones are in {}",
        fresh.display()
    );
}

/// Only what is verbatim, or is to be pasted, may be longer: a terminal breaks that better than we.
#[test]
fn lines_fit_where_they_are_ours() {
    let told = SCENES.map(|(name, walks)| [(name, walks()), (name, in_chinese(walks()))]);
    for (name, walks) in told.into_iter().flatten() {
        for line in reported(Format::Text, &walks).lines() {
            let is_verbatim = line.contains("http") || line.starts_with("harbormouth doctor");
            // Theirs, and unbreakable.
            let is_one_word = line.split_whitespace().any(|word| word.len() > 60);
            let is_pasted = line.starts_with("               ");
            assert!(
                is_verbatim || is_pasted || is_one_word || columns(line) <= 80,
                "{name}: {line}"
            );
        }
    }
}

#[test]
fn nothing_that_drives_a_terminal_comes_through() {
    for (name, walks) in SCENES {
        let text = reported(Format::Text, &walks());
        let bad: Vec<char> = text
            .chars()
            .filter(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}')
            .collect();
        assert!(bad.is_empty(), "{name}: {bad:?}");
    }
}

#[test]
fn colours_are_all_that_a_terminal_adds_to_the_words() {
    for (name, walks) in SCENES {
        let walks = walks();
        let with = |output| conclusion::text(&walks, Format::All, Style { output, width: 80 });
        let coloured = with(Output::ColourTerminal);
        assert!(coloured.contains("\x1b["), "{name}");
        let mut stripped = String::new();
        for (index, part) in coloured.split("\x1b[").enumerate() {
            let text = if index == 0 {
                part
            } else {
                part.split_once('m').unwrap().1
            };
            stripped.push_str(text);
        }
        assert_eq!(stripped, with(Output::Terminal), "{name}");
    }
}

#[test]
fn the_likely_lines_are_told_and_all_of_them_with_all() {
    let walks = story();
    let with = |format| conclusion::text(&walks, format, Style::PLAIN);
    let (terminal, pipe) = (with(Format::Text), with(Format::All));
    let (nginx, haproxy) = (
        "proxy_set_header Host $http_host;",
        "http-request set-header Host hub.example.com",
    );
    assert!(terminal.contains(nginx) && !terminal.contains(haproxy));
    assert!(terminal.contains("HAProxy, Traefik, Caddy, Envoy, Apache httpd, Squid, Varnish,"));
    assert!(pipe.contains(nginx) && pipe.contains(haproxy));
}

#[test]
fn json_is_one_document_with_all_of_it() {
    for (name, walks) in SCENES {
        let walks = walks();
        let written = reported(Format::Json, &walks);
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        let count = |pointer: &str| read.pointer(pointer).unwrap().as_array().unwrap().len();
        assert_eq!(read["exit_status"], exit_status(&walks), "{name}");
        assert_eq!(count("/walks"), walks.len(), "{name}");
        assert_eq!(count("/findings"), walks[0].findings.len(), "{name}");
        assert_eq!(
            count("/walks/0/steps"),
            walks[0].walk.exchanges.len(),
            "{name}"
        );
    }
    let read: serde_json::Value = serde_json::from_str(&reported(Format::Json, &story())).unwrap();
    for (pointer, value) in [
        ("/tool", "harbormouth doctor"),
        ("/target", HUB),
        ("/began", "2026-11-21T12:00:00Z"),
        ("/verdict", "broken"),
        ("/findings/0/kind", "location_port"),
        ("/findings/0/severity", "broken"),
        ("/findings/0/step", "upload_start"),
        ("/findings/0/product", "nginx"),
        ("/findings/0/effects/0/client", "containerd"),
        ("/findings/0/effects/0/outcome", "breaks"),
        ("/findings/0/fixes/0/product", "nginx"),
        (
            "/findings/0/fixes/0/lines/0",
            "proxy_set_header Host $http_host;",
        ),
        ("/differences/0/what", "Location"),
        ("/walks/0/entry", HUB),
        ("/walks/1/entry", "http://10.0.0.5"),
        ("/walks/0/stands/hop", "nginx"),
        ("/walks/0/stands/registry", "Harbor"),
        ("/walks/0/addresses/0/tls/version", "TLSv1.3"),
        ("/walks/0/steps/0/step", "plain_http"),
        ("/walks/0/steps/0/request/method", "GET"),
        ("/walks/0/steps/0/mark", "good"),
    ] {
        let found = read.pointer(pointer).and_then(|found| found.as_str());
        assert_eq!(found, Some(value), "{pointer}");
    }
    assert_eq!(
        read.pointer("/findings/0/culprit").unwrap(),
        &serde_json::json!({ "between": [0, 1] })
    );
}

#[test]
fn one_line_says_it_all_for_a_ticket() {
    let text = reported(Format::Text, &story());
    let mut lines = text.lines();
    let last = lines
        .find(|line| line.starts_with("harbormouth doctor"))
        .unwrap();
    for part in [
        concat!("harbormouth doctor ", env!("CARGO_PKG_VERSION"), " | "),
        " | https://hub.example.com | 2026-11-21T12:00:00Z | broken: ",
        "location_port=https://hub.example.com:443 at hub.example.com (nginx)",
        " | breaks containerd buildkit regclient | exit 1",
    ] {
        assert!(last.contains(part), "{part}: {last}");
    }
}

#[test]
fn the_answer_stands_last_in_three_lines() {
    let text = reported(Format::Text, &story());
    let (_, answer) = text.rsplit_once("\n\n").unwrap();
    let labels = answer.lines().filter(|line| !line.starts_with("   "));
    let labels: Vec<&str> = labels.map(|line| line[..9].trim()).collect();
    assert_eq!(labels, ["wrong", "hop", "change"]);
    assert!(
        answer
            .trim_end()
            .ends_with("proxy_set_header Host $http_host;"),
        "{answer}"
    );
}

#[test]
fn uploads_that_are_required_have_to_be_seen() {
    for (requires_uploads, status) in [(false, 0), (true, 2)] {
        let mut seen = judged(FixtureWalk::harbor(HUB).without(Step::UploadStart));
        seen.walk.requires_uploads = requires_uploads;
        assert_eq!(exit_status(&[seen]), status);
    }
    let mut seen = judged(FixtureWalk::harbor(HUB));
    seen.walk.requires_uploads = true;
    assert_eq!(exit_status(&[seen]), 0);
}

/// `Location: https://hub.example.com:443` breaks containerd, and docker's classic store works.
#[test]
fn one_client_s_view_is_what_breaks_it() {
    for (client, status, mark) in [
        (Client::Containerd, 1, "✗ location_port"),
        (Client::DockerClassic, 0, "! location_port"),
    ] {
        let mut made = FixtureWalk::harbor(HUB).locations("https://hub.example.com:443");
        made.0.client = Some(client);
        let walks = [judged(made)];
        assert_eq!(exit_status(&walks), status, "{client}");
        let text = reported(Format::Text, &walks);
        assert!(text.contains(mark), "{client}: {text}");
        let names = format!(", as {} meets it", client.programs(Language::English));
        assert!(text.contains(&names), "{client}: {text}");
        let others = Client::ALL.into_iter().filter(|other| *other != client);
        for other in others {
            let programs = other.programs(Language::English);
            assert!(!text.contains(programs), "{client}: {programs}: {text}");
        }
    }
}

#[test]
fn the_answer_has_one_line_about_the_layer_that_was_asked_for() {
    let mut made = FixtureWalk::harbor(HUB).status(Step::Body, 413);
    made.0.layer = Some(Layer {
        bytes: 10_000_000_000,
        bits_per_second: 20_000_000,
    });
    let text = reported(Format::Text, &[judged(made)]);
    let (_, answer) = text.rsplit_once("  layer ").unwrap();
    let words: Vec<&str> = answer.split_whitespace().collect();
    let expected = "A layer of 10 GB at 20 Mbit/s, which takes 66 minutes: no, it would not get \
                    through this chain: a body of 2 MiB is refused.";
    assert_eq!(words.join(" "), expected);
}

#[test]
fn the_exit_status_is_the_public_walks() {
    let with = |severities: &[Severity], skipped: Option<Skip>| {
        let mut walk = judged(FixtureWalk::harbor(HUB));
        for severity in severities {
            let mut finding = story().remove(0).findings.remove(0);
            finding.severity = *severity;
            walk.findings.push(finding);
        }
        walk.walk.skipped.extend(skipped.map(|why| Skipped {
            step: Step::UploadStart,
            why,
        }));
        walk
    };
    let unanswered = judged(
        FixtureWalk::harbor(HUB)
            .without(Step::Ping)
            .without(Step::PingBare),
    );
    let (broken, warning, unexamined) = (Severity::Broken, Severity::Warning, Severity::Unexamined);
    for (name, walks, status) in [
        ("no walk", vec![], 2),
        ("nothing found", vec![with(&[], None)], 0),
        ("a warning", vec![with(&[warning], None)], 0),
        ("broken", vec![with(&[broken], None)], 1),
        ("unexamined", vec![with(&[unexamined, warning], None)], 2),
        ("broken wins", vec![with(&[unexamined, broken], None)], 1),
        (
            "without credentials, as far as it goes",
            vec![with(&[], Some(Skip::NoCredentials))],
            0,
        ),
        ("ended by hand", vec![with(&[], Some(Skip::Interrupted))], 2),
        ("out of time", vec![with(&[], Some(Skip::OutOfTime))], 2),
        (
            "ended by hand, and broken",
            vec![with(&[broken], Some(Skip::Interrupted))],
            1,
        ),
        ("no registry answered", vec![unanswered], 2),
        (
            "broken inside only",
            vec![with(&[], None), with(&[broken], None)],
            0,
        ),
    ] {
        assert_eq!(exit_status(&walks), status, "{name}");
    }
}
