//! One request to the admin listener of another replica, on a connection that isn't kept.
//!
//! What this file deliberately doesn't know: which replicas there are, and for how long one is waited for.

use super::fetch::USER_AGENT;
use crate::config::AdminConfig;
use crate::net::origin::{Origin, Scheme};
use crate::system::file_descriptors::is_exhausted;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// What is asked of each.
pub(super) struct PeerRequest<'a> {
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) header: (&'static str, &'static str),
    /// What shows that a replica asks.
    pub(super) token: Option<&'a Zeroizing<String>>,
    /// For those that speak https.
    pub(super) tls: Result<Option<Arc<ClientConfig>>, rustls::Error>,
    /// How long an answer's body may be, in bytes.
    pub(super) longest: usize,
}

/// An answer; without a body that is longer than it may be.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Option<Vec<u8>>,
}

/// How peers are trusted, and what they are shown where this replica's own listener asks for a certificate:
/// its own, since replicas are alike. `None` where none speaks https.
pub(super) fn client_tls(admin: &AdminConfig) -> Result<Option<Arc<ClientConfig>>, rustls::Error> {
    let Some(ca) = &admin.peers_ca else {
        return Ok(None);
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(ca.roots()?);
    let own = admin.tls().filter(|tls| tls.client_ca.is_some());
    Ok(Some(Arc::new(match own {
        Some(tls) => {
            let shown = SingleCertAndKey::from(Arc::clone(&tls.pair.certified));
            builder.with_client_cert_resolver(Arc::new(shown))
        }
        None => builder.with_no_client_auth(),
    })))
}

impl PeerRequest<'_> {
    /// Asks one of the addresses that an origin leads to.
    ///
    /// # Errors
    /// Where there is no answer: why, in words.
    pub(super) async fn send(
        &self,
        address: SocketAddr,
        origin: &Origin,
    ) -> Result<Answer, String> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| said(&error))?;
        match origin.scheme {
            Scheme::Http => self.exchange(stream, address).await,
            Scheme::Https => {
                let tls = self.tls.as_ref().map_err(|error| error.to_string())?;
                let tls = tls.as_ref().ok_or("admin.peers_ca is not set")?;
                let name = ServerName::try_from(origin.host.bare().to_owned());
                let name = name.map_err(|error| error.to_string())?;
                let stream = TlsConnector::from(Arc::clone(tls))
                    .connect(name, stream)
                    .await;
                self.exchange(stream.map_err(|error| said(&error))?, address)
                    .await
            }
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        address: SocketAddr,
    ) -> Result<Answer, String> {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| failed(&error))?;
        let request = self.request(address).map_err(|error| failed(&error))?;
        let answer = async {
            let answer = sender.send_request(request).await;
            let (header, body) = answer.map_err(|error| failed(&error))?.into_parts();
            let body = match Limited::new(body, self.longest).collect().await {
                Ok(body) => Some(body.to_bytes().into()),
                Err(error) if error.is::<LengthLimitError>() => None,
                Err(error) => return Err(failed(&*error)),
            };
            Ok(Answer {
                status: StatusCode::as_u16(&header.status),
                body,
            })
        };
        // How it ends is seen in the answer.
        let driven = async {
            connection.await.ok();
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            answer = answer => answer,
            never = driven => match never {},
        }
    }

    fn request(&self, address: SocketAddr) -> http::Result<Request<Empty<Bytes>>> {
        let (name, value) = self.header;
        let mut request = Request::get(self.target)
            .header(HOST, address.to_string())
            .header(name, value)
            .header(http::header::USER_AGENT, USER_AGENT)
            .header(CONNECTION, "close");
        if let Some(token) = self.token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.as_str()))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        request.body(Empty::new())
    }
}

fn said(error: &io::Error) -> String {
    if is_exhausted(error) {
        return "this gateway has no connection left".to_owned();
    }
    failed(error)
}

fn failed(error: &(impl std::fmt::Display + ?Sized)) -> String {
    format!("it can't be reached: {error}")
}
