//! The types of values in conditions.

use std::fmt;

/// What a value is. CEL's own types keep CEL's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Null,
    Timestamp,
    Duration,
    /// A client's address.
    Address,
    /// One network or several.
    Network,
    List(Box<Kind>),
    /// From strings.
    Map(Box<Kind>),
    /// Known only when it is evaluated.
    Dyn,
}

impl Kind {
    pub(super) fn list(of: Kind) -> Kind {
        Kind::List(Box::new(of))
    }

    /// Whether a value of the one can be a value of the other.
    pub(super) fn fits(&self, other: &Kind) -> bool {
        match (self, other) {
            (Kind::Dyn, _) | (_, Kind::Dyn) => true,
            (Kind::List(one), Kind::List(other)) | (Kind::Map(one), Kind::Map(other)) => {
                one.fits(other)
            }
            (one, other) => one == other,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Kind::Int | Kind::Uint | Kind::Double)
    }

    /// Whether `<` and the like order its values.
    pub(super) fn is_ordered(&self) -> bool {
        let other = [
            Kind::Dyn,
            Kind::String,
            Kind::Bytes,
            Kind::Bool,
            Kind::Timestamp,
            Kind::Duration,
        ];
        self.is_number() || other.contains(self)
    }
}

/// With its article in the alternate form.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            let begins_with_vowel = matches!(self, Kind::Int | Kind::Address);
            f.write_str(if begins_with_vowel { "an " } else { "a " })?;
        }
        f.write_str(match self {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Uint => "uint",
            Kind::Double => "double",
            Kind::String => "string",
            Kind::Bytes => "bytes",
            Kind::Null => "null",
            Kind::Timestamp => "timestamp",
            Kind::Duration => "duration",
            Kind::Address => "address",
            Kind::Network => "network",
            Kind::Dyn => "dyn",
            Kind::List(of) => return write!(f, "list({of})"),
            Kind::Map(of) => return write!(f, "map(string, {of})"),
        })
    }
}
