//! What a request meets before it goes anywhere: a listener that redirects, rules, a maintenance. Unknown
//! here: the filters of a gateway of one's own, limits, and who asks.

use crate::config::{Config, Listener, Registry};
use crate::net::origin::{Origin, Scheme};
use crate::oci::local_reply::LocalReply;
use crate::oci::operation::Operation;
use crate::runtime::origins::named_origins;

/// Who comes by http, where some listener redirects: to the origin of that host, or else to another one of
/// the same registry, which is told by its place.
pub(super) fn redirect(
    config: &Config,
    registry: usize,
    asked: &Origin,
    target: &str,
) -> Option<String> {
    if asked.scheme != Scheme::Http {
        return None;
    }
    let listener = config.listeners.iter().position(Listener::redirects)?;
    let names = named_origins(config);
    let own = names.iter().filter(|name| name.registry == registry);
    let own = own.map(|name| name.origin);
    let secure: Vec<&Origin> = own.filter(|one| one.scheme == Scheme::Https).collect();
    let same_host = secure.iter().find(|one| one.host == asked.host);
    let origin = same_host.or(secure.first())?;
    Some(format!(
        "first: 308 to {origin}{target}, at listeners[{listener}]"
    ))
}

pub(super) fn rules(config: &Config) -> Option<String> {
    let is_some = !config.rules.is_empty();
    is_some.then(|| "first: the rules; check --explain says which of them decides".to_owned())
}

/// Where a maintenance closes the registry for this.
pub(super) fn refusal(registry: &Registry, operation: Operation) -> Option<String> {
    let reply = LocalReply::Maintenance(registry.maintenance.closes(operation)?);
    Some(format!(
        "first: refused, {} {} (maintenance: {})",
        reply.status(),
        reply.sentence(Some(&registry.name)),
        registry.maintenance
    ))
}
