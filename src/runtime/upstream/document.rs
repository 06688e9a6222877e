//! Small documents from a URL that somebody else runs: an issuer's configuration and its keys.

use super::endpoint::{Trust, peer_template, to_address};
use super::fetch::{self, Fetch};
use super::{dns, lacks_socket};
use crate::config::{CaBundle, Timeouts};
use crate::net::url::Url;
use crate::observe::logging::RateLimited;
use crate::oci::storage::is_public;
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Key sets with certificate chains have some ten KiB.
const LONGEST: usize = 256 * 1024;

/// A login waits for it: whoever doesn't answer by then is down.
const SILENCE: Duration = Duration::from_secs(3);

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    between_bytes: SILENCE,
    commit: SILENCE,
};

/// A name has addresses of two families, of which one may lead nowhere.
const MOST_ADDRESSES: usize = 3;

/// What can't be reached now can't be reached in a second either.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How documents of one owner are fetched.
pub(crate) struct DocumentSource {
    trust: Trust,
    logged: RateLimited,
}

/// One document.
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    /// Where it came from.
    pub(crate) address: IpAddr,
}

/// Why there is none. The words are for clients, too: no address, and nothing of what was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DocumentFlaw {
    #[error("its name has no address")]
    Unresolved,
    #[error("its name has no public address")]
    NotPublic,
    #[error("this gateway has no connection left")]
    NoSocket,
    #[error("it can't be reached, or its certificate isn't trusted")]
    Unreachable,
    #[error("it didn't answer within {} s", SILENCE.as_secs())]
    Late,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is longer than 256 KiB")]
    TooLong,
}

impl DocumentSource {
    pub(crate) fn new(ca: Option<&CaBundle>) -> DocumentSource {
        DocumentSource {
            trust: Trust::new(ca, None),
            logged: RateLimited::every(TOLD_EVERY),
        }
    }

    /// The document; only from a public address, where it has to be one. The address that was judged is
    /// the one that is connected to.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) async fn get(
        &self,
        url: &Url,
        is_public_only: bool,
    ) -> Result<Document, DocumentFlaw> {
        let found = dns::lookup(&url.origin).await;
        let found = found.map_err(|_| DocumentFlaw::Unresolved)?;
        let may_be_used = |address: &&SocketAddr| !is_public_only || is_public(address.ip());
        let usable: Vec<&SocketAddr> = found.iter().filter(may_be_used).collect();
        let mut flaw = match found.is_empty() {
            true => DocumentFlaw::Unresolved,
            false => DocumentFlaw::NotPublic,
        };
        for address in usable.into_iter().take(MOST_ADDRESSES) {
            match self.ask(url, *address).await {
                Ok(document) => return Ok(document),
                // It was reached: another address of its would say the same.
                Err(said @ (DocumentFlaw::Status(_) | DocumentFlaw::TooLong)) => return Err(said),
                Err(other) => flaw = other,
            }
        }
        Err(flaw)
    }

    async fn ask(&self, url: &Url, address: SocketAddr) -> Result<Document, DocumentFlaw> {
        let name = url.origin.host.bare();
        let template = peer_template(&url.origin, name, &self.trust, &TIMEOUTS);
        let peer = to_address(&template, address, SILENCE);
        let host = url.origin.authority();
        let fetch = Fetch {
            target: &url.target,
            host: &host,
            header: None,
            longest: LONGEST + 1,
        };
        let fetched = tokio::time::timeout(SILENCE, fetch::get(&peer, &fetch)).await;
        let fetched = fetched.map_err(|_| DocumentFlaw::Late)?.map_err(|error| {
            if self.logged.is_due() {
                log::warn!("{} can't be asked: {error}", url.origin);
            }
            match lacks_socket(&error) {
                true => DocumentFlaw::NoSocket,
                false => DocumentFlaw::Unreachable,
            }
        })?;
        match fetched.status().as_u16() {
            200 if fetched.body().len() <= LONGEST => Ok(Document {
                bytes: fetched.into_body(),
                address: address.ip(),
            }),
            200 => Err(DocumentFlaw::TooLong),
            status => Err(DocumentFlaw::Status(status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// The name is public, and leads inside: what counts is the address.
    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_asked() {
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = inside.local_addr().unwrap().port();
        let source = DocumentSource::new(None);
        for host in ["localhost", "127.0.0.1"] {
            let url = Url::parse(&format!("http://{host}:{port}/keys")).unwrap();
            let got = source.get(&url, true).await;
            assert_eq!(got.err(), Some(DocumentFlaw::NotPublic), "{host}");
        }
        let came = tokio::time::timeout(Duration::from_millis(50), inside.accept()).await;
        assert!(came.is_err(), "somebody came");
    }
}
