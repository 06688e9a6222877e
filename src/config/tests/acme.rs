//! Certificates that are ordered: what may be set, and what is read from the folder.

use super::super::{Flags, Warning, from_flags_in};
use super::{Files, assert_lines, top};
use rcgen::{CertificateParams, KeyPair};
use std::path::PathBuf;

fn acme(keys: &str) -> String {
    tls(&format!("acme: {{ {keys} }}"))
}

fn tls(keys: &str) -> String {
    format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {keys} }} }}]\nregistries: [{{ name: hq, public: \
         [https://hub.example.com], upstream: {{ endpoints: [http://10.0.0.5] }} }}]\n"
    )
}

const HUB: &str = "domains: [hub.example.com], cache: acme";

#[test]
fn mistakes_are_named() {
    const NAME: &str = "is not understood; accepted: a DNS name such as hub.example.com; an address can't be proven, nor a wildcard without DNS";
    let first = format!("listeners[0].tls.acme.domains[0]: \"*.example.com\" {NAME}");
    let address = format!("listeners[0].tls.acme.domains[0]: \"10.0.0.9\" {NAME}");
    let alone = format!("listeners[0].tls.acme.domains[0]: \"hub\" {NAME}");
    assert_lines(&[
        (
            acme("domains: [hub.example.com]"),
            "listeners[0].tls.acme.cache: is missing; accepted: the name of a folder; relative names start at this file's directory",
        ),
        (acme("domains: ['*.example.com'], cache: a"), &first),
        (acme("domains: [10.0.0.9], cache: a"), &address),
        (acme("domains: [hub], cache: a"), &alone),
        (
            acme("domains: [hub.example.com, HUB.example.com], cache: a"),
            "listeners[0].tls.acme.domains[1]: \"hub.example.com\" appears twice, first at listeners[0].tls.acme.domains[0]",
        ),
        (
            acme(&format!("{HUB}, email: me")),
            "listeners[0].tls.acme.email: \"me\" is not understood; accepted: a mail address, such as admin@example.com",
        ),
        (
            acme(&format!("{HUB}, directory: http://ca.example.com/")),
            "listeners[0].tls.acme.directory: \"http://ca.example.com/\" is not understood; accepted: an https URL, such as https://acme-staging-v02.api.letsencrypt.org/directory",
        ),
        (
            acme(&format!("{HUB}, eab: {{ key_id: kid-1, key: hub.key }}")),
            "listeners[0].tls.acme.eab.key: \"hub.key\" holds no key of an external account; accepted: its MAC key in base64url, as the authority gives it",
        ),
        (
            top("acme_challenge: ''"),
            "acme_challenge: \"\" is not understood; accepted: the name of a folder; relative names start at this file's directory",
        ),
    ]);
}

/// What a configuration warns of.
fn warned(files: &Files, yaml: &str) -> Vec<String> {
    let config = files.load(yaml).unwrap();
    config.warnings.iter().map(Warning::to_string).collect()
}

#[test]
fn a_name_is_somebodys() {
    let files = Files::new();
    assert_eq!(warned(&files, &acme(HUB)), [""; 0]);
    assert_eq!(
        warned(
            &files,
            &acme("domains: [hub.example.com, hbu.example.com], cache: a")
        ),
        [
            "listeners[0].tls.acme.domains[1]: hbu.example.com is the host of no public https:// origin; its certificate would serve nobody"
        ]
    );
    assert_eq!(
        warned(&files, &acme("domains: [hbu.example.com], cache: a"))[0],
        "registries[0].public[0]: no certificate covers hub.example.com; clients will refuse the connection"
    );
}

#[test]
fn what_was_issued_is_read_from_the_folder_of_its_authority() {
    let mut files = Files::new();
    let config = files.load(&acme(HUB)).unwrap();
    assert_eq!(config.certificates().count(), 0);
    let file =
        PathBuf::from("/conf/acme/acme-v02.api.letsencrypt.org-directory/hub.example.com.pem");
    assert_eq!(config.files(), std::slice::from_ref(&file));
    let key = KeyPair::generate().unwrap();
    let issue = |name: &str| {
        let certificate = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        format!("{}{}", key.serialize_pem(), certificate.pem()).into_bytes()
    };
    files.0.insert(file.clone(), issue("hub.example.com"));
    let config = files.load(&acme(HUB)).unwrap();
    assert_eq!(config.certificates().count(), 1);
    let staging = "directory: https://acme-staging-v02.api.letsencrypt.org/directory";
    let staging = files.load(&acme(&format!("{HUB}, {staging}"))).unwrap();
    assert_eq!(staging.certificates().count(), 0, "another authority's");
    let printed = config.to_yaml().unwrap();
    assert!(!printed.contains("hub.example.com.pem"), "{printed}");
    let again = files.load(&printed).unwrap();
    assert_eq!(again.to_yaml().unwrap(), printed);
    assert_eq!(again.certificates().count(), 1);
    // What can't be used is no mistake of the configuration.
    for (bytes, flaw) in [
        (
            issue("dev.example.com"),
            "holds a certificate that isn't for hub.example.com",
        ),
        (b"rubbish".to_vec(), "holds no certificate"),
    ] {
        files.0.insert(file.clone(), bytes);
        let told = warned(&files, &acme(HUB));
        assert!(told.len() == 1 && told[0].contains(flaw), "{told:?}");
        assert!(told[0].ends_with("; another one is ordered"), "{told:?}");
    }
}

#[test]
fn a_secret_is_shown_nowhere() {
    let mut files = Files::new();
    let mac = b"c2VjcmV0IG9mIHRoZSBhY2NvdW50\n";
    files.0.insert("/conf/mac".into(), mac.to_vec());
    let yaml = acme(&format!("{HUB}, eab: {{ key_id: kid-1, key: mac }}"));
    let config = files.load(&yaml).unwrap();
    let eab = config.acme().next().unwrap().eab.clone().unwrap();
    assert_eq!(eab.key.secret.as_slice(), b"secret of the account");
    let printed = format!("{config:?}{}", config.to_yaml().unwrap());
    assert!(
        printed.contains("/conf/mac") && !printed.contains("c2VjcmV0"),
        "{printed}"
    );
    assert!(
        !printed.contains("115, 101, 99"),
        "nor as numbers: {printed}"
    );
}

#[test]
fn one_flag_is_complete() {
    let files = Files::new();
    let flags = Flags {
        public: [
            "https://hub.example.com",
            "https://hub.example.com:8443",
            "http://lan.example.com",
        ]
        .map(str::to_owned)
        .into(),
        upstream: vec!["http://10.0.0.5".to_owned()],
        acme: Some("me@example.com".to_owned()),
        ..Flags::default()
    };
    let config = files.with(|around| from_flags_in(&flags, around)).unwrap();
    let addresses = config.listeners.iter().map(|one| one.address.to_string());
    assert_eq!(Vec::from_iter(addresses), ["0.0.0.0:443", "0.0.0.0:80"]);
    let acme = config.acme().next().unwrap();
    let domains: Vec<String> = acme.domains.iter().map(ToString::to_string).collect();
    assert_eq!(domains, ["hub.example.com"]);
    let folder = "/var/lib/harbormouth/acme/acme-v02.api.letsencrypt.org-directory";
    assert_eq!(acme.folder(), PathBuf::from(folder));
    assert_eq!(
        config.challenge_folders(),
        [PathBuf::from(folder).join("http-01")]
    );
    let wrong = Flags {
        acme: Some("me".to_owned()),
        public: vec!["http://hub.example.com".to_owned()],
        ..flags
    };
    let error = files.with(|around| from_flags_in(&wrong, around).unwrap_err().to_string());
    assert_eq!(
        error.lines().collect::<Vec<_>>(),
        [
            "--public: is an empty list; accepted: a list of at least one DNS name, such as [ hub.example.com ]",
            "--acme: \"me\" is not understood; accepted: a mail address, such as admin@example.com",
            "--listen: redirects to https, but no registry has a public https:// origin",
        ]
    );
}
