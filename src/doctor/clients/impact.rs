//! How a push by one client ends, and what its user sees.

use super::client::Client;
use serde::{Deserialize, Serialize};

/// What a finding means for one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Impact {
    pub(crate) client: Client,
    pub(crate) outcome: Ending,
    /// How, in the words that its user reads where it breaks.
    pub(crate) how: String,
}

/// How a push by one client ends, with this alone being wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Works,
    /// It works, and gives away what is secret: a password or token in clear, or to another host.
    Leaks,
    /// It depends: on a layer's size, on how fast bodies come, or on which address is taken.
    Sometimes,
    Breaks,
}
