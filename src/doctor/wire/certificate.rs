//! Certificates: which authorities are trusted, what a server sent, and whether a client accepts it.
//!
//! The verdict depends on this build's algorithms and this machine's clock. Revocation is not checked:
//! no registry client does that.

use crate::doctor::trace::{CertificateSeen, Distrust};
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::net::IpAddr;
use std::sync::Arc;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS;
use x509_parser::prelude::{FromDer, X509Name};

/// Those whose signatures are believed.
#[derive(Debug)]
pub(super) struct Authorities {
    /// None where nobody is believed.
    verifier: Option<Arc<WebPkiServerVerifier>>,
    certificates: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    /// These and what docker and podman keep for the registry; none where that is nothing.
    with_kept: Option<Box<Authorities>>,
}

/// What a server showed in a handshake.
#[derive(Clone, Debug)]
pub(super) struct ShownCertificates {
    pub(super) chain: Vec<CertificateSeen>,
    pub(super) distrust: Option<Distrust>,
    /// Whether it is trusted, and only for what docker and podman keep.
    pub(super) kept_by_docker: bool,
    /// Whose client certificates it asked for; none where it asked for none.
    pub(super) asks_for: Option<Vec<String>>,
}

/// Lets every handshake go on whose signatures are right, and keeps what was shown in it. What is
/// to happen with a server that isn't trusted, others decide.
#[derive(Debug)]
pub(super) struct Recorder {
    authorities: Arc<Authorities>,
    shown: Mutex<Option<ShownCertificates>>,
    asks_for: Mutex<Option<Vec<String>>>,
}

impl Authorities {
    pub(super) fn new(
        certificates: Vec<CertificateDer<'static>>,
        kept: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Authorities {
        let with_kept = (!kept.is_empty()).then(|| {
            let all = certificates.iter().cloned().chain(kept).collect();
            Box::new(Authorities::new(all, Vec::new(), provider.clone()))
        });
        let mut roots = RootCertStore::empty();
        // A machine's store may well hold what can't be read; it then vouches for nobody.
        roots.add_parsable_certificates(certificates.iter().cloned());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                // Without authorities there is none.
                .ok();
        Authorities {
            verifier,
            certificates,
            provider,
            with_kept,
        }
    }

    /// Why it isn't trusted, if it isn't; and whether only what docker and podman keep vouches for it.
    fn judged(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> (Option<Distrust>, bool) {
        let usual = self.distrust(own, between, name, now);
        match &self.with_kept {
            Some(all) => {
                let distrust = all.distrust(own, between, name, now);
                let is_kept = usual.is_some() && distrust.is_none();
                (distrust, is_kept)
            }
            None => (usual, false),
        }
    }

    fn distrust(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<Distrust> {
        let Some(verifier) = &self.verifier else {
            return Some(Distrust::UnknownIssuer);
        };
        let error = match verifier.verify_server_cert(own, between, name, &[], now) {
            Ok(_) => return None,
            Err(rustls::Error::InvalidCertificate(error)) => error,
            Err(other) => return Some(Distrust::Other(other.to_string())),
        };
        match distrust_of(error) {
            Distrust::Other(reason) => self.by_hand(own, name, now, reason),
            other => Some(other),
        }
    }

    /// A server's certificate that is an authority's as well, as `openssl req -x509` makes them, is
    /// refused by webpki in any case. Registry clients take it where it is itself among the trusted,
    /// and call it unknown where it isn't.
    fn by_hand(
        &self,
        own: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
        reason: String,
    ) -> Option<Distrust> {
        let (Some(seen), Ok(parsed)) = (describe(own), ParsedCertificate::try_from(own)) else {
            return Some(Distrust::Other(reason));
        };
        if !self.certificates.iter().any(|trusted| trusted == own) {
            return Some(if seen.subject == seen.issuer {
                Distrust::UnknownIssuer
            } else {
                Distrust::Other(reason)
            });
        }
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now > seen.not_after {
            return Some(Distrust::Expired);
        }
        if now < seen.not_before {
            return Some(Distrust::NotYetValid);
        }
        match rustls::client::verify_server_name(&parsed, name) {
            Ok(()) => None,
            Err(_) => Some(Distrust::WrongName),
        }
    }
}

fn distrust_of(error: CertificateError) -> Distrust {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Distrust::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Distrust::WrongName
        }
        // A bad signature is an authority that was made anew under its old name: clients call that
        // an unknown one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Distrust::UnknownIssuer,
        // The rest has no word of its own; the enum is open, so it can't be listed.
        other => Distrust::Other(rustls::Error::InvalidCertificate(other).to_string()),
    }
}

/// Why, for people.
pub(super) fn words(distrust: &Distrust) -> &str {
    match distrust {
        Distrust::Expired => "it has expired",
        Distrust::NotYetValid => "it is not valid yet",
        Distrust::WrongName => "it is for other names",
        Distrust::UnknownIssuer => "its issuer is unknown here",
        Distrust::Other(reason) => reason,
    }
}

impl Recorder {
    pub(super) fn new(authorities: Arc<Authorities>) -> Recorder {
        Recorder {
            authorities,
            shown: Mutex::new(None),
            asks_for: Mutex::new(None),
        }
    }

    /// None until the server has shown a certificate.
    pub(super) fn shown(&self) -> Option<ShownCertificates> {
        let shown = self.shown.lock().clone()?;
        Some(ShownCertificates {
            asks_for: self.asks_for(),
            ..shown
        })
    }

    /// Whose client certificates the server asks for; none where it asks for none.
    pub(super) fn asks_for(&self) -> Option<Vec<String>> {
        self.asks_for.lock().clone()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (distrust, kept_by_docker) = self.authorities.judged(own, between, name, now);
        let shown = ShownCertificates {
            chain: std::iter::once(own)
                .chain(between)
                .filter_map(describe)
                .collect(),
            distrust,
            kept_by_docker,
            asks_for: None,
        };
        *self.shown.lock() = Some(shown);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.authorities.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.authorities.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities
            .provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Has no certificate, and keeps whose the server asks for.
impl ResolvesClientCert for Recorder {
    fn resolve(&self, issuers: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let name = |bytes: &&[u8]| {
            let (_, name) = X509Name::from_der(bytes).ok()?;
            Some(printable(&name.to_string()))
        };
        let issuers = issuers.iter().take(MOST_ISSUERS).filter_map(name).collect();
        *self.asks_for.lock() = Some(issuers);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Whose certificates are asked for: servers that list every authority they know name a hundred.
const MOST_ISSUERS: usize = 5;

/// None for bytes that are no certificate.
fn describe(certificate: &CertificateDer<'_>) -> Option<CertificateSeen> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let names = match parsed.subject_alternative_name() {
        Ok(Some(extension)) => extension
            .value
            .general_names
            .iter()
            .filter_map(name)
            .collect(),
        Ok(None) | Err(_) => Vec::new(),
    };
    Some(CertificateSeen {
        subject: printable(&parsed.subject().to_string()),
        issuer: printable(&parsed.issuer().to_string()),
        issuer_at: parsed.iter_extensions().find_map(issuer_at),
        names,
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
    })
}

/// Authority information access (RFC 5280, 4.2.2.1), its `caIssuers`.
fn issuer_at(extension: &X509Extension<'_>) -> Option<String> {
    let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
        return None;
    };
    access.iter().find_map(|one| match one.access_location {
        GeneralName::URI(uri) if one.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS => {
            Some(printable(uri))
        }
        _ => None,
    })
}

/// The kinds of names that a server is known by; the enum has many others.
fn name(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name {
        return Some(printable(name));
    }
    let GeneralName::IPAddress(bytes) = name else {
        return None;
    };
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
        _ => return None,
    };
    Some(address.to_string())
}

/// Anybody writes what they like into a certificate, and a terminal would obey it.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
