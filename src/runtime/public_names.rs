//! The public origins of a configuration, prepared: whose each is, and what a request there needs.

use super::origins::NamedOrigin;
use crate::config::{Config, Hsts, Mirror, Registry};
use crate::net::origin::{Origin, Scheme};
use crate::observe::metrics::Metrics;
use crate::oci::challenge::realm;
use crate::oci::routing::Naming;
use http::HeaderValue;
use prometheus::IntCounter;

/// One public origin of one registry, or of one mirror.
pub(crate) struct PublicName {
    /// Index into [`super::Snapshot::harbors`].
    pub(crate) harbor: usize,
    pub(crate) origin: Origin,
    /// The same as records show it.
    pub(crate) shown: String,
    /// Where clients get tokens.
    pub(crate) realm: String,
    /// How names differ at Harbor; only of a mirror.
    pub(crate) mirror: Option<MirrorName>,
    /// Other registries have the origin as well, and uploads have to find back.
    pub(crate) is_shared: bool,
    /// Somewhere behind the origin ID tokens are taken, so a login with one goes to no Harbor as it is.
    pub(crate) takes_id_tokens: bool,
    /// The origin's authority, as Host and `X-Forwarded-Host` carry it.
    pub(crate) host: HeaderValue,
    /// What browsers are told there, where they are told to come by https.
    pub(crate) hsts: Option<HeaderValue>,
}

/// What is a mirror's alone.
pub(crate) struct MirrorName {
    pub(crate) naming: Naming,
    /// The word in metrics and records.
    pub(crate) route: String,
    pub(crate) requests: IntCounter,
}

/// Each origin, with its number.
pub(super) fn public_names(
    config: &Config,
    origins: &[NamedOrigin<'_>],
    metrics: &Metrics,
) -> anyhow::Result<Vec<PublicName>> {
    let names = origins.iter().map(|named| {
        let mirror = named.mirror.map(|(_, mirror)| mirror);
        Ok(PublicName {
            harbor: named.registry,
            origin: named.origin.clone(),
            shown: named.origin.to_string(),
            realm: realm_of(named),
            mirror: mirror.map(|mirror| MirrorName::new(mirror, metrics)),
            is_shared: named.is_shared && mirror.is_none(),
            takes_id_tokens: takes_id_tokens(named.origin, config, origins),
            host: HeaderValue::from_str(&named.origin.authority())?,
            hsts: match mirror {
                Some(_) => None,
                None => hsts(&config.registries[named.registry], named.origin),
            },
        })
    });
    names.collect()
}

fn takes_id_tokens(origin: &Origin, config: &Config, origins: &[NamedOrigin<'_>]) -> bool {
    let here = origins.iter().filter(|named| named.origin == origin);
    let mut registries = here.map(|named| &config.registries[named.registry].name);
    registries.any(|name| config.identities.iter().any(|one| one.is_for(name)))
}

/// A request for a token doesn't say by itself which of several mirrors it is for.
fn realm_of(named: &NamedOrigin<'_>) -> String {
    let realm = realm(named.origin);
    let source = named.mirror.and_then(|(_, mirror)| mirror.sources.first());
    match source.filter(|_| named.is_shared) {
        Some(source) => format!("{realm}?ns={source}"),
        None => realm,
    }
}

impl MirrorName {
    fn new(mirror: &Mirror, metrics: &Metrics) -> MirrorName {
        let route = format!("mirror:{}", mirror.project);
        MirrorName {
            naming: Naming::of(&mirror.project, &mirror.sources),
            requests: metrics.registry(&mirror.registry).route(&route),
            route,
        }
    }
}

impl PublicName {
    /// How names differ at Harbor.
    pub(crate) fn naming(&self) -> Option<&Naming> {
        self.mirror.as_ref().map(|mirror| &mirror.naming)
    }
}

/// Neither the host's subdomains nor browsers' own lists are the gateway's to decide on.
fn hsts(registry: &Registry, origin: &Origin) -> Option<HeaderValue> {
    match (registry.hsts, origin.scheme) {
        (Hsts::For(time), Scheme::Https) => {
            HeaderValue::from_str(&format!("max-age={}", time.as_secs())).ok()
        }
        (Hsts::For(_), Scheme::Http) | (Hsts::Off, _) => None,
    }
}
