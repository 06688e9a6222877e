//! The trait of a setting's type: how it is read, which value it gives, how `check` prints it, and its
//! part of the JSON Schema. Deliberately unknown here: the kinds of values (`values`), tables (`table`),
//! and which settings there are.

use super::document::Node;
use super::files::Making;
use super::problem::{Keyed, Problems};
use super::yaml::Shape;
use serde_json::json;
use std::borrow::Cow;

/// What a setting may be.
pub(super) trait Rule {
    /// In words.
    fn accepted(&self) -> Cow<'static, str>;
}

/// Where the type says the rest.
impl Rule for &'static str {
    fn accepted(&self) -> Cow<'static, str> {
        (*self).into()
    }
}

/// A type that settings have.
pub(super) trait Setting: Sized {
    type Rule: Rule;
    /// As it stands in the document.
    type Draft;

    /// Whether a document has to have it where it has no default.
    fn is_needed(_: &Self::Rule) -> bool {
        true
    }

    /// Reads what stands at a key; what can't be read is a problem.
    fn read(rule: &Self::Rule, node: &Node<'_>, problems: &mut Problems) -> Option<Self::Draft>;

    /// Makes of it what the program uses: files that it names are read. `None` with a problem.
    fn finish(draft: &Keyed<Self::Draft>, making: &mut Making<'_, '_>) -> Option<Self>;

    /// What it is where the document has none; `None` where it is needed.
    fn absent(_: &mut Making<'_, '_>) -> Option<Self> {
        None
    }

    /// As a document would say it; `None` where it would say nothing.
    fn print(&self) -> Option<serde_yaml::Value>;

    /// Its JSON Schema.
    fn schema(rule: &Self::Rule) -> serde_json::Value;
}

/// Of a setting that is used as it stands in the document.
macro_rules! as_it_stands {
    () => {
        type Draft = Self;

        fn finish(draft: &Keyed<Self>, _: &mut Making<'_, '_>) -> Option<Self> {
            Some(draft.value.clone())
        }
    };
}

impl<T: Setting> Setting for Option<T> {
    type Rule = T::Rule;
    type Draft = T::Draft;

    fn is_needed(_: &T::Rule) -> bool {
        false
    }

    fn read(rule: &T::Rule, node: &Node<'_>, problems: &mut Problems) -> Option<T::Draft> {
        T::read(rule, node, problems)
    }

    fn finish(draft: &Keyed<T::Draft>, making: &mut Making<'_, '_>) -> Option<Option<T>> {
        T::finish(draft, making).map(Some)
    }

    fn absent(_: &mut Making<'_, '_>) -> Option<Option<T>> {
        Some(None)
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        self.as_ref().and_then(T::print)
    }

    fn schema(rule: &T::Rule) -> serde_json::Value {
        T::schema(rule)
    }
}

/// What a list may be.
pub(super) struct List<R> {
    pub(super) accepted: &'static str,
    /// What each item may be.
    pub(super) item: R,
    /// How many items.
    pub(super) count: Count<R>,
}

pub(super) enum Count<R> {
    /// An empty list says the same as none.
    Any,
    OneAtLeast,
    /// The same, but it may stand in a file that is included.
    OneAtLeastOrIncluded,
    /// Where there is one, it may stand there without a list.
    OneOrList(R),
}

impl<R> Rule for List<R> {
    fn accepted(&self) -> Cow<'static, str> {
        self.accepted.into()
    }
}

impl<T: Setting> Setting for Vec<T> {
    type Rule = List<T::Rule>;
    type Draft = Vec<Keyed<T::Draft>>;

    fn is_needed(rule: &Self::Rule) -> bool {
        matches!(rule.count, Count::OneAtLeast)
    }

    fn read(rule: &Self::Rule, node: &Node<'_>, problems: &mut Problems) -> Option<Self::Draft> {
        let one = |rule: &T::Rule, node: Node<'_>, problems: &mut Problems| {
            let value = T::read(rule, &node, problems)?;
            Some(Keyed {
                key: node.key,
                value,
            })
        };
        let items = match (&node.value.shape, &rule.count) {
            (Shape::List(items), Count::Any | Count::OneOrList(_)) if items.is_empty() => None?,
            (Shape::List(_), _)
            | (_, Count::Any | Count::OneAtLeast | Count::OneAtLeastOrIncluded) => {
                node.list(rule.accepted, problems).unwrap_or_default()
            }
            (_, Count::OneOrList(alone)) => {
                return Some(one(alone, node.clone(), problems).into_iter().collect());
            }
        };
        // Every item is read, also behind one that can't be.
        let items = items.into_iter();
        Some(
            items
                .filter_map(|node| one(&rule.item, node, problems))
                .collect(),
        )
    }

    fn finish(draft: &Keyed<Self::Draft>, making: &mut Making<'_, '_>) -> Option<Vec<T>> {
        let items = draft.value.iter();
        Some(items.filter_map(|item| T::finish(item, making)).collect())
    }

    fn absent(_: &mut Making<'_, '_>) -> Option<Vec<T>> {
        Some(Vec::new())
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        let items = self.iter().filter_map(T::print);
        Some(serde_yaml::Value::Sequence(items.collect()))
    }

    fn schema(rule: &Self::Rule) -> serde_json::Value {
        let items = T::schema(&rule.item);
        match rule.count {
            Count::Any => json!({ "type": "array", "items": items }),
            Count::OneAtLeast | Count::OneAtLeastOrIncluded => {
                json!({ "type": "array", "items": items, "minItems": 1 })
            }
            Count::OneOrList(_) => json!({
                "anyOf": [items.clone(), { "type": "array", "items": items }]
            }),
        }
    }
}

/// What is made of keys that stand in the document and looks otherwise: a file's content of its name.
pub(super) trait Made: Sized {
    type Keys: Setting;

    /// Makes it; `draft` knows where the keys stand. `None` with a problem.
    fn make(
        keys: Self::Keys,
        draft: &Keyed<<Self::Keys as Setting>::Draft>,
        making: &mut Making<'_, '_>,
    ) -> Option<Self>;

    /// What would make it again.
    fn keys(&self) -> Self::Keys;

    /// Reads a shorter way to write it; `None` where this is none.
    fn read_short(
        _: &Node<'_>,
        _: &mut Problems,
    ) -> Option<Option<<Self::Keys as Setting>::Draft>> {
        None
    }

    /// Adds the shorter way to the schema.
    fn with_short(schema: serde_json::Value) -> serde_json::Value {
        schema
    }
}

/// Makes a [`Made`] type a setting.
macro_rules! made {
    ($Final:ty) => {
        impl $crate::config::setting::Setting for $Final {
            type Rule = <<$Final as Made>::Keys as Setting>::Rule;
            type Draft = <<$Final as Made>::Keys as Setting>::Draft;

            fn read(
                rule: &Self::Rule,
                node: &$crate::config::document::Node<'_>,
                problems: &mut $crate::config::problem::Problems,
            ) -> Option<Self::Draft> {
                <$Final as Made>::read_short(node, problems).unwrap_or_else(|| {
                    <<$Final as Made>::Keys as Setting>::read(rule, node, problems)
                })
            }

            fn finish(draft: &Keyed<Self::Draft>, making: &mut Making<'_, '_>) -> Option<$Final> {
                let keys = <<$Final as Made>::Keys as Setting>::finish(draft, making)?;
                <$Final as Made>::make(keys, draft, making)
            }

            fn print(&self) -> Option<serde_yaml::Value> {
                Setting::print(&self.keys())
            }

            fn schema(rule: &Self::Rule) -> serde_json::Value {
                <$Final as Made>::with_short(<<$Final as Made>::Keys as Setting>::schema(rule))
            }
        }
    };
}

pub(super) use {as_it_stands, made};
