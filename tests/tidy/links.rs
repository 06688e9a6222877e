//! Links between the pages of the repository lead somewhere, to the very heading or row. Addresses
//! on the network are not asked for.

use crate::pages::{PAGES, page};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// A path without `.` and `..`; none for one that leaves the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => normal.pop().then_some(())?,
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    Some(normal)
}

/// What is wrong with a link.
fn broken(from: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let beside = from.parent().unwrap_or(Path::new(""));
    let file = match path {
        "" => Some(from.to_owned()),
        path => normal(&beside.join(path)),
    };
    let Some(file) = file else {
        return Some("leaves the repository".to_owned());
    };
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).exists() {
        return Some("no such file".to_owned());
    }
    let known = PAGES.get(&file).map(|page| &page.anchors);
    let is_there = known.is_none_or(|known| known.iter().any(|it| it == anchor));
    (!anchor.is_empty() && !is_there).then(|| "no such place in the page".to_owned())
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut links = 0;
    for (name, page) in &*PAGES {
        for target in page.sections.iter().flat_map(|section| &section.targets) {
            links += 1;
            let what = broken(name, target);
            wrong.extend(what.map(|what| format!("{}: {target}: {what}", name.display())));
        }
    }
    assert!(links > 100, "only {links}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_link_to_nothing_is_found() {
    let from = Path::new("docs/README.md");
    for (target, wrong) in [
        ("reasons.md", false),
        ("reasons.md#authorization_lost", false),
        ("../README.md", false),
        ("../conf/harbormouth.yaml", false),
        ("https://goharbor.io", false),
        ("reason.md", true),
        ("reasons.md#authorization_found", true),
        ("#reasons", true),
        ("../../README.md", true),
    ] {
        assert_eq!(broken(from, target).is_some(), wrong, "{target}");
    }
}

/// An address with two places leads to one of them only.
#[test]
fn no_anchor_stands_twice() {
    for (name, page) in &*PAGES {
        let mut seen = BTreeSet::new();
        for anchor in &page.anchors {
            assert!(seen.insert(anchor), "{}: #{anchor}", name.display());
        }
    }
}

#[test]
fn the_book_has_every_page_of_its_folder() {
    let summary = page("docs/SUMMARY.md");
    let listed: BTreeSet<&str> = summary
        .sections
        .iter()
        .flat_map(|section| &section.targets)
        .map(String::as_str)
        .collect();
    let there: BTreeSet<&str> = PAGES
        .keys()
        .filter_map(|name| name.strip_prefix("docs").ok()?.to_str())
        .filter(|name| *name != "SUMMARY.md")
        .collect();
    assert_eq!(listed, there);
}

/// Whoever has two minutes reads the front page; the book is for the rest.
#[test]
fn the_front_page_is_short() {
    let lines = page("README.md").text.lines().count();
    assert!(lines <= 230, "README.md has {lines} lines");
}
