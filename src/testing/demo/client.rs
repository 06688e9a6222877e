//! A registry client with containerd's rules. The one that matters: where a Location's scheme or
//! host differs, as text, from what the client was told to talk to, no Authorization is sent. One
//! TLS connection for each request, as older clients do.

use crate::testing::fake_harbor::connection::{dial, send};
use crate::testing::fake_harbor::response::{FakeBody, field, full, nothing};
use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const USER: &str = "alice";
const PASSWORD: &str = "Alice12345";
/// No step takes longer unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct DemoClient {
    name: String,
    /// Where the name is, so that nothing depends on the machine's resolver.
    address: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    token: Mutex<Option<String>>,
}

/// An answer whose head has come.
pub(super) type DemoResponse = Response<Incoming>;

/// Whether a URL is, as text, where the client was told to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    Own,
    Foreign,
}

impl DemoClient {
    pub(super) fn new(
        name: &str,
        address: SocketAddr,
        tls: Arc<rustls::ClientConfig>,
    ) -> DemoClient {
        DemoClient {
            name: name.to_owned(),
            address,
            tls,
            token: Mutex::default(),
        }
    }

    /// The absolute URL of a path or of a Location, and whether it is our own host's.
    fn resolve(&self, location: &str) -> (String, Destination) {
        let own = format!("https://{}", self.name);
        if location.starts_with('/') {
            return (format!("{own}{location}"), Destination::Own);
        }
        let destination = match location.strip_prefix(&own) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Destination::Own,
            Some(_) | None => Destination::Foreign,
        };
        (location.to_owned(), destination)
    }

    /// Sends a request; the token goes along where it may.
    pub(super) async fn send(
        &self,
        method: Method,
        location: &str,
        headers: &[(&str, &str)],
        body: FakeBody,
    ) -> anyhow::Result<DemoResponse> {
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
    pub(super) async fn log_in(&self, challenge: &str) -> anyhow::Result<(u16, u16)> {
        let parameter = |name: &str| {
            let rest = challenge.split_once(&format!("{name}=\""))?.1;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let (Some(realm), Some(service)) = (parameter("realm"), parameter("service")) else {
            bail!("no Bearer challenge: {challenge}");
        };
        let scope = parameter("scope").unwrap_or_default();
        let form = format!(
            "client_id=harbormouth-demo&grant_type=password&username={USER}&password={PASSWORD}\
             &scope={scope}&service={service}"
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let posting = self.send_bare(Method::POST, &realm, &headers, full(form));
        let posted = posting.await?.status().as_u16();
        ensure!(posted == 405, "POST {realm} was answered {posted}, not 405");
        let url = format!("{realm}?service={service}&scope={scope}");
        let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let headers = [("authorization", basic.as_str())];
        let reply = self.send_bare(Method::GET, &url, &headers, nothing());
        let reply = reply.await?;
        let status = reply.status().as_u16();
        let body = text(reply).await;
        let parsed: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let token = parsed["token"].as_str();
        let token = token.with_context(|| format!("GET {realm} was answered {status}: {body}"))?;
        *self.token.lock() = Some(token.to_owned());
        Ok((posted, status))
    }

    async fn send_bare(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: FakeBody,
    ) -> anyhow::Result<DemoResponse> {
        let rest = url.strip_prefix("https://");
        let rest = rest.with_context(|| format!("{url} is not https"))?;
        let (authority, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.split(':').next().unwrap_or_default();
        ensure!(host == self.name, "{host} resolves nowhere");
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", authority)
            .header("user-agent", "harbormouth-demo/1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body)?;
        let sending = async {
            let stream = dial(self.address, Some((&self.tls, host))).await?;
            send(stream, request).await
        };
        let sent = tokio::time::timeout(PATIENCE, sending).await;
        Ok(sent.context("timed out")??)
    }
}

/// The whole content as text; what breaks off is left out.
pub(super) async fn text(reply: DemoResponse) -> String {
    let all = reply.into_body().collect().await;
    let all = all.map(|all| all.to_bytes()).unwrap_or_default();
    String::from_utf8_lossy(&all).into_owned()
}

/// The message of an OCI error body.
pub(super) async fn error(reply: DemoResponse) -> String {
    let text = text(reply).await;
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let Some(message) = parsed["errors"][0]["message"].as_str() else {
        return text.trim().to_owned();
    };
    // Harbor says it twice.
    let half = message.len() / 2;
    let doubled = message
        .get(..half.saturating_sub(1))
        .filter(|first| message.get(half + 1..) == Some(*first));
    doubled.unwrap_or(message).to_owned()
}

/// A header as text; empty where it is absent.
pub(super) fn header<'r>(reply: &'r DemoResponse, name: &str) -> &'r str {
    field(reply.headers(), name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fake_harbor::certificates::CertificateAuthority;

    #[test]
    fn a_location_is_our_own_only_as_text() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let tls = CertificateAuthority::new("t").unwrap().client().unwrap();
        let client = DemoClient::new("hub", address, tls);
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
