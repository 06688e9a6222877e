//! What each client does differently: how it compares a Location with what was typed, whom it asks
//! for a token, how it sends a body. Which client has which rules stands in `clients.yaml`.

use serde::Deserialize;

/// The rules of one client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    pub(super) same: Sameness,
    pub(super) upload: Upload,
    pub(super) framing: Framing,
    /// What it makes of a 307 or 308 to a write.
    pub(super) redirected: Rewinding,
    /// What it makes of an http realm, where https was typed.
    pub(super) http_realm: Manner,
    /// What it makes of a realm that is a private address.
    pub(super) private_realm: Manner,
    pub(super) token: TokenRequest,
    pub(super) patience: Patience,
}

/// When a Location is still the registry that was typed, so that Authorization goes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sameness {
    /// Scheme and authority, letter by letter.
    Text,
    /// The authority, letter by letter; any scheme.
    TextOfAuthority,
    /// Scheme and authority; a default port is none.
    Normal,
    /// The authority; a default port is none. http becomes https again.
    NormalAuthority,
    /// Always: Authorization goes anywhere.
    Anything,
    /// The authority, a default port is none. Anything else, and http, is an error.
    Required,
}

/// How a layer is uploaded after the POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Upload {
    /// One PUT with the body.
    Put,
    /// A PATCH with the body, a PUT without.
    PatchAndPut,
    /// One PUT with the body; where that fails PATCHes of 1 MiB.
    PutOrChunks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Framing {
    Length,
    Chunked,
    /// Chunked where a layer is made while it is sent.
    Either,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rewinding {
    /// The body is sent again.
    Again,
    /// It can't be: the redirect itself is taken for the answer.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Manner {
    Takes,
    Refuses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenRequest {
    /// POST with the password; GET only after 400, 401, 404, 405.
    PostThenGet,
    Get,
}

/// For the answer to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Patience {
    /// 30 s, in its newer versions.
    Short,
    Long,
}
