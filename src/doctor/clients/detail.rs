//! The facts about a finding, beyond its kind, that decide how clients behave.

use serde::Serialize;

/// How something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// As it mostly is, or nothing more is known.
    Usual,
    /// At some addresses of the name only, or not every time.
    Partly,
    /// Where the other host is that a Location or a realm names.
    OtherHost(Reach),
    Unusable(Unusable),
    /// Where the login that is needed isn't asked for.
    Unasked(Unasked),
    /// What a POST to the realm was answered with.
    Posted(Posted),
    /// What the POST that opens an upload was answered with.
    Opened(Opened),
    /// Which writes lose their Authorization.
    Lost(LostOn),
    Header(Header),
    /// The largest body that still passes, in bytes.
    Passes(u64),
}

/// Where a host is, as seen from clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reach {
    /// A name that doesn't resolve, or only inside.
    Unresolved,
    /// A private address, written as such.
    PrivateAddress,
    /// A name with private addresses.
    PrivateName,
    /// A loopback or link-local address, as such or by a name: every client's own machine.
    OwnMachine,
    /// It takes no connection.
    Unreachable,
    Public,
    /// The host that was typed, in other letters.
    Respelled,
}

/// How `/v2/` doesn't ask for the login that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unasked {
    /// By 401, without a challenge of use.
    Refused,
    /// By 200, and other requests are refused with a challenge.
    LetIn,
}

/// A status after which clients that ask with POST first go different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Posted {
    /// 400.
    BadRequest,
    /// One after which none of them asks with GET.
    Final,
}

/// How an upload wasn't opened as the specification has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Opened {
    Refused,
    /// A success, and not 202.
    OtherSuccess,
}

/// Locations that can't be followed by everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unusable {
    /// There is none.
    Missing,
    /// No URL parser takes it.
    Unreadable,
    /// A path without a slash at its beginning, which leads to the upload where it is resolved
    /// against the request's.
    Relative,
    /// A path without a slash at its beginning, which leads elsewhere.
    Adrift,
    /// `host/v2/…`.
    WithoutScheme,
    /// `//host/v2/…`.
    SchemeRelative,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LostOn {
    Patch,
    Put,
    Both,
}

/// A header that some clients can't do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Header {
    /// Docker-Content-Digest in the answer to a commit.
    Digest,
    /// Range in the answer to a PATCH, or in the form `0-N`.
    Range,
    /// Location in the answer to a PATCH.
    NextLocation,
    /// Content-Length in the answer to a HEAD of a layer.
    Length,
    /// Docker-Content-Digest in the answer to a HEAD of a manifest.
    ManifestDigest,
}

/// What else there is that decides what a finding means for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Surroundings {
    pub(crate) authentication: Authentication,
    /// What answers on port 80 of the target's name.
    pub(crate) plain_http: PlainHttp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Authentication {
    None,
    Basic,
    Bearer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlainHttp {
    /// Nothing takes a connection, or it wasn't tried.
    Nothing,
    /// A redirect that turns a write into a GET.
    LosesWrites,
    /// 307, 308.
    KeepsWrites,
    /// The registry answers.
    Serves,
    /// Something else answers.
    Other,
}
