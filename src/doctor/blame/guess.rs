//! Who most likely stands at an entry, from what its answers give away. A guess, and said as one.

use super::super::product::Product;
use super::super::seen::{Answer, Walk};
use super::super::step::Step;
use crate::registry::challenge::{Challenge, SERVICE};
use crate::words::words;
use serde::{Serialize, Serializer};

/// What an entry's answers look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Guess {
    /// Who answers first there; none where it leaves no trace, as HAProxy does.
    pub(crate) hop: Option<Hop>,
    /// What stands at the chain's end.
    pub(crate) registry: Option<Registry>,
}

words! {
    /// Who answers at an entry, the outermost first: a CDN leaves its own headers beside an inner
    /// nginx's `Server`.
    pub(crate) enum Hop {
        Cloudflare "Cloudflare",
        Cloudfront "CloudFront",
        Akamai "Akamai",
        Fastly "Fastly",
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
        Iis "IIS",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Registry {
    Harbor,
    /// Distribution, or what speaks like it.
    #[serde(rename = "registry")]
    Distribution,
}

impl Hop {
    /// Whose lines help there.
    pub(crate) fn product(self) -> Option<Product> {
        match self {
            Hop::Nginx | Hop::Openresty | Hop::Tengine => Some(Product::Nginx),
            Hop::Haproxy => Some(Product::Haproxy),
            Hop::Traefik => Some(Product::Traefik),
            Hop::Caddy => Some(Product::Caddy),
            Hop::Cloudflare
            | Hop::Cloudfront
            | Hop::Akamai
            | Hop::Fastly
            | Hop::AwsBalancer
            | Hop::AzureGateway
            | Hop::GoogleBalancer
            | Hop::Harbormouth
            | Hop::Envoy
            | Hop::Apache
            | Hop::Iis => None,
        }
    }

    /// Whether an answer gives it away.
    fn has_signed(self, answer: &Answer) -> bool {
        match self {
            Hop::Cloudflare => answer.header("cf-ray").is_some() || server(answer, "cloudflare"),
            Hop::Cloudfront => {
                answer.header("x-amz-cf-id").is_some() || says(answer, "via", "cloudfront")
            }
            Hop::Akamai => server(answer, "akamaighost"),
            Hop::Fastly => says(answer, "x-served-by", "cache-") || says(answer, "via", "varnish"),
            Hop::AwsBalancer => server(answer, "awselb") || says(answer, "set-cookie", "awsalb"),
            Hop::AzureGateway => server(answer, "microsoft-azure-application-gateway"),
            Hop::GoogleBalancer => {
                says(answer, "via", "1.1 google") || server(answer, "google frontend")
            }
            Hop::Harbormouth => says(answer, "location", "harbormouth_ticket="),
            Hop::Envoy => {
                server(answer, "envoy")
                    || server(answer, "istio-envoy")
                    || answer
                        .headers
                        .iter()
                        .any(|(name, _)| name.starts_with("x-envoy-"))
            }
            Hop::Caddy => server(answer, "caddy") || says(answer, "via", "caddy"),
            Hop::Traefik => server(answer, "traefik"),
            // HAProxy leaves no header; its own error pages have these words.
            Hop::Haproxy => {
                answer
                    .body
                    .contains("No server is available to handle this request")
                    || answer
                        .body
                        .contains("Request forbidden by administrative rules")
                    || answer.body.contains("The server didn't respond in time")
            }
            Hop::Openresty => {
                server(answer, "openresty") || answer.body.contains("<center>openresty")
            }
            Hop::Tengine => server(answer, "tengine"),
            // Its pages are signed even where `server_tokens` or a rule hides the header.
            Hop::Nginx => server(answer, "nginx") || answer.body.contains("<center>nginx"),
            Hop::Apache => server(answer, "apache"),
            Hop::Iis => server(answer, "microsoft-iis"),
        }
    }
}

impl Registry {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Registry::Harbor => "Harbor",
            Registry::Distribution => "registry",
        }
    }
}

impl Serialize for Hop {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

pub(crate) fn guess(walk: &Walk) -> Guess {
    // What port 80 says is another server's word.
    let answers: Vec<&Answer> = walk
        .exchanges
        .iter()
        .filter(|one| !matches!(one.step, Step::PlainHttp | Step::PlainHttpWrite))
        .filter_map(|one| one.answer())
        .collect();
    Guess {
        hop: hop(&answers),
        registry: registry(&answers),
    }
}

/// Who wrote the page that a step was answered with: an error that is no registry's own is signed by
/// the hop that made it.
pub(crate) fn author(walk: &Walk, step: Step) -> Option<Hop> {
    let pages: Vec<&Answer> = walk
        .all(step)
        .filter_map(|one| one.answer())
        .filter(|answer| answer.status >= 400 && says(answer, "content-type", "text/html"))
        .collect();
    hop(&pages)
}

fn hop(answers: &[&Answer]) -> Option<Hop> {
    let has_signed = |hop: &Hop| answers.iter().any(|answer| hop.has_signed(answer));
    Hop::ALL.into_iter().find(has_signed)
}

/// `nginx`, `nginx/1.22.1`, `Apache (Debian)`.
fn server(answer: &Answer, product: &str) -> bool {
    answer.headers("server").any(|value| {
        let value = value.to_ascii_lowercase();
        value
            .strip_prefix(product)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ' ', '(']))
    })
}

fn says(answer: &Answer, name: &str, part: &str) -> bool {
    answer
        .headers(name)
        .any(|value| value.to_ascii_lowercase().contains(part))
}

fn registry(answers: &[&Answer]) -> Option<Registry> {
    let is_harbor = |answer: &&Answer| {
        answer.header("x-harbor-csrf-token").is_some()
            || answer
                .headers("set-cookie")
                .any(|value| value.starts_with("sid=") || value.contains("_gorilla_csrf"))
            || answer.challenges().any(|one| is_harbors(&one))
    };
    let is_registry = |answer: &&Answer| {
        answer
            .header("docker-distribution-api-version")
            .is_some_and(|version| version.starts_with("registry/2"))
    };
    if answers.iter().any(is_harbor) {
        Some(Registry::Harbor)
    } else if answers.iter().any(is_registry) {
        Some(Registry::Distribution)
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
