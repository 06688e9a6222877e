//! What each client makes of a name, a certificate, a challenge or a token that isn't as it should
//! be.

use super::circumstance::Reach;
use super::fate::{Fate, breaks, leaks, sometimes, works};
use super::rules::{Manner, TokenRequest, rules};
use super::words::{REFUSED, UNKNOWN_NAME, refused};
use super::{Client, PlainHttp, Surroundings};

pub(super) const UNREACHABLE: &str =
    "\"dial tcp …: connect: connection refused\", or \"i/o timeout\"";
pub(super) const DEAD_ADDRESS: &str =
    "each connection that tries a dead address first waits for it, up to \"i/o timeout\"";
pub(super) const NO_HANDSHAKE: &str = "\"remote error: tls: handshake failure\", or its like";
pub(super) const NOT_TLS: &str = "\"http: server gave HTTP response to HTTPS client\"";
pub(super) const EXPIRED: &str = "\"x509: certificate has expired or is not yet valid\"";
pub(super) const WRONG_NAME: &str = "\"x509: certificate is valid for …, not …\"";
pub(super) const UNTRUSTED: &str =
    "\"x509: certificate signed by unknown authority\", where nobody installed that authority";
pub(super) const IN_CLEAR: &str =
    "speaks https of itself; where the registry is called insecure, passwords go in clear";
pub(super) const NO_ANSWER: &str = "\"502 Bad Gateway\", \"503 Service Unavailable\" or their like";
pub(super) const NOT_GRANTED: &str = "\"unauthorized to access repository\" or \"insufficient_scope\", \
     whatever the chain does";

pub(super) fn post_refused(client: Client) -> Fate {
    match rules(client).token {
        TokenRequest::PostThenGet => breaks(
            "\"failed to authorize: failed to fetch oauth token\": it asks with GET only after 400, \
             401, 404 or 405",
        ),
        TokenRequest::Get => works("asks with GET"),
    }
}

pub(super) fn redirected(client: Client) -> &'static str {
    match client {
        Client::Containerd | Client::Buildkit => {
            "it follows, takes the page for a layer that is there, and the manifest's commit for \
             damaged: \"invalid content digest in response\""
        }
        Client::DockerClassic => {
            "it follows: \"unauthorized\", or \"received unexpected HTTP status: 200 OK\" of a page"
        }
        Client::GoContainerregistry => "it follows and finds no registry there",
        Client::Containers => {
            "it follows: \"unauthorized\"; where every path is sent to a page that answers 200, it \
             says that it pushed, and nothing is stored"
        }
        Client::Oras | Client::Regclient => "its writes are redirected, and lost",
    }
}

/// Harbor's refusal of a write with a session cookie, in the words that it is shown in.
pub(super) fn csrf(client: Client) -> String {
    match client {
        Client::DockerClassic => "\"unknown: CSRF token invalid\"".to_owned(),
        Client::Containers => {
            "\"writing blob: initiating layer upload to …: unknown: CSRF token invalid\"".to_owned()
        }
        Client::Containerd
        | Client::Buildkit
        | Client::GoContainerregistry
        | Client::Oras
        | Client::Regclient => refused(client, 403),
    }
}

/// An error whose words are a page's.
pub(super) fn hidden(client: Client) -> &'static str {
    match client {
        Client::DockerClassic => {
            "\"error parsing HTTP … response body: invalid character '<'\" hides what is wrong"
        }
        Client::Containers => "\"StatusCode: …, <html>\" hides what is wrong",
        Client::Containerd
        | Client::Buildkit
        | Client::GoContainerregistry
        | Client::Oras
        | Client::Regclient => "shows a status where the registry's words would say what is wrong",
    }
}

pub(super) fn no_challenge(client: Client) -> &'static str {
    match client {
        Client::Containerd | Client::Buildkit => "\"401 Unauthorized\", without trying to log in",
        Client::DockerClassic => "\"no basic auth credentials\"",
        Client::Containers => "\"unauthorized\", without trying to log in",
        Client::GoContainerregistry => "\"unrecognized challenge\"",
        Client::Oras => "\"response status code 401: unauthorized\"",
        Client::Regclient => "\"unauthorized [http 401]\"",
    }
}

/// An http realm of an https registry.
pub(super) fn http_realm(client: Client, around: Surroundings) -> Fate {
    if rules(client).http_realm == Manner::Refuses {
        return breaks(refuses_http(client));
    }
    match around.plain_http {
        PlainHttp::Nothing => breaks(format!("{REFUSED} for the token")),
        // Harbor answers the empty token with a Basic challenge, which containerd takes up.
        PlainHttp::LosesWrites | PlainHttp::KeepsWrites if is_containerd(client) => {
            leaks("sends the password in clear")
        }
        // Go before 1.22 takes the two ports for two hosts, and drops the password on its way.
        PlainHttp::LosesWrites | PlainHttp::KeepsWrites => breaks(
            "it sends the password in clear, loses it on the way to https (newer ones don't), and \
             gets a token that allows nothing",
        ),
        PlainHttp::Serves => leaks("sends the password in clear"),
        PlainHttp::Other => breaks("it sends the password in clear, and gets no token"),
    }
}

fn is_containerd(client: Client) -> bool {
    matches!(client, Client::Containerd | Client::Buildkit)
}

fn refuses_http(client: Client) -> &'static str {
    match client {
        Client::Oras => "\"bearer realm … uses http but registry was contacted over https\"",
        Client::Regclient => "\"redirect from an https to non-https server is not allowed\"",
        Client::Containerd
        | Client::Buildkit
        | Client::DockerClassic
        | Client::Containers
        | Client::GoContainerregistry => {
            "\"realm scheme \"http\" not allowed for a secure registry\""
        }
    }
}

pub(super) fn other_realm(client: Client, reach: Reach) -> Fate {
    match reach {
        Reach::Unresolved => breaks(format!("{UNKNOWN_NAME} for the token")),
        Reach::Unreachable => breaks(format!("{REFUSED} or \"i/o timeout\" for the token")),
        Reach::PrivateAddress if rules(client).private_realm == Manner::Refuses => {
            breaks("refuses a realm that is a private address")
        }
        Reach::PrivateAddress | Reach::PrivateName => {
            sometimes("\"i/o timeout\" for the token, unless it is inside itself")
        }
        Reach::Public | Reach::Respelled => works("asks there"),
    }
}

pub(super) fn unstable(client: Client) -> Fate {
    match client {
        Client::Regclient => {
            sometimes("\"unauthorized [http 401]\" once it has met the second challenge")
        }
        Client::Containerd
        | Client::Buildkit
        | Client::DockerClassic
        | Client::Containers
        | Client::GoContainerregistry
        | Client::Oras => sometimes(
            "asks for its token where the first challenge says; a token for the other service is \
             refused",
        ),
    }
}
