//! Certificates and keys: from the bytes of PEM files to what rustls uses. It reads no file and no
//! clock; whether a certificate has expired is asked with `now`.

use super::problem::{PemFlaw, Shown};
use crate::net::origin::Host;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// A chain whose server certificate is for `names`.
#[derive(Debug)]
pub(super) struct Chain {
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) names: Vec<String>,
}

/// A certificate chain and its key: readable, and matching each other, when the configuration was
/// read.
#[derive(Clone, Debug)]
pub(crate) struct CertificatePair {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) certified: Arc<rustls::sign::CertifiedKey>,
    /// The DNS names and addresses the certificate is for, lower case.
    pub(crate) names: Vec<String>,
}

/// Reads a chain, the server's own certificate first.
pub(super) fn chain(pem: &[u8]) -> Result<Chain, PemFlaw> {
    let certificates = certificates(pem)?;
    let mut names = Vec::new();
    for (index, der) in certificates.iter().enumerate() {
        let parsed = parse(der, index + 1)?;
        if index == 0 {
            names = names_of(&parsed);
        }
    }
    Ok(Chain {
        certificates,
        names,
    })
}

/// Reads certificates to be trusted.
pub(super) fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemFlaw> {
    let certificates = certificates(pem)?;
    let mut roots = rustls::RootCertStore::empty();
    for (index, der) in certificates.iter().enumerate() {
        roots
            .add(der.clone())
            .map_err(|error| PemFlaw::BadCertificate {
                number: index + 1,
                error: error.to_string(),
            })?;
    }
    Ok(certificates)
}

/// Reads a private key.
pub(super) fn private_key(pem: &[u8]) -> Result<Arc<dyn rustls::sign::SigningKey>, PemFlaw> {
    let key = match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => key,
        Err(pem::Error::NoItemsFound) => return Err(PemFlaw::NoKey),
        Err(error) => return Err(syntax(&error)),
    };
    any_supported_type(&key).map_err(|error| PemFlaw::BadKey(error.to_string()))
}

/// Puts a chain and a key together if they belong together. `cert` names the chain's file.
pub(super) fn certify(
    chain: &[CertificateDer<'static>],
    key: Arc<dyn rustls::sign::SigningKey>,
    cert: &str,
) -> Result<CertifiedKey, PemFlaw> {
    let certified = CertifiedKey::new(chain.to_vec(), Arc::clone(&key));
    if certified.keys_match().is_ok() {
        return Ok(certified);
    }
    let belongs_to = chain.iter().position(|der| {
        CertifiedKey::new(vec![der.clone()], Arc::clone(&key))
            .keys_match()
            .is_ok()
    });
    let file = Shown::new(cert);
    Err(match belongs_to {
        Some(index) => PemFlaw::WrongOrder {
            file,
            number: index + 1,
        },
        None => PemFlaw::Mismatch(file),
    })
}

/// Reads a chain and its key out of one file.
pub(super) fn pair(file: &Path, pem: &[u8]) -> Result<CertificatePair, PemFlaw> {
    let chain = chain(pem)?;
    let key = private_key(pem)?;
    Ok(CertificatePair {
        certified: Arc::new(certify(&chain.certificates, key, &file.to_string_lossy())?),
        cert: file.to_owned(),
        key: file.to_owned(),
        names: chain.names,
    })
}

impl CertificatePair {
    /// Of one file that holds all of it; none where it holds something else.
    pub(crate) fn read(file: &Path, pem: &[u8]) -> Option<CertificatePair> {
        pair(file, pem).ok()
    }

    /// Whether a client that asked for `host` accepts this certificate's names.
    pub(crate) fn covers(&self, host: &Host) -> bool {
        let wildcard = host
            .bare()
            .split_once('.')
            .map(|(_, parent)| format!("*.{parent}"));
        self.names
            .iter()
            .any(|name| name == host.bare() || Some(name) == wildcard.as_ref())
    }

    /// When the server's certificate ends; `None` if it says nothing that can be read.
    pub(crate) fn valid_until(&self) -> Option<SystemTime> {
        self.validity().map(|validity| validity.end)
    }

    /// From when to when the server's certificate holds; `None` if it says nothing that can be read.
    pub(crate) fn validity(&self) -> Option<Range<SystemTime>> {
        let der = self.certified.cert.first()?;
        let parsed = parse(der, 1).ok()?;
        let time = |time: ASN1Time| {
            let since_epoch = Duration::from_secs(u64::try_from(time.timestamp()).ok()?);
            SystemTime::UNIX_EPOCH.checked_add(since_epoch)
        };
        let validity = parsed.validity();
        Some(time(validity.not_before)?..time(validity.not_after)?)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemFlaw> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| syntax(&error))?;
    if certificates.is_empty() {
        return Err(PemFlaw::NoCertificate);
    }
    Ok(certificates)
}

/// In our own words: the error's own could quote the bytes of a key.
fn syntax(error: &pem::Error) -> PemFlaw {
    PemFlaw::Syntax(match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no END line",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is malformed",
        pem::Error::Base64Decode(_) => "a section is not base64",
        // The enum is open; what else it holds concerns reading files, which isn't done here.
        _ => "it can't be split into sections",
    })
}

fn parse<'a>(der: &'a CertificateDer<'_>, number: usize) -> Result<X509Certificate<'a>, PemFlaw> {
    match X509Certificate::from_der(der) {
        Ok((_, parsed)) => Ok(parsed),
        Err(error) => Err(PemFlaw::BadCertificate {
            number,
            error: error.to_string(),
        }),
    }
}

/// Only the subject alternative names: clients have not looked at the common name for years.
fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        // The rest names people, directories and URIs, none of which is a host.
        _ => None,
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(name)
        .collect()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}
