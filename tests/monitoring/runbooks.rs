//! A page for each alert, each beginning with what to look at.

use crate::files;
use std::collections::BTreeSet;

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
