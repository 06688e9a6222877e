//! The values of one evaluation, as `cel` takes them.

use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelBool, CelString, CelTimestamp, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::context::VariableResolver;
use cel::{ExecutionError, to_value};
use http::HeaderMap;
use ipnet::IpNet;
use regex_lite::Regex;
use std::any::Any;
use std::net::IpAddr;
use std::time::SystemTime;

/// What begins the name of something that was made ahead of time. No name in an expression can.
const CONSTANT: char = '\u{1}';

/// Where the values of a vocabulary's names come from. Asked only for the names that an evaluation meets.
pub(crate) trait Values: Sync {
    /// None where the vocabulary has no such name.
    fn value(&self, name: &str) -> Option<Value<'_>>;
}

/// A value, whose kind is the one that the vocabulary says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Truth(bool),
    /// What isn't there is empty.
    Text(&'a str),
    /// An unknown address is in no network.
    Address(Option<IpAddr>),
    Time(SystemTime),
    Headers(&'a HeaderMap),
    Claims(&'a Claims),
}

/// The claims of a token that was verified, made ready once for all conditions on them.
#[derive(Debug)]
pub(crate) struct Claims(Box<dyn Val>);

impl Claims {
    /// None of what is no JSON object.
    pub(crate) fn new(claims: &serde_json::Value) -> Option<Claims> {
        if !claims.is_object() {
            return None;
        }
        let value = to_value(claims).ok()?;
        Box::<dyn Val>::try_from(value).ok().map(Claims)
    }
}

/// The name of a constant in the expression that was checked.
pub(super) fn constant(index: usize) -> String {
    format!("{CONSTANT}{index}")
}

/// Which constant has this name.
pub(super) fn constant_of(name: &str) -> Option<usize> {
    name.strip_prefix(CONSTANT)?.parse().ok()
}

/// The names that an evaluation meets.
pub(super) struct Scope<'a> {
    constants: &'a [Box<dyn Val>],
    values: &'a dyn Values,
}

impl<'a> Scope<'a> {
    pub(super) fn new(constants: &'a [Box<dyn Val>], values: &'a dyn Values) -> Scope<'a> {
        Scope { constants, values }
    }
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(index) = constant_of(name) {
            return Some(CowVal::Borrowed(self.constants.get(index)?.as_ref()));
        }
        Some(match self.values.value(name)? {
            Value::Truth(truth) => CowVal::owned(CelBool::from(truth)),
            Value::Text(text) => CowVal::owned(CelString::from(text)),
            Value::Address(address) => CowVal::owned(Address(address)),
            Value::Time(time) => {
                let time = chrono::DateTime::<chrono::Utc>::from(time);
                CowVal::owned(CelTimestamp::from(time.fixed_offset()))
            }
            Value::Headers(headers) => CowVal::owned(Headers(headers)),
            Value::Claims(claims) => CowVal::Borrowed(claims.0.as_ref()),
        })
    }
}

/// What went wrong, without the values that it went wrong with: they come from strangers.
pub(super) fn words_of(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("there is no {key:?}"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "a division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number out of range".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "an index beyond the end of a list".to_owned(),
        ExecutionError::FunctionError { function, .. } => {
            format!("{function}() can't be applied to this value")
        }
        _ => "a value of another type than the expression needs".to_owned(),
    }
}

pub(super) static PATTERN: Type = Type::new_unspecified_type("pattern");
static ADDRESS: Type = Type::new_unspecified_type("address");
static NETWORK: Type = Type::new_unspecified_type("network");
static HEADERS: Type = Type::new_unspecified_type("headers");

/// A value that can't be copied out of its expression.
macro_rules! opaque {
    ($name:ident, $kind:ident) => {
        impl StaticVal for $name {}

        impl Val for $name {
            fn get_type(&self) -> &Type {
                &$kind
            }

            fn cel_type() -> &'static Type {
                &$kind
            }

            fn as_container(&self) -> Option<&dyn Container> {
                self.container()
            }

            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
            where
                Self: 'v,
            {
                Box::new(self.clone())
            }

            fn as_any(&self) -> Option<&dyn Any> {
                Some(self)
            }
        }
    };
}

/// A client's address.
#[derive(Clone, Debug)]
pub(super) struct Address(Option<IpAddr>);

opaque!(Address, ADDRESS);

impl Address {
    fn container(&self) -> Option<&dyn Container> {
        None
    }
}

/// One network or several.
#[derive(Clone, Debug)]
pub(super) struct Network(pub(super) Vec<IpNet>);

opaque!(Network, NETWORK);

impl Network {
    /// An unknown address is in none.
    pub(super) fn holds(&self, address: Option<IpAddr>) -> bool {
        let within = |address| self.0.iter().any(|network| network.contains(&address));
        address.is_some_and(within)
    }

    fn container(&self) -> Option<&dyn Container> {
        Some(self)
    }
}

impl Container for Network {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        let address = value.downcast_ref::<Address>().and_then(|it| it.0);
        Ok(self.holds(address))
    }
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern(pub(super) Regex);

opaque!(Pattern, PATTERN);

impl Pattern {
    fn container(&self) -> Option<&dyn Container> {
        None
    }
}

/// The headers that may be looked at.
#[derive(Clone, Copy, Debug)]
struct Headers<'a>(&'a HeaderMap);

impl Headers<'_> {
    fn find(&self, name: &dyn Val) -> Option<&str> {
        let name = name.downcast_ref::<CelString<'_>>()?;
        self.0.get(name.inner())?.to_str().ok()
    }
}

impl Val for Headers<'_> {
    fn get_type(&self) -> &Type {
        &HEADERS
    }

    fn cel_type() -> &'static Type {
        &HEADERS
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Container for Headers<'_> {
    fn contains(&self, name: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.find(name).is_some())
    }
}

impl Indexer for Headers<'_> {
    fn get<'b, 'v>(&'b self, name: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let named = name.downcast_ref::<CelString<'_>>();
        let found = self.find(name);
        match (named, found) {
            (_, Some(value)) => Ok(CowVal::owned(CelString::from(value.to_owned()))),
            (Some(name), None) => Err(ExecutionError::no_such_key(name.inner())),
            (None, None) => Err(ExecutionError::no_such_key("")),
        }
    }

    fn steal<'v>(self: Box<Self>, name: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(name).map(CowVal::into_owned)
    }
}
