//! A service of the operator's that is asked beside the traffic: on connections that are kept, with
//! addresses that are looked up now and then.

use super::dns;
use super::endpoint::{Trust, peer_template, to_address};
use super::fetch::{Answer, CONNECTOR, USER_AGENT, read_answer};
use crate::config::Timeouts;
use crate::net::origin::Origin;
use bytes::Bytes;
use parking_lot::Mutex;
use pingora::http::RequestHeader;
use pingora::upstreams::peer::HttpPeer;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long addresses hold. A name's records change in minutes, and questions come all the time.
const LOOKED_UP_EVERY: Duration = Duration::from_secs(30);

/// Shorter than the minute for which most servers keep a connection.
const KEPT: Duration = Duration::from_secs(20);

/// One service.
pub(crate) struct Service {
    origin: Origin,
    template: HttpPeer,
    silence: Duration,
    addresses: Mutex<Option<(Instant, Vec<SocketAddr>)>>,
}

/// One question.
pub(crate) struct Exchange<'a> {
    /// With its query.
    pub(crate) path: &'a str,
    /// JSON.
    pub(crate) body: Bytes,
    /// How much of the answer's body is read, in bytes.
    pub(crate) longest: usize,
}

impl Service {
    /// `silence` is how long it may take to accept a connection, and over each part of an answer.
    pub(crate) fn new(origin: &Origin, silence: Duration) -> Service {
        let timeouts = Timeouts {
            connect: silence,
            between_bytes: silence,
            commit: silence,
        };
        let trust = Trust::new(None, None);
        Service {
            template: peer_template(origin, origin.host.bare(), &trust, &timeouts),
            origin: origin.clone(),
            silence,
            addresses: Mutex::new(None),
        }
    }

    /// Asks it, by POST.
    ///
    /// # Errors
    /// What stands in the way of an answer.
    pub(crate) async fn post(&self, exchange: Exchange<'_>) -> Result<Answer, String> {
        let mut failed = "the name has no address".to_owned();
        for address in self.addresses().await? {
            let peer = to_address(&self.template, address, self.silence);
            // A connection that was kept may be closed at the other end by now.
            for _ in 0..2 {
                match self.try_post(&peer, &exchange).await {
                    Ok(answer) => return Ok(answer),
                    Err((error, was_kept)) => {
                        failed = error.to_string();
                        if !was_kept {
                            break;
                        }
                    }
                }
            }
        }
        Err(failed)
    }

    async fn try_post(
        &self,
        peer: &HttpPeer,
        exchange: &Exchange<'_>,
    ) -> Result<Answer, (Box<pingora::Error>, bool)> {
        let opened = CONNECTOR.get_http_session(peer).await;
        let (mut session, was_kept) = opened.map_err(|error| (error, false))?;
        let answered = async {
            let mut request = RequestHeader::build("POST", exchange.path.as_bytes(), Some(5))?;
            request.insert_header("Host", self.origin.authority().to_string())?;
            request.insert_header("Content-Type", "application/json")?;
            request.insert_header("Content-Length", exchange.body.len().to_string())?;
            request.insert_header("User-Agent", USER_AGENT)?;
            session.write_request_header(Box::new(request)).await?;
            session
                .write_request_body(exchange.body.clone(), true)
                .await?;
            session.finish_request_body().await?;
            read_answer(&mut session, exchange.longest).await
        };
        match answered.await {
            Ok((answer, true)) => {
                CONNECTOR
                    .release_http_session(session, peer, Some(KEPT))
                    .await;
                Ok(answer)
            }
            Ok((answer, false)) => {
                session.shutdown().await;
                Ok(answer)
            }
            Err(error) => {
                session.shutdown().await;
                Err((error, was_kept))
            }
        }
    }

    /// Its addresses; those of before where they can't be looked up.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let known = self.addresses.lock().clone();
        if let Some((at, addresses)) = &known
            && at.elapsed() < LOOKED_UP_EVERY
        {
            return Ok(addresses.clone());
        }
        let found = match (dns::lookup(&self.origin).await, known) {
            (Ok(found), _) => found,
            (Err(_), Some((_, addresses))) => addresses,
            (Err(error), None) => return Err(error),
        };
        *self.addresses.lock() = Some((Instant::now(), found.clone()));
        Ok(found)
    }
}
