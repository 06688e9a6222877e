//! The current configuration, prepared once each time that it is read, and the state that lives as long
//! as the process: requests, connections and the admin listener share both. A request keeps the
//! configuration that it began with.
//!
//! What this file deliberately doesn't know: when a configuration is read again (see `reload`), and
//! what requests do with it.

mod body_memory;
mod concurrency_limit;
mod credential_cache;
mod fair_share;
pub(crate) mod heartbeat;
mod identities;
mod issuer_keys;
mod login_limit;
mod origins;
mod other_sites;
pub mod probes;
mod process;
mod public_names;
pub mod route_table;
pub mod rules;
pub mod sealing_keys;
pub(crate) mod upstream;
mod way_of_authorization;

pub(crate) use body_memory::{BodyMemory, HeldMemory};
pub(crate) use concurrency_limit::{ConcurrencyLimit, Permit, PermitRequest, PermitTerms};
pub(crate) use credential_cache::{CredentialCache, CredentialMarks};
pub(crate) use fair_share::{FairShares, Holder, Rest, Room, Share};
pub(crate) use identities::IdentityRuntime;
pub(crate) use login_limit::{LoginAttempt, LoginLimits};
pub(crate) use other_sites::OtherSite;
pub(crate) use process::Process;
pub(crate) use public_names::PublicName;

use crate::config::{Config, Registry, StorageRedirects};
use crate::net::host::Routes;
use crate::net::trusted_proxies::TrustedProxies;
use crate::observe::accounting::RegistryAccount;
use crate::observe::audit::AuditLog;
use crate::observe::logging::RateLimited;
use crate::observe::metrics::RegistryMetrics;
use crate::oci::authorities::KnownAuthorities;
use crate::oci::routing::Site;
use crate::runtime::upstream::{Pool, StorageRuntime};
use crate::tickets::Keyring;
use anyhow::Context;
use arc_swap::ArcSwap;
use origins::{named_origins, sites};
use other_sites::other_sites;
use parking_lot::Mutex;
use public_names::public_names;
use rules::Rules;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use way_of_authorization::WayOfAuthorization;

/// Authorities that a Harbor may bring up without being configured; each is logged once. More than
/// this is no misconfiguration but an attack.
const LOGGED_AUTHORITIES: usize = 100;

/// A wrong word about the client's side comes with every request.
const IN_CLEAR_TOLD_EVERY: Duration = Duration::from_secs(3600);

/// The configuration in force: what new requests and connections begin with.
pub(crate) struct CurrentSnapshot(ArcSwap<Snapshot>);

/// A configuration, ready for use.
pub(crate) struct Snapshot {
    pub(crate) config: Arc<Config>,
    pub(crate) process: Arc<Process>,
    /// None where nothing is audited.
    pub(crate) audit: Option<Arc<AuditLog>>,
    /// From host to what stands behind it, in indices into `names`.
    pub(crate) routes: Routes<Site>,
    pub(crate) names: Vec<PublicName>,
    /// Addresses of the listeners, as records show them.
    pub(crate) listeners: Vec<String>,
    pub(crate) harbors: Vec<RegistryRuntime>,
    pub(crate) trusted: TrustedProxies,
    pub(crate) logins: Arc<LoginLimits>,
    pub(crate) accepted: Arc<CredentialCache>,
    /// None where none are configured.
    pub(crate) rules: Option<Arc<Rules>>,
}

/// One registry with what was made for it.
pub(crate) struct RegistryRuntime {
    pub(crate) registry: Arc<Registry>,
    /// Its number in the push tracker.
    pub(crate) number: usize,
    pub(crate) metrics: Arc<RegistryMetrics>,
    pub(crate) pool: Arc<Pool>,
    /// Its requests under way, whatever configuration they began with.
    pub(crate) load: Arc<ConcurrencyLimit>,
    pub(crate) known: KnownAuthorities,
    /// Whose ID tokens are taken here, in the order in which they are tried.
    pub(crate) identities: Vec<IdentityRuntime>,
    /// Registries that are asked for what this one doesn't have.
    pub(crate) other_sites: Vec<OtherSite>,
    pub(crate) storage: StorageRuntime,
    /// Its traffic by project; none where that isn't counted.
    pub(crate) account: Option<Arc<RegistryAccount>>,
    /// What seals and opens its upload tickets; none where that is off.
    pub(crate) keys: Option<Arc<Keyring>>,
    unknown_logged: Arc<Mutex<HashSet<String>>>,
    in_clear_logged: Arc<RateLimited>,
    authorization: Arc<WayOfAuthorization>,
}

impl CurrentSnapshot {
    pub(crate) fn new(shared: Snapshot) -> CurrentSnapshot {
        CurrentSnapshot(ArcSwap::from_pointee(shared))
    }

    pub(crate) fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// What comes from now on begins with this one.
    pub(crate) fn replace(&self, next: Snapshot) {
        self.0.store(Arc::new(next));
    }
}

impl Snapshot {
    /// Prepares a configuration. What it has in common with the one before it goes on as it is:
    /// addresses and their health, logins that failed or were accepted.
    ///
    /// # Errors
    /// When a series can't be created, a public origin can't stand in a Host header (which its
    /// validation rules out), or the system has no random bytes for a sealing key.
    pub(crate) fn new(
        config: Arc<Config>,
        process: Arc<Process>,
        audit: Option<Arc<AuditLog>>,
        before: Option<&Snapshot>,
    ) -> anyhow::Result<Snapshot> {
        process.metrics.configured(&config).context("metrics")?;
        process.accounts.configured(&config);
        let origins = named_origins(&config);
        let names = public_names(&config, &origins, &process.metrics).context("public names")?;
        let routes = Routes::new(sites(&config, &origins));
        let mut keys = sealing_keys::keys(&config, &process.random_key)?.into_iter();
        let known = before.iter().flat_map(|before| &before.harbors);
        let mut issuers = identities::issuers(known.flat_map(|one| &one.identities));
        let harbors = config.registries.iter().map(|registry| {
            let same = |other: &&RegistryRuntime| other.registry.name == registry.name;
            let before = before.and_then(|before| before.harbors.iter().find(same));
            let keys = keys.next().flatten();
            let identities = identities::identities(registry, &config, &mut issuers);
            let made = (keys, identities);
            RegistryRuntime::new(registry, (&config, &names), made, &process, before)
        });
        let accepted = match before {
            Some(before) => Arc::clone(&before.accepted),
            None => Arc::new(CredentialCache::new()?),
        };
        let logins = || Arc::new(LoginLimits::new(&config.login_limit, Arc::clone(&accepted)));
        let logins = before
            .filter(|before| before.config.login_limit == config.login_limit)
            .map_or_else(logins, |before| Arc::clone(&before.logins));
        let known = before.and_then(|before| before.rules.as_deref());
        let rules = Rules::new(&config, &process.metrics, known).map(Arc::new);
        let listeners = config.listeners.iter().map(|one| one.address.to_string());
        Ok(Snapshot {
            rules,
            listeners: listeners.collect(),
            trusted: config.trusted_proxies(),
            logins,
            accepted,
            harbors: harbors.collect(),
            config,
            process,
            audit,
            routes,
            names,
        })
    }

    /// The registry that has this number in the push tracker, as long as it is configured.
    pub(crate) fn numbered(&self, number: usize) -> Option<&RegistryRuntime> {
        self.harbors.iter().find(|harbor| harbor.number == number)
    }
}

fn account(
    registry: &Registry,
    metrics: &Arc<RegistryMetrics>,
    config: &Config,
    process: &Process,
) -> Option<Arc<RegistryAccount>> {
    let (name, now) = (&registry.name, SystemTime::now());
    process.accounts.of(name, metrics, config.accounting, now)
}

impl RegistryRuntime {
    fn new(
        registry: &Arc<Registry>,
        (config, names): (&Config, &[PublicName]),
        (keys, identities): (Option<Arc<Keyring>>, Vec<IdentityRuntime>),
        process: &Process,
        before: Option<&RegistryRuntime>,
    ) -> RegistryRuntime {
        let upstream = &registry.upstream;
        let mirrors = config.mirrors.iter();
        let mirrors = mirrors.filter(|mirror| mirror.registry == registry.name);
        let public = registry.public.iter();
        let known = public.chain(mirrors.flat_map(|mirror| &mirror.public));
        let known = known
            .chain(&upstream.endpoints)
            .chain(&upstream.also_known_as);
        let metrics = process.metrics.registry(&registry.name);
        metrics.authorization.show_keys(keys.as_deref());
        RegistryRuntime {
            identities,
            other_sites: other_sites(registry, config, names, &metrics),
            storage: StorageRuntime::new(&registry.storage),
            account: account(registry, &metrics, config, process),
            registry: Arc::clone(registry),
            number: process.pushes.enroll(&registry.name),
            metrics,
            pool: Pool::after(registry, before.map(|before| &before.pool)),
            load: before.map_or_else(Arc::default, |before| Arc::clone(&before.load)),
            known: KnownAuthorities::new(known),
            keys,
            in_clear_logged: before.map_or_else(
                || Arc::new(RateLimited::every(IN_CLEAR_TOLD_EVERY)),
                |before| Arc::clone(&before.in_clear_logged),
            ),
            unknown_logged: before
                .map_or_else(Arc::default, |before| Arc::clone(&before.unknown_logged)),
            authorization: before
                .map_or_else(Arc::default, |before| Arc::clone(&before.authorization)),
        }
    }

    /// Tells the operator once about a name that this Harbor gives itself and nobody configured.
    pub(crate) fn note_unknown(&self, authority: &str) {
        let mut logged = self.unknown_logged.lock();
        if logged.len() < LOGGED_AUTHORITIES && logged.insert(authority.to_owned()) {
            log::warn!(
                "registry {}: Harbor uses the name {authority:?} in an upload's Location, which \
                 the gateway repaired. Add this name to upstream.also_known_as of this registry, \
                 or correct Harbor's external_url or the proxy in front of Harbor",
                self.registry.name
            );
        }
    }

    /// Whether any answer may lead elsewhere than to the client.
    pub(crate) fn has_detours(&self) -> bool {
        !self.other_sites.is_empty() || self.registry.storage_redirects != StorageRedirects::Pass
    }

    pub(crate) fn authorization_arrives(&self) -> bool {
        !self.authorization.is_removed.load(Ordering::Relaxed)
    }

    /// An answer shows whether Authorization comes through to this Harbor. Tells the operator where
    /// it doesn't.
    pub(crate) fn note_authorization(&self, arrives: bool) {
        let way = &self.authorization;
        way.is_removed.store(!arrives, Ordering::Relaxed);
        if !arrives && way.logged.is_due() {
            log::warn!(
                "registry {}: Harbor asks for Authorization, though the request left here with one: a hop \
                 between this gateway and Harbor removes it (reason authorization_removed)",
                self.registry.name
            );
        }
    }

    /// Tells the operator of a client's side in the clear.
    pub(crate) fn note_in_clear(&self, proxy: Option<IpAddr>) {
        if self.in_clear_logged.is_due() {
            let proxy = proxy.map_or_else(|| "a trusted proxy".to_owned(), |ip| ip.to_string());
            log::warn!(
                "registry {}: {proxy} reports that a client uses http, but the public origin is \
                 https (finding insecure_client_side). Either passwords and tokens travel in clear \
                 to that proxy, or a hop in front of it ended TLS and didn't pass \
                 X-Forwarded-Proto on",
                self.registry.name
            );
        }
    }
}
