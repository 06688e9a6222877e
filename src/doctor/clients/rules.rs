//! What each client does differently: how it compares a Location with what was typed, whom it asks
//! for a token, how it sends a body.
//!
//! Read from containerd 1.6 and 2.3 (`remotes/docker`), distribution 2.7 (`registry/client`, in
//! docker 20.10), containers/image 5.22, go-containerregistry, oras-go 2.6 and regclient.

use super::Client;

/// The rules of one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) sameness: Sameness,
    pub(super) upload: Upload,
    pub(super) framing: Framing,
    /// What it makes of a 307 or 308 to a write.
    pub(super) body: Rewinding,
    /// What it makes of an http realm, where https was typed.
    pub(super) http_realm: Manner,
    /// What it makes of a realm that is a private address.
    pub(super) private_realm: Manner,
    pub(super) token: TokenRequest,
    pub(super) patience: Patience,
}

/// When a Location is still the registry that was typed, so that Authorization goes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// One PUT with the body.
    Put,
    /// A PATCH with the body, a PUT without.
    PatchAndPut,
    /// One PUT with the body; where that fails PATCHes of 1 MiB.
    PutOrChunks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length,
    Chunked,
    /// Chunked where a layer is made while it is sent.
    Either,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rewinding {
    /// The body is sent again.
    Again,
    /// It can't be: the redirect itself is taken for the answer.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Takes,
    Refuses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenRequest {
    /// POST with the password; GET only after 400, 401, 404, 405.
    PostThenGet,
    Get,
}

/// For the answer to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// 30 s, in its newer versions.
    Short,
    Long,
}

pub(super) fn rules(client: Client) -> Rules {
    match client {
        Client::Containerd | Client::Buildkit => Rules {
            sameness: Sameness::Text,
            upload: Upload::Put,
            framing: Framing::Length,
            body: Rewinding::Again,
            http_realm: Manner::Takes,
            private_realm: Manner::Takes,
            token: TokenRequest::PostThenGet,
            patience: Patience::Short,
        },
        Client::DockerClassic => Rules {
            sameness: Sameness::Normal,
            upload: Upload::PatchAndPut,
            framing: Framing::Chunked,
            body: Rewinding::Never,
            http_realm: Manner::Takes,
            private_realm: Manner::Takes,
            token: TokenRequest::Get,
            patience: Patience::Long,
        },
        Client::Containers => Rules {
            sameness: Sameness::Anything,
            upload: Upload::PatchAndPut,
            framing: Framing::Either,
            body: Rewinding::Never,
            http_realm: Manner::Takes,
            private_realm: Manner::Takes,
            token: TokenRequest::Get,
            patience: Patience::Long,
        },
        Client::GoContainerregistry => Rules {
            sameness: Sameness::NormalAuthority,
            upload: Upload::PatchAndPut,
            framing: Framing::Either,
            body: Rewinding::Again,
            http_realm: Manner::Refuses,
            private_realm: Manner::Refuses,
            token: TokenRequest::Get,
            patience: Patience::Long,
        },
        Client::Oras => Rules {
            sameness: Sameness::Required,
            upload: Upload::Put,
            framing: Framing::Length,
            body: Rewinding::Again,
            http_realm: Manner::Refuses,
            private_realm: Manner::Refuses,
            token: TokenRequest::Get,
            patience: Patience::Long,
        },
        Client::Regclient => Rules {
            sameness: Sameness::TextOfAuthority,
            upload: Upload::PutOrChunks,
            framing: Framing::Length,
            body: Rewinding::Again,
            http_realm: Manner::Refuses,
            private_realm: Manner::Takes,
            token: TokenRequest::Get,
            patience: Patience::Long,
        },
    }
}
