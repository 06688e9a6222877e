//! The check of an expression before it is ever evaluated: each name is known, each value has the type
//! that its place needs, each word can occur. On the way names with dots become one name, and networks
//! and patterns become constants.

mod calls;
mod constants;

use super::flaw::Flaw;
use super::functions::ENV;
use super::kind::Kind;
use super::vocabulary::{Names, Variable, Vocabulary};
use crate::nearest::nearest;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue, SourceInfo};
use cel::common::value::Val;
use cel::{IdedExpr, ParseErrors};

/// How deep what was read may be nested: it is evaluated by recursion, on the stack of a worker.
const DEEPEST: u16 = 64;

/// An expression whose names are all known, with what was made of it ahead of time.
pub(super) struct Checked {
    pub(super) expression: IdedExpr,
    pub(super) constants: Vec<Box<dyn Val>>,
    /// The vocabulary's names in it, in their order, each once.
    pub(super) names: Vec<&'static str>,
}

/// Checks and prepares an expression.
///
/// # Errors
/// All flaws, in the order in which they stand.
pub(super) fn check(
    source: &str,
    vocabulary: &Vocabulary,
    names: &Names<'_>,
) -> Result<Checked, Vec<Flaw>> {
    let parser = ENV.parser().max_recursion_depth(DEEPEST);
    let (mut expression, places) = parser
        .parse_with_source_info(source)
        .map_err(|errors| syntax(source, &errors))?;
    let mut checker = Checker {
        source,
        places: &places,
        vocabulary,
        names,
        bound: Vec::new(),
        constants: Vec::new(),
        flaws: Vec::new(),
        used: Vec::new(),
        depth: 0,
    };
    let kind = checker.kind_of(&mut expression);
    if !kind.fits(&Kind::Bool) {
        checker.flaw(
            expression.id,
            format!("a condition is true or false, and this is {kind:#}"),
        );
    }
    if checker.flaws.is_empty() {
        Ok(Checked {
            expression,
            constants: checker.constants,
            names: checker.used,
        })
    } else {
        checker.flaws.sort_by_key(|flaw| (flaw.line, flaw.column));
        Err(checker.flaws)
    }
}

/// What stands in the way of reading it at all.
fn syntax(source: &str, errors: &ParseErrors) -> Vec<Flaw> {
    let flaws = errors.errors.iter().map(|error| {
        let (line, column) = error.pos;
        Flaw {
            line: usize::try_from(line).unwrap_or(1).max(1),
            column: usize::try_from(column).unwrap_or(1).max(1),
            message: without_tokens(source, &error.msg),
        }
    });
    // What follows the first is mostly its consequence.
    flaws.take(1).collect()
}

/// The parser's words, or better ones where it is known what was meant.
fn without_tokens(source: &str, message: &str) -> String {
    if source.contains(".in(") {
        return "`in` is an operator in CEL: write client in office, or client in \"192.0.2.0/24\""
            .to_owned();
    }
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    format!("this is no CEL expression: {message}")
}

struct Checker<'a> {
    source: &'a str,
    places: &'a SourceInfo,
    vocabulary: &'a Vocabulary,
    names: &'a Names<'a>,
    /// What macros name, the innermost last.
    bound: Vec<(String, Kind)>,
    constants: Vec<Box<dyn Val>>,
    flaws: Vec<Flaw>,
    used: Vec<&'static str>,
    depth: u16,
}

impl Checker<'_> {
    /// Says that something is wrong; what it is wrong in could be anything from then on.
    fn flaw(&mut self, id: u64, message: String) -> Kind {
        let start = self.places.offset_for(id).map_or(0, |(start, _)| start);
        let before = self.source.get(..start as usize).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.flaws.push(Flaw {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
        });
        Kind::Dyn
    }

    fn kind_of(&mut self, expression: &mut IdedExpr) -> Kind {
        self.depth += 1;
        let kind = if self.depth > DEEPEST {
            self.flaw(expression.id, "this is nested too deep".to_owned())
        } else {
            self.kind_within(expression)
        };
        self.depth -= 1;
        kind
    }

    fn kind_within(&mut self, expression: &mut IdedExpr) -> Kind {
        let id = expression.id;
        match &mut expression.expr {
            Expr::Literal(literal) => kind_of_literal(literal),
            Expr::Ident(name) => {
                let name = name.clone();
                self.named(id, &name, expression)
            }
            Expr::Select(_) => self.selected(expression),
            Expr::Call(_) => self.call(expression),
            Expr::List(list) => {
                let mut of = Kind::Dyn;
                for element in &mut list.elements {
                    let kind = self.kind_of(element);
                    if !of.fits(&kind) {
                        let message = format!("a list of {of} can't hold {kind:#}");
                        return self.flaw(element.id, message);
                    }
                    of = kind;
                }
                Kind::list(of)
            }
            Expr::Comprehension(each) => self.comprehension(id, each),
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.kind_of(&mut entry.key);
                        self.kind_of(&mut entry.value);
                    }
                }
                self.flaw(id, "maps can't be written here".to_owned())
            }
            Expr::Struct(_) | Expr::Unspecified => {
                self.flaw(id, "this can't be written here".to_owned())
            }
        }
    }

    /// A name that stands for itself.
    fn named(&mut self, id: u64, name: &str, expression: &mut IdedExpr) -> Kind {
        if let Some((_, kind)) = self.bound.iter().rev().find(|(bound, _)| bound == name) {
            return kind.clone();
        }
        if let Some(variable) = self.vocabulary.find(name) {
            return self.uses(variable);
        }
        let networks = self.names.networks.iter();
        if let Some((_, networks)) = networks.clone().find(|(network, _)| network == name) {
            expression.expr = self.network(networks.clone());
            return Kind::Network;
        }
        let known = self.known();
        let meant = meant(name, &known);
        let message = format!(
            "{name:?} is not a name that is known here{meant}; accepted: {}",
            known.join(", ")
        );
        self.flaw(id, message)
    }

    fn uses(&mut self, variable: &'static Variable) -> Kind {
        if !self.used.contains(&variable.name) {
            self.used.push(variable.name);
        }
        variable.kind()
    }

    /// All names that may stand for themselves.
    fn known(&self) -> Vec<&str> {
        let variables = self.vocabulary.variables.iter().map(|known| known.name);
        let networks = self.names.networks.iter().map(|(name, _)| name.as_str());
        variables.chain(networks).collect()
    }

    /// A name behind a dot: of the vocabulary, or of a map.
    fn selected(&mut self, expression: &mut IdedExpr) -> Kind {
        let id = expression.id;
        let Expr::Select(select) = &mut expression.expr else {
            return Kind::Dyn;
        };
        if let (Expr::Ident(first), false) = (&select.operand.expr, select.test) {
            let whole = format!("{first}.{}", select.field);
            if let Some(variable) = self.vocabulary.find(&whole) {
                expression.expr = Expr::Ident(whole);
                return self.uses(variable);
            }
        }
        let (field, test) = (select.field.clone(), select.test);
        let of = self.kind_of(&mut select.operand);
        let within = match &of {
            Kind::Map(of) => Kind::clone(of),
            Kind::Dyn => Kind::Dyn,
            _ => {
                let message = match &select.operand.expr {
                    Expr::Ident(first) => self.no_such_part(first, &field),
                    _ => format!("{of:#} has no {field:?}"),
                };
                return self.flaw(id, message);
            }
        };
        if of == Kind::Map(Box::new(Kind::String)) {
            select.field = self.header(id, &field);
        }
        if test { Kind::Bool } else { within }
    }

    fn no_such_part(&self, first: &str, field: &str) -> String {
        let beginning = format!("{first}.");
        let known = self.known();
        let parts = known.iter().filter(|name| name.starts_with(&beginning));
        let parts: Vec<&str> = parts.copied().collect();
        let whole = format!("{first}.{field}");
        if parts.is_empty() {
            format!("{first} has nothing behind a dot, so {whole:?} is not known")
        } else {
            let meant = meant(&whole, &parts);
            format!(
                "{whole:?} is not known{meant}; accepted: {}",
                parts.join(", ")
            )
        }
    }

    /// A header's name in the form in which it is looked up.
    fn header(&mut self, id: u64, name: &str) -> String {
        let lower = name.to_ascii_lowercase();
        if !crate::filter::SHOWN.contains(&lower.as_str()) {
            let meant = meant(&lower, &crate::filter::SHOWN);
            let message = format!(
                "the header {name:?} is not shown to conditions{meant}; accepted: {}",
                crate::filter::SHOWN.join(", ")
            );
            self.flaw(id, message);
        }
        lower
    }

    /// `all`, `exists`, `map` and the like.
    fn comprehension(&mut self, id: u64, each: &mut ComprehensionExpr) -> Kind {
        if !self.bound.is_empty() {
            // What a token or a header makes long would be gone through once for each of its elements.
            let message = "a macro within a macro takes too long".to_owned();
            return self.flaw(id, message);
        }
        let of = match self.kind_of(&mut each.iter_range) {
            Kind::List(of) => *of,
            Kind::Map(_) => Kind::String,
            Kind::Dyn => Kind::Dyn,
            other => {
                let message = format!("{other:#} has no elements");
                return self.flaw(each.iter_range.id, message);
            }
        };
        let start = self.kind_of(&mut each.accu_init);
        self.bound.push((each.accu_var.clone(), start.clone()));
        self.bound.push((each.iter_var.clone(), of));
        self.kind_of(&mut each.loop_cond);
        let step = self.kind_of(&mut each.loop_step);
        if !step.fits(&start) {
            let message = format!("this has to be {start:#} for each element, and is {step:#}");
            self.flaw(each.loop_step.id, message);
        }
        self.bound.pop();
        let result = self.kind_of(&mut each.result);
        self.bound.pop();
        result
    }

    /// The variable that an expression is, and nothing else.
    fn variable(&self, expression: &IdedExpr) -> Option<&'static Variable> {
        match &expression.expr {
            Expr::Ident(name) => self.vocabulary.find(name),
            _ => None,
        }
    }
}

fn kind_of_literal(literal: &LiteralValue) -> Kind {
    match literal {
        LiteralValue::Boolean(_) => Kind::Bool,
        LiteralValue::Bytes(_) => Kind::Bytes,
        LiteralValue::Double(_) => Kind::Double,
        LiteralValue::Int(_) => Kind::Int,
        LiteralValue::Null => Kind::Null,
        LiteralValue::String(_) => Kind::String,
        LiteralValue::UInt(_) => Kind::Uint,
    }
}

/// The text of a literal.
pub(super) fn text(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// The known name that was probably meant, as a clause of a sentence.
fn meant(name: &str, known: &[&str]) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!(" (did you mean {known:?}?)"))
}
