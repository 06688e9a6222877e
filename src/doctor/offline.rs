//! The doctor on a file: which lines of a proxy's configuration will break which client, without asking
//! anything of anybody.
//!
//! Each product's file is read into scopes (`scope`): what holds where requests for a registry are passed
//! on. The rules of `rules/*.yaml` say which setting of a scope is wrong, and which finding it makes;
//! what that means for clients and what to change is told by the same tables as that of a walk. A file
//! from a stranger may be anything: it is bounded, nothing in it is followed, and what can't be read is
//! said to be so. What this module deliberately doesn't know: files that are included, the proxies in
//! front and behind, and whether the file is in use.

mod apache;
pub(crate) mod blocks;
mod caddy;
mod envoy;
mod file_kind;
mod haproxy;
mod harbor;
pub(crate) mod ingress;
pub(crate) mod nginx;
mod rules;
pub(crate) mod scope;
mod traefik;
pub(crate) mod units;
mod unreadable;
pub(crate) mod yaml;

pub(crate) use file_kind::FileKind;
pub(crate) use rules::{FileFinding, Place};
pub(crate) use scope::NotRead;
pub use unreadable::Unreadable;

use super::language::Language;
use crate::net::origin::Origin;
use scope::{Scopes, Trait};

/// The longest file that is read, in bytes: longer ones are not written by people.
pub(crate) const MOST_BYTES: u64 = 1 << 20;

/// What a file does to registry clients.
pub(crate) struct Examined {
    pub(crate) kind: FileKind,
    /// Of what is said about it.
    pub(crate) language: Language,
    /// The worst first.
    pub(crate) findings: Vec<FileFinding>,
    pub(crate) not_read: Vec<NotRead>,
    /// The name that clients type, where the file says it.
    pub(crate) target: Option<Origin>,
    /// Whether anything in it passes requests on.
    pub(crate) passes_on: bool,
}

/// Judges a file by its text; its name helps to tell what it is.
///
/// # Errors
/// Where it is none of the known kinds, or isn't one of that kind after all.
pub(crate) fn examine(name: &str, text: &str, language: Language) -> Result<Examined, Unreadable> {
    let kind = FileKind::of(name, text)?;
    let Scopes {
        mut scopes,
        not_read,
        target,
        plain_http,
    } = match kind {
        FileKind::Nginx => nginx::scopes(text)?,
        FileKind::Haproxy => haproxy::scopes(text),
        FileKind::Caddy => caddy::scopes(text)?,
        FileKind::Traefik => traefik::scopes(&yaml::documents(text)?),
        FileKind::Envoy => envoy::scopes(&yaml::documents(text)?),
        FileKind::Apache => apache::scopes(text)?,
        FileKind::Ingress => ingress::scopes(&yaml::documents(text)?),
        FileKind::Harbor => harbor::scopes(&yaml::documents(text)?),
    };
    if text.to_ascii_lowercase().contains("harbor") {
        for scope in &mut scopes {
            scope.traits.insert(Trait::Harbor);
        }
    }
    Ok(Examined {
        kind,
        language,
        findings: rules::findings(kind, &scopes, plain_http, text, language),
        not_read,
        target,
        passes_on: !scopes.is_empty(),
    })
}

#[cfg(test)]
mod tests;
