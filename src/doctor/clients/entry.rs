//! What each client makes of a realm, a token service or a cookie that isn't as it should be.

use super::circumstance::{PlainHttp, Reach, Surroundings};
use super::client::Client;
use super::outcome::{Fate, breaks, leaks, sometimes, works};
use super::rules::{Manner, TokenRequest, rules};
use super::words::{REFUSED, UNKNOWN_NAME, refused};

pub(super) fn post_refused(client: Client) -> Fate {
    match rules(client).token {
        TokenRequest::PostThenGet => breaks(
            "\"failed to authorize: failed to fetch oauth token\": it asks with GET only after 400, \
             401, 404 or 405",
        ),
        TokenRequest::Get => works("asks with GET"),
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

/// An http realm of an https registry.
pub(super) fn http_realm(client: Client, around: Surroundings) -> Fate {
    if rules(client).http_realm == Manner::Refuses {
        return breaks(refuses_http(client));
    }
    match around.plain_http {
        PlainHttp::Nothing => breaks(format!("{REFUSED} for the token")),
        // Harbor answers the empty token with a Basic challenge, which containerd takes up.
        PlainHttp::LosesWrites | PlainHttp::KeepsWrites if client.is_containerd() => {
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
