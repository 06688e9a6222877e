//! Conditions of rules and identities, in the Common Expression Language (CEL): checked when the
//! configuration is read, evaluated for each request.
//!
//! The crate `cel` parses and evaluates. What stands here is what it leaves out: a vocabulary with types,
//! so that a name that doesn't exist, a comparison that can't hold and a pattern that is none are errors
//! of the configuration and not of the first request; and addresses in networks.
//!
//! This module deliberately doesn't know what becomes of a condition that holds, nor where its values
//! come from.

mod check;
mod flaw;
mod functions;
mod kind;
mod scope;
mod shortcut;
mod vocabulary;

pub(crate) use flaw::Flaw;
pub(crate) use scope::{Claims, Value, Values};
pub(crate) use vocabulary::{CLAIMS, Names, REQUEST, Vocabulary};

use cel::Context;
use cel::common::types::CelBool;
use check::{Checked, check};
use functions::ENV;
use scope::Scope;
use shortcut::Shortcut;
use std::fmt;
use std::sync::Arc;

/// The longest condition, in bytes: what is longer belongs into several rules, which tell by their names
/// which of them decided.
const LONGEST: usize = 4096;

/// How many brackets of any kind a condition may open, those in texts among them. The parser takes up
/// to 150 KiB of stack for each that stands within another (measured without optimisation).
const MOST_BRACKETS: usize = 128;

/// Enough for the most brackets, in bytes.
const PARSER_STACK: usize = 64 << 20;

/// A condition that was found sound.
#[derive(Clone)]
pub(crate) struct Condition {
    source: Arc<str>,
    checked: Arc<Checked>,
    shortcut: Arc<Shortcut>,
}

/// Why a condition neither holds nor doesn't: a header or a claim that isn't there, a number out of
/// range. The words name no value of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unevaluable(pub(crate) String);

/// The names of conditions on requests, with their type and what they are.
pub fn vocabulary() -> Vec<[String; 3]> {
    let variables = REQUEST.variables.iter();
    let rows = variables.map(|variable| {
        let words = match variable.words() {
            [] => String::new(),
            words => format!(" One of {}.", words.join(", ")),
        };
        let about = format!("{}{words}", variable.about);
        [variable.name.to_owned(), variable.kind().to_string(), about]
    });
    rows.collect()
}

impl Condition {
    /// Checks an expression against a vocabulary.
    ///
    /// # Errors
    /// All flaws at once.
    pub(crate) fn compile(
        source: &str,
        vocabulary: &Vocabulary,
        names: &Names<'_>,
    ) -> Result<Condition, Vec<Flaw>> {
        let brackets = source.bytes().filter(|byte| b"([{".contains(byte)).count();
        if source.len() > LONGEST || brackets > MOST_BRACKETS {
            return Err(vec![Flaw::at_the_start(format!(
                "the condition is longer than {LONGEST} bytes, or has more than {MOST_BRACKETS} \
                 brackets; several rules can say the same"
            ))]);
        }
        let checked = std::thread::scope(|scope| {
            let parser = std::thread::Builder::new().stack_size(PARSER_STACK);
            let parser = parser.spawn_scoped(scope, || check(source, vocabulary, names));
            let failed = |_| {
                vec![Flaw::at_the_start(
                    "the condition could not be read".to_owned(),
                )]
            };
            parser
                .map_err(|error| {
                    vec![Flaw::at_the_start(format!(
                        "there is no thread to read it: {error}"
                    ))]
                })
                .and_then(|parser| parser.join().unwrap_or_else(|panic| Err(failed(panic))))
        })?;
        let shortcut = Shortcut::of(&checked.expression, vocabulary, &checked.constants);
        Ok(Condition {
            source: source.into(),
            shortcut: Arc::new(shortcut),
            checked: Arc::new(checked),
        })
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The names of the vocabulary that it depends on.
    pub(crate) fn names(&self) -> &[&'static str] {
        &self.checked.names
    }

    /// Whether it holds for these values.
    ///
    /// # Errors
    /// Where it can't be said.
    pub(crate) fn holds(&self, values: &dyn Values) -> Result<bool, Unevaluable> {
        let known = self.shortcut.holds(values);
        known.map_or_else(|| self.evaluate(values), Ok)
    }

    /// As CEL has it.
    fn evaluate(&self, values: &dyn Values) -> Result<bool, Unevaluable> {
        let scope = Scope::new(&self.checked.constants, values);
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.set_variable_resolver(&scope);
        let value = cel::Value::resolve_val(&self.checked.expression, &context);
        let value = value.map_err(|error| Unevaluable(scope::words_of(&error)))?;
        match value.downcast_ref::<CelBool>() {
            Some(truth) => Ok(*truth.inner()),
            None => Err(Unevaluable(
                "the result is neither true nor false".to_owned(),
            )),
        }
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Condition) -> bool {
        self.source == other.source
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", self.source)
    }
}

#[cfg(test)]
mod tests;
