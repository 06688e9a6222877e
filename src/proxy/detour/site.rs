//! The way to another site, which may have what the registry itself doesn't have.

use crate::config::FallbackWhen;
use crate::net::path::NormalPath;
use crate::oci::challenge::{SERVICE, TOKEN_PATH};
use crate::oci::operation::Operation;
use crate::oci::repository::RepositoryName;
use crate::oci::routing::may_be_elsewhere;
use crate::oci::scope::Scope;
use crate::oci::target::{BodyPresence, Target};
use crate::oci::token::Credential;
use crate::oci::token_response::token;
use crate::proxy::attempts::{Attempt, Attempts};
use crate::proxy::classify_error::UNRESOLVED;
use crate::proxy::message_header::target_parts;
use crate::proxy::request::{ProxyRequest, Routed};
use crate::proxy::unix_time::unix_now;
use crate::proxy::upstream_request;
use crate::runtime::OtherSite;
use crate::runtime::upstream::Choice;
use crate::runtime::upstream::fetch::{self, FORWARDED_PROTO, Fetch};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};
use std::time::Duration;

/// Which site is asked, and why.
pub(in crate::proxy) struct ToSite {
    /// Index into the registry's other sites.
    site: usize,
    pub(super) because: FallbackWhen,
    /// A token of nobody's, for what is public.
    token: Option<HeaderValue>,
}

impl ToSite {
    /// The first site that is asked for this reason.
    pub(super) fn first(because: FallbackWhen, request: Routed<'_>) -> Option<ToSite> {
        let may_write = || match request.authorization.credential {
            Credential::None => false,
            Credential::Bearer(_) => request.token_grants_push(),
            Credential::Basic(_) | Credential::Other => true,
        };
        let asked = &request.asked;
        may_be_elsewhere(asked.operation, || !asked.begins_pull && may_write())
            .then(|| ToSite::from(0, because, request))
            .flatten()
    }

    /// The one after this.
    pub(super) fn next(&self, request: Routed<'_>) -> Option<ToSite> {
        ToSite::from(self.site + 1, self.because, request)
    }

    fn from(first: usize, because: FallbackWhen, request: Routed<'_>) -> Option<ToSite> {
        // It is written into another request's path and query.
        RepositoryName::parse(request.asked.repository.as_deref()?)?;
        let sites = request.harbor.other_sites.iter().enumerate();
        let mut sites = sites.skip(first).filter(|(_, site)| site.is_for(because));
        let (site, other) = sites.next()?;
        other.requests.inc();
        Some(ToSite {
            site,
            because,
            token: None,
        })
    }

    pub(super) fn site<'a>(&self, request: Routed<'a>) -> Option<&'a OtherSite> {
        request.harbor.other_sites.get(self.site)
    }

    /// Asks the site by its own names, as its own account.
    pub(super) fn edit_request(
        &self,
        header: &mut RequestHeader,
        request: &ProxyRequest,
    ) -> Result<()> {
        let site = request.routed().and_then(|routed| self.site(routed));
        let Some(site) = site else {
            return Ok(());
        };
        let target = target_there(header, site, request);
        upstream_request::edit(header, target.as_ref(), request.routed_to(site.name))?;
        let authorization = self.token.as_ref().unwrap_or(&site.account);
        header.insert_header(AUTHORIZATION, authorization.clone())
    }

    /// A connection; with a token for nobody first, where nobody has authorised the client.
    ///
    /// # Errors
    /// Where no address is known, or nothing is public there.
    pub(super) async fn peer(
        &mut self,
        tries: &mut Attempts,
        request: Routed<'_>,
    ) -> Result<Box<HttpPeer>> {
        let Some(site) = self.site(request) else {
            return Error::e_explain(UNRESOLVED, "a site that is gone");
        };
        let there = request.routed_to(site.name);
        let Some(choice) = there.harbor.pool.choose(&tries.failed) else {
            return Error::e_explain(UNRESOLVED, site.route.clone());
        };
        if self.because == FallbackWhen::Unreachable && self.token.is_none() {
            let repository = request.asked.repository.as_deref().unwrap_or_default();
            let token = anonymous_token(&choice, &site.repository(repository), there).await;
            let Some(token) = token else {
                return Error::e_explain(UNRESOLVED, format!("{}: nothing public", site.route));
            };
            self.token = Some(token);
        }
        let silence = there.harbor.registry.timeouts.between_bytes;
        let endpoint = &there.harbor.pool.endpoints[choice.endpoint];
        let peer = endpoint.peer(choice.address.socket, silence);
        tries.at = Some(Attempt {
            endpoint: choice.endpoint,
            address: choice.address,
        });
        Ok(peer)
    }
}

/// Whether a site has it: of what is named by its digest, these very bytes.
pub(super) fn is_found(response: &ResponseHeader, request: Routed<'_>) -> bool {
    let is_there = matches!(response.status.as_u16(), 200 | 206 | 304 | 307 | 416);
    let told = response.headers.get("docker-content-digest");
    let is_same = match (told, request.asked.reference.as_deref()) {
        (Some(told), Some(asked)) if asked.contains(':') => told.as_bytes() == asked.as_bytes(),
        (_, _) => true,
    };
    is_there && is_same
}

/// The same manifest or blob by its names at a site; none where the path names neither.
fn target_there(
    header: &RequestHeader,
    site: &OtherSite,
    request: &ProxyRequest,
) -> Option<PathAndQuery> {
    let path = NormalPath::parse(target_parts(header).1).ok()?;
    let target = Target::of(header.method.as_str(), &path, BodyPresence::Absent);
    let kind = match target.operation {
        Operation::BlobGet | Operation::BlobHead => "blobs",
        _ => "manifests",
    };
    let repository = site.repository(request.asked.repository.as_deref()?);
    let reference = request.asked.reference.as_deref()?;
    PathAndQuery::try_from(format!("/v2/{repository}/{kind}/{reference}")).ok()
}

/// A token service that hangs must not hold a pull up for long.
const TOKEN_PATIENCE: Duration = Duration::from_secs(5);

/// Harbor's tokens are of one or two KiB.
const LONGEST_TOKEN: usize = 64 * 1024;

/// A token for nobody that grants a pull, where the repository is public there.
async fn anonymous_token(
    choice: &Choice,
    repository: &str,
    there: Routed<'_>,
) -> Option<HeaderValue> {
    let scopes = Scope::asked(Operation::ManifestGet, repository, None);
    let scope = scopes.first()?;
    let target = format!("{TOKEN_PATH}?service={SERVICE}&scope={scope}");
    let host = there.name.origin.authority();
    let fetch = Fetch {
        target: &target,
        host: &host,
        header: Some((FORWARDED_PROTO, there.name.origin.scheme.as_str())),
        longest: LONGEST_TOKEN,
    };
    let endpoint = &there.harbor.pool.endpoints[choice.endpoint];
    let peer = endpoint.peer(choice.address.socket, TOKEN_PATIENCE);
    let fetched = fetch::get(&peer, &fetch);
    let fetched = tokio::time::timeout(TOKEN_PATIENCE, fetched)
        .await
        .ok()?
        .ok()?;
    let token = token(fetched.body())?;
    let claims = token.claims()?;
    if fetched.status() != 200 || !claims.grants(scope) || claims.is_expired(unix_now()) {
        return None;
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.as_str())).ok()?;
    value.set_sensitive(true);
    Some(value)
}
