//! CEL's own conformance cases, compiled and evaluated as conditions are.

use super::{Push, compile};
use crate::condition::functions::ENV;
use crate::condition::scope::Scope;
use crate::condition::{Flaw, PARSER_STACK};
use cel::common::types::CelBool;
use cel::{Context, Value};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize)]
struct Table {
    reasons: BTreeMap<String, Reason>,
    /// By file and section: expression, value, and the reason why it is refused.
    cases: BTreeMap<String, Vec<Vec<String>>>,
}

/// Why conditions refuse what CEL has.
#[derive(Deserialize)]
struct Reason {
    about: String,
    /// Words of the refusal.
    flaw: Option<String>,
    /// Whether it has another value without the check, too.
    #[serde(default)]
    differs: bool,
}

const TABLE: &str = include_str!("../../../tests/fixtures/cel-conformance.yaml");

/// A condition that holds where the expression has this value. A line's end ends a comment.
fn condition(expression: &str, value: &str) -> String {
    match value {
        "true" => expression.to_owned(),
        "false" => format!("!({expression}\n)"),
        "nan" => format!("({expression}\n) != ({expression}\n)"),
        "error" => format!("({expression}\n) == ({expression}\n)"),
        value => format!("({expression}\n) == {value}"),
    }
}

/// Whether what came of a condition is what the specification says; None is an error.
fn is_right(value: &str, found: Option<bool>) -> bool {
    match value {
        "error" => found.is_none(),
        _ => found == Some(true),
    }
}

/// What comes of a condition without the check.
fn unchecked(source: &str) -> Option<bool> {
    let expression = ENV.parser().parse(source).ok()?;
    let push = Push::default();
    let scope = Scope::new(&[], &push);
    let mut context = Context::with_env(Arc::clone(&ENV));
    context.set_variable_resolver(&scope);
    let found = Value::resolve_val(&expression, &context).ok()?;
    found.downcast_ref::<CelBool>().map(|truth| *truth.inner())
}

/// What is wrong with one case, if something is.
fn judge(expression: &str, value: &str, reason: Option<&Reason>) -> Result<(), String> {
    let source = condition(expression, value);
    match (compile(&source), reason) {
        (Ok(condition), None) => {
            let found = condition.holds(&Push::default());
            match is_right(value, found.clone().ok()) {
                true => Ok(()),
                false => Err(format!("{found:?}")),
            }
        }
        // What can't be evaluated is found when it is read: earlier, and as good.
        (Err(_), None) if value == "error" => Ok(()),
        (Err(flaws), None) => Err(format!("refused without a reason: {flaws:?}")),
        (Ok(_), Some(reason)) => Err(format!("is no longer refused: {}", reason.about)),
        (Err(flaws), Some(reason)) => refused(&source, value, &flaws, reason),
    }
}

fn refused(source: &str, value: &str, flaws: &[Flaw], reason: &Reason) -> Result<(), String> {
    let is_said = |words: &String| flaws.iter().any(|flaw| flaw.message.contains(words));
    if !reason.flaw.as_ref().is_none_or(is_said) {
        return Err(format!("is refused for another reason: {flaws:?}"));
    }
    let found = unchecked(source);
    // An error comes of what isn't there, too.
    let expected = !reason.differs || value == "error";
    if is_right(value, found) == expected {
        Ok(())
    } else {
        Err(format!("is {found:?} without the check"))
    }
}

fn wrong() -> (usize, Vec<String>) {
    let table: Table = serde_yaml::from_str(TABLE).unwrap();
    let mut held = 0;
    let mut wrong = Vec::new();
    for (section, cases) in &table.cases {
        for case in cases {
            let reason = case.get(2).map(|word| &table.reasons[word]);
            match judge(&case[0], &case[1], reason) {
                Ok(()) => held += usize::from(reason.is_none()),
                Err(why) => wrong.push(format!("{section}: {} is {}: {why}", case[0], case[1])),
            }
        }
    }
    (held, wrong)
}

#[test]
fn conditions_have_the_values_of_cels_own_conformance_cases() {
    // Some are nested deeper than a test's stack allows without optimisation.
    let judged = std::thread::scope(|scope| {
        let judge = std::thread::Builder::new().stack_size(PARSER_STACK);
        judge.spawn_scoped(scope, wrong).unwrap().join().unwrap()
    });
    let (held, wrong) = judged;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Were most of them refused, the rest would prove little.
    assert!(held > 600, "{held}");
}
