//! What of a condition can be said without CEL: names compared with texts that stand there, addresses in
//! networks, and what `&&`, `||` and `!` make of them. Most conditions don't hold for most requests, and
//! their first comparison tells; an evaluation takes ten times as long, since each value has to be made
//! one of CEL's before.
//!
//! It says nothing that CEL would say otherwise: of `&&` and `||` either side alone may decide, even where
//! the other can't be evaluated (CEL's specification, Logical Operators).

use super::check::text;
use super::kind::Kind;
use super::scope::{Network, Value, Values, constant_of};
use super::vocabulary::{Variable, Vocabulary};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, operators};
use cel::common::value::Val;

/// A condition, as far as it can be said without CEL.
pub(super) enum Shortcut {
    Truth(&'static str),
    Equals(&'static str, String),
    OneOf(&'static str, Vec<String>),
    StartsWith(&'static str, String),
    Within(&'static str, Network),
    Not(Box<Shortcut>),
    And([Box<Shortcut>; 2]),
    Or([Box<Shortcut>; 2]),
    /// Only CEL knows.
    Unknown,
}

/// What an expression is read with.
struct Reader<'a> {
    vocabulary: &'a Vocabulary,
    constants: &'a [Box<dyn Val>],
}

impl Shortcut {
    /// Of an expression that was checked.
    pub(super) fn of(
        expression: &IdedExpr,
        vocabulary: &Vocabulary,
        constants: &[Box<dyn Val>],
    ) -> Shortcut {
        let reader = Reader {
            vocabulary,
            constants,
        };
        reader.read(expression).unwrap_or(Shortcut::Unknown)
    }

    /// Whether the condition holds; None where only CEL knows.
    pub(super) fn holds(&self, values: &dyn Values) -> Option<bool> {
        let text = |name| match values.value(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        match self {
            Shortcut::Truth(name) => match values.value(name) {
                Some(Value::Truth(truth)) => Some(truth),
                _ => None,
            },
            Shortcut::Equals(name, other) => Some(text(name)? == other),
            Shortcut::OneOf(name, others) => {
                let text = text(name)?;
                Some(others.iter().any(|other| other == text))
            }
            Shortcut::StartsWith(name, beginning) => Some(text(name)?.starts_with(beginning)),
            Shortcut::Within(name, network) => match values.value(name) {
                Some(Value::Address(address)) => Some(network.holds(address)),
                _ => None,
            },
            Shortcut::Not(one) => one.holds(values).map(|holds| !holds),
            Shortcut::And(both) => decided(both, values, false),
            Shortcut::Or(both) => decided(both, values, true),
            Shortcut::Unknown => None,
        }
    }
}

/// Of two sides, either of which decides by being so.
fn decided(both: &[Box<Shortcut>; 2], values: &dyn Values, deciding: bool) -> Option<bool> {
    let [one, other] = both;
    let one = one.holds(values);
    if one == Some(deciding) {
        return one;
    }
    let other = other.holds(values);
    if other == Some(deciding) {
        return other;
    }
    one.and(other)
}

impl Reader<'_> {
    /// None where only CEL knows.
    fn read(&self, expression: &IdedExpr) -> Option<Shortcut> {
        match &expression.expr {
            Expr::Ident(_) => {
                let variable = self.variable(expression)?;
                (variable.kind() == Kind::Bool).then_some(Shortcut::Truth(variable.name))
            }
            Expr::Call(call) => self.call(call),
            _ => None,
        }
    }

    fn call(&self, call: &CallExpr) -> Option<Shortcut> {
        let both = |one, other| [one, other].map(|side| Box::new(self.side(side)));
        match (call.func_name.as_str(), &call.target, call.args.as_slice()) {
            (operators::LOGICAL_NOT, None, [one]) => Some(not(self.read(one)?)),
            (operators::LOGICAL_AND, None, [one, other]) => Some(Shortcut::And(both(one, other))),
            (operators::LOGICAL_OR, None, [one, other]) => Some(Shortcut::Or(both(one, other))),
            (operators::EQUALS, None, [one, other]) => self.equals(one, other),
            (operators::NOT_EQUALS, None, [one, other]) => Some(not(self.equals(one, other)?)),
            (operators::IN, None, [one, all]) => self.within(one, all),
            ("startsWith", Some(target), [beginning]) => {
                let name = self.variable(target)?.name;
                Some(Shortcut::StartsWith(name, text(beginning)?.to_owned()))
            }
            _ => None,
        }
    }

    /// One side, beside which the other may decide.
    fn side(&self, expression: &IdedExpr) -> Shortcut {
        self.read(expression).unwrap_or(Shortcut::Unknown)
    }

    fn equals(&self, one: &IdedExpr, other: &IdedExpr) -> Option<Shortcut> {
        let named = |name, literal| Some((self.variable(name)?.name, text(literal)?));
        let (name, text) = named(one, other).or_else(|| named(other, one))?;
        Some(Shortcut::Equals(name, text.to_owned()))
    }

    fn within(&self, one: &IdedExpr, all: &IdedExpr) -> Option<Shortcut> {
        let name = self.variable(one)?.name;
        match &all.expr {
            Expr::List(list) => {
                let texts = list.elements.iter();
                let texts = texts.map(|one| text(one).map(str::to_owned));
                Some(Shortcut::OneOf(name, texts.collect::<Option<_>>()?))
            }
            Expr::Ident(constant) => {
                let constant = self.constants.get(constant_of(constant)?)?;
                let network = constant.downcast_ref::<Network>()?;
                Some(Shortcut::Within(name, network.clone()))
            }
            _ => None,
        }
    }

    fn variable(&self, expression: &IdedExpr) -> Option<&'static Variable> {
        match &expression.expr {
            Expr::Ident(name) => self.vocabulary.find(name),
            _ => None,
        }
    }
}

fn not(one: Shortcut) -> Shortcut {
    Shortcut::Not(Box::new(one))
}
