//! The headers in which a trusted proxy passes the client's Authorization on.

use super::document::Node;
use super::files::Making;
use super::problem::{Keyed, Problems};
use super::setting::{Count, List, Made, Setting, made};
use super::table::settings;
use super::text::MOVED_HEADER;
use super::values::TRUTH;
use super::yaml::Shape;
use http::HeaderName;
use serde_json::json;

/// A header in which a trusted proxy hands on the client's Authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedAuthorization {
    pub(crate) header: HeaderName,
    pub(crate) prefer: Prefer,
}

/// Which of two credentials Harbor gets: the one in Authorization or the moved one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefer {
    /// The moved one is taken only where there is no Authorization.
    Present,
    /// Authorization holds the proxy's own credential and gives way.
    Moved,
}

pub(super) const MOVED: List<&str> = List {
    accepted: "a list of header names, or of {header: NAME, prefer: true}",
    item: "a header's name, or {header: NAME, prefer: true}",
    count: Count::Any,
};

settings! {
    #[derive(Clone)]
    pub(super) struct MovedKeys as DraftMoved {
        /// The name of the header.
        header: HeaderName = MOVED_HEADER;
        /// Whether the header wins where the request has an Authorization of its own, too.
        prefer: bool = TRUTH, or false;
    }
}

made!(MovedAuthorization);

impl Made for MovedAuthorization {
    type Keys = MovedKeys;

    fn make(
        keys: MovedKeys,
        _: &Keyed<DraftMoved>,
        _: &mut Making<'_, '_>,
    ) -> Option<MovedAuthorization> {
        Some(MovedAuthorization {
            header: keys.header,
            prefer: if keys.prefer {
                Prefer::Moved
            } else {
                Prefer::Present
            },
        })
    }

    fn keys(&self) -> MovedKeys {
        MovedKeys {
            header: self.header.clone(),
            prefer: match self.prefer {
                Prefer::Present => false,
                Prefer::Moved => true,
            },
        }
    }

    /// The name alone.
    fn read_short(node: &Node<'_>, problems: &mut Problems) -> Option<Option<DraftMoved>> {
        let Shape::Text(_) = node.value.shape else {
            return None;
        };
        let header = <HeaderName as Setting>::read(&MOVED_HEADER, node, problems);
        Some(header.map(|value| DraftMoved {
            header: Some(Keyed {
                key: node.key.clone(),
                value,
            }),
            prefer: None,
        }))
    }

    fn with_short(schema: serde_json::Value) -> serde_json::Value {
        json!({ "anyOf": [{ "type": "string" }, schema] })
    }
}
