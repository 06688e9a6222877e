//! What clients type, letter by letter. Unknown here: what answers there.

use crate::net::origin::Origin;

/// An origin as clients type it: with its port, or without one that is the scheme's own.
#[derive(Clone, Copy, Debug)]
pub struct TypedOrigin<'o> {
    pub(crate) origin: &'o Origin,
    pub(crate) port_is_typed: bool,
}

impl<'o> From<&'o Origin> for TypedOrigin<'o> {
    fn from(origin: &'o Origin) -> TypedOrigin<'o> {
        TypedOrigin {
            origin,
            port_is_typed: false,
        }
    }
}

impl TypedOrigin<'_> {
    /// What clients send as Host.
    pub(crate) fn authority(&self) -> String {
        if self.port_is_typed {
            format!("{}:{}", self.origin.host, self.origin.port)
        } else {
            self.origin.authority()
        }
    }
}
