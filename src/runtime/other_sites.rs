//! The other registries that one asks for what it doesn't have.

use super::public_names::PublicName;
use crate::config::{Config, Fallback, FallbackWhen, Registry};
use crate::observe::metrics::RegistryMetrics;
use crate::oci::token::basic_credentials;
use http::HeaderValue;
use prometheus::IntCounter;

/// One of them.
pub(crate) struct OtherSite {
    /// Index into the public names: the first of that registry.
    pub(crate) name: usize,
    /// Its robot account.
    pub(crate) account: HeaderValue,
    /// The word in metrics and records.
    pub(crate) route: String,
    pub(crate) requests: IntCounter,
    fallback: Fallback,
}

impl OtherSite {
    pub(crate) fn is_for(&self, when: FallbackWhen) -> bool {
        self.fallback.when.contains(&when)
    }

    /// The name of that registry.
    pub(crate) fn registry(&self) -> &str {
        &self.fallback.registry
    }

    /// The name of a repository there.
    pub(crate) fn repository(&self, here: &str) -> String {
        self.fallback.repository(here)
    }
}

/// Those of one registry, in the order in which they are asked.
pub(super) fn other_sites(
    registry: &Registry,
    config: &Config,
    names: &[PublicName],
    metrics: &RegistryMetrics,
) -> Vec<OtherSite> {
    let site = |fallback: &Fallback| {
        let is_it = |other: &usize| config.registries[*other].name == fallback.registry;
        let harbor = (0..config.registries.len()).find(is_it)?;
        let account = &config.registries[harbor].credentials.as_ref()?.file;
        let basic = basic_credentials(&account.user, account.password.as_str());
        let mut account = HeaderValue::from_str(&basic).ok()?;
        account.set_sensitive(true);
        let route = format!("fallback:{}", fallback.registry);
        Some(OtherSite {
            name: names
                .iter()
                .position(|name| name.harbor == harbor && name.mirror.is_none())?,
            account,
            requests: metrics.route(&route),
            route,
            fallback: fallback.clone(),
        })
    };
    registry.fallback.iter().filter_map(site).collect()
}
