//! Which product most likely answers at an entry, judged by its answers. It is reported as a guess.

use super::super::product::Product;
use super::super::step::Step;
use super::super::trace::{ResponseSeen, Walk};
use crate::oci::challenge::{Challenge, SERVICE};
use crate::str_enum::str_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What an entry's answers look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Guess {
    /// Who answers first there; none where it leaves no trace, as HAProxy does.
    pub(crate) hop: Option<Hop>,
    /// What stands at the chain's end.
    pub(crate) registry: Option<RegistryProduct>,
}

str_enum! {
    /// Who answers at an entry, the outermost first: a CDN leaves its own headers beside an inner
    /// nginx's `Server`.
    #[derive(PartialOrd, Ord, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub(crate) enum Hop {
        Cloudflare "Cloudflare",
        Cloudfront "CloudFront",
        Akamai "Akamai",
        Fastly "Fastly",
        Varnish "Varnish",
        Squid "Squid",
        AwsBalancer "AWS load balancer",
        AzureGateway "Azure gateway",
        GoogleBalancer "Google load balancer",
        Harbormouth "Harbormouth",
        Envoy "Envoy",
        Caddy "Caddy",
        Traefik "Traefik",
        Haproxy "HAProxy",
        Openresty "OpenResty",
        Tengine "Tengine",
        Nginx "nginx",
        Apache "Apache",
        Nghttpx "nghttpx",
        Lighttpd "lighttpd",
        Iis "IIS",
    }
}

str_enum! {
    pub(crate) enum RegistryProduct {
        Harbor "Harbor",
        /// Distribution, or what speaks like it.
        Distribution "registry",
    }
}

const TEXT: &str = include_str!("hops.yaml");

/// The file is a part of the program, and a test reads it: there is nothing to be said of one that
/// can't be read.
static HOPS: LazyLock<BTreeMap<Hop, HopSigns>> =
    LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HopSigns {
    product: Option<Product>,
    /// In the subject of a certificate that it makes for itself.
    certificate: Option<String>,
    signs: Vec<Sign>,
}

/// What gives a hop away.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sign {
    /// A header that is there.
    Header(String),
    /// A header whose name begins so.
    Prefix(String),
    Server(String),
    /// What a header has in it.
    Says(String, String),
    Body(String),
}

impl Hop {
    /// Whose lines help there.
    pub(crate) fn product(self) -> Option<Product> {
        HOPS.get(&self)?.product
    }

    /// Whether an answer gives it away.
    fn has_signed(self, answer: &ResponseSeen) -> bool {
        let about = HOPS.get(&self);
        about.is_some_and(|about| about.signs.iter().any(|sign| sign.is_in(answer)))
    }
}

impl Sign {
    fn is_in(&self, answer: &ResponseSeen) -> bool {
        match self {
            Sign::Header(name) => answer.header(name).is_some(),
            Sign::Prefix(begin) => answer.headers.iter().any(|one| one.0.starts_with(begin)),
            Sign::Server(product) => server(answer, product),
            Sign::Says(name, part) => says(answer, name, part),
            Sign::Body(part) => answer.body.contains(part),
        }
    }
}

pub(crate) fn guess(walk: &Walk) -> Guess {
    // What port 80 says is another server's word.
    let answers: Vec<&ResponseSeen> = walk
        .exchanges
        .iter()
        .filter(|one| !matches!(one.step, Step::PlainHttp | Step::PlainHttpWrite))
        .filter_map(|one| one.answer())
        .collect();
    Guess {
        hop: by_certificate(walk).or_else(|| hop(&answers)),
        registry: registry(&answers),
    }
}

/// Who wrote the page that a step was answered with: an error that is no registry's own is signed by
/// the hop that made it.
pub(crate) fn author(walk: &Walk, step: Step) -> Option<Hop> {
    let pages: Vec<&ResponseSeen> = walk
        .all(step)
        .filter_map(|one| one.answer())
        .filter(|answer| answer.status >= 400 && says(answer, "content-type", "text/html"))
        .collect();
    hop(&pages)
}

/// Whose own certificate the entry shows: whoever ends TLS is the outermost.
fn by_certificate(walk: &Walk) -> Option<Hop> {
    let handshakes = walk.addresses.iter().filter_map(|one| one.tls.as_ref());
    let shown: Vec<&str> = handshakes
        .flatten()
        .filter_map(|tls| Some(tls.chain.first()?.subject.as_str()))
        .collect();
    let is_shown = |own: &String| shown.iter().any(|subject| subject.contains(own));
    let own = |hop: &Hop| HOPS.get(hop)?.certificate.as_ref();
    Hop::ALL
        .into_iter()
        .find(|hop| own(hop).is_some_and(is_shown))
}

fn hop(answers: &[&ResponseSeen]) -> Option<Hop> {
    let has_signed = |hop: &Hop| answers.iter().any(|answer| hop.has_signed(answer));
    Hop::ALL.into_iter().find(has_signed)
}

/// `nginx`, `nginx/1.22.1`, `Apache (Debian)`.
fn server(answer: &ResponseSeen, product: &str) -> bool {
    answer.headers("server").any(|value| {
        let value = value.to_ascii_lowercase();
        value
            .strip_prefix(product)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ' ', '(']))
    })
}

fn says(answer: &ResponseSeen, name: &str, part: &str) -> bool {
    answer
        .headers(name)
        .any(|value| value.to_ascii_lowercase().contains(part))
}

fn registry(answers: &[&ResponseSeen]) -> Option<RegistryProduct> {
    let is_harbor = |answer: &&ResponseSeen| {
        answer.header("x-harbor-csrf-token").is_some()
            || answer
                .headers("set-cookie")
                .any(|value| value.starts_with("sid=") || value.contains("_gorilla_csrf"))
            || answer.challenges().any(|one| is_harbors(&one))
    };
    let is_registry = |answer: &&ResponseSeen| {
        answer
            .header("docker-distribution-api-version")
            .is_some_and(|version| version.starts_with("registry/2"))
    };
    if answers.iter().any(is_harbor) {
        Some(RegistryProduct::Harbor)
    } else if answers.iter().any(is_registry) {
        Some(RegistryProduct::Distribution)
    } else {
        None
    }
}

fn is_harbors(challenge: &Challenge<'_>) -> bool {
    let is = |name: &str, value: &str| {
        challenge
            .param(name)
            .is_some_and(|param| param.value == value)
    };
    is("service", SERVICE) || is("realm", "harbor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_signs_of_every_hop() {
        let hops: BTreeMap<Hop, HopSigns> = serde_yaml::from_str(TEXT).unwrap();
        let keys = serde_yaml::from_str::<serde_yaml::Value>(TEXT);
        assert!(keys.is_ok(), "a hop twice: {keys:?}");
        assert!(hops.keys().eq(&Hop::ALL));
        let is_told = |about: &HopSigns| about.certificate.is_some() || !about.signs.is_empty();
        assert!(hops.values().all(is_told));
    }
}
