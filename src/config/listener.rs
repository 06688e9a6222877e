//! The addresses that clients connect to: their certificates, redirects and PROXY protocol.

use super::acme::Acme;
use super::certificates::{self, CertificatePair};
use super::files::{self, Making};
use super::problem::{Complaint, Keyed, Shown};
use super::setting::{Count, List, Made, Setting, made};
use super::table::settings;
use super::text::{ADDRESS, FILE};
use super::values::{TRUTH, choice};
use crate::net::origin::Host;
use crate::str_enum::str_enum;
use std::net::SocketAddr;
use std::sync::Arc;

/// One address that clients connect to.
#[derive(Clone, Debug)]
pub struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) kind: ListenerKind,
    pub proxy_protocol: ProxyProtocol,
}

str_enum! {
    /// Whether a trusted proxy begins its connections with a PROXY protocol header, of version 1 or 2.
    pub enum ProxyProtocol {
        /// None is looked for.
        Off "off",
        /// One may come.
        Accept "accept",
        /// A connection without one is refused, and so is one that comes from anybody else.
        Require "require",
    }
}

choice!(ProxyProtocol);

#[derive(Clone, Debug)]
pub(crate) enum ListenerKind {
    /// HTTPS; the certificate is chosen by SNI, the first is the default.
    Tls {
        certificates: Vec<CertificatePair>,
        acme: Option<Box<Acme>>,
    },
    /// HTTP, for loopback and for balancers that end TLS.
    Plain,
    /// HTTP that answers with 308 to the https origin, unless a trusted proxy says that the client
    /// came by https.
    RedirectToHttps,
}

impl Listener {
    pub(crate) fn redirects(&self) -> bool {
        match &self.kind {
            ListenerKind::RedirectToHttps => true,
            ListenerKind::Tls { .. } | ListenerKind::Plain => false,
        }
    }

    /// Its certificates, where it speaks TLS: those of files, then those that were issued.
    pub(crate) fn certificates(&self) -> Option<impl Iterator<Item = &CertificatePair>> {
        match &self.kind {
            ListenerKind::Tls { certificates, acme } => {
                let issued = acme.iter().flat_map(|acme| &acme.issued);
                Some(certificates.iter().chain(issued))
            }
            ListenerKind::Plain | ListenerKind::RedirectToHttps => None,
        }
    }

    /// How certificates come to it by themselves, where they do.
    pub(crate) fn acme(&self) -> Option<&Acme> {
        match &self.kind {
            ListenerKind::Tls { acme, .. } => acme.as_deref(),
            ListenerKind::Plain | ListenerKind::RedirectToHttps => None,
        }
    }
}

settings! {
    #[derive(Clone)]
    pub(super) struct ListenerKeys as DraftListener {
        /// The address that clients connect to.
        address: SocketAddr = ADDRESS;
        /// HTTPS; without it a listener speaks plain HTTP.
        tls: Option<TlsConfig> = "a table with certificates, acme";
        /// Whether this listener answers plain HTTP with a 308 to the https origin; not together with
        /// `tls`.
        redirect_to_https: Option<bool> = TRUTH;
        /// Whether connections begin with a PROXY protocol header: `off`, `accept` (may) or `require`
        /// (must).
        proxy_protocol: ProxyProtocol = "off, accept or require", or ProxyProtocol::Off;
    }
}

settings! {
    #[derive(Clone)]
    pub(super) struct TlsConfig as DraftTls {
        /// Certificates, chosen by the name that the client asks for (SNI); the first serves names that
        /// none of them has.
        certificates: Vec<CertificatePair> = List {
            accepted: "a list of {cert: FILE, key: FILE}",
            item: "a table with cert and key",
            count: Count::Any,
        };
        /// Certificates that are ordered from an authority by ACME (RFC 8555), such as Let's Encrypt, and
        /// renewed in time.
        acme: Option<Acme> = "a table with domains and cache";
    }
}

impl DraftTls {
    /// Whether it names no certificate, and no way to get one.
    pub(super) fn serves_nothing(&self) -> bool {
        let certificates = self.certificates.as_ref();
        certificates.is_none_or(|list| list.value.is_empty()) && self.acme.is_none()
    }

    /// Names that certificates are ordered for.
    pub(super) fn domains(&self) -> impl Iterator<Item = &Keyed<Host>> {
        self.acme.iter().flat_map(|acme| acme.value.domains())
    }
}

settings! {
    #[derive(Clone)]
    pub(super) struct PairKeys as DraftPair {
        /// A PEM file: the server's own certificate first, then the intermediates.
        cert: String = FILE;
        /// A PEM file: the private key, unencrypted.
        key: String = FILE;
    }
}

made!(Listener);

impl Made for Listener {
    type Keys = ListenerKeys;

    fn make(
        keys: ListenerKeys,
        _: &Keyed<DraftListener>,
        _: &mut Making<'_, '_>,
    ) -> Option<Listener> {
        let kind = match (keys.tls, keys.redirect_to_https) {
            (Some(TlsConfig { certificates, acme }), _) => ListenerKind::Tls {
                certificates,
                acme: acme.map(Box::new),
            },
            (None, Some(true)) => ListenerKind::RedirectToHttps,
            (None, Some(false) | None) => ListenerKind::Plain,
        };
        Some(Listener {
            address: keys.address,
            kind,
            proxy_protocol: keys.proxy_protocol,
        })
    }

    fn keys(&self) -> ListenerKeys {
        let (tls, redirect_to_https) = match &self.kind {
            ListenerKind::Tls { certificates, acme } => {
                let (certificates, acme) = (certificates.clone(), acme.as_deref().cloned());
                (Some(TlsConfig { certificates, acme }), None)
            }
            ListenerKind::Plain => (None, Some(false)),
            ListenerKind::RedirectToHttps => (None, Some(true)),
        };
        ListenerKeys {
            address: self.address,
            tls,
            redirect_to_https,
            proxy_protocol: self.proxy_protocol,
        }
    }
}

made!(CertificatePair);

impl Made for CertificatePair {
    type Keys = PairKeys;

    fn make(
        _: PairKeys,
        draft: &Keyed<DraftPair>,
        making: &mut Making<'_, '_>,
    ) -> Option<CertificatePair> {
        let (cert, key) = (draft.value.cert.as_ref()?, draft.value.key.as_ref()?);
        // Both are read before either ends this: all problems at once.
        let chain = making.pem(cert, certificates::chain);
        let private = making.pem(key, certificates::private_key);
        let ((cert_path, chain), (key_path, private)) = (chain?, private?);
        match certificates::certify(&chain.certificates, private, &cert.value) {
            Ok(certified) => Some(CertificatePair {
                cert: cert_path,
                key: key_path,
                certified: Arc::new(certified),
                names: chain.names,
            }),
            Err(flaw) => {
                let file = Shown::new(&key.value);
                making.problems.add(&key.key, Complaint::Pem { file, flaw });
                None
            }
        }
    }

    fn keys(&self) -> PairKeys {
        PairKeys {
            cert: files::name(&self.cert),
            key: files::name(&self.key),
        }
    }
}
