//! The rules that hold between values: what must not stand twice, what would lead requests in a
//! circle, what contradicts itself, and what is allowed but probably not meant.

use super::draft::{Draft, DraftListener, DraftRegistry};
use super::problem::{Complaint, Key, Keyed, Problems, Shown};
use super::types::{CertificatePair, Listener, ListenerKind, ProxyProtocol};
use super::validate::ADMIN;
use crate::edge::origin::{Origin, Scheme};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// Adds a problem for every broken rule.
pub(super) fn apply(draft: &Draft, problems: &mut Problems) {
    addresses(draft, problems);
    listeners(draft, problems);
    names(draft, problems);
    public_origins(draft, problems);
    for registry in &draft.registries {
        upstream(registry, draft, problems);
    }
    hops(draft, problems);
    canaries(draft, problems);
}

/// All addresses that this gateway listens on, the admin's with its default.
fn bound(draft: &Draft) -> Vec<Keyed<SocketAddr>> {
    let mut bound: Vec<_> = draft
        .listeners
        .iter()
        .flatten()
        .filter_map(|listener| listener.address.clone())
        .collect();
    bound.push(draft.admin.clone().unwrap_or(Keyed {
        key: draft.key.child("admin").child("address"),
        value: ADMIN,
    }));
    bound
}

fn addresses(draft: &Draft, problems: &mut Problems) {
    let bound = bound(draft);
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

fn listeners(draft: &Draft, problems: &mut Problems) {
    let mut public = draft.registries.iter().flat_map(|r| &r.public);
    let any_https = public.any(|origin| origin.value.scheme == Scheme::Https);
    for listener in draft.listeners.iter().flatten() {
        let Some(key) = redirects(listener) else {
            continue;
        };
        if listener.tls.is_some() {
            problems.add(key, Complaint::RedirectWithTls);
        } else if !any_https && draft.registries.iter().any(|r| !r.public.is_empty()) {
            problems.add(key, Complaint::RedirectToNowhere);
        }
    }
}

fn names(draft: &Draft, problems: &mut Problems) {
    let names = draft.registries.iter().filter_map(|r| r.name.as_ref());
    twice(names, problems);
}

fn public_origins(draft: &Draft, problems: &mut Problems) {
    for (index, registry) in draft.registries.iter().enumerate() {
        twice(&registry.public, problems);
        let before = || draft.registries[..index].iter().flat_map(|r| &r.public);
        for origin in &registry.public {
            let same_host = |other: &&Keyed<Origin>| {
                other.value.host == origin.value.host
                    && other.value.authority() == origin.value.authority()
            };
            if let Some(first) = before().find(same_host) {
                problems.add(
                    &origin.key,
                    Complaint::SharedPublicOrigin {
                        origin: origin.value.clone(),
                        first: first.key.clone(),
                    },
                );
            }
        }
    }
}

fn upstream(registry: &DraftRegistry, draft: &Draft, problems: &mut Problems) {
    twice(&registry.endpoints, problems);
    let bound = bound(draft);
    for endpoint in &registry.endpoints {
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
        let mut public = draft.registries.iter().flat_map(|r| &r.public);
        if let Some(public) = public.find(|public| public.value == endpoint.value) {
            let complaint = Complaint::OwnPublicOrigin {
                endpoint: endpoint.value.clone(),
                public: public.key.clone(),
            };
            problems.add(&endpoint.key, complaint);
        }
    }
    let http_only = registry
        .endpoints
        .iter()
        .all(|endpoint| endpoint.value.scheme == Scheme::Http);
    if let Some(tls) = &registry.tls
        && http_only
        && !registry.endpoints.is_empty()
    {
        problems.add(&tls.key, Complaint::TlsWithoutHttps);
    }
}

fn hops(draft: &Draft, problems: &mut Problems) {
    twice(draft.trusted_proxies.iter().flatten(), problems);
    twice(&draft.login_limit.exempt, problems);
    if draft.trusted_proxies.is_none() {
        let listeners = draft.listeners.iter().flatten();
        let proxy_protocol = listeners
            .filter_map(|listener| listener.proxy_protocol.as_ref())
            .filter(|protocol| protocol.value != ProxyProtocol::Off);
        let believing = proxy_protocol
            .map(|protocol| &protocol.key)
            .chain(draft.client_address_header.iter().map(|header| &header.key))
            .chain(draft.moved.iter().map(|moved| &moved.key));
        for key in believing {
            problems.add(key, Complaint::NobodyTrusted);
        }
    }
    if let Some(moved) = &draft.moved {
        twice(moved.value.iter().map(|moved| &moved.header), problems);
    }
}

fn canaries(draft: &Draft, problems: &mut Problems) {
    let named = || {
        draft
            .canaries
            .iter()
            .filter_map(|one| one.registry.as_ref())
    };
    twice(named(), problems);
    let known = draft.registries.iter().filter_map(|r| r.name.as_ref());
    let known: Vec<&str> = known.map(|name| name.value.as_str()).collect();
    if known.is_empty() {
        // What is wrong with the registries is said there.
        return;
    }
    for name in named().filter(|name| !known.contains(&name.value.as_str())) {
        let value = Shown::new(&name.value);
        let known = known.join(", ");
        problems.add(&name.key, Complaint::UnknownRegistry { value, known });
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

fn twice<'a, T: ToString + 'a>(
    values: impl IntoIterator<Item = &'a Keyed<T>>,
    problems: &mut Problems,
) {
    let mut seen: HashMap<String, &Key> = HashMap::new();
    for keyed in values {
        let text = keyed.value.to_string();
        match seen.get(&text) {
            Some(first) => problems.add(
                &keyed.key,
                Complaint::Twice {
                    value: Shown::new(&text),
                    first: (*first).clone(),
                },
            ),
            None => {
                seen.insert(text, &keyed.key);
            }
        }
    }
}

/// What is allowed but probably not meant.
pub(super) fn warnings(draft: &Draft) -> Vec<String> {
    let mut warnings = Vec::new();
    let listeners = || draft.listeners.iter().flatten();
    let any_tls = listeners().any(|listener| listener.tls.is_some());
    let any_plain =
        listeners().any(|listener| listener.tls.is_none() && redirects(listener).is_none());
    let any_redirect = listeners().find_map(redirects);
    for registry in &draft.registries {
        for origin in &registry.public {
            let (key, shown) = (&origin.key, &origin.value);
            match shown.scheme {
                Scheme::Https if !any_tls => warnings.push(format!(
                    "{key}: {shown} is https, but no listener has certificates; right only where something in front ends TLS"
                )),
                Scheme::Http if !any_plain => warnings.push(format!(
                    "{key}: {shown} is http, but no listener serves plain HTTP"
                )),
                Scheme::Http | Scheme::Https => {}
            }
        }
        let https = |origin: &Keyed<Origin>| origin.value.scheme == Scheme::Https;
        if let (Some(redirect), false) = (any_redirect, registry.public.iter().any(https)) {
            let key = registry.key.child("public");
            warnings.push(format!(
                "{key}: has no https:// origin, so {redirect} can't redirect its requests"
            ));
        }
        if let Some(expose) = &registry.expose
            && expose.value.ui
            && !expose.value.api
        {
            let key = &expose.key;
            warnings.push(format!(
                "{key}: exposes ui without api; Harbor's pages stay empty without the API"
            ));
        }
    }
    warnings
}

/// Warns of networks that hold every address there is.
pub(super) fn trust_warnings(draft: &Draft) -> Vec<String> {
    let trusted = draft.trusted_proxies.iter().flatten();
    trusted
        .filter(|network| network.value.prefix_len() == 0)
        .map(|Keyed { key, value }| {
            format!("{key}: {value} trusts everybody; any client can claim any address and scheme")
        })
        .collect()
}

/// Warns of https origins for which clients will get a certificate of another name.
pub(super) fn certificate_warnings(draft: &Draft, listeners: &[Listener]) -> Vec<String> {
    let mut pairs: Vec<&CertificatePair> = Vec::new();
    for listener in listeners {
        match &listener.kind {
            ListenerKind::Tls { certificates } => pairs.extend(certificates),
            ListenerKind::Plain | ListenerKind::RedirectToHttps => {}
        }
    }
    if pairs.is_empty() {
        return Vec::new();
    }
    let public = draft.registries.iter().flat_map(|r| &r.public);
    public
        .filter(|origin| origin.value.scheme == Scheme::Https)
        .filter(|origin| !pairs.iter().any(|pair| pair.covers(&origin.value.host)))
        .map(|Keyed { key, value }| {
            format!(
                "{key}: no certificate is for {}; its clients will refuse the connection",
                value.host
            )
        })
        .collect()
}
