//! The audit log and the accounting: where they go, their defaults, and every mistake.

use super::hops::load;
use super::{Path, assert_lines, top};
use crate::config::{Accounting, AuditTarget, OnFull};

#[test]
fn nothing_is_audited_or_counted_unless_it_is_said() {
    let config = load(&top("threads: 1"));
    assert_eq!((config.audit, config.accounting), (None, None));
    let config = load(&top("audit: { file: audit.jsonl }\naccounting: {}"));
    let audit = config.audit.clone().unwrap();
    assert_eq!(
        audit.file,
        AuditTarget::File(Path::new("/conf/audit.jsonl").into())
    );
    assert_eq!(audit.on_full, OnFull::Block);
    assert_eq!(config.accounting, Some(Accounting { projects: 200 }));
    // Lines change the file, which makes no reload.
    assert!(
        !config
            .files()
            .iter()
            .any(|file| file.ends_with("audit.jsonl"))
    );
    let config = load(&top(
        "audit: { file: stderr, on_full: drop }\naccounting: { projects: 7 }",
    ));
    let audit = config.audit.unwrap();
    assert_eq!(
        (audit.file, audit.on_full),
        (AuditTarget::Stderr, OnFull::Drop)
    );
    assert_eq!(config.accounting, Some(Accounting { projects: 7 }));
}

#[test]
fn what_is_printed_loads_again() {
    for (yaml, printed) in [
        (
            "audit: { file: a.jsonl }",
            "audit:\n  file: /conf/a.jsonl\n  on_full: block\n",
        ),
        (
            "audit: { file: stderr, on_full: drop }",
            "audit:\n  file: stderr\n  on_full: drop\n",
        ),
        ("accounting: {}", "accounting:\n  projects: 200\n"),
    ] {
        let first = load(&top(yaml)).to_yaml().unwrap();
        assert!(first.contains(printed), "{first}");
        assert_eq!(load(&first).to_yaml().unwrap(), first);
    }
}

#[test]
fn bad_ones_are_refused() {
    const FILE: &str =
        "the name of a file, or stderr; relative names start at this file's directory";
    const PROJECTS: &str = "a whole number from 1 to 5000";
    for (yaml, line) in [
        (
            "audit: {}",
            format!("audit.file: is missing; accepted: {FILE}"),
        ),
        (
            "audit: { file: '' }",
            format!("audit.file: \"\" is not understood; accepted: {FILE}"),
        ),
        (
            "audit: { file: a, on_full: wait }",
            "audit.on_full: \"wait\" is not understood; accepted: block or drop".to_owned(),
        ),
        (
            "accounting: { projects: 0 }",
            format!("accounting.projects: is the number 0; accepted: {PROJECTS}"),
        ),
        (
            "accounting: { projects: 5001 }",
            format!("accounting.projects: is the number 5001; accepted: {PROJECTS}"),
        ),
    ] {
        assert_lines(&[(top(yaml), &line)]);
    }
}
