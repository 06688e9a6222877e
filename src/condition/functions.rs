//! The functions of conditions, with the types of their arguments. What CEL has beyond them isn't
//! accepted, because nothing here needs it.

use super::kind::Kind;
use super::scope::{PATTERN, Pattern};
use cel::common::types::{CelBool, CelString, STRING_TYPE};
use cel::common::value::CowVal;
use cel::{Env, ExecutionError};
use std::sync::{Arc, LazyLock};

/// The functions that CEL itself has. Optional values aren't among them: nothing here is one.
pub(super) static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let env = Env::stdlib().with_optional_support(false);
    Arc::new(with_patterns(env))
});

/// A function, or a method of its first argument.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) is_method: bool,
    /// Each list of arguments that it takes.
    pub(super) takes: &'static [&'static [fn() -> Kind]],
    pub(super) gives: fn() -> Kind,
}

const STRING: fn() -> Kind = || Kind::String;
const TIME: fn() -> Kind = || Kind::Timestamp;
const ANY_LIST: fn() -> Kind = || Kind::list(Kind::Dyn);
const ANY_MAP: fn() -> Kind = || Kind::Map(Box::new(Kind::Dyn));
const BOOL: fn() -> Kind = || Kind::Bool;
const INT: fn() -> Kind = || Kind::Int;
const UINT: fn() -> Kind = || Kind::Uint;
const DOUBLE: fn() -> Kind = || Kind::Double;

const SIZED: &[&[fn() -> Kind]] = &[&[STRING], &[ANY_LIST], &[ANY_MAP]];
const OF_TIME: &[&[fn() -> Kind]] = &[&[TIME], &[TIME, STRING]];

const fn function(
    name: &'static str,
    takes: &'static [&'static [fn() -> Kind]],
    gives: fn() -> Kind,
) -> Function {
    Function {
        name,
        is_method: false,
        takes,
        gives,
    }
}

const fn method(
    name: &'static str,
    takes: &'static [&'static [fn() -> Kind]],
    gives: fn() -> Kind,
) -> Function {
    Function {
        is_method: true,
        ..function(name, takes, gives)
    }
}

/// Its pattern is compiled with the expression, so it has to stand there as it is.
pub(super) const MATCHES: &str = "matches";

/// All but `matches`, which is checked by itself.
pub(super) const FUNCTIONS: &[Function] = &[
    method("startsWith", &[&[STRING, STRING]], BOOL),
    method("endsWith", &[&[STRING, STRING]], BOOL),
    method("contains", &[&[STRING, STRING]], BOOL),
    method("size", SIZED, INT),
    method("getFullYear", OF_TIME, INT),
    method("getMonth", OF_TIME, INT),
    method("getDate", OF_TIME, INT),
    method("getDayOfWeek", OF_TIME, INT),
    method("getDayOfYear", OF_TIME, INT),
    method("getHours", OF_TIME, INT),
    method("getMinutes", OF_TIME, INT),
    function("size", SIZED, INT),
    function(
        "string",
        &[&[STRING], &[INT], &[UINT], &[DOUBLE], &[BOOL]],
        STRING,
    ),
    function("int", &[&[INT], &[UINT], &[DOUBLE], &[STRING]], INT),
    function("double", &[&[DOUBLE], &[INT], &[UINT], &[STRING]], DOUBLE),
    function("timestamp", &[&[STRING]], TIME),
    function("duration", &[&[STRING]], || Kind::Duration),
];

/// Whether it asks a timestamp for a part of it, in a zone.
pub(super) fn is_of_time(name: &str) -> bool {
    name.starts_with("get")
}

/// CEL's `matches` compiles its pattern at each call. This one has it compiled.
fn with_patterns(mut env: Env) -> Env {
    let added = env.add_member_overload(
        MATCHES,
        "matches_pattern",
        STRING_TYPE,
        vec![PATTERN.to_owned()],
        matches,
    );
    // The name is taken only where the crate is built with its own.
    debug_assert!(added.is_ok());
    env
}

fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [text, pattern] = arguments.as_slice() else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    let text = text.downcast_ref::<CelString<'_>>();
    let pattern = pattern.downcast_ref::<Pattern>();
    match (text, pattern) {
        (Some(text), Some(pattern)) => {
            let found = pattern.0.is_match(text.inner());
            Ok(CowVal::owned(CelBool::from(found)))
        }
        (_, _) => Err(ExecutionError::missing_argument_or_target()),
    }
}
