//! What one canary does: its configuration with the origin that it walks to.

use crate::config::{Canary, Config, Maintenance};
use crate::doctor::credentials::Credentials;
use crate::doctor::language::Language;
use crate::doctor::proxies::Proxies;
use crate::doctor::{Afterwards, Artifact, Extent, Options};
use crate::net::origin::Origin;
use std::time::Duration;

/// The one tag that canaries push to, of all replicas.
pub const TAG: &str = "harbormouth-canary";

/// How large the body of its chunk is, where a walk takes one: a quiet night's line is not to be
/// measured.
const BODY: u64 = 64 << 10;

/// Content that stays the same, for registries that remove nothing.
const SAME: u64 = 1;

/// No run is given less: a lost packet or two, and a commit that takes its time.
const LEAST: Duration = Duration::from_secs(30);
/// No run is given more: what hasn't come by then has failed for every client.
const MOST: Duration = Duration::from_secs(120);

/// One canary as it runs; another one where any of this differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub(crate) canary: Canary,
    /// The registry's first public origin.
    pub(crate) target: Origin,
}

/// What a run pushes, and whether it removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Of its own, from this seed; removed in the end.
    Fresh(u64),
    /// The same as the last time, because nothing may be removed.
    Same,
    /// The same as the last time; it is tried to remove it.
    SameOnce,
}

impl Settings {
    /// Those of every canary that is to run. None runs at a registry that its operator has closed: it
    /// would only tell that.
    pub(crate) fn of(config: &Config) -> Vec<Settings> {
        let settings = |canary: &Canary| {
            let mut registries = config.registries.iter();
            let registry = registries.find(|one| one.name == canary.registry)?;
            let is_open = match registry.maintenance {
                Maintenance::Off => true,
                Maintenance::Pushes | Maintenance::All => false,
            };
            let target = registry.public.first().filter(|_| is_open)?.clone();
            Some(Settings {
                canary: canary.clone(),
                target,
            })
        };
        config.canaries.iter().filter_map(settings).collect()
    }

    /// How long a run may take.
    pub(crate) fn patience(&self) -> Duration {
        self.canary.interval.clamp(LEAST, MOST)
    }

    /// What the doctor is to do.
    pub(crate) fn options(&self, content: Content) -> Options {
        let credentials = &self.canary.credentials;
        let (seed, afterwards) = match content {
            Content::Fresh(seed) => (seed, Afterwards::Remove),
            Content::Same => (SAME, Afterwards::Keep),
            Content::SameOnce => (SAME, Afterwards::Remove),
        };
        Options {
            target: self.target.clone(),
            port_is_typed: false,
            repository: Some(self.canary.repository.clone()),
            credentials: Some(Credentials {
                user: credentials.user.clone(),
                password: credentials.password.clone(),
                source: credentials.file.display().to_string(),
            }),
            realm_hosts: self.canary.realm_hosts.clone(),
            push: true,
            body: BODY,
            idle: None,
            duration: None,
            commit_wait: false,
            via: Vec::new(),
            proxies: Proxies::default(),
            authorities: self.canary.ca.clone(),
            certificate_directories: Vec::new(),
            user_agent: concat!("harbormouth-canary/", env!("CARGO_PKG_VERSION")).to_owned(),
            artifact: Artifact {
                tag: TAG.to_owned(),
                seed,
            },
            extent: Extent::Push(afterwards),
            requires_uploads: false,
            client: None,
            insecure: false,
            layer: None,
            language: Language::English,
        }
    }

    /// The command that tells more, for people.
    pub(crate) fn doctor(&self) -> String {
        let (target, repository) = (&self.target, &self.canary.repository);
        format!("harbormouth doctor {target} --repository {repository} --push")
    }
}
