//! A second evaluator, which knows nothing of the first: random conditions on random requests have to come
//! out alike in both, errors included.

use super::{Push, compile};
use crate::condition::{Value, Values};
use http::HeaderMap;
use std::net::IpAddr;

/// A condition as a tree, with the texts that stand for its leaves.
enum Tree {
    Truth(bool),
    Equals(&'static str, &'static str),
    Starts(&'static str, &'static str),
    OneOf(&'static str, [&'static str; 2]),
    Matches(&'static str),
    Within(&'static str),
    Writes,
    /// Can't be evaluated where the header isn't there.
    Header(&'static str),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    Either(Box<Tree>, Box<Tree>, Box<Tree>),
}

struct Asked {
    project: &'static str,
    account: &'static str,
    writes: bool,
    push: Push,
}

impl Values for Asked {
    fn value(&self, name: &str) -> Option<Value<'_>> {
        match name {
            "project" => Some(Value::Text(self.project)),
            "account" => Some(Value::Text(self.account)),
            "operation.writes" => Some(Value::Truth(self.writes)),
            other => self.push.value(other),
        }
    }
}

impl Asked {
    fn text(&self, name: &str) -> &'static str {
        if name == "project" {
            self.project
        } else {
            self.account
        }
    }

    fn agent(&self) -> Option<&str> {
        self.push.headers.get("user-agent")?.to_str().ok()
    }
}

impl Tree {
    fn written(&self) -> String {
        match self {
            Tree::Truth(truth) => truth.to_string(),
            Tree::Equals(name, text) => format!("{name} == \"{text}\""),
            Tree::Starts(name, text) => format!("{name}.startsWith(\"{text}\")"),
            Tree::OneOf(name, [one, other]) => format!("{name} in [\"{one}\", '{other}']"),
            Tree::Matches(name) => format!("{name}.matches(\"^[a-m]+$\")"),
            Tree::Within(network) => format!("client in {network}"),
            Tree::Writes => "operation.writes".to_owned(),
            Tree::Header(text) => format!("headers[\"user-agent\"] == \"{text}\""),
            Tree::Not(tree) => format!("!({})", tree.written()),
            Tree::And(one, other) => format!("({}) && ({})", one.written(), other.written()),
            Tree::Or(one, other) => format!("({}) || ({})", one.written(), other.written()),
            Tree::Either(which, one, other) => {
                let (one, other) = (one.written(), other.written());
                format!("({}) ? ({one}) : ({other})", which.written())
            }
        }
    }

    /// None where it can't be said. Of && and || either side alone may decide (CEL's specification, Logical
    /// Operators).
    fn holds(&self, asked: &Asked) -> Option<bool> {
        match self {
            Tree::Truth(truth) => Some(*truth),
            Tree::Equals(name, text) => Some(asked.text(name) == *text),
            Tree::Starts(name, text) => Some(asked.text(name).starts_with(text)),
            Tree::OneOf(name, texts) => Some(texts.contains(&asked.text(name))),
            Tree::Matches(name) => {
                let text = asked.text(name);
                Some(!text.is_empty() && text.chars().all(|c| ('a'..='m').contains(&c)))
            }
            Tree::Within(network) => Some(match (asked.push.client, *network) {
                (Some(IpAddr::V4(address)), "office") => address.octets()[..3] == [192, 0, 2],
                (Some(IpAddr::V4(address)), _) => address.octets()[..2] == [10, 20],
                (Some(IpAddr::V6(address)), "office") => address.segments()[..2] == [0x2001, 0xdb8],
                (Some(IpAddr::V6(_)) | None, _) => false,
            }),
            Tree::Writes => Some(asked.writes),
            Tree::Header(text) => asked.agent().map(|agent| agent == *text),
            Tree::Not(tree) => tree.holds(asked).map(|holds| !holds),
            Tree::And(one, other) => match (one.holds(asked), other.holds(asked)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                (None, _) | (_, None) => None,
            },
            Tree::Or(one, other) => match (one.holds(asked), other.holds(asked)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                (None, _) | (_, None) => None,
            },
            Tree::Either(which, one, other) => match which.holds(asked)? {
                true => one.holds(asked),
                false => other.holds(asked),
            },
        }
    }
}

/// The same numbers each time (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    fn tree(&mut self, deep: u64) -> Tree {
        let name = self.one_of(&["project", "account"]);
        let text = self.one_of(&TEXTS);
        match self.below(if deep == 0 { 8 } else { 14 }) {
            0 => Tree::Truth(self.below(2) == 0),
            1 => Tree::Equals(name, text),
            2 => Tree::Starts(name, text),
            3 => Tree::OneOf(name, [text, self.one_of(&TEXTS)]),
            4 => Tree::Matches(name),
            5 => Tree::Within(self.one_of(&["office", "build"])),
            6 => Tree::Writes,
            7 => Tree::Header(self.one_of(&["docker/28.5", "curl/8"])),
            8 => Tree::Not(self.branch(deep)),
            9 | 10 => Tree::And(self.branch(deep), self.branch(deep)),
            11 | 12 => Tree::Or(self.branch(deep), self.branch(deep)),
            _ => Tree::Either(self.branch(deep), self.branch(deep), self.branch(deep)),
        }
    }

    fn branch(&mut self, deep: u64) -> Box<Tree> {
        Box::new(self.tree(deep - 1))
    }

    fn asked(&mut self) -> Asked {
        let mut headers = HeaderMap::new();
        if self.below(3) > 0 {
            let agent = self.one_of(&["docker/28.5", "curl/8"]);
            headers.insert("user-agent", agent.parse().unwrap());
        }
        let client = self.one_of(&[
            "",
            "192.0.2.1",
            "192.0.3.1",
            "10.20.9.9",
            "10.21.0.1",
            "2001:db8::1",
            "::1",
        ]);
        Asked {
            project: self.one_of(&TEXTS),
            account: self.one_of(&TEXTS),
            writes: self.below(2) == 0,
            push: Push {
                headers,
                client: client.parse().ok(),
            },
        }
    }
}

const TEXTS: [&str; 6] = ["", "prod", "lab", "alice", "robot$ci", "\u{e4}"];

#[test]
fn ten_thousand_requests_are_judged_alike_by_a_second_evaluator() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut seen = [0_usize; 3];
    for _ in 0..500 {
        let tree = dice.tree(4);
        let source = tree.written();
        // Some are longer, or nested deeper, than a condition may be.
        let Ok(condition) = compile(&source) else {
            assert!(
                source.len() > 1000 || source.matches('(').count() > 40,
                "{source}"
            );
            continue;
        };
        for _ in 0..25 {
            let asked = dice.asked();
            let expected = tree.holds(&asked);
            assert_eq!(condition.holds(&asked).ok(), expected, "{source}");
            let evaluated = condition.evaluate(&asked);
            assert_eq!(evaluated.ok(), expected, "without the shortcut: {source}");
            seen[expected.map_or(2, usize::from)] += 1;
        }
    }
    // Each kind of result occurred often enough to mean something.
    assert!(seen.iter().sum::<usize>() >= 10_000, "{seen:?}");
    assert!(seen.iter().all(|times| *times > 500), "{seen:?}");
}
