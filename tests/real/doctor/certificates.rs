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
            params
                .custom_extensions
                .push(issuer_at(b"http://ca.example.test/"));
            let cert = params.signed_by(&key, &middle.expect("sign"));
            write(&home, &cert.expect("sign").pem(), &key)
        }
    };
    (files, Some(home))
}

fn leaf(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    (params, KeyPair::generate().expect("a key"))
}

/// What public authorities write into every certificate: where their own can be had (RFC 5280,
/// 4.2.2.1), in DER.
fn issuer_at(url: &[u8]) -> CustomExtension {
    let within = |tag: u8, content: Vec<u8>| {
        let length = u8::try_from(content.len()).expect("a short one");
        [vec![tag, length], content].concat()
    };
    // 1.3.6.1.5.5.7.48.2, caIssuers.
    let method = within(0x06, vec![0x2b, 6, 1, 5, 5, 7, 0x30, 2]);
    let location = within(0x86, url.to_vec());
    let description = within(0x30, [method, location].concat());
    let content = within(0x30, description);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
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
