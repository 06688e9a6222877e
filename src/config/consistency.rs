//! The rules between values: which values must be unique, which would send requests in a circle, which
//! contradict each other, and which are allowed but probably not meant.

use super::admin::{ADMIN, DraftAdmin};
use super::listener::{DraftListener, Listener, ProxyProtocol};
use super::networks_file::TRUSTS_EVERYBODY;
use super::problem::{Complaint, Key, Keyed, Problems, Shown};
use super::references::{self, twice};
use super::registry::DraftRegistry;
use super::root::DraftConfig;
use super::rule_list;
use super::sharing;
use super::warning::Warning;
use crate::net::origin::{Host, Origin, Scheme};
use std::net::{IpAddr, SocketAddr};

/// Adds a problem for every broken rule.
pub(super) fn apply(draft: &Keyed<DraftConfig>, problems: &mut Problems) {
    let bound = bound(draft);
    let draft = &draft.value;
    addresses(&bound, problems);
    listeners(draft, problems);
    names(draft, problems);
    twice(draft.peers(), problems);
    peers(draft, problems);
    sharing::public_origins(draft, problems);
    for registry in draft.registries() {
        upstream(&registry.value, &bound, draft, problems);
    }
    hops(draft, problems);
    references::mirrors(draft, problems);
    references::other_sites(draft, problems);
    references::identities(draft, problems);
    canaries(draft, problems);
    rule_list::rules(draft, problems);
}

/// All addresses that this gateway listens on, the admin's with its default.
fn bound(draft: &Keyed<DraftConfig>) -> Vec<Keyed<SocketAddr>> {
    let listeners = draft.value.listeners();
    let mut bound: Vec<_> = listeners
        .filter_map(|listener| listener.value.address.clone())
        .collect();
    let admin = draft.value.admin.as_ref();
    let admin = admin.and_then(|admin| admin.value.address.clone());
    bound.push(admin.unwrap_or_else(|| Keyed {
        key: draft.key.child("admin").child("address"),
        value: ADMIN,
    }));
    bound
}

fn addresses(bound: &[Keyed<SocketAddr>], problems: &mut Problems) {
    for (index, later) in bound.iter().enumerate() {
        let earlier = bound[..index]
            .iter()
            .find(|earlier| collide(earlier.value, later.value));
        if let Some(first) = earlier {
            let address = Shown::new(&later.value.to_string());
            let first = first.key.clone();
            problems.add(&later.key, Complaint::AddressTaken { address, first });
        }
    }
}

/// Whether the system refuses the second of two addresses. Whether `[::]` takes IPv4 as well is
/// the system's setting, so that pair is left to it.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    // Port 0 asks the system for any free port.
    a.port() == b.port()
        && a.port() != 0
        && a.is_ipv4() == b.is_ipv4()
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

fn redirects(listener: &DraftListener) -> Option<&Key> {
    let redirect = listener.redirect_to_https.as_ref()?;
    redirect.value.then_some(&redirect.key)
}

fn is_https(origin: &Keyed<Origin>) -> bool {
    origin.value.scheme == Scheme::Https
}

fn listeners(draft: &DraftConfig, problems: &mut Problems) {
    let any_https = draft.public().any(is_https);
    for listener in draft.listeners().map(|listener| &listener.value) {
        if let Some(tls) = &listener.tls {
            if tls.value.serves_nothing() {
                problems.add(&tls.key, Complaint::NoCertificates);
            }
            twice(tls.value.domains(), problems);
        }
        let Some(key) = redirects(listener) else {
            continue;
        };
        if listener.tls.is_some() {
            problems.add(key, Complaint::RedirectWithTls);
        } else if !any_https && draft.public().next().is_some() {
            problems.add(key, Complaint::RedirectToNowhere);
        }
    }
}

fn peers(draft: &DraftConfig, problems: &mut Problems) {
    let is_known = |admin: &Keyed<DraftAdmin>| admin.value.peers_ca.is_some();
    let secure = draft.peers().find(|peer| is_https(peer));
    if let Some(peer) = secure.filter(|_| !draft.admin.as_ref().is_some_and(is_known)) {
        problems.add(&peer.key, Complaint::PeersWithoutAuthority);
    }
}

fn names(draft: &DraftConfig, problems: &mut Problems) {
    twice(references::registry_names(draft), problems);
}

fn upstream(
    registry: &DraftRegistry,
    bound: &[Keyed<SocketAddr>],
    draft: &DraftConfig,
    problems: &mut Problems,
) {
    twice(registry.endpoints(), problems);
    for endpoint in registry.endpoints() {
        let listener = bound
            .iter()
            .find(|listener| reaches(&endpoint.value, listener.value));
        if let Some(listener) = listener {
            let complaint = Complaint::OwnListener {
                endpoint: endpoint.value.clone(),
                listener: listener.key.clone(),
            };
            problems.add(&endpoint.key, complaint);
            continue;
        }
        let mut public = draft.public();
        if let Some(public) = public.find(|public| public.value == endpoint.value) {
            let complaint = Complaint::OwnPublicOrigin {
                endpoint: endpoint.value.clone(),
                public: public.key.clone(),
            };
            problems.add(&endpoint.key, complaint);
        }
    }
    let http_only = registry.endpoints().next().is_some() && !registry.endpoints().any(is_https);
    let upstream = registry.upstream.as_ref();
    if let Some(tls) = upstream.and_then(|upstream| upstream.value.tls.as_ref())
        && http_only
    {
        problems.add(&tls.key, Complaint::TlsWithoutHttps);
    }
}

fn hops(draft: &DraftConfig, problems: &mut Problems) {
    twice(
        draft.trusted_proxies.iter().flat_map(|list| &list.value),
        problems,
    );
    let limit = draft.login_limit.iter();
    let exempt = limit.flat_map(|limit| &limit.value.exempt);
    twice(exempt.flat_map(|list| &list.value), problems);
    if draft.trusted_proxies.is_none() && draft.trusted_proxies_file.is_none() {
        let proxy_protocol = draft
            .listeners()
            .filter_map(|listener| listener.value.proxy_protocol.as_ref())
            .filter(|protocol| protocol.value != ProxyProtocol::Off);
        let header = draft.client_address_header.iter();
        let moved = draft.restore_authorization_from.iter();
        let believing = proxy_protocol
            .map(|protocol| &protocol.key)
            .chain(header.map(|header| &header.key))
            .chain(moved.map(|moved| &moved.key));
        for key in believing {
            problems.add(key, Complaint::NobodyTrusted);
        }
    }
    let moved = draft.restore_authorization_from.iter();
    let moved = moved.flat_map(|list| &list.value);
    twice(moved.filter_map(|one| one.value.header.as_ref()), problems);
}

fn canaries(draft: &DraftConfig, problems: &mut Problems) {
    let named = || {
        let canaries = draft.canaries.iter().flat_map(|list| &list.value);
        canaries.filter_map(|one| one.value.registry.as_ref())
    };
    #[cfg(not(feature = "doctor"))]
    if let Some(canaries) = &draft.canaries {
        problems.add(&canaries.key, Complaint::NoCanaries);
    }
    twice(named(), problems);
    references::known_registries(draft, named(), problems);
    let canaries = draft.canaries.iter().flat_map(|list| &list.value);
    for canary in canaries.map(|canary| &canary.value) {
        if let (Some(registry), Some(repository)) = (&canary.registry, &canary.repository) {
            sharing::canary_reaches(registry, repository, draft, problems);
        }
    }
}

/// Whether a connection to `endpoint` arrives at `listener`, as far as can be known without
/// resolving names and without asking for the machine's addresses.
fn reaches(endpoint: &Origin, listener: SocketAddr) -> bool {
    if endpoint.port != listener.port() {
        return false;
    }
    let listens = listener.ip().to_canonical();
    let host = endpoint.host.bare();
    if host == "localhost" || host.ends_with(".localhost") {
        return listens.is_loopback() || listens.is_unspecified();
    }
    let Ok(target) = host.parse::<IpAddr>().map(|target| target.to_canonical()) else {
        return false;
    };
    // Connecting to the unspecified address arrives at loopback.
    let is_here = target.is_loopback() || target.is_unspecified();
    target == listens
        || (is_here && listens.is_unspecified())
        || (target.is_unspecified() && listens.is_loopback())
}

/// What is allowed but probably not meant; `made` of the listeners of the draft.
pub(super) fn warnings(draft: &DraftConfig, made: &[Listener]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |key: &Key, text: String| warnings.push(Warning::new(key, text));
    let listeners = || draft.listeners().map(|listener| &listener.value);
    let any_tls = listeners().any(|listener| listener.tls.is_some());
    let any_plain =
        listeners().any(|listener| listener.tls.is_none() && redirects(listener).is_none());
    let any_redirect = listeners().find_map(redirects);
    for registry in draft.registries() {
        for origin in registry.value.public() {
            let (key, shown) = (&origin.key, &origin.value);
            match shown.scheme {
                Scheme::Https if !any_tls => warn(
                    key,
                    format!(
                        "{shown} is https, but no listener has certificates; this is right only if \
                         a proxy in front ends TLS"
                    ),
                ),
                Scheme::Http if !any_plain => warn(
                    key,
                    format!("{shown} is http, but no listener serves plain HTTP"),
                ),
                Scheme::Http | Scheme::Https => {}
            }
        }
        if let (Some(redirect), false) = (any_redirect, registry.value.public().any(is_https)) {
            warn(
                &registry.key.child("public"),
                format!("has no https:// origin, so {redirect} can't redirect its requests"),
            );
        }
        if let Some(expose) = &registry.value.expose
            && expose.value.ui
            && !expose.value.api
        {
            let text = "exposes ui without api; Harbor's pages stay empty without the API";
            warn(&expose.key, text.to_owned());
        }
    }
    warnings.extend(certificate_warnings(draft, made));
    warnings.extend(trust_warnings(draft));
    warnings
}

/// Warns of networks that hold every address there is.
fn trust_warnings(draft: &DraftConfig) -> Vec<Warning> {
    let trusted = draft.trusted_proxies.iter().flat_map(|list| &list.value);
    trusted
        .filter(|network| network.value.prefix_len() == 0)
        .map(|Keyed { key, value }| Warning::new(key, format_args!("{value} {TRUSTS_EVERYBODY}")))
        .collect()
}

/// Warns of https origins for which clients will get a certificate of another name.
fn certificate_warnings(draft: &DraftConfig, made: &[Listener]) -> Vec<Warning> {
    let pairs: Vec<_> = made
        .iter()
        .filter_map(Listener::certificates)
        .flatten()
        .collect();
    let ordered: Vec<_> = draft.domains().collect();
    if pairs.is_empty() && ordered.is_empty() {
        return Vec::new();
    }
    let is_ordered = |host: &Host| ordered.iter().any(|domain| domain.value == *host);
    let is_public = |domain: &&&Keyed<Host>| {
        let mut public = draft.public().filter(|origin| is_https(origin));
        public.any(|origin| origin.value.host == domain.value)
    };
    let idle = ordered.iter().filter(|domain| !is_public(domain));
    let idle = idle.map(|Keyed { key, value }| {
        let text = format!(
            "{value} is the host of no public https:// origin; its certificate would serve nobody"
        );
        Warning::new(key, text)
    });
    let idle: Vec<_> = idle.collect();
    let uncovered = draft
        .public()
        .filter(|origin| is_https(origin))
        .filter(|origin| !is_ordered(&origin.value.host))
        .filter(|origin| !pairs.iter().any(|pair| pair.covers(&origin.value.host)))
        .map(|Keyed { key, value }| {
            let host = &value.host;
            let text = format!("no certificate covers {host}; clients will refuse the connection");
            Warning::new(key, text)
        });
    uncovered.chain(idle).collect()
}
