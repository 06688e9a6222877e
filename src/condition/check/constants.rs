//! What is made of literals once, and stands in the expression as a constant: networks and patterns.

use super::super::scope::{Network, Pattern, constant};
use super::{Checker, text};
use crate::net::network::{self, NetworkFlaw};
use cel::IdedExpr;
use cel::common::ast::Expr;
use cel::common::value::Val;
use ipnet::IpNet;
use regex_lite::{Regex, RegexBuilder};

/// A compiled pattern's size in bytes: a thousand times what a name needs, and nothing for a machine.
const LARGEST_PATTERN: usize = 1 << 20;

impl Checker<'_> {
    fn constant(&mut self, value: Box<dyn Val>) -> Expr {
        let name = constant(self.constants.len());
        self.constants.push(value);
        Expr::Ident(name)
    }

    pub(super) fn network(&mut self, networks: Vec<IpNet>) -> Expr {
        self.constant(Box::new(Network(networks)))
    }

    /// Makes networks of a literal, or of a list of them; false where it is neither.
    pub(super) fn literal_network(&mut self, expression: &mut IdedExpr) -> bool {
        let texts = match &expression.expr {
            Expr::List(list) => list.elements.iter().map(text).collect::<Option<Vec<_>>>(),
            _ => text(expression).map(|text| vec![text]),
        };
        let Some(texts) = texts else {
            return false;
        };
        let networks: Result<Vec<IpNet>, String> = texts.into_iter().map(read_network).collect();
        match networks {
            Ok(networks) => expression.expr = self.network(networks),
            Err(message) => {
                self.flaw(expression.id, message);
            }
        }
        true
    }

    /// Makes a pattern of a literal.
    pub(super) fn pattern(&mut self, expression: &mut IdedExpr) {
        let id = expression.id;
        let Some(pattern) = text(expression) else {
            let message =
                "the pattern of matches() has to stand there as a text in quotes".to_owned();
            self.flaw(id, message);
            return;
        };
        let compiled: Result<Regex, _> = RegexBuilder::new(pattern)
            .size_limit(LARGEST_PATTERN)
            .build();
        match compiled {
            Ok(pattern) => expression.expr = self.constant(Box::new(Pattern(pattern))),
            Err(error) => {
                self.flaw(id, format!("the pattern is no regular expression: {error}"));
            }
        }
    }
}

/// A network, or one address, or the sentence that says what is wrong.
fn read_network(text: &str) -> Result<IpNet, String> {
    network::parse(text).map_err(|flaw| match flaw {
        NetworkFlaw::Unknown => format!(
            "{text:?} is no network; accepted: a network such as 192.0.2.0/24, or an address"
        ),
        NetworkFlaw::BitsBeyondPrefix { network, address } => format!(
            "{text:?} has bits beyond its prefix; write {network} for the whole network or {address} \
             for the one address"
        ),
    })
}
