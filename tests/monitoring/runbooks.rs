//! A page for each alert, each beginning with what to look at.

use crate::files;
use harbormouth::observe::push::PushFinding;
use harbormouth::oci::reason::{Outcome, Reason};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_alert_has_a_page_and_every_page_an_alert() {
    let alerts: BTreeSet<String> = files::alerts().into_iter().map(|rule| rule.name).collect();
    let pages: BTreeSet<String> = files::runbooks().into_keys().collect();
    assert_eq!(alerts, pages);
}

#[test]
fn pages_begin_with_what_to_look_at() {
    for (name, page) in files::runbooks() {
        let mut lines = page.lines();
        assert_eq!(lines.next(), Some(format!("# {name}").as_str()));
        let headings: Vec<&str> = page.lines().filter(|l| l.starts_with("## ")).collect();
        assert_eq!(
            headings,
            ["## Look first", "## Causes, likeliest first", "## Change"],
            "{name}"
        );
        let look = page.split("## ").nth(1).expect("a section");
        assert!(look.contains("```"), "{name}: nothing exact to look at");
        let causes = page.split("## ").nth(2).expect("a section");
        assert!(causes.contains("\n1. "), "{name}: no order of causes");
        assert!(page.lines().count() <= 60, "{name} is long");
    }
}

/// Links between the pages, and from the README to them.
#[test]
fn relative_links_lead_somewhere() {
    let mut pages: Vec<(String, String)> = files::runbooks()
        .into_iter()
        .map(|(name, text)| (format!("runbooks/{name}.md"), text))
        .collect();
    pages.push(("README.md".to_owned(), files::read("README.md")));
    for (file, text) in pages {
        let folder = files::folder().join(&file);
        let folder = folder.parent().expect("a folder");
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            let is_relative = !target.is_empty() && !target.contains("://");
            assert!(
                !is_relative || folder.join(target).exists(),
                "{file}: {target}"
            );
        }
    }
}

#[test]
fn the_readme_lists_every_alert_with_its_severity() {
    let readme = files::read("README.md");
    for rule in files::alerts() {
        let (name, severity) = (&rule.name, &rule.labels["severity"]);
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| [{name}](runbooks/{name}.md) |")))
            .unwrap_or_else(|| panic!("the README has no {name}"));
        assert!(row.contains(severity.as_str()), "{row}: {severity}");
    }
}

/// All of the program's source, for the log lines that pages quote.
fn source() -> String {
    let mut text = String::new();
    let mut open: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                text.push_str(&fs::read_to_string(path).expect("a source file"));
            }
        }
    }
    text
}

/// The words that follow `key` in a text.
fn words_after<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(key).skip(1);
    words.map(move |rest| rest.split(|c| !is_part(c)).next().unwrap_or_default())
}

#[test]
fn pages_quote_lines_and_words_that_the_gateway_says() {
    let source = source();
    let is_reason = |word: &str| Reason::ALL.iter().any(|reason| reason.as_str() == word);
    let mut quoted = 0;
    for (name, page) in files::runbooks() {
        // Every other piece is a block, and begins with its language.
        for block in page.split("```").skip(1).step_by(2) {
            let (language, lines) = block.split_once('\n').expect("lines");
            for line in lines.lines().filter(|_| language.is_empty()) {
                let known = match line.strip_prefix("reason=") {
                    Some(word) => is_reason(word),
                    None => source.contains(line),
                };
                assert!(known, "{name}: no log line has {line:?}");
                quoted += 1;
            }
        }
        for url in page.lines().filter(|line| line.starts_with("curl")) {
            for word in words_after(url, "reason=") {
                assert!(is_reason(word), "{name}: {url}");
            }
            for word in words_after(url, "outcome=") {
                let known = Outcome::ALL.iter().any(|outcome| outcome.as_str() == word);
                assert!(known || word == "open", "{name}: {url}");
            }
        }
        for word in words_after(&page, "`finding: ") {
            let known = PushFinding::ALL
                .iter()
                .any(|finding| finding.as_str() == word);
            assert!(known, "{name}: no finding {word}");
        }
    }
    assert!(quoted > 5, "only {quoted}");
}
