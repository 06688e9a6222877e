//! Certificates that a client can't or soon won't trust.

use crate::common::ca::{Ca, CertFiles};
use crate::world::World;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// What a server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    Right,
    Expired,
    /// In five days.
    ExpiresSoon,
    WrongName,
    /// By an authority that nobody here knows.
    UnknownAuthority,
    SelfSigned,
    /// By an intermediate authority, whose own certificate isn't sent.
    WithoutIntermediate,
}

/// The files, and the directory in which they are if it isn't the world's own.
pub fn make(world: &World, what: Certificate, name: &str) -> (CertFiles, Option<TempDir>) {
    let home = world.directory("certificates");
    let files = match what {
        Certificate::Right => return (world.ca.issue(&[name]), None),
        Certificate::Expired => world.ca.issue_with(&[name], |params| {
            params.not_before = date_time_ymd(2024, 1, 1);
            params.not_after = date_time_ymd(2025, 1, 1);
        }),
        Certificate::ExpiresSoon => world.ca.issue_with(&[name], |params| {
            let soon = SystemTime::now() + Duration::from_secs(5 * 24 * 60 * 60);
            params.not_before = date_time_ymd(2024, 1, 1);
            params.not_after = soon.into();
        }),
        Certificate::WrongName => world.ca.issue(&[&format!("other.{name}")]),
        Certificate::UnknownAuthority => Ca::new(&home.path().join("ca")).issue(&[name]),
        Certificate::SelfSigned => {
            let (params, key) = leaf(name);
            let cert = params.self_signed(&key).expect("sign");
            write(&home, &cert.pem(), &key)
        }
        Certificate::WithoutIntermediate => {
            let mut params = CertificateParams::default();
            let common = "test intermediate authority";
            params.distinguished_name.push(DnType::CommonName, common);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            let key = KeyPair::generate().expect("a key");
            let middle = CertifiedIssuer::signed_by(params, key, world.ca.issuer());
            let (mut params, key) = leaf(name);
            params.custom_extensions.push(issuer_at());
            let cert = params.signed_by(&key, &middle.expect("sign"));
            write(&home, &cert.expect("sign").pem(), &key)
        }
    };
    (files, Some(home))
}

/// Where the intermediate authority's certificate could be had, as public authorities say it (RFC
/// 5280, 4.2.2.1): `caIssuers`, and a URL.
fn issuer_at() -> CustomExtension {
    const AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
    const CA_ISSUERS: &[u8] = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02";
    let tagged = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        let length = u8::try_from(content.len()).expect("a short extension");
        [&[tag, length][..], &content].concat()
    };
    let url = tagged(0x86, &[b"http://ca.example.test/middle.der"]);
    let access = tagged(0x30, &[CA_ISSUERS, &url]);
    CustomExtension::from_oid_content(AUTHORITY_INFO_ACCESS, tagged(0x30, &[&access]))
}

fn leaf(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    (params, KeyPair::generate().expect("a key"))
}

fn write(home: &TempDir, cert: &str, key: &KeyPair) -> CertFiles {
    let files = CertFiles {
        cert: home.path().join("front.crt"),
        key: home.path().join("front.key"),
    };
    std::fs::write(&files.cert, cert).expect("write the certificate");
    std::fs::write(&files.key, key.serialize_pem()).expect("write the key");
    files
}
