//! Names, connections and requests, one at a time. What it deliberately doesn't know: what a
//! registry is, and what an answer means.

mod authorities;
mod body;
mod byte_counter;
mod certificate;
mod connect;
mod dns;
mod exchange;
mod http2;
mod request;
#[cfg(test)]
mod tests;
mod tunnel;

pub use authorities::WireError;
pub(crate) use body::DRIBBLE;
pub(crate) use request::{
    Framing, MOST_BODY, Pace, Payload, Protocol, ResponseTimeouts, SendProgress, WireRequest,
    WireResponse, WireResult,
};

pub(crate) use tunnel::{ProxyAuthorization, ProxyPassage};

use super::trace::{AddressSeen, TlsSeen, Trouble};
use crate::net::origin::{Host, Origin, Scheme};
use certificate::{Authorities, Recorder, ShownCertificates};
use connect::Window;
use exchange::ByteStream;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

/// What connections are made with.
pub(crate) struct Wire {
    authorities: Arc<Authorities>,
    /// Offers `h2` and `http/1.1`.
    looking: ClientConfig,
    /// Offers `http/1.1`.
    asking: ClientConfig,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) struct WireTarget {
    /// The proxy's, where there is one.
    pub(crate) address: SocketAddr,
    pub(crate) passage: Option<ProxyPassage>,
    pub(crate) scheme: Scheme,
    /// For SNI, and whom the certificate must be for.
    pub(crate) server_name: Host,
    pub(crate) trust: Trust,
}

/// What is done when the certificate isn't trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// No request is sent.
    Required,
    /// The request is sent nevertheless: it carries nothing that is secret.
    Waived,
}

impl Wire {
    /// Trusts this machine's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` where they are set), and
    /// those in the file. Without any authority, no certificate is trusted. What docker and podman keep
    /// for the registry, in these directories, vouches as well; where nothing else does, that is seen.
    ///
    /// # Errors
    /// When authorities that were named can't be read.
    pub(crate) fn new(file: Option<&Path>, kept: &[PathBuf]) -> Result<Wire, WireError> {
        let mut certificates = authorities::of_this_machine()?;
        if let Some(file) = file {
            certificates.extend(authorities::in_file(file)?);
        }
        Wire::trusting(certificates, authorities::in_directories(kept))
    }

    fn trusting(
        certificates: Vec<CertificateDer<'static>>,
        kept: Vec<CertificateDer<'static>>,
    ) -> Result<Wire, WireError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let authorities = Arc::new(Authorities::new(certificates, kept, provider.clone()));
        let mut asking = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Recorder::new(authorities.clone())))
            .with_no_client_auth();
        // A resumed session would show no certificate.
        asking.resumption = Resumption::disabled();
        asking.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut looking = asking.clone();
        looking.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Wire {
            authorities,
            looking,
            asking,
        })
    }

    /// Every address of the origin's host, with its port.
    ///
    /// # Errors
    /// When the resolver has none, or doesn't answer.
    pub(crate) async fn resolve(&self, origin: &Origin) -> Result<Vec<SocketAddr>, Trouble> {
        dns::resolve(&origin.host, origin.port).await
    }

    /// Connects once, and shakes hands where TLS is spoken, with ALPN `h2, http/1.1`; `is_used` is
    /// false.
    pub(crate) async fn look(&self, place: &WireTarget) -> AddressSeen {
        let began = Instant::now();
        let tcp = connect::tcp(place.address, Window::Usual).await;
        let (connected, tls) = match (tcp, place.scheme) {
            (Err(trouble), Scheme::Http | Scheme::Https) => (Err(trouble), None),
            (Ok(_), Scheme::Http) => (Ok(began.elapsed()), None),
            (Ok(stream), Scheme::Https) => {
                let took = began.elapsed();
                let shaken = self.shake(stream, place, &self.looking).await;
                let seen = shaken.map(|(stream, shown)| {
                    let session = stream.get_ref().1;
                    TlsSeen {
                        version: connect::version(session),
                        alpn: session
                            .alpn_protocol()
                            .map(|name| String::from_utf8_lossy(name).into_owned()),
                        chain: shown.chain,
                        distrust: shown.distrust,
                        kept_by_docker: shown.kept_by_docker,
                        asks_for: shown.asks_for,
                    }
                });
                (Ok(took), Some(seen))
            }
        };
        AddressSeen {
            address: place.address,
            connected,
            tls,
            is_used: false,
        }
    }

    /// Connects, sends one request and reads the answer. It can be dropped at any time, and the
    /// connection with it.
    pub(crate) async fn ask(
        &self,
        place: &WireTarget,
        ask: WireRequest,
        progress: SendProgress<'_>,
    ) -> WireResult {
        let began = Instant::now();
        let failed = |trouble| WireResult::failed(trouble, began.elapsed());
        let window = if ask.reading.is_zero() {
            Window::Usual
        } else {
            Window::Small
        };
        let stream = match connect::tcp(place.address, window).await {
            Ok(stream) => stream,
            Err(trouble) => return failed(trouble),
        };
        match place.scheme {
            Scheme::Http => {
                let form = place.passage.as_ref();
                exchange::exchange(stream, ask, form, progress).await
            }
            Scheme::Https => {
                let offered = match ask.protocol {
                    Protocol::Http1 => &self.asking,
                    Protocol::Http2 => &self.looking,
                };
                let (stream, shown) = match self.shake(stream, place, offered).await {
                    Ok(pair) => pair,
                    Err(trouble) => return failed(trouble),
                };
                match (place.trust, &shown.distrust) {
                    (Trust::Required, Some(distrust)) => failed(Trouble::Tls(format!(
                        "the certificate isn't trusted ({}), so nothing was sent",
                        certificate::words(distrust)
                    ))),
                    (Trust::Required, None) | (Trust::Waived, _) => {
                        let result = match ask.protocol {
                            Protocol::Http1 => {
                                exchange::exchange(stream, ask, None, progress).await
                            }
                            Protocol::Http2 => http2::exchange(stream, ask).await,
                        };
                        result.where_asked_for(shown.asks_for)
                    }
                }
            }
        }
    }

    /// A handshake with whom the target names, through the proxy where there is one.
    async fn shake(
        &self,
        stream: TcpStream,
        place: &WireTarget,
        offered: &ClientConfig,
    ) -> Result<(TlsStream<impl ByteStream>, ShownCertificates), Trouble> {
        let stream = match &place.passage {
            Some(passage) => tunnel::open(stream, passage).await?,
            None => stream,
        };
        let recorder = Arc::new(Recorder::new(self.authorities.clone()));
        connect::tls(stream, offered, recorder, &place.server_name).await
    }
}
