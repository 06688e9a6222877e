//! Operators and functions: what they take, and what they give.

use super::super::functions::{ENV, FUNCTIONS, Function, MATCHES, is_of_time};
use super::super::kind::Kind;
use super::super::vocabulary::{Variable, Words};
use super::{Checker, meant, text};
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::{Context, IdedExpr, Value};
use std::sync::Arc;

impl Checker<'_> {
    pub(super) fn call(&mut self, expression: &mut IdedExpr) -> Kind {
        let id = expression.id;
        let Expr::Call(call) = &mut expression.expr else {
            return Kind::Dyn;
        };
        match (call.func_name.as_str(), call.args.len()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, 2) => self.all(call, &Kind::Bool),
            (operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, 1) => {
                self.all(call, &Kind::Bool)
            }
            (operators::CONDITIONAL, 3) => self.conditional(id, call),
            (operators::EQUALS | operators::NOT_EQUALS, 2) => self.compared(id, call),
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                2,
            ) => self.ordered(id, call),
            (operators::IN, 2) => self.within(id, call),
            (operators::INDEX, 2) => self.indexed(id, call),
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                2,
            ) => self.computed(id, call),
            (operators::NEGATE, 1) => match self.kind_of(&mut call.args[0]) {
                kind @ (Kind::Int | Kind::Double | Kind::Dyn) => kind,
                other => self.flaw(id, format!("- can't be applied to {other:#}")),
            },
            _ => self.function(id, call),
        }
    }

    /// An operator all of whose operands are of one kind, which is the result's.
    fn all(&mut self, call: &mut CallExpr, kind: &Kind) -> Kind {
        for operand in &mut call.args {
            let is = self.kind_of(operand);
            if !is.fits(kind) {
                self.flaw(
                    operand.id,
                    format!("this has to be {kind:#}, and is {is:#}"),
                );
            }
        }
        kind.clone()
    }

    fn conditional(&mut self, id: u64, call: &mut CallExpr) -> Kind {
        let condition = self.kind_of(&mut call.args[0]);
        if !condition.fits(&Kind::Bool) {
            self.flaw(
                id,
                format!("before ? stands a bool, and this is {condition:#}"),
            );
        }
        let (one, other) = self.both(call, 1);
        if one.fits(&other) {
            one
        } else {
            let message =
                format!("both sides of : have to be alike, and are {one:#} and {other:#}");
            self.flaw(id, message)
        }
    }

    /// The kinds of two arguments that stand side by side.
    fn both(&mut self, call: &mut CallExpr, first: usize) -> (Kind, Kind) {
        let one = self.kind_of(&mut call.args[first]);
        (one, self.kind_of(&mut call.args[first + 1]))
    }

    fn compared(&mut self, id: u64, call: &mut CallExpr) -> Kind {
        let (one, other) = self.both(call, 0);
        let is_place = |kind: &Kind| matches!(kind, Kind::Address | Kind::Network);
        if is_place(&one) || is_place(&other) {
            let message = "an address is compared by `in`: client in \"192.0.2.7\"".to_owned();
            return self.flaw(id, message);
        }
        if !one.fits(&other) {
            let message = format!("{one:#} and {other:#} are never equal");
            return self.flaw(id, message);
        }
        for (named, literal) in [(0, 1), (1, 0)] {
            let variable = self.variable(&call.args[named]);
            self.word(variable, &call.args[literal]);
        }
        Kind::Bool
    }

    /// Complains of a text that a name can't be.
    fn word(&mut self, variable: Option<&'static Variable>, literal: &IdedExpr) {
        let (Some(variable), Some(text)) = (variable, text(literal)) else {
            return;
        };
        let words = match variable.words {
            Words::Any => return,
            Words::These(words) => words,
            Words::Registries => self.names.registries,
        };
        if !words.contains(&text) {
            let message = format!(
                "{} is never {text:?}{}; accepted: {}",
                variable.name,
                meant(text, words),
                words.join(", ")
            );
            self.flaw(literal.id, message);
        }
    }

    fn ordered(&mut self, id: u64, call: &mut CallExpr) -> Kind {
        let (one, other) = self.both(call, 0);
        if one.fits(&other) && one.is_ordered() && other.is_ordered() {
            return Kind::Bool;
        }
        self.flaw(id, format!("{one:#} and {other:#} have no order"))
    }

    fn within(&mut self, id: u64, call: &mut CallExpr) -> Kind {
        let [one, all] = call.args.as_mut_slice() else {
            return Kind::Dyn;
        };
        let kind = self.kind_of(one);
        if kind == Kind::Address && self.literal_network(all) {
            return Kind::Bool;
        }
        let variable = self.variable(one);
        if let Expr::List(list) = &all.expr {
            for literal in &list.elements {
                self.word(variable, literal);
            }
        }
        let of = self.kind_of(all);
        let fits = match &of {
            Kind::Network => kind == Kind::Address,
            Kind::List(of) => kind.fits(of),
            Kind::Map(_) => kind.fits(&Kind::String),
            Kind::Dyn => true,
            _ => false,
        };
        if !fits {
            return self.flaw(id, format!("{kind:#} can't be in {of:#}"));
        }
        if of == Kind::Map(Box::new(Kind::String)) {
            self.header_index(one);
        }
        Kind::Bool
    }

    /// A header's name that stands in quotes.
    fn header_index(&mut self, name: &mut IdedExpr) {
        if let Some(written) = text(name) {
            let written = written.to_owned();
            let lower = self.header(name.id, &written);
            name.expr = Expr::Literal(LiteralValue::String(lower.into()));
        }
    }

    fn indexed(&mut self, id: u64, call: &mut CallExpr) -> Kind {
        let (of, index) = self.both(call, 0);
        match (&of, &index) {
            (Kind::Map(within), index) if index.fits(&Kind::String) => {
                if **within == Kind::String {
                    self.header_index(&mut call.args[1]);
                }
                Kind::clone(within)
            }
            (Kind::List(within), index) if index.fits(&Kind::Int) => Kind::clone(within),
            (Kind::Dyn, Kind::String | Kind::Int | Kind::Dyn) => Kind::Dyn,
            _ => self.flaw(id, format!("{of:#} has nothing at {index:#}")),
        }
    }

    fn computed(&mut self, id: u64, call: &mut CallExpr) -> Kind {
        let (one, other) = self.both(call, 0);
        let operator = call.func_name.as_str();
        let is_sum = operator == operators::ADD;
        let is_sum_or_difference = is_sum || operator == operators::SUBSTRACT;
        match (&one, &other) {
            (Kind::Dyn, _) | (_, Kind::Dyn) => Kind::Dyn,
            (Kind::Double, Kind::Double) if operator == operators::MODULO => {
                self.flaw(id, "% is for whole numbers".to_owned())
            }
            (one, other) if one == other && one.is_number() => one.clone(),
            (Kind::String, Kind::String) | (Kind::Bytes, Kind::Bytes) if is_sum => one,
            (Kind::List(_), Kind::List(_)) if is_sum && one.fits(&other) => one,
            (Kind::Duration, Kind::Duration) if is_sum_or_difference => Kind::Duration,
            (Kind::Timestamp, Kind::Duration) if is_sum_or_difference => Kind::Timestamp,
            (Kind::Duration, Kind::Timestamp) if is_sum => Kind::Timestamp,
            (Kind::Timestamp, Kind::Timestamp) if operator == operators::SUBSTRACT => {
                Kind::Duration
            }
            _ => {
                let sign = operator.trim_matches('_');
                self.flaw(id, format!("{one:#} {sign} {other:#} is nothing"))
            }
        }
    }

    fn function(&mut self, id: u64, call: &mut CallExpr) -> Kind {
        let name = call.func_name.clone();
        let is_method = call.target.is_some();
        if name == MATCHES && is_method && call.args.len() == 1 {
            if let Some(target) = &mut call.target {
                let kind = self.kind_of(target);
                if !kind.fits(&Kind::String) {
                    self.flaw(
                        id,
                        format!("matches() is for a string, and this is {kind:#}"),
                    );
                }
            }
            self.pattern(&mut call.args[0]);
            return Kind::Bool;
        }
        let operands = call.target.iter_mut().map(|target| &mut **target);
        let operands = operands.chain(&mut call.args);
        let mut kinds = Vec::new();
        for operand in operands {
            kinds.push(self.kind_of(operand));
        }
        let same = |known: &&Function| known.name == name && known.is_method == is_method;
        let Some(known) = FUNCTIONS.iter().find(same) else {
            let message = unknown_function(&name, is_method);
            return self.flaw(id, message);
        };
        let takes = |takes: &&&[fn() -> Kind]| {
            takes.len() == kinds.len() && takes.iter().zip(&kinds).all(|(one, is)| is.fits(&one()))
        };
        if !known.takes.iter().any(|one| takes(&one)) {
            let given: Vec<String> = kinds.iter().map(Kind::to_string).collect();
            let message = format!("{name}() doesn't take ({})", given.join(", "));
            return self.flaw(id, message);
        }
        let gives = (known.gives)();
        self.evaluated_ahead(id, call);
        gives
    }

    /// What depends on nothing of a request fails now or never: a date, a time zone.
    fn evaluated_ahead(&mut self, id: u64, call: &CallExpr) {
        let literals = call
            .args
            .iter()
            .all(|one| matches!(one.expr, Expr::Literal(_)));
        let mut call = call.clone();
        match &mut call.target {
            _ if !literals => return,
            // The zone is the same at any time.
            Some(target) if is_of_time(&call.func_name) => {
                **target = epoch();
            }
            Some(_) => return,
            None => {}
        }
        let expression = IdedExpr {
            id,
            expr: Expr::Call(call),
        };
        let context = Context::with_env(Arc::clone(&ENV));
        if let Err(error) = Value::resolve_val(&expression, &context) {
            self.flaw(id, format!("this can't be evaluated: {error}"));
        }
    }
}

/// `timestamp("1970-01-01T00:00:00Z")`.
fn epoch() -> IdedExpr {
    let text = Expr::Literal(LiteralValue::String("1970-01-01T00:00:00Z".into()));
    IdedExpr {
        id: 0,
        expr: Expr::Call(CallExpr {
            func_name: "timestamp".to_owned(),
            target: None,
            args: vec![IdedExpr { id: 0, expr: text }],
        }),
    }
}

fn unknown_function(name: &str, is_method: bool) -> String {
    let alike = FUNCTIONS
        .iter()
        .filter(|known| known.is_method == is_method);
    let mut known: Vec<&str> = alike.map(|known| known.name).collect();
    if is_method {
        known.push(MATCHES);
    }
    let meant = meant(name, &known);
    format!(
        "{name}() is not known{meant}; accepted: {}",
        known.join(", ")
    )
}
