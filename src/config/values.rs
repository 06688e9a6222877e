//! The kinds of values that a setting can have: numbers, sizes, durations, texts, one of several
//! words. Each knows its bounds from its rule, and how it is printed and described.

use super::document::Node;
use super::files::Making;
use super::problem::{Complaint, Keyed, Problems, Shown};
use super::setting::{Rule, Setting, as_it_stands};
use super::yaml::Shape;
use crate::net::origin::{Host, Origin};
use crate::oci::narrowing::RepositoryPattern;
use crate::oci::project::ProjectPattern;
use crate::oci::repository::RepositoryName;
use crate::oci::storage::StorageHost;
use crate::oidc::Issuer;
use http::HeaderName;
use ipnet::IpNet;
use serde_json::json;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

pub(super) const TRUTH: &str = "true or false";

impl Setting for bool {
    type Rule = &'static str;
    as_it_stands!();

    fn read(rule: &&'static str, node: &Node<'_>, problems: &mut Problems) -> Option<bool> {
        match &node.value.shape {
            Shape::Bool(truth) => Some(*truth),
            _ => {
                node.wrong_type(*rule, problems);
                None
            }
        }
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        Some((*self).into())
    }

    fn schema(_: &&'static str) -> serde_json::Value {
        json!({ "type": "boolean" })
    }
}

/// A count's bounds, and what is to be said of one of them.
pub(super) struct Whole {
    pub(super) least: u32,
    pub(super) most: u32,
    pub(super) note: &'static str,
}

impl Whole {
    pub(super) const fn from_to(least: u32, most: u32) -> Whole {
        Whole {
            least,
            most,
            note: "",
        }
    }
}

impl Rule for Whole {
    fn accepted(&self) -> Cow<'static, str> {
        let Whole { least, most, note } = self;
        format!("a whole number from {least} to {most}{note}").into()
    }
}

macro_rules! whole {
    ($($type:ty)*) => {$(
        impl Setting for $type {
            type Rule = Whole;
            as_it_stands!();

            fn read(rule: &Whole, node: &Node<'_>, problems: &mut Problems) -> Option<$type> {
                let read = match &node.value.shape {
                    Shape::Number(number) => number.as_u64(),
                    _ => None,
                };
                let within = |number: &$type| {
                    u32::try_from(*number).is_ok_and(|it| (rule.least..=rule.most).contains(&it))
                };
                let number = read.and_then(|number| <$type>::try_from(number).ok());
                let number = number.filter(within);
                if number.is_none() {
                    node.wrong_type(rule.accepted(), problems);
                }
                number
            }

            fn print(&self) -> Option<serde_yaml::Value> {
                Some((*self).into())
            }

            fn schema(rule: &Whole) -> serde_json::Value {
                json!({ "type": "integer", "minimum": rule.least, "maximum": rule.most })
            }
        }
    )*};
}

whole!(usize u32);

/// The bounds of a number of bytes, and what is to be said of one of them.
pub(crate) struct Size {
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) note: &'static str,
}

#[cfg(feature = "doctor")]
impl Size {
    /// What is within the bounds and nearest to a number of bytes.
    pub(crate) fn nearest(&self, bytes: u64) -> u64 {
        bytes.clamp(self.least, self.most)
    }
}

impl Rule for Size {
    fn accepted(&self) -> Cow<'static, str> {
        let (least, most) = (human(self.least), human(self.most));
        format!("a size from {least} to {most}{}", self.note).into()
    }
}

/// A number of bytes, with a unit or without; counts have other types.
impl Setting for u64 {
    type Rule = Size;
    as_it_stands!();

    fn read(rule: &Size, node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
        let bytes = match &node.value.shape {
            Shape::Text(text) => text
                .parse()
                .ok()
                .map(|size: bytesize::ByteSize| size.as_u64()),
            Shape::Number(number) => number.as_u64(),
            _ => None,
        };
        let bytes = bytes.filter(|bytes| (rule.least..=rule.most).contains(bytes));
        if bytes.is_none() {
            node.wrong_type(rule.accepted(), problems);
        }
        bytes
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        Some(match human(*self) {
            text if text.ends_with('B') => text.into(),
            _ => (*self).into(),
        })
    }

    fn schema(rule: &Size) -> serde_json::Value {
        json!({ "anyOf": [
            { "type": "integer", "minimum": rule.least, "maximum": rule.most },
            { "type": "string", "pattern": "^[0-9.]+ *[A-Za-z]*$" },
        ] })
    }
}

/// In the largest unit that leaves no rest.
pub(crate) fn human(bytes: u64) -> String {
    let units = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    let mut units = units.iter();
    match units.find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

const DURATION: &str = "a number with its unit, such as 5s, 15m or 1h 30m";

/// What a duration may be, and why.
pub(crate) struct Time {
    pub(super) least: Bound,
    pub(super) most: Bound,
    pub(super) reason: &'static str,
}

/// A duration as people write it.
pub(super) type Bound = (Duration, &'static str);

pub(super) const TENTH: Bound = (Duration::from_millis(100), "100ms");
pub(super) const SECOND: Bound = (Duration::from_secs(1), "1s");
pub(super) const HOUR: Bound = (Duration::from_secs(3600), "1h");
pub(super) const DAY: Bound = (Duration::from_secs(24 * 3600), "24h");

impl Time {
    /// Reads a duration; `None` where the text is none.
    pub(super) fn parse(&self, text: &str) -> Option<Result<Duration, Complaint>> {
        let duration = humantime::parse_duration(text).ok()?;
        if duration >= self.least.0 && duration <= self.most.0 {
            return Some(Ok(duration));
        }
        Some(Err(Complaint::OutOfBounds {
            value: Shown::new(text),
            least: self.least.1,
            most: self.most.1,
            reason: self.reason,
        }))
    }

    /// What is within the bounds and nearest to a duration.
    #[cfg(feature = "doctor")]
    pub(crate) fn nearest(&self, time: Duration) -> Duration {
        time.clamp(self.least.0, self.most.0)
    }
}

impl Rule for Time {
    fn accepted(&self) -> Cow<'static, str> {
        let (least, most, reason) = (self.least.1, self.most.1, self.reason);
        format!("{DURATION}, from {least} to {most}; {reason}").into()
    }
}

impl Setting for Duration {
    type Rule = Time;
    as_it_stands!();

    fn read(rule: &Time, node: &Node<'_>, problems: &mut Problems) -> Option<Duration> {
        node.parse(DURATION, problems, |text| {
            rule.parse(text)
                .unwrap_or_else(|| Err(Complaint::value(text, DURATION)))
        })
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        Some(humantime::format_duration(*self).to_string().into())
    }

    fn schema(_: &Time) -> serde_json::Value {
        json!({ "type": "string", "pattern": "^ *[0-9]" })
    }
}

/// How a text is read, and what is accepted.
pub(super) struct TextValue<T> {
    pub(super) accepted: &'static str,
    /// `Err(None)` where it isn't understood and no more can be said.
    pub(super) parse: fn(&str) -> Result<T, Option<Complaint>>,
}

impl<T> Rule for TextValue<T> {
    fn accepted(&self) -> Cow<'static, str> {
        self.accepted.into()
    }
}

macro_rules! text {
    ($($type:ty)*) => {$(
        impl $crate::config::setting::Setting for $type {
            type Rule = $crate::config::values::TextValue<$type>;
            type Draft = $type;

            fn finish(
                draft: &$crate::config::problem::Keyed<$type>,
                _: &mut $crate::config::files::Making<'_, '_>,
            ) -> Option<$type> {
                Some(draft.value.clone())
            }

            fn read(
                rule: &Self::Rule,
                node: &$crate::config::document::Node<'_>,
                problems: &mut $crate::config::problem::Problems,
            ) -> Option<$type> {
                node.parse(rule.accepted, problems, |text| {
                    let otherwise = || $crate::config::problem::Complaint::value(text, rule.accepted);
                    (rule.parse)(text).map_err(|complaint| complaint.unwrap_or_else(otherwise))
                })
            }

            fn print(&self) -> Option<serde_yaml::Value> {
                Some(self.to_string().into())
            }

            fn schema(_: &Self::Rule) -> serde_json::Value {
                serde_json::json!({ "type": "string" })
            }
        }
    )*};
}

text!(String SocketAddr Origin Host RepositoryName RepositoryPattern ProjectPattern StorageHost Issuer HeaderName IpNet super::objective::Objective);

/// Makes a setting of an enum that is said in one word.
macro_rules! choice {
    ($type:ty) => {
        impl $crate::config::setting::Setting for $type {
            type Rule = &'static str;
            type Draft = $type;

            fn read(
                rule: &&'static str,
                node: &$crate::config::document::Node<'_>,
                problems: &mut $crate::config::problem::Problems,
            ) -> Option<$type> {
                $crate::config::values::choose(
                    <$type>::ALL.map(|it| (it.as_str(), it)),
                    rule,
                    node,
                    problems,
                )
            }

            fn finish(
                draft: &$crate::config::problem::Keyed<$type>,
                _: &mut $crate::config::files::Making<'_, '_>,
            ) -> Option<$type> {
                Some(draft.value)
            }

            fn print(&self) -> Option<serde_yaml::Value> {
                Some(self.as_str().into())
            }

            fn schema(_: &&'static str) -> serde_json::Value {
                $crate::config::values::choice_schema(&<$type>::WORDS)
            }
        }
    };
}

pub(super) fn choose<T: Copy, const N: usize>(
    words: [(&str, T); N],
    accepted: &'static str,
    node: &Node<'_>,
    problems: &mut Problems,
) -> Option<T> {
    let find = |text: &str| words.iter().find(|(word, _)| *word == text);
    // What tools that speak YAML 1.1 make of the word off.
    if let (Shape::Bool(false), Some((_, off))) = (&node.value.shape, find("off")) {
        return Some(*off);
    }
    node.parse(accepted, problems, |text| {
        let found = find(text).map(|(_, meaning)| *meaning);
        found.ok_or_else(|| Complaint::value(text, accepted))
    })
}

pub(super) fn choice_schema(words: &[&str]) -> serde_json::Value {
    let off = words.contains(&"off").then_some(json!(false));
    let words = words.iter().map(|word| json!(word)).chain(off);
    json!({ "enum": Vec::from_iter(words) })
}

pub(super) use {choice, text};
