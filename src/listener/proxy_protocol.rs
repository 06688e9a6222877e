//! The PROXY protocol: reads the header with which a trusted proxy begins a connection, before TLS and
//! HTTP, and so learns the client's address.
//!
//! What this file deliberately doesn't know: the format of the header (see `net::proxy_protocol`), and
//! what the gateway concludes from it.

use crate::config::ProxyProtocol;
use crate::net::origin::Scheme;
use crate::net::proxy_protocol::{Beginning, ProxyHeader, ProxyHeaderError, Sender};
use crate::net::trusted_proxies::TrustedProxies;
use crate::observe::logging::RateLimited;
use crate::observe::metrics::ConnectionRefused;
use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// From the connection's beginning to the last byte of its header. The protocol has it sent at
/// once and in one piece; the rest is a lost segment or two.
const TIMEOUT: Duration = Duration::from_secs(5);

/// One read: a header with the beginning of what follows it.
const READ: usize = 1024;

/// How often a refusal that meets every connection is logged.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// VPC endpoints that are logged when first seen; an operator made only so many.
const ENDPOINTS: usize = 100;

/// How one listener reads PROXY headers.
pub(super) struct ProxyProtocolReader {
    /// Index into the configuration's listeners.
    listener: usize,
    protocol: ProxyProtocol,
    endpoints: Mutex<HashSet<String>>,
    untrusted: RateLimited,
    unread: RateLimited,
}

/// What is known of a connection before TLS and HTTP.
pub(super) struct ProxiedStream {
    pub(super) announced: Announced,
    /// Bytes that were read behind the header and belong to the client.
    pub(super) rest: BytesMut,
}

/// What the PROXY header says of a connection; without one, what the connection itself shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) sender: Sender,
    /// What the client spoke to the proxy, where it says so.
    pub(crate) client_side: Option<Scheme>,
}

impl Announced {
    pub(crate) const NOTHING: Announced = Announced {
        sender: Sender::Peer,
        client_side: None,
    };
}

/// Why a connection gets no further than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyProtocolError {
    /// The peer closed before its first byte: the usual check of a balancer that only connects.
    Gone,
    Refused(ConnectionRefused),
}

impl ProxyProtocolReader {
    pub(super) fn new(listener: usize, protocol: ProxyProtocol) -> Self {
        ProxyProtocolReader {
            listener,
            protocol,
            endpoints: Mutex::default(),
            untrusted: RateLimited::every(TOLD_EVERY),
            unread: RateLimited::every(TOLD_EVERY),
        }
    }

    /// Reads the PROXY header, where one is to be believed.
    pub(super) async fn read(
        &self,
        socket: &mut (impl AsyncRead + Unpin),
        peer: SocketAddr,
        trusted: &TrustedProxies,
    ) -> Result<ProxiedStream, ProxyProtocolError> {
        let is_trusted = || trusted.contains(peer.ip());
        match self.protocol {
            ProxyProtocol::Off => Ok(ProxiedStream::without(BytesMut::new())),
            // Bytes from an untrusted peer belong to the client, whatever they look like.
            ProxyProtocol::Accept if !is_trusted() => Ok(ProxiedStream::without(BytesMut::new())),
            ProxyProtocol::Require if !is_trusted() => {
                let refused = ConnectionRefused::ProxyUntrusted;
                Err(self.refused(refused, peer, &"its address is not in trusted_proxies"))
            }
            ProxyProtocol::Accept | ProxyProtocol::Require => self.wait(socket, peer).await,
        }
    }

    async fn wait(
        &self,
        socket: &mut (impl AsyncRead + Unpin),
        peer: SocketAddr,
    ) -> Result<ProxiedStream, ProxyProtocolError> {
        let mut bytes = BytesMut::new();
        let reading = tokio::time::timeout(TIMEOUT, beginning(socket, &mut bytes));
        let found = match reading.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if bytes.is_empty() => {
                log::debug!("{peer}: disconnected before its first byte: {error}");
                return Err(ProxyProtocolError::Gone);
            }
            Ok(Err(error)) => {
                return Err(self.refused(ConnectionRefused::ProxyInvalid, peer, &error));
            }
            // A peer that sends nothing has no header to send; HTTP and TLS have their own timeouts.
            Err(_) if bytes.is_empty() && self.protocol == ProxyProtocol::Accept => {
                Beginning::Other
            }
            Err(late) => return Err(self.refused(ConnectionRefused::ProxyTimeout, peer, &late)),
        };
        match found {
            Beginning::Header { header, length } => {
                bytes.advance(length);
                self.note_endpoint(&header, peer);
                Ok(ProxiedStream {
                    announced: Announced {
                        sender: header.sender,
                        client_side: header.client_side,
                    },
                    rest: bytes,
                })
            }
            Beginning::Refused(error) => {
                let reason = match error {
                    ProxyHeaderError::Malformed | ProxyHeaderError::TooLong => {
                        ConnectionRefused::ProxyInvalid
                    }
                    ProxyHeaderError::Checksum => ConnectionRefused::ProxyChecksum,
                };
                Err(self.refused(reason, peer, &error))
            }
            Beginning::Other | Beginning::Unfinished if self.protocol == ProxyProtocol::Require => {
                let refused = ConnectionRefused::ProxyMissing;
                Err(self.refused(refused, peer, &"it began without a PROXY header"))
            }
            Beginning::Other | Beginning::Unfinished => Ok(ProxiedStream::without(bytes)),
        }
    }

    /// Logs the refusal once in a while: if a balancer and its listener are configured differently,
    /// nothing works at all.
    fn refused(
        &self,
        reason: ConnectionRefused,
        peer: SocketAddr,
        why: &dyn std::fmt::Display,
    ) -> ProxyProtocolError {
        // Strangers can't drown the log lines about proxies.
        let seldom = if reason == ConnectionRefused::ProxyUntrusted {
            &self.untrusted
        } else {
            &self.unread
        };
        let level = if seldom.is_due() {
            log::Level::Warn
        } else {
            log::Level::Debug
        };
        log::log!(
            level,
            "listeners[{}]: connection from {peer} refused ({}): {why}",
            self.listener,
            reason.as_str()
        );
        ProxyProtocolError::Refused(reason)
    }

    fn note_endpoint(&self, header: &ProxyHeader, peer: SocketAddr) {
        let Some(endpoint) = &header.vpc_endpoint else {
            return;
        };
        log::debug!("{peer}: came through VPC endpoint {endpoint}");
        let mut seen = self.endpoints.lock();
        if seen.len() < ENDPOINTS && seen.insert(endpoint.clone()) {
            log::info!(
                "listeners[{}]: clients come through VPC endpoint {endpoint}",
                self.listener
            );
        }
    }
}

impl ProxiedStream {
    fn without(rest: BytesMut) -> ProxiedStream {
        ProxiedStream {
            announced: Announced::NOTHING,
            rest,
        }
    }
}

/// Reads until it is clear how the connection begins.
async fn beginning(
    socket: &mut (impl AsyncRead + Unpin),
    bytes: &mut BytesMut,
) -> io::Result<Beginning> {
    loop {
        match Beginning::read(bytes) {
            Beginning::Unfinished => {
                bytes.reserve(READ);
                if socket.read_buf(bytes).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            found => return Ok(found),
        }
    }
}
