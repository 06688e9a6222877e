//! Tables that declare settings: name, type, rule and default in one row, from which come how it is
//! read, what is said where it can't be, how `check` prints it, and its part of the JSON Schema.
//! Deliberately unknown here: which tables there are, and the rules between settings.

use super::document::YamlTable;
use super::problem::{Keyed, Problems};
use super::setting::{Rule, Setting};
use serde_json::json;
use std::borrow::Cow;

/// Declares a table of keys. A row is `name: Type = rule;` where the key is needed or may be absent by
/// its type, else with a default: `or value`, or `by |draft, around| value` where it follows from what
/// else is set or from the machine. `name as "key"` says where the two differ. Fields after `beside` are
/// no settings.
macro_rules! settings {
    ($(#[$meta:meta])* $vis:vis struct $Final:ident as $Draft:ident {
        $($(#[doc = $about:literal])* $field:vis $name:ident $(as $key:literal)?: $type:ty = $rule:expr $(, or $or:expr)? $(, by $by:expr)?;)*
    } $(beside {
        $($(#[$other:meta])* $outer:vis $extra:ident: $extra_type:ty,)*
    })?) => {
        $(#[$meta])*
        $vis struct $Final {
            $($(#[doc = $about])* $field $name: $type,)*
            $($($(#[$other])* $outer $extra: $extra_type,)*)?
        }

        /// What a document says of it.
        #[derive(Clone, Default)]
        pub(super) struct $Draft {
            $(pub(super) $name: Option<$crate::config::problem::Keyed<<$type as $crate::config::setting::Setting>::Draft>>,)*
        }

        const _: () = {
            use $crate::config::document::Node;
            use $crate::config::files::Making;
            use $crate::config::problem::{Keyed, Problems};
            use $crate::config::setting::{Rule, Setting};
            use $crate::config::table::{self, SettingRow};

            impl $Final {
                /// Its keys with their values.
                fn printed(&self) -> Vec<(&'static str, serde_yaml::Value)> {
                    let rows = [$((table::key!($name $($key)?), Setting::print(&self.$name))),*];
                    rows.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
                }

                fn rows() -> Vec<SettingRow> {
                    vec![$({
                        let rule = $rule;
                        let default: Option<$type> = None$(.or(Some($or)))?;
                        SettingRow {
                            name: table::key!($name $($key)?),
                            is_needed: <$type as Setting>::is_needed(&rule) && table::has_none!($($or)? $($by)?),
                            about: concat!("", $($about),*),
                            accepted: Rule::accepted(&rule),
                            default: default.and_then(|default| Setting::print(&default)),
                            schema: <$type as Setting>::schema(&rule),
                        }
                    }),*]
                }

                fn of(draft: &$Draft, making: &mut Making<'_, '_>) -> Option<$Final> {
                    // Each is made before any ends this: all problems at once.
                    $(let $name: Option<$type> = match &draft.$name {
                        Some(draft) => Setting::finish(draft, making),
                        None => {
                            let default: Option<$type> = None$(.or(Some($or)))?;
                            $(
                                let by: fn(&$Draft, &$crate::config::files::Machine<'_>) -> $type = $by;
                                let default = default.or_else(|| Some(by(draft, making.around)));
                            )?
                            default.or_else(|| Setting::absent(making))
                        }
                    };)*
                    Some($Final {
                        $($name: $name?,)*
                        $($($extra: Default::default(),)*)?
                    })
                }
            }

            impl Setting for $Final {
                type Rule = &'static str;
                type Draft = $Draft;

                fn is_needed(_: &&'static str) -> bool {
                    $Final::rows().iter().any(|row| row.is_needed)
                }

                fn read(rule: &&'static str, node: &Node<'_>, problems: &mut Problems) -> Option<$Draft> {
                    const KEYS: &[&str] = &[$(table::key!($name $($key)?)),*];
                    let table = node.table(KEYS, rule, problems)?;
                    Some($Draft {
                        $($name: {
                            let (key, rule) = (table::key!($name $($key)?), $rule);
                            let is_needed = <$type as Setting>::is_needed(&rule) && table::has_none!($($or)? $($by)?);
                            table::read_key::<$type>(&table, key, &rule, is_needed, problems)
                        },)*
                    })
                }

                fn finish(draft: &Keyed<$Draft>, making: &mut Making<'_, '_>) -> Option<$Final> {
                    $Final::of(&draft.value, making)
                }

                fn absent(making: &mut Making<'_, '_>) -> Option<$Final> {
                    $Final::of(&$Draft::default(), making)
                }

                fn print(&self) -> Option<serde_yaml::Value> {
                    table::print(self.printed())
                }

                fn schema(_: &&'static str) -> serde_json::Value {
                    table::schema($Final::rows())
                }
            }
        };
    };
}

macro_rules! key {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $key:literal) => {
        $key
    };
}

macro_rules! has_none {
    () => {
        true
    };
    ($($default:expr)+) => {
        false
    };
}

/// Reads one key of a table; one that is needed and missing is a problem.
pub(super) fn read_key<T: Setting>(
    table: &YamlTable<'_>,
    name: &str,
    rule: &T::Rule,
    is_needed: bool,
    problems: &mut Problems,
) -> Option<Keyed<T::Draft>> {
    let node = if is_needed {
        table.required(name, rule.accepted(), problems)?
    } else {
        table.get(name)?
    };
    let value = T::read(rule, &node, problems)?;
    Some(Keyed {
        key: node.key,
        value,
    })
}

/// A table of keys; those without a value are left out, and a table without keys with them.
pub(super) fn print(rows: Vec<(&'static str, serde_yaml::Value)>) -> Option<serde_yaml::Value> {
    let rows = rows.into_iter().map(|(name, value)| (name.into(), value));
    let table: serde_yaml::Mapping = rows.collect();
    (!table.is_empty()).then_some(serde_yaml::Value::Mapping(table))
}

/// One row of a table, for the schema.
pub(super) struct SettingRow {
    pub(super) name: &'static str,
    pub(super) is_needed: bool,
    pub(super) about: &'static str,
    pub(super) accepted: Cow<'static, str>,
    pub(super) default: Option<serde_yaml::Value>,
    pub(super) schema: serde_json::Value,
}

/// The schema of a table.
pub(super) fn schema(rows: Vec<SettingRow>) -> serde_json::Value {
    let needed = rows.iter().filter(|row| row.is_needed);
    let needed: Vec<&str> = needed.map(|row| row.name).collect();
    let mut properties = serde_json::Map::new();
    for row in &rows {
        let mut schema = row.schema.clone();
        let about = format!("{}\n\nAccepted: {}.", row.about.trim(), row.accepted);
        schema["description"] = about.trim().into();
        // What YAML can't say as JSON is no default of ours.
        let default = row.default.as_ref();
        if let Some(Ok(default)) = default.map(serde_json::to_value) {
            schema["default"] = default;
        }
        properties.insert(row.name.to_owned(), schema);
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !needed.is_empty() {
        schema["required"] = needed.into();
    }
    schema
}

pub(super) use {has_none, key, settings};
