//! What is known of a request before anything of it goes upstream: who asks, for what, of which
//! registry, with which Authorization. Settled in `request_filter`, step by step, and only read from then on.

use super::authorization::Authorization;
use super::downstream::Downstream;
use super::timings::Timings;
use crate::listener::ConnectionInfo;
use crate::net::origin::Scheme;
use crate::net::query;
use crate::observe::metrics::{NO_REGISTRY, RegistryMetrics, seconds};
use crate::observe::push::PushIdentity;
use crate::oci::operation::Operation;
use crate::oci::routing::{Naming, Site, begins_pull};
use crate::oci::scope::Scope;
use crate::oci::target::{BodyPresence, Target};
use crate::oci::token::{Claims, Credential};
use crate::oci::user_agent::ClientFamily;
use crate::oci::way::Names;
use crate::oci::{upload_state, upload_ticket};
use crate::runtime::{PublicName, RegistryRuntime, Snapshot};
use http::HeaderValue;
use http::header::ACCEPT;
use pingora::http::RequestHeader;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// One request, as it came.
pub(super) struct ProxyRequest {
    /// The configuration that it is served by.
    pub(super) shared: Arc<Snapshot>,
    pub(super) arrival: ConnectionInfo,
    pub(super) time: SystemTime,
    pub(super) downstream: Downstream,
    pub(super) asked: Classified,
    /// Index into the shared names.
    pub(super) name: Option<usize>,
    pub(super) authorization: Authorization,
    /// The job whose ID token was exchanged for a robot's credentials.
    pub(super) identity: Option<Box<IdentityUsed>>,
}

/// A job, and the identity that it logged in by.
pub(super) struct IdentityUsed {
    /// The identity's place among its registry's.
    pub(super) number: usize,
    /// The identity's name.
    pub(super) name: String,
    /// The job as its issuer names it: the claim sub, bounded and without control characters.
    pub(super) subject: String,
    /// The robot that stands in.
    pub(super) account: String,
}

/// What is asked for.
pub(super) struct Classified {
    pub(super) operation: Operation,
    /// By Harbor's name.
    pub(super) repository: Option<String>,
    /// By the client's name, where that is another one: at a mirror.
    pub(super) repository_here: Option<String>,
    /// A tag or a digest; only of pulls.
    pub(super) reference: Option<String>,
    /// Its Accept is a pull's; only of HEADs of manifests.
    pub(super) begins_pull: bool,
    pub(super) body: BodyPresence,
    pub(super) mount_from: Option<String>,
    pub(super) upload_state: Option<String>,
    pub(super) token_query: Option<String>,
    /// It gives a credential to be checked.
    pub(super) logs_in: bool,
}

impl Classified {
    /// The state before the target is parsed.
    pub(super) fn unseen() -> Classified {
        Classified {
            operation: Operation::Other,
            repository: None,
            repository_here: None,
            reference: None,
            begins_pull: false,
            body: BodyPresence::Absent,
            mount_from: None,
            upload_state: None,
            token_query: None,
            logs_in: false,
        }
    }

    /// The part of the query that is needed when Harbor has answered.
    pub(super) fn of(target: &Target<'_>, query: Option<&str>, body: BodyPresence) -> Classified {
        let operation = target.operation;
        let value = |name| {
            let value = query::only_value(query?, name)?;
            String::from_utf8(value).ok()
        };
        let when = |is_needed: bool, name| is_needed.then(|| value(name)).flatten();
        let is_mount = operation == Operation::UploadMount;
        let has_state = !is_mount && Operation::TICKETED.contains(&operation);
        let token_query = query.filter(|_| operation == Operation::Token);
        Classified {
            operation,
            repository: target.repository.map(ToOwned::to_owned),
            repository_here: None,
            reference: None,
            begins_pull: false,
            body,
            mount_from: when(is_mount, "from"),
            upload_state: when(has_state, upload_ticket::STATE),
            token_query: token_query.map(ToOwned::to_owned),
            logs_in: false,
        }
    }

    /// What is needed where an answer may come from elsewhere.
    pub(super) fn note_reference(
        &mut self,
        header: &RequestHeader,
        target: &Target<'_>,
        client: ClientFamily,
    ) {
        self.reference = target.reference.map(ToOwned::to_owned);
        if let (Operation::ManifestHead, Some(reference)) = (self.operation, target.reference) {
            let accepted = header.headers.get_all(ACCEPT).iter();
            let accepted: Vec<&str> = accepted.filter_map(|value| value.to_str().ok()).collect();
            self.begins_pull = begins_pull(client, reference, &accepted.join(","));
        }
    }

    /// What a mirror's client asks for, in Harbor's names.
    pub(super) fn rename(&mut self, naming: &Naming) {
        self.token_query = self
            .token_query
            .take()
            .map(|query| naming.upstream_query(self.operation, &query));
        self.mount_from = self.mount_from.take().map(|from| naming.there(&from));
        self.repository_here = self.repository.take();
        self.repository = self
            .repository_here
            .as_deref()
            .map(|here| naming.there(here));
    }

    /// The repository by the client's name.
    pub(super) fn repository_here(&self) -> Option<&str> {
        self.repository_here
            .as_deref()
            .or(self.repository.as_deref())
    }

    /// The scopes that it needs, as Harbor names them.
    pub(super) fn scopes(&self) -> Vec<Scope> {
        match (self.repository.as_deref(), self.operation) {
            (None, _) | (_, Operation::Catalog) => Vec::new(),
            (Some(repository), operation) => {
                Scope::asked(operation, repository, self.mount_from.as_deref())
            }
        }
    }

    /// How long ago the upload began, by its state.
    pub(super) fn upload_age(&self, unix_now: u64) -> Option<Duration> {
        let started = upload_state::started(self.upload_state.as_deref()?)?;
        Some(Duration::from_secs(unix_now.saturating_sub(started)))
    }
}

impl ProxyRequest {
    /// Whether its token, as it says itself, allows a push into its repository.
    pub(super) fn token_grants_push(&self) -> bool {
        let repository = self.asked.repository.as_deref();
        let (Credential::Bearer(token), Some(repository)) =
            (&self.authorization.credential, repository)
        else {
            return false;
        };
        let grants = |claims: &Claims| claims.grants(&Scope::push(repository));
        token.claims().is_some_and(grants)
    }

    /// A request before anything of it is read.
    pub(super) fn new(shared: Arc<Snapshot>, arrival: ConnectionInfo) -> ProxyRequest {
        ProxyRequest {
            shared,
            arrival,
            time: SystemTime::now(),
            downstream: Downstream::unseen(),
            asked: Classified::unseen(),
            name: None,
            authorization: Authorization::default(),
            identity: None,
        }
    }

    /// The request with its registry; none for an unknown host.
    pub(super) fn routed(&self) -> Option<Routed<'_>> {
        self.name.map(|name| self.routed_to(name))
    }

    /// The request with another registry, by one of its public names.
    pub(super) fn routed_to(&self, name: usize) -> Routed<'_> {
        let name = &self.shared.names[name];
        Routed {
            request: self,
            name,
            harbor: &self.shared.harbors[name.harbor],
        }
    }

    /// The listener that it came by, as configured.
    pub(super) fn listener(&self) -> Option<&str> {
        let listener = self.shared.listeners.get(self.arrival.entry.listener);
        listener.map(String::as_str)
    }

    /// An answer begins, Harbor's or the gateway's own.
    pub(super) fn answers(&self, now: Instant) {
        let limit = self.shared.config.limits.unread_answer;
        self.arrival.progress.answers(limit, now);
    }

    /// What the client calls the registry in messages.
    pub(super) fn registry_name(&self) -> &str {
        self.routed()
            .map_or(NO_REGISTRY, |routed| routed.registry_name())
    }

    pub(super) fn metrics(&self) -> &RegistryMetrics {
        match self.routed() {
            Some(routed) => &routed.harbor.metrics,
            None => &self.shared.process.metrics.other,
        }
    }
}

/// A request and the registry that it is for.
#[derive(Clone, Copy)]
pub(super) struct Routed<'a> {
    request: &'a ProxyRequest,
    /// The public origin that the client used.
    pub(super) name: &'a PublicName,
    pub(super) harbor: &'a RegistryRuntime,
}

impl Deref for Routed<'_> {
    type Target = ProxyRequest;

    fn deref(&self) -> &ProxyRequest {
        self.request
    }
}

impl<'a> Routed<'a> {
    /// All public origins, of every registry.
    pub(super) fn names(&self) -> &'a [PublicName] {
        &self.request.shared.names
    }

    pub(super) fn registry_name(&self) -> &'a str {
        &self.harbor.registry.name
    }

    pub(super) fn metrics(&self) -> &'a RegistryMetrics {
        &self.harbor.metrics
    }

    /// The registry's number in the push tracker.
    pub(super) fn number(&self) -> usize {
        self.harbor.number
    }

    /// How names differ at Harbor; none where they don't.
    pub(super) fn naming(&self) -> Option<&'a Naming> {
        self.name.naming()
    }

    /// How all names at Harbor differ from the client's.
    pub(super) fn names_there(&self) -> Names<'a> {
        if let Some(naming) = self.naming() {
            return Names::Mirror(naming);
        }
        let is_shared = self.name.is_shared;
        let routes = &self.request.shared.routes;
        match is_shared.then(|| routes.of(&self.name.origin)).flatten() {
            Some(Site::Shared(site)) => Names::Shared(site),
            Some(Site::Whole(_) | Site::Mirrors(_)) | None => Names::Same,
        }
    }

    /// The HSTS header for browsers. Registry clients ignore it.
    pub(super) fn hsts(&self) -> Option<&'a HeaderValue> {
        let is_told =
            self.downstream.scheme == Scheme::Https && !self.asked.operation.is_registry();
        self.name.hsts.as_ref().filter(|_| is_told)
    }

    /// Whether a trusted proxy says that the client came by http, where the public origin is https.
    /// A listener that redirects to https handles that itself.
    pub(super) fn is_in_clear(&self) -> bool {
        self.downstream.is_told_http && self.name.origin.scheme == Scheme::Https
    }

    /// Whose push it may belong to; none if it names no repository.
    pub(super) fn whose(&self) -> Option<PushIdentity<'a>> {
        let request = self.request;
        Some(PushIdentity {
            registry: self.number(),
            repository: request.asked.repository.as_deref()?,
            client: request.downstream.client,
            client_family: request.downstream.client_family,
        })
    }
    /// Observes how long Harbor took to answer.
    pub(super) fn observe_wait(&self, times: &Timings) {
        let Some(wait) = times.upstream_wait() else {
            return;
        };
        let (metrics, operation) = (self.metrics(), self.asked.operation);
        metrics.first_byte(operation).observe(seconds(wait));
        if operation.is_commit() && times.is_complete() {
            metrics.commit_wait.observe(seconds(wait));
        }
    }
}
