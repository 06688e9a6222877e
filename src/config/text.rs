//! Values that are written as text: addresses, origins, names, headers, files. Text in, value or
//! complaint out.

use super::objective::Objective;
use super::problem::{Complaint, Shown};
use super::values::TextValue;
use crate::net::network::{self, NetworkFlaw};
use crate::net::origin::{Authority, Host, Origin};
use crate::oci::narrowing::RepositoryPattern;
use crate::oci::project::ProjectPattern;
use crate::oci::repository::RepositoryName;
use crate::oci::storage::StorageHost;
use crate::oidc::Issuer;
use http::HeaderName;
use ipnet::IpNet;
use std::net::SocketAddr;

type Read<T> = Result<T, Option<Complaint>>;

pub(super) const ADDRESS: TextValue<SocketAddr> = TextValue {
    accepted: "an IP address with a port, such as 0.0.0.0:443 or \"[::]:443\"",
    parse: |text| text.parse().map_err(|_| None),
};

pub(super) const ORIGIN: TextValue<Origin> = TextValue {
    accepted: "scheme://host[:port], such as https://hub.example.com",
    parse: |text| {
        Origin::parse(text).map_err(|error| {
            let value = Shown::new(text);
            Some(Complaint::Origin { value, error })
        })
    },
};

pub(super) const HOST: TextValue<Host> = TextValue {
    accepted: "a DNS name or an IP address, without a port",
    parse: |text| Host::parse(text).map_err(|_| None),
};

pub(super) const REALM_HOST: TextValue<Host> = TextValue {
    accepted: "a host without scheme and port, such as auth.example.com",
    ..HOST
};

pub(super) const REGISTRY_NAME: TextValue<String> = TextValue {
    accepted: "1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit, and not \"other\"",
    parse: name,
};

/// Of a team: the value of a label.
pub(super) const OWNER: TextValue<String> = TextValue {
    accepted: "a team's name: 1 to 63 letters, digits, dots, - and _, such as team-storage",
    parse: |text| {
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        sound_text(
            (1..=63).contains(&text.len()) && text.bytes().all(is_letter),
            text,
        )
    },
};

pub(super) const IDENTITY_NAME: TextValue<String> = REGISTRY_NAME;

/// A name that is a label's value.
fn name(text: &str) -> Read<String> {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let sound = text.len() <= 63
        && text.bytes().next().is_some_and(letter)
        && text.bytes().all(|b| letter(b) || b == b'-' || b == b'_')
        && text != RESERVED_NAME;
    sound_text(sound, text)
}

/// The label of requests that belong to no registry, and of logins that came to no identity; see
/// `metrics::NO_REGISTRY`.
const RESERVED_NAME: &str = "other";

/// Which one it is has to be one of those that are declared.
pub(super) const REGISTRY: TextValue<String> = TextValue {
    accepted: "the name of one of the registries",
    parse: |text| Ok(text.to_owned()),
};

pub(super) const REPOSITORY: TextValue<RepositoryName> = TextValue {
    accepted: RepositoryName::ACCEPTED,
    parse: |text| RepositoryName::parse(text).ok_or(None),
};

pub(super) const PROJECT: TextValue<String> = TextValue {
    accepted: "a project's name, such as dockerhub",
    parse: |text| {
        let is_project = !text.contains('/') && RepositoryName::parse(text).is_some();
        sound_text(is_project, text)
    },
};

pub(super) const PROJECT_PATTERN: TextValue<ProjectPattern> = TextValue {
    accepted: ProjectPattern::ACCEPTED,
    parse: |text| ProjectPattern::parse(text).ok_or(None),
};

/// containerd writes it as it stands in front of an image's name.
pub(super) const SOURCE: TextValue<String> = TextValue {
    accepted: "a registry's host as it stands in front of an image's name, such as docker.io or ghcr.io",
    parse: |text| {
        let is_authority = Authority::parse(text).is_ok() && !text.chars().any(char::is_uppercase);
        sound_text(is_authority, text)
    },
};

pub(super) const REPOSITORY_PATTERN: TextValue<RepositoryPattern> = TextValue {
    accepted: RepositoryPattern::ACCEPTED,
    parse: |text| RepositoryPattern::parse(text).ok_or(None),
};

pub(super) const ISSUER: TextValue<Issuer> = TextValue {
    accepted: Issuer::ACCEPTED,
    parse: |text| Issuer::parse(text).ok_or(None),
};

pub(super) const WHEN: TextValue<String> = TextValue {
    accepted: "a condition in CEL on claims, such as claims.repository == \"acme/app\"",
    parse: |text| sound_text(!text.trim().is_empty(), text),
};

/// It is compared byte for byte, and shown to who asks for a token of another one.
pub(super) const AUDIENCE: TextValue<String> = TextValue {
    accepted: "1 to 255 characters without blanks, such as https://hub.example.com",
    parse: |text| {
        let is_sound = |c: char| !c.is_control() && !c.is_whitespace();
        let is_audience = (1..=255).contains(&text.chars().count()) && text.chars().all(is_sound);
        sound_text(is_audience, text)
    },
};

pub(super) const STORAGE_HOST: TextValue<StorageHost> = TextValue {
    accepted: StorageHost::ACCEPTED,
    parse: |text| StorageHost::parse(text).ok_or(None),
};

pub(super) const OBJECTIVE: TextValue<Objective> = TextValue {
    accepted: "a percentage from 50% to 99.999% with at most three decimals, such as 99.5%",
    parse: |text| Objective::parse(text).ok_or(None),
};

pub(super) const SERVER_NAME: TextValue<String> = TextValue {
    accepted: "a DNS name or an IP address",
    parse: |text| {
        let name = rustls::pki_types::ServerName::try_from(text);
        name.map(|_| text.to_ascii_lowercase()).map_err(|_| None)
    },
};

pub(super) const HEALTH_PATH: TextValue<String> = TextValue {
    accepted: "a path such as /api/v2.0/ping",
    parse: |text| {
        let sound = text.starts_with('/')
            && !text.contains('#')
            && text.bytes().all(|b| b.is_ascii_graphic())
            && text.parse::<http::uri::PathAndQuery>().is_ok();
        sound_text(sound, text)
    },
};

pub(super) const FILE: TextValue<String> = TextValue {
    accepted: "the name of a file; relative names start at this file's directory",
    parse: |text| sound_text(!text.is_empty() && !text.contains('\0'), text),
};

pub(super) const AUDIT_FILE: TextValue<String> = TextValue {
    accepted: "the name of a file, or stderr; relative names start at this file's directory",
    ..FILE
};

pub(super) const CREDENTIALS: TextValue<String> = TextValue {
    accepted: "the name of a file whose first line is USER:PASSWORD; relative names start at this file's directory",
    // Somebody may have written the credentials themselves.
    parse: |text| {
        if text.contains(':') {
            return Err(Some(Complaint::value("***", CREDENTIALS.accepted)));
        }
        (FILE.parse)(text)
    },
};

/// A plain address is the network of that address alone.
pub(super) const NETWORK: TextValue<IpNet> = TextValue {
    accepted: "an IP address or a network, such as 10.0.0.5, 10.0.0.0/8 or \"fd00::/8\"",
    parse: |text| {
        network::parse(text).map_err(|flaw| match flaw {
            NetworkFlaw::Unknown => None,
            NetworkFlaw::BitsBeyondPrefix { network, address } => {
                let value = Shown::new(text);
                Some(Complaint::BitsBeyondPrefix {
                    value,
                    network,
                    address,
                })
            }
        })
    },
};

pub(super) const MOVED_HEADER: TextValue<HeaderName> = TextValue {
    accepted: "the name of a header that only carries the client's Authorization, such as X-Forwarded-Authorization",
    parse: |text| free_header(text, MOVED_HEADER.accepted),
};

pub(super) const CLIENT_ADDRESS_HEADER: TextValue<HeaderName> = TextValue {
    accepted: "the name of a header that holds the client's address and nothing else, such as CF-Connecting-IP",
    parse: |text| {
        // The one of the reserved that names the client and nothing else.
        if text.eq_ignore_ascii_case("x-real-ip") {
            return Ok(HeaderName::from_static("x-real-ip"));
        }
        free_header(text, CLIENT_ADDRESS_HEADER.accepted)
    },
};

fn sound_text(is_sound: bool, text: &str) -> Read<String> {
    is_sound.then(|| text.to_owned()).ok_or(None)
}

/// Headers that frame a message, route it, or are written by this gateway. What begins with
/// `content-` frames as well.
const RESERVED_HEADERS: &[&str] = &[
    "accept",
    "authorization",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

fn free_header(text: &str, accepted: &'static str) -> Read<HeaderName> {
    let name: HeaderName = text.parse().map_err(|_| None)?;
    if name.as_str().starts_with("content-") || RESERVED_HEADERS.contains(&name.as_str()) {
        let header = Shown::new(text);
        return Err(Some(Complaint::ReservedHeader { header, accepted }));
    }
    Ok(name)
}
