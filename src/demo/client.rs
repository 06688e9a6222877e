//! A registry client with containerd's rules. The one that matters: where a Location's scheme or
//! host differs, as text, from what the client was told to talk to, no Authorization is sent.

use super::wire;
use crate::standin::link::{self, Body};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const USER: &str = "alice";
const PASSWORD: &str = "Alice12345";
/// No step takes longer unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A name and where it is, so that nothing depends on the machine's resolver.
#[derive(Clone)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) address: SocketAddr,
}

pub(super) struct Client {
    name: Name,
    tls: TlsConnector,
    token: Mutex<Option<String>>,
}

/// An answer whose head has come.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Incoming,
}

/// Whether a URL is, as text, where the client was told to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Own,
    Foreign,
}

impl Client {
    pub(super) fn new(name: Name, tls: Arc<rustls::ClientConfig>) -> Client {
        Client {
            name,
            tls: TlsConnector::from(tls),
            token: Mutex::new(None),
        }
    }

    /// The absolute URL of a path or of a Location, and whether it is our own host's.
    pub(super) fn resolve(&self, location: &str) -> (String, Destination) {
        let own = format!("https://{}", self.name.name);
        if location.starts_with('/') {
            return (format!("{own}{location}"), Destination::Own);
        }
        let front = |url: &str| {
            let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
            (
                scheme.to_owned(),
                rest.split('/').next().unwrap_or_default().to_owned(),
            )
        };
        let same = front(location) == front(&own);
        (
            location.to_owned(),
            if same {
                Destination::Own
            } else {
                Destination::Foreign
            },
        )
    }

    /// Sends a request; the token goes along where it may.
    pub(super) async fn send(
        &self,
        method: Method,
        location: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> io::Result<Reply> {
        let (url, destination) = self.resolve(location);
        let token = self.token.lock().clone();
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut all = headers.to_vec();
        if let (Some(bearer), Destination::Own) = (&bearer, destination) {
            all.push(("authorization", bearer));
        }
        self.send_bare(method, &url, &all, body).await
    }

    /// Asks for a token as a challenge says, and keeps it. POST first, GET when that is 405.
    /// Returns the statuses of both.
    pub(super) async fn log_in(&self, challenge: &str) -> io::Result<(u16, u16)> {
        let parameter = |name: &str| {
            let rest = challenge.split_once(&format!("{name}=\""))?.1;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let (Some(realm), Some(service)) = (parameter("realm"), parameter("service")) else {
            return Err(io::Error::other(format!(
                "no Bearer challenge: {challenge}"
            )));
        };
        let scope = parameter("scope").unwrap_or_default();
        let form = format!(
            "client_id=harbormouth-demo&grant_type=password&username={USER}&password={PASSWORD}\
             &scope={scope}&service={service}"
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let body = wire::full(Bytes::from(form));
        let posted = self
            .send_bare(Method::POST, &realm, &headers, body)
            .await?
            .status;
        if posted != 405 {
            return Err(io::Error::other(format!(
                "POST {realm} was answered {posted}, not 405"
            )));
        }
        let url = format!("{realm}?service={service}&scope={scope}");
        let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let headers = [("authorization", basic.as_str())];
        let reply = self
            .send_bare(Method::GET, &url, &headers, wire::nothing())
            .await?;
        let status = reply.status;
        let body = reply.text().await;
        let parsed: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        match parsed["token"].as_str() {
            Some(token) => {
                let mut kept = self.token.lock();
                *kept = Some(token.to_owned());
                Ok((posted, status))
            }
            None => Err(io::Error::other(format!(
                "GET {realm} was answered {status}: {body}"
            ))),
        }
    }

    async fn send_bare(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> io::Result<Reply> {
        let rest = url
            .strip_prefix("https://")
            .ok_or_else(|| io::Error::other(format!("{url} is not https")))?;
        let (authority, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.split(':').next().unwrap_or_default();
        if host != self.name.name {
            return Err(io::Error::other(format!("{host} resolves nowhere")));
        }
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", authority);
        request = request.header("user-agent", "harbormouth-demo/1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).map_err(io::Error::other)?;
        let sending = async {
            let tcp = TcpStream::connect(self.name.address).await?;
            // Failing costs only time.
            let _ = tcp.set_nodelay(true);
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            let stream = self.tls.connect(name, tcp).await?;
            link::send(stream, request).await
        };
        let response = match tokio::time::timeout(PATIENCE, sending).await {
            Ok(response) => response?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        let (head, body) = response.into_parts();
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The whole content as text; what breaks off is left out.
    pub(super) async fn text(self) -> String {
        let all = self
            .body
            .collect()
            .await
            .map(|all| all.to_bytes())
            .unwrap_or_default();
        String::from_utf8_lossy(&all).into_owned()
    }

    /// The message of an OCI error body.
    pub(super) async fn error(self) -> String {
        let text = self.text().await;
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        match parsed["errors"][0]["message"].as_str() {
            // Harbor says it twice.
            Some(message) => {
                let half = message.len() / 2;
                let doubled = message
                    .get(..half.saturating_sub(1))
                    .filter(|first| message.get(half + 1..) == Some(*first));
                doubled.unwrap_or(message).to_owned()
            }
            None => text.trim().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standin::certs::Authority;

    #[test]
    fn a_location_is_our_own_only_as_text() {
        let name = Name {
            name: "hub".into(),
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
        };
        let client = Client::new(name, Authority::new("t").unwrap().client().unwrap());
        for (location, url, destination) in [
            ("/v2/x?a=b", "https://hub/v2/x?a=b", Destination::Own),
            ("https://hub/v2/x", "https://hub/v2/x", Destination::Own),
            (
                "https://hub:443/v2/x",
                "https://hub:443/v2/x",
                Destination::Foreign,
            ),
            ("http://hub/v2/x", "http://hub/v2/x", Destination::Foreign),
            (
                "https://other/v2/x",
                "https://other/v2/x",
                Destination::Foreign,
            ),
        ] {
            assert_eq!(
                client.resolve(location),
                (url.to_owned(), destination),
                "{location}"
            );
        }
    }
}
