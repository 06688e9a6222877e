//! Certificates that are ordered by ACME: of whom, for which names, and the folder that holds what comes
//! of it. The folder is shared by all replicas; what was issued is read from there like any other file
//! of the configuration, so that a new certificate is served as soon as it is there. Deliberately unknown
//! here: how one is ordered.

use super::ca_bundle::CaBundle;
use super::certificates::{self, CertificatePair};
use super::files::{self, Making};
use super::problem::{Complaint, Keyed, Shown};
use super::rule_actions::ASK_URL;
use super::setting::{Count, List, Made, Setting, made};
use super::table::settings;
use super::text::{FILE, HOST};
use super::values::TextValue;
use super::warning::Warning;
use crate::net::origin::{Host, Origin, Scheme};
use crate::net::url::Url;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How a listener's certificates come by themselves.
#[derive(Clone, Debug)]
pub(crate) struct Acme {
    pub(crate) domains: Vec<Host>,
    pub(crate) email: Option<String>,
    pub(crate) directory: Url,
    cache: PathBuf,
    pub(crate) eab: Option<Eab>,
    pub(crate) ca: Option<CaBundle>,
    /// What was issued and can be served, in the order of the domains.
    pub(crate) issued: Vec<CertificatePair>,
}

settings! {
    #[derive(Clone)]
    pub(super) struct AcmeKeys as DraftAcme {
        /// The names that certificates are ordered for, one certificate for each.
        domains: Vec<Host> = List {
            accepted: "a list of at least one DNS name, such as [ hub.example.com ]",
            item: DOMAIN,
            count: Count::OneAtLeast,
        };
        /// Where the authority may write to about the account.
        email: Option<String> = EMAIL;
        /// The directory of the authority. Let's Encrypt's unless set; whoever orders there agrees to its
        /// terms of service.
        directory: Url = ACME_DIRECTORY, or lets_encrypt();
        /// The folder that keeps the account's key, the certificates and what is being proven; made where
        /// it is missing. Replicas share one: then one of them orders, and all of them serve.
        cache: String = FOLDER;
        /// The external account that the authority asks for, where it does (RFC 8555, 7.3.4).
        eab: Option<Eab> = "a table with key_id and key";
        /// Certificate authorities (PEM) that are trusted at the directory instead of the system's.
        ca: Option<CaBundle> = FILE;
    }
}

settings! {
    /// An account at the authority that exists beside ACME.
    #[derive(Clone, Debug)]
    pub(crate) struct Eab as DraftEab {
        /// The key's name, as the authority gives it.
        pub(crate) key_id: String = KEY_ID;
        /// A file with the MAC key in base64url, as the authority gives it.
        pub(crate) key: EabKey = FILE;
    }
}

/// The MAC key of an external account.
#[derive(Clone)]
pub(crate) struct EabKey {
    file: PathBuf,
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

const DOMAIN: TextValue<Host> = TextValue {
    accepted: "a DNS name such as hub.example.com; an address can't be proven, nor a wildcard without DNS",
    parse: |text| {
        let host = (HOST.parse)(text)?;
        let is_name = host.bare().parse::<IpAddr>().is_err() && host.bare().contains('.');
        is_name.then_some(host).ok_or(None)
    },
};

const EMAIL: TextValue<String> = TextValue {
    accepted: "a mail address, such as admin@example.com",
    parse: |text| {
        let (name, domain) = text.split_once('@').ok_or(None)?;
        let is_sound = !name.is_empty() && Host::parse(domain).is_ok();
        let is_plain = text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"?,%".contains(&b));
        (is_sound && is_plain).then(|| text.to_owned()).ok_or(None)
    },
};

const ACME_DIRECTORY: TextValue<Url> = TextValue {
    accepted: "an https URL, such as https://acme-staging-v02.api.letsencrypt.org/directory",
    parse: |text| {
        let url = (ASK_URL.parse)(text)?;
        (url.origin.scheme == Scheme::Https)
            .then_some(url)
            .ok_or(None)
    },
};

/// A folder with a file for each token.
#[derive(Clone, Debug)]
pub(crate) struct ChallengeFolder(pub(crate) PathBuf);

made!(ChallengeFolder);

impl Made for ChallengeFolder {
    type Keys = String;

    fn make(
        folder: String,
        _: &Keyed<String>,
        making: &mut Making<'_, '_>,
    ) -> Option<ChallengeFolder> {
        Some(ChallengeFolder(making.around.directory.join(folder)))
    }

    fn keys(&self) -> String {
        files::name(&self.0)
    }
}

pub(super) const FOLDER: TextValue<String> = TextValue {
    accepted: "the name of a folder; relative names start at this file's directory",
    ..FILE
};

const KEY_ID: TextValue<String> = TextValue {
    accepted: "the key's name as the authority gives it, without blanks",
    parse: |text| {
        let is_sound = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        is_sound.then(|| text.to_owned()).ok_or(None)
    },
};

/// Most operators' authority, and the one that every client's system trusts.
fn lets_encrypt() -> Url {
    Url {
        origin: Origin {
            scheme: Scheme::Https,
            host: Host::normal("acme-v02.api.letsencrypt.org"),
            port: 443,
        },
        target: "/directory".to_owned(),
    }
}

impl DraftAcme {
    pub(super) fn domains(&self) -> impl Iterator<Item = &Keyed<Host>> {
        self.domains.iter().flat_map(|list| &list.value)
    }
}

made!(Acme);

impl Made for Acme {
    type Keys = AcmeKeys;

    fn make(keys: AcmeKeys, draft: &Keyed<DraftAcme>, making: &mut Making<'_, '_>) -> Option<Acme> {
        let mut acme = Acme {
            domains: keys.domains,
            email: keys.email,
            directory: keys.directory,
            cache: making.around.directory.join(keys.cache),
            eab: keys.eab,
            ca: keys.ca,
            issued: Vec::new(),
        };
        for domain in draft.value.domains() {
            let file = acme.certificate(&domain.value);
            match issued(&file, &domain.value, making) {
                Ok(pair) => acme.issued.extend(pair),
                Err(flaw) => making.warnings.push(Warning::new(
                    &domain.key,
                    format_args!("{} {flaw}; another one is ordered", file.display()),
                )),
            }
        }
        Some(acme)
    }

    fn keys(&self) -> AcmeKeys {
        AcmeKeys {
            domains: self.domains.clone(),
            email: self.email.clone(),
            directory: self.directory.clone(),
            cache: files::name(&self.cache),
            eab: self.eab.clone(),
            ca: self.ca.clone(),
        }
    }
}

impl Acme {
    /// What belongs to this authority: certificates of a test authority are none of another's.
    pub(crate) fn folder(&self) -> PathBuf {
        let letter = |c: char| match c.is_ascii_alphanumeric() || c == '.' || c == '-' {
            true => c,
            false => '-',
        };
        let url = self.directory.to_string();
        let name = url.trim_start_matches("https://");
        self.cache
            .join(name.chars().map(letter).collect::<String>())
    }

    /// The file with a name's certificate, the rest of its chain and its key: one file, so that the three
    /// are replaced at once.
    pub(crate) fn certificate(&self, domain: &Host) -> PathBuf {
        self.folder().join(format!("{domain}.pem"))
    }

    /// The folder of answers by HTTP (RFC 8555, 8.3): a file for each token.
    pub(crate) fn http_challenges(&self) -> PathBuf {
        self.folder().join("http-01")
    }

    /// The files that it reads when they are there.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.domains.iter().map(|domain| self.certificate(domain))
    }

    /// The certificate in use for a name.
    pub(crate) fn issued_for(&self, domain: &Host) -> Option<&CertificatePair> {
        let file = self.certificate(domain);
        self.issued.iter().find(|pair| pair.cert == file)
    }
}

/// Reads what was issued; none where nothing was.
///
/// # Errors
/// What is wrong with it, in words.
fn issued(
    file: &Path,
    domain: &Host,
    making: &Making<'_, '_>,
) -> Result<Option<CertificatePair>, String> {
    let bytes = match (making.around.read)(file) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("can't be read: {error}")),
    };
    match certificates::pair(file, &bytes) {
        Ok(pair) if pair.covers(domain) => Ok(Some(pair)),
        Ok(_) => Err(format!("holds a certificate that isn't for {domain}")),
        Err(flaw) => Err(flaw.to_string()),
    }
}

impl fmt::Debug for EabKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EabKey")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

made!(EabKey);

impl Made for EabKey {
    type Keys = String;

    fn make(_: String, draft: &Keyed<String>, making: &mut Making<'_, '_>) -> Option<EabKey> {
        let (file, content) = making.contents(draft)?;
        let content = Zeroizing::new(content);
        // Some authorities give it with padding.
        let key = content.trim_ascii().strip_suffix(b"==");
        let key = key.unwrap_or(content.trim_ascii());
        let key = key.strip_suffix(b"=").unwrap_or(key);
        let secret = URL_SAFE_NO_PAD
            .decode(key)
            .ok()
            .filter(|key| !key.is_empty());
        let Some(secret) = secret else {
            let file = Shown::new(&draft.value);
            making.problems.add(&draft.key, Complaint::EabKey { file });
            return None;
        };
        making.warn_of_readers(draft, &file);
        Some(EabKey {
            file,
            secret: Zeroizing::new(secret),
        })
    }

    fn keys(&self) -> String {
        files::name(&self.file)
    }
}
