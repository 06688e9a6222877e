//! Walks made by hand, and what is wrong in each: every kind at least once, and nothing where
//! nothing is wrong.

mod healthy;
mod kinds;
mod locations;
mod sentences;
mod threads;
mod transfers;

use super::judge;
use crate::doctor::finding::Finding;
use crate::doctor::kind::Kind;
use crate::doctor::tests::fixtures::FixtureWalk;

fn found(made: &FixtureWalk) -> Vec<Finding> {
    judge(&made.0)
}

fn kinds(made: &FixtureWalk) -> Vec<Kind> {
    found(made).iter().map(|finding| finding.kind).collect()
}

/// The one finding of a walk in which one thing is wrong.
fn only(name: &str, made: &FixtureWalk) -> Finding {
    let mut all = found(made);
    let kinds: Vec<Kind> = all.iter().map(|finding| finding.kind).collect();
    assert_eq!(all.len(), 1, "{name}: {kinds:?}");
    all.remove(0)
}

/// What a reader gets: a sentence, with evidence, and a way that each client takes.
fn is_whole(name: &str, finding: &Finding) {
    let Finding {
        summary,
        evidence,
        cause,
        effects,
        ..
    } = finding;
    assert!(summary.ends_with('.'), "{name}: {summary}");
    assert!(!summary.contains("  "), "{name}: {summary}");
    assert!(!evidence.is_empty(), "{name}");
    assert_eq!(effects.len(), 7, "{name}");
    if let Some(cause) = cause {
        let is_sentence = cause.starts_with(|c: char| c.is_uppercase() || c == '/');
        let ends = cause.ends_with('.') && !cause.ends_with("..");
        assert!(
            is_sentence && ends && !cause.contains("  "),
            "{name}: {cause}"
        );
    }
}
