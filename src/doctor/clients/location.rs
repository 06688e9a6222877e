//! What each client makes of a Location that isn't as it should be.

use super::circumstance::{Authentication, PlainHttp, Reach, Surroundings, Unusable};
use super::client::Client;
use super::outcome::{Fate, breaks, leaks, sometimes, works};
use super::rules::{Rewinding, Rules, Sameness, rules};
use super::words::{PLAIN_TO_TLS, REFUSED, UNKNOWN_NAME, refused};

/// What containerd logs where it drops its Authorization.
const DROPPED: &str = "\"upload changed destination\" in its debug log, then";

/// `https://hub.example.com:443/…` where `hub.example.com` was typed.
pub(super) fn default_port(client: Client, around: Surroundings) -> Fate {
    match (rules(client).sameness, around.authentication) {
        (_, Authentication::None) => works("it has no Authorization to lose"),
        (Sameness::Text, _) => dropped(client),
        (Sameness::TextOfAuthority, _) => breaks(format!(
            "it has no token for that other name: {}",
            refused(client, 401)
        )),
        // Its Basic transport compares as text, its Bearer transport doesn't.
        (Sameness::NormalAuthority, Authentication::Basic) => breaks(format!(
            "it sends the password to the name as it was typed only: {}",
            refused(client, 401)
        )),
        (Sameness::NormalAuthority | Sameness::Normal | Sameness::Required, _) => {
            works("takes the default port for none")
        }
        (Sameness::Anything, _) => works("sends its Authorization wherever Location leads"),
    }
}

/// containerd's way: it compares as text, and writes without Authorization where that differs.
fn dropped(client: Client) -> Fate {
    breaks(format!("{DROPPED} {}", refused(client, 401)))
}

/// The typed port is missing or another: mostly nothing, or nothing of the registry, is there.
pub(super) fn other_port(client: Client) -> Fate {
    match rules(client).sameness {
        Sameness::Text => breaks(format!("{DROPPED} {REFUSED}, or it hangs")),
        Sameness::Required => refuses_host(),
        Sameness::Normal
        | Sameness::TextOfAuthority
        | Sameness::NormalAuthority
        | Sameness::Anything => breaks(format!("{REFUSED}, or whatever answers there")),
    }
}

fn refuses_host() -> Fate {
    breaks("\"blob upload Location … is on a different host than the registry\"")
}

/// `http://` where https was typed: what answers there decides, unless the client sees to it.
pub(super) fn http(client: Client, around: Surroundings) -> Fate {
    let rules = rules(client);
    match rules.sameness {
        Sameness::NormalAuthority => return works("makes it https again"),
        Sameness::Required => {
            return breaks("\"blob upload Location … downgrades scheme from https\"");
        }
        Sameness::Text | Sameness::TextOfAuthority | Sameness::Normal | Sameness::Anything => {}
    }
    match around.plain_http {
        PlainHttp::Nothing => match rules.sameness {
            Sameness::Text => breaks(format!("{DROPPED} {REFUSED}, or it hangs")),
            _ => breaks(REFUSED),
        },
        PlainHttp::Other => breaks(PLAIN_TO_TLS),
        PlainHttp::LosesWrites => write_lost(client, &rules),
        PlainHttp::KeepsWrites => write_redirected(client, &rules, around),
        PlainHttp::Serves => http_served(client, &rules, around),
    }
}

/// The redirect makes a GET of the write: nothing is stored.
fn write_lost(client: Client, rules: &Rules) -> Fate {
    match rules.sameness {
        Sameness::Text => dropped(client),
        Sameness::Normal => {
            breaks("\"unknown blob\": its writes became GETs, which it took for success")
        }
        Sameness::TextOfAuthority => {
            breaks("the blob is lost without a word, and the manifest is refused: blob unknown")
        }
        Sameness::Anything | Sameness::NormalAuthority | Sameness::Required => breaks(format!(
            "{}, and its token went in clear",
            refused(client, 401)
        )),
    }
}

/// 307 or 308 to https.
fn write_redirected(client: Client, rules: &Rules, around: Surroundings) -> Fate {
    let is_open = around.authentication == Authentication::None;
    match (rules.body, rules.sameness) {
        (Rewinding::Never, Sameness::Normal) => {
            breaks("\"EOF\": it takes the redirect for the answer to its PATCH")
        }
        (Rewinding::Never, _) => breaks(
            "\"digest invalid\": it takes the redirect for the answer to its PATCH, and its token \
             went in clear",
        ),
        (Rewinding::Again, Sameness::Text) if !is_open => dropped(client),
        (Rewinding::Again, _) if is_open => works("sends the body again to where it is told"),
        (Rewinding::Again, _) => leaks("pushes, and sends its token in clear first"),
    }
}

/// The registry answers on http too.
fn http_served(client: Client, rules: &Rules, around: Surroundings) -> Fate {
    match (rules.sameness, around.authentication) {
        (_, Authentication::None) => works("pushes in clear"),
        (Sameness::Text, _) => dropped(client),
        (Sameness::Normal, _) => breaks(format!(
            "it has no token for http: {}",
            refused(client, 401)
        )),
        (_, Authentication::Basic) => leaks("pushes, and sends the password in clear"),
        (_, Authentication::Bearer) => leaks("pushes, and sends its token in clear"),
    }
}

/// `https,http://…`: no URL.
fn unreadable(client: Client) -> Fate {
    let how = "\"first path segment in URL cannot contain colon\"";
    if client.is_containerd() {
        breaks(format!("\"unable to parse location\", {how}"))
    } else {
        breaks(how)
    }
}

pub(super) fn other_host(client: Client, reach: Option<Reach>, around: Surroundings) -> Fate {
    let rules = rules(client);
    if reach == Some(Reach::Respelled) {
        return respelled(client, around);
    }
    if rules.sameness == Sameness::Required {
        return refuses_host();
    }
    let is_text = rules.sameness == Sameness::Text;
    let before = if is_text { DROPPED } else { "it follows:" };
    match reach {
        Some(Reach::Unresolved) => return breaks(format!("{before} {UNKNOWN_NAME}")),
        Some(Reach::Unreachable) => return breaks(format!("{before} {REFUSED}, or it hangs")),
        Some(Reach::PrivateAddress) if rules.sameness == Sameness::NormalAuthority => {
            return breaks("refuses a Location that leads to a private address");
        }
        Some(Reach::PrivateAddress | Reach::PrivateName | Reach::Public | Reach::Respelled)
        | None => {}
    }
    let is_inside = matches!(reach, Some(Reach::PrivateAddress | Reach::PrivateName));
    match (rules.sameness, around.authentication) {
        (_, Authentication::None) => sometimes("works where that host can be reached"),
        (Sameness::Anything, _) if is_inside => sometimes(
            "hangs outside; where that host can be reached, pushes and gives it the token",
        ),
        (Sameness::Anything, _) => leaks("follows, and gives that host its token"),
        (Sameness::Text, _) => breaks(format!("{DROPPED} {}, or it hangs", refused(client, 401))),
        (_, _) => breaks(format!(
            "it has no token for that host: {}, or it hangs",
            refused(client, 401)
        )),
    }
}

/// The same host in other letters, or with a dot behind it.
fn respelled(client: Client, around: Surroundings) -> Fate {
    match (rules(client).sameness, around.authentication) {
        (_, Authentication::None) => works("it has no Authorization to lose"),
        (Sameness::Text, _) => dropped(client),
        (Sameness::TextOfAuthority | Sameness::NormalAuthority, _) => breaks(format!(
            "it has no token for that other name: {}",
            refused(client, 401)
        )),
        (Sameness::Required, _) => refuses_host(),
        (Sameness::Normal | Sameness::Anything, _) => works("takes it for the same host"),
    }
}

pub(super) fn unusable(client: Client, unusable: Unusable) -> Fate {
    match (unusable, client.is_containerd()) {
        (Unusable::Missing, _) => breaks(no_location(client)),
        (Unusable::Unreadable, _) => unreadable(client),
        (Unusable::Relative | Unusable::Adrift, true) => breaks(format!(
            "it takes the path's first part for a host: {UNKNOWN_NAME}"
        )),
        (Unusable::Relative | Unusable::SchemeRelative, false) => {
            works("resolves it against the request")
        }
        (Unusable::Adrift, false) => breaks(format!(
            "it resolves it against the request: {}",
            refused(client, 404)
        )),
        (Unusable::WithoutScheme, true) => works("takes its own scheme"),
        (Unusable::WithoutScheme, false) | (Unusable::SchemeRelative, true) => breaks(format!(
            "it takes the host for a part of the path: {}",
            refused(client, 404)
        )),
    }
}

fn no_location(client: Client) -> &'static str {
    match client {
        Client::Containerd | Client::Buildkit => "\"http: no Host in request URL\"",
        Client::DockerClassic => {
            "\"error parsing HTTP 404 response body\": it writes to the upload's beginning again"
        }
        Client::Containers => "\"determining upload URL: http: no Location header in response\"",
        Client::GoContainerregistry => "\"missing Location header\"",
        Client::Oras => "\"http: no Location header in response\"",
        Client::Regclient => "\"required Location header missing\"",
    }
}

/// `/harbor/v2/…`, which may lead to the registry or not.
pub(super) fn prefix(client: Client, around: Surroundings) -> Fate {
    match (rules(client).sameness, around.authentication) {
        (Sameness::Normal, Authentication::Basic | Authentication::Bearer) => breaks(format!(
            "it has a token for /v2/ only: {}",
            refused(client, 401)
        )),
        (_, _) => works("follows, which is well where that path leads to the registry too"),
    }
}
