//! Names, addresses, handshakes, and what answers on the port of plain HTTP.

use super::request::{Site, WalkRequest};
use super::session::Session;
use super::timeouts::{MOST_ADDRESSES, TimeBudget};
use crate::doctor::proxies::ForwardProxy;
use crate::doctor::step::Step;
use crate::doctor::trace::{AddressSeen, Entry, Skip, Trouble};
use crate::doctor::wire::{ProxyAuthorization, ProxyPassage, Trust, WireTarget};
use crate::net::origin::{Origin, Scheme};
use futures_util::future::join_all;
use http::Method;
use std::net::SocketAddr;

impl Session<'_> {
    /// Resolves and connects, to every address. The site where the walk goes on, if there is one.
    pub(super) async fn reach(&mut self) -> Result<Option<Site>, Skip> {
        let origin = self.walk.entered().clone();
        self.began(Step::Resolve);
        self.walk.proxy = self.proxy(&origin).map(ToString::to_string);
        let resolved = self.resolve(&origin).await;
        let resolved = resolved.map_err(|why| self.cut_short(Step::Resolve, why))?;
        let addresses = resolved.clone().unwrap_or_default();
        self.walk.resolved = Some(resolved);
        self.ended(Step::Resolve);
        if addresses.is_empty() {
            return Ok(None);
        }
        self.began(Step::Connect);
        let looked = self.look(&origin, &addresses).await;
        self.walk.addresses = looked.map_err(|why| self.cut_short(Step::Connect, why))?;
        let mut used = choose(&self.walk.addresses);
        if self.walk.proxy.is_some() {
            // The others are the proxy's, and no matter of the registry's.
            self.walk.addresses.swap(0, used.unwrap_or(0));
            self.walk.addresses.truncate(1);
            used = used.map(|_| 0);
        }
        if let Some(used) = used {
            self.walk.addresses[used].is_used = true;
        }
        self.ended(Step::Connect);
        if origin.scheme == Scheme::Https {
            self.began(Step::Tls);
            self.ended(Step::Tls);
        }
        Ok(used.map(|used| self.site(&origin, self.walk.addresses[used].address)))
    }

    /// What requests to this origin go through. Inner hops are asked directly.
    pub(super) fn proxy(&self, origin: &Origin) -> Option<&ForwardProxy> {
        let proxies = &self.options.proxies;
        proxies.of(origin).filter(|_| self.is_public())
    }

    /// The addresses that requests to this origin go to: its own, or its proxy's.
    pub(super) async fn resolve(
        &mut self,
        origin: &Origin,
    ) -> Result<Result<Vec<SocketAddr>, Trouble>, Skip> {
        let proxy = self.proxy(origin).map(|proxy| Origin {
            scheme: Scheme::Http,
            host: proxy.host.clone(),
            port: proxy.port,
        });
        let resolving = self.wire.resolve(proxy.as_ref().unwrap_or(origin));
        self.halt.unless(TimeBudget::Shared, resolving).await
    }

    /// An origin, at an address that resolving it gave.
    pub(super) fn place(&self, origin: &Origin, address: SocketAddr) -> WireTarget {
        WireTarget {
            address,
            passage: self.proxy(origin).map(|proxy| ProxyPassage {
                authority: format!("{}:{}", origin.host, origin.port),
                authorization: proxy.login.as_ref().map(ProxyAuthorization::basic),
            }),
            scheme: origin.scheme,
            server_name: origin.host.clone(),
            trust: Trust::Waived,
        }
    }

    /// Connects to all of them at once.
    pub(super) async fn look(
        &mut self,
        origin: &Origin,
        addresses: &[SocketAddr],
    ) -> Result<Vec<AddressSeen>, Skip> {
        let places: Vec<WireTarget> = addresses
            .iter()
            .take(MOST_ADDRESSES)
            .map(|address| self.place(origin, *address))
            .collect();
        let looking = join_all(places.iter().map(|place| self.wire.look(place)));
        self.halt.unless(TimeBudget::Shared, looking).await
    }

    /// Whether plain HTTP is looked at: where clients that type no scheme would try it.
    pub(super) fn has_plain_http(&self) -> bool {
        let target = &self.options.target;
        self.is_public() && target.scheme == Scheme::Https && target.port == 443
    }

    pub(super) async fn plain_http(&mut self) -> Result<(), Skip> {
        if self.has_plain_http() {
            self.plain_http_on(Scheme::Http.default_port()).await?;
        }
        Ok(())
    }

    pub(super) async fn plain_http_on(&mut self, port: u16) -> Result<(), Skip> {
        let origin = Origin {
            scheme: Scheme::Http,
            host: self.options.target.host.clone(),
            port,
        };
        let Some(address) = self.plain_address(&origin).await? else {
            return Ok(());
        };
        let site = self.site(&origin, address);
        let read = WalkRequest::get(Step::PlainHttp, "/v2/");
        let heard = self.ask_at(&site, read).await?;
        // Where nothing answers a GET, a POST meets the same.
        if heard.0.is_ok() {
            let write = WalkRequest::new(Step::PlainHttpWrite, Method::POST, "/v2/");
            self.ask_at(&site, write).await?;
        }
        Ok(())
    }

    /// Where the target's plain HTTP is: at its own address, unless a proxy stands before either.
    async fn plain_address(&mut self, origin: &Origin) -> Result<Option<SocketAddr>, Skip> {
        if self.walk.proxy.is_some() || self.proxy(origin).is_some() {
            let resolved = self.resolve(origin).await?;
            return Ok(resolved.ok().and_then(|all| all.first().copied()));
        }
        let used = self.walk.address().or(self.walk.addresses.first());
        Ok(used.map(|used| SocketAddr::new(used.address.ip(), origin.port)))
    }

    /// A site of the entry: asked under the target's name.
    pub(super) fn site(&self, origin: &Origin, address: SocketAddr) -> Site {
        let target = &self.options.target;
        let (host, forwarded) = match &self.walk.entry {
            Entry::Public if origin == target => (self.walk.typed.clone(), Vec::new()),
            Entry::Public => (origin.authority(), Vec::new()),
            // No X-Forwarded-Host, which few hops send: a registry takes it before the Host, so it
            // would hide what an inner hop does to that.
            Entry::Via(_) => (
                self.walk.typed.clone(),
                vec![("x-forwarded-proto".into(), target.scheme.to_string())],
            ),
        };
        Site {
            origin: origin.clone(),
            place: self.place(origin, address),
            host,
            forwarded,
        }
    }
}

/// Whether requests can be sent there.
pub(super) fn is_open(seen: &AddressSeen) -> bool {
    seen.connected.is_ok() && seen.tls.as_ref().is_none_or(Result::is_ok)
}

/// Whether a password may be sent there, for all that the certificate says.
pub(super) fn is_trusted(seen: &AddressSeen) -> bool {
    match &seen.tls {
        Some(Ok(tls)) => tls.distrust.is_none(),
        Some(Err(_)) | None => false,
    }
}

/// The first that is trusted, or else the first that speaks at all.
pub(super) fn choose(addresses: &[AddressSeen]) -> Option<usize> {
    let is_sound = |seen: &AddressSeen| is_open(seen) && (seen.tls.is_none() || is_trusted(seen));
    addresses
        .iter()
        .position(is_sound)
        .or_else(|| addresses.iter().position(is_open))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::trace::{Distrust, TlsSeen, Trouble};
    use std::time::Duration;

    #[test]
    fn the_address_that_serves_the_walk_best_is_chosen() {
        let tls = |distrust| {
            Some(Ok(TlsSeen {
                version: "TLSv1.3".into(),
                alpn: None,
                chain: Vec::new(),
                distrust,
                kept_by_docker: false,
                asks_for: None,
            }))
        };
        let seen = |connected, tls| AddressSeen {
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
            connected,
            tls,
            is_used: false,
        };
        let fast = Ok(Duration::ZERO);
        let refused = || seen(Err(Trouble::Refused), None);
        let trusted = || seen(fast.clone(), tls(None));
        let expired = || seen(fast.clone(), tls(Some(Distrust::Expired)));
        let broken = || seen(fast.clone(), Some(Err(Trouble::NotTls)));
        let plain = || seen(fast.clone(), None);
        for (name, addresses, expected) in [
            ("none", vec![], None),
            ("refused", vec![refused(), broken()], None),
            ("the first", vec![trusted(), trusted()], Some(0)),
            ("no TLS", vec![plain(), plain()], Some(0)),
            ("trusted", vec![refused(), expired(), trusted()], Some(2)),
            ("untrusted", vec![broken(), expired(), expired()], Some(1)),
        ] {
            assert_eq!(choose(&addresses), expected, "{name}");
        }
    }
}
