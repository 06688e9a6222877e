//! The way to object storage: a redirect that is followed in the client's place.

use crate::config::Registry;
use crate::oci::storage::{self, StorageTarget};
use crate::proxy::classify_error::UNRESOLVED;
use crate::proxy::message_header::all_but;
use crate::proxy::request::Routed;
use crate::runtime::RegistryRuntime;
use crate::runtime::upstream::StoragePlace;
use http::header::{HOST, LOCATION};
use http::uri::PathAndQuery;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};

/// Storage redirects within itself, from one region to another; more is a circle.
const MOST_REDIRECTS: usize = 3;

/// Where a followed redirect leads.
pub(in crate::proxy) struct ToStorage {
    target: StorageTarget,
    /// Whose redirect it is: an index into the harbors.
    pub(super) harbor: usize,
    redirects: usize,
    /// Held until the layer is through.
    _place: StoragePlace,
}

/// Where a redirect leads that is followed for this client.
fn followed(
    response: &ResponseHeader,
    registry: &Registry,
    request: Routed<'_>,
) -> Option<StorageTarget> {
    let is_redirect = matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let follows = registry
        .storage_redirects
        .follows(request.downstream.client);
    if !is_redirect || !follows {
        return None;
    }
    let location = response.headers.get(LOCATION)?.to_str().ok()?;
    storage::target(location, &registry.storage.hosts)
}

impl ToStorage {
    /// The way on which a Harbor's answer leads, if it is a redirect that is followed, and a place is
    /// free: else the client may still go there itself.
    pub(super) fn begin(
        response: &ResponseHeader,
        harbor: usize,
        request: Routed<'_>,
    ) -> Option<ToStorage> {
        let RegistryRuntime {
            registry, storage, ..
        } = &request.shared.harbors[harbor];
        Some(ToStorage {
            target: followed(response, registry, request)?,
            harbor,
            redirects: 1,
            _place: storage.place()?,
        })
    }

    /// Where storage itself redirects to, if that is followed as well.
    pub(super) fn leads_on(
        &self,
        response: &ResponseHeader,
        request: Routed<'_>,
    ) -> Option<StorageTarget> {
        let registry = &request.shared.harbors[self.harbor].registry;
        followed(response, registry, request).filter(|_| self.redirects < MOST_REDIRECTS)
    }

    pub(super) fn on_to(self, target: StorageTarget) -> ToStorage {
        ToStorage {
            target,
            redirects: self.redirects + 1,
            ..self
        }
    }

    /// Storage learns what part of which object is wanted, and nothing of the client.
    pub(super) fn edit_request(&self, header: &mut RequestHeader) -> Result<()> {
        let StorageTarget { origin, target, .. } = &self.target;
        for field in all_but(&SENT, &header.headers) {
            header.remove_header(&field);
        }
        let target = PathAndQuery::try_from(target.as_str());
        let target = target.map_err(|_| Error::new(pingora::InvalidHTTPHeader))?;
        header.set_uri(http::Uri::from(target));
        header.insert_header(HOST, origin.authority())
    }

    /// A connection.
    ///
    /// # Errors
    /// Where the name has no address that may be used.
    pub(super) async fn peer(&self, request: Routed<'_>) -> Result<Box<HttpPeer>> {
        let RegistryRuntime {
            registry, storage, ..
        } = &request.shared.harbors[self.harbor];
        let peer = storage.peer(&self.target, &registry.timeouts).await;
        peer.or_else(|error| {
            let (name, origin) = (&registry.name, &self.target.origin);
            log::warn!("registry {name}: storage at {origin} isn't asked: {error}");
            Error::e_explain(UNRESOLVED, error.to_string())
        })
    }
}

/// The layer's own digest stands in what the client asked for.
pub(super) fn edit_response(response: &mut ResponseHeader, request: Routed<'_>) -> Result<()> {
    response.insert_header("Content-Type", "application/octet-stream")?;
    if let Some(digest) = &request.asked.reference {
        response.insert_header("Docker-Content-Digest", digest.as_str())?;
    }
    Ok(())
}

/// What a conditional request or one of a part says (RFC 9110, 13.1 and 14.2).
const SENT: [&str; 6] = [
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];
