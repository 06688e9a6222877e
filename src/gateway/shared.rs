//! What all requests share: the configuration as the request path needs it, computed once.

use super::logins::Logins;
use crate::config::{Config, Registry};
use crate::edge::host::Routes;
use crate::edge::origin::Origin;
use crate::edge::trusted::TrustedProxies;
use crate::logging::Seldom;
use crate::metrics::Metrics;
use crate::push::Pushes;
use crate::registry::authorities::KnownAuthorities;
use crate::ticket::Keyring;
use crate::upstream::Pool;
use arc_swap::ArcSwapOption;
use http::HeaderValue;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Authorities that a Harbor may bring up without being configured; each is logged once. More than
/// this is no misconfiguration but somebody playing.
const LOGGED_AUTHORITIES: usize = 100;

/// A wrong word about the client's side comes with every request.
const IN_CLEAR_TOLD_EVERY: Duration = Duration::from_secs(3600);

/// The configuration, ready for use.
pub struct Shared {
    pub config: Arc<Config>,
    pub metrics: Arc<Metrics>,
    /// From host to an index into `names`.
    pub routes: Routes<usize>,
    pub names: Vec<PublicName>,
    pub harbors: Vec<Harbor>,
    pub trusted: TrustedProxies,
    pub logins: Logins,
    pub pushes: Arc<Pushes>,
    /// The drain is over: what is still under way is cut.
    cut: AtomicBool,
}

/// One public origin of one registry.
pub struct PublicName {
    /// Index into [`Shared::harbors`] and the configuration's registries.
    pub harbor: usize,
    pub origin: Origin,
    /// The origin's authority, as Host and `X-Forwarded-Host` carry it.
    pub host: HeaderValue,
}

/// One registry with what was made for it.
pub struct Harbor {
    pub registry: Arc<Registry>,
    pub pool: Arc<Pool>,
    pub known: KnownAuthorities,
    /// What seals and opens its upload tickets; none where that is off.
    pub keys: ArcSwapOption<Keyring>,
    unknown_logged: Mutex<HashSet<String>>,
    in_clear_logged: Seldom,
}

impl Shared {
    /// # Errors
    /// When a public origin can't stand in a Host header, which its validation rules out.
    pub fn new(
        config: Arc<Config>,
        metrics: Arc<Metrics>,
    ) -> Result<Shared, http::header::InvalidHeaderValue> {
        let mut names = Vec::new();
        for (harbor, registry) in config.registries.iter().enumerate() {
            for origin in &registry.public {
                let host = HeaderValue::from_str(&origin.authority())?;
                names.push(PublicName {
                    harbor,
                    origin: origin.clone(),
                    host,
                });
            }
        }
        let routes = Routes::new(
            names
                .iter()
                .enumerate()
                .map(|(index, name)| (name.origin.clone(), index)),
        );
        let harbors = config.registries.iter().map(Harbor::new).collect();
        Ok(Shared {
            trusted: TrustedProxies::new(config.trusted_proxies.clone()),
            logins: Logins::new(&config.login_limit),
            pushes: Arc::new(Pushes::new(config.registries.iter().map(|one| &one.name))),
            cut: AtomicBool::new(false),
            config,
            metrics,
            routes,
            names,
            harbors,
        })
    }
}

impl Shared {
    /// From now on what ends does so because the process ends.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
}

impl Harbor {
    fn new(registry: &Arc<Registry>) -> Harbor {
        let upstream = &registry.upstream;
        let known = registry
            .public
            .iter()
            .chain(&upstream.endpoints)
            .chain(&upstream.also_known_as);
        Harbor {
            registry: Arc::clone(registry),
            pool: Arc::new(Pool::new(registry)),
            known: KnownAuthorities::new(known),
            keys: ArcSwapOption::empty(),
            unknown_logged: Mutex::new(HashSet::new()),
            in_clear_logged: Seldom::every(IN_CLEAR_TOLD_EVERY),
        }
    }

    /// Tells the operator once about a name that this Harbor gives itself and nobody configured.
    pub fn note_unknown(&self, authority: &str) {
        let mut logged = self
            .unknown_logged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if logged.len() < LOGGED_AUTHORITIES && logged.insert(authority.to_owned()) {
            log::warn!(
                "registry {}: Harbor names itself {authority:?} in an upload's Location; repaired. Add it to \
                 upstream.also_known_as of this registry, or correct Harbor's external_url or the proxy before it",
                self.registry.name
            );
        }
    }

    /// Tells the operator of a client's side in the clear.
    pub fn note_in_clear(&self, proxy: Option<IpAddr>) {
        if self.in_clear_logged.is_due() {
            let proxy = proxy.map_or_else(|| "a trusted proxy".to_owned(), |ip| ip.to_string());
            log::warn!(
                "registry {}: {proxy} says that a client came by http, where the public origin is \
                 https (finding insecure_client_side). Either passwords and tokens go in the clear \
                 up to it, or a hop before it ended TLS and didn't pass X-Forwarded-Proto on",
                self.registry.name
            );
        }
    }
}
