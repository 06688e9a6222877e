//! Prometheus' web configuration file, which says how the admin listener is protected: TLS, client
//! certificates, users. The form is that of Prometheus, its exporters and Alertmanager
//! (`--web.config.file`; exporter-toolkit's `docs/web-configuration.md`), so that one file serves all of
//! them. What of it isn't understood here is an error: nothing that protects is passed over in silence.

use super::ca_bundle::CaBundle;
use super::certificates::CertificatePair;
use super::document::Node;
use super::files::{self, Making};
use super::listener::DraftPair;
use super::problem::{Complaint, Key, Keyed, Source};
use super::setting::{Made, Setting, made};
use super::table::settings;
use super::text::FILE;
use super::values::choice;
use super::web_users::{AdminUser, UsersRule};
use super::yaml::{self, ValuesLeft};
use crate::str_enum::str_enum;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the file says.
#[derive(Clone, Debug)]
pub(crate) struct WebConfig {
    pub(crate) file: PathBuf,
    pub(crate) tls: Option<AdminTls>,
    /// Who is answered; everybody where there is none.
    pub(crate) users: Vec<AdminUser>,
}

/// TLS of the admin listener.
#[derive(Clone, Debug)]
pub(crate) struct AdminTls {
    pub(crate) pair: CertificatePair,
    /// Who signs the certificates that clients have to show; they need none where this is `None`.
    pub(crate) client_ca: Option<CaBundle>,
    min_version: MinVersion,
    pub(crate) server: Arc<rustls::ServerConfig>,
}

settings! {
    /// The file as it is written.
    pub(super) struct WebFile as DraftWebFile {
        /// TLS.
        tls_server_config: Option<AdminTls> = "a table with cert_file, key_file, client_ca_file, client_auth_type, min_version";
        /// Users, each with the bcrypt hash of the password.
        basic_auth_users: Vec<AdminUser> = UsersRule;
    }
}

settings! {
    /// TLS as it is written.
    pub(super) struct TlsServerKeys as DraftTlsServer {
        /// The certificate chain (PEM).
        cert_file: String = FILE;
        /// Its key (PEM).
        key_file: String = FILE;
        /// Whether clients have to show a certificate.
        client_auth_type: ClientAuthType = "NoClientCert or RequireAndVerifyClientCert", or ClientAuthType::NoClientCert;
        /// Who has to have signed it (PEM).
        client_ca_file: Option<CaBundle> = FILE;
        /// The oldest version of TLS that is spoken.
        min_version: MinVersion = "TLS12 or TLS13", or MinVersion::Tls12;
    }
}

str_enum! {
    /// Go's other three let a client in that shows no certificate, or one of anybody.
    pub(super) enum ClientAuthType {
        NoClientCert "NoClientCert",
        RequireAndVerifyClientCert "RequireAndVerifyClientCert",
    }
}

choice!(ClientAuthType);

str_enum! {
    pub(crate) enum MinVersion {
        Tls12 "TLS12",
        Tls13 "TLS13",
    }
}

choice!(MinVersion);

made!(WebConfig);

impl Made for WebConfig {
    type Keys = String;

    fn make(_: String, draft: &Keyed<String>, making: &mut Making<'_, '_>) -> Option<WebConfig> {
        let (file, bytes) = making.contents(draft)?;
        let root = Key::of_source(Source {
            file: PathBuf::from(&draft.value),
            directory: file.parent().unwrap_or(Path::new("/")).to_owned(),
        });
        let document = match yaml::parse(&bytes, &ValuesLeft::default()) {
            Ok(document) => document,
            Err(flaw) => {
                let (root, flaw) = (root.placed(flaw.at), flaw.message);
                making.problems.add(&root, Complaint::NoDocument { flaw });
                return None;
            }
        };
        let node = Node::root(root, &document);
        if node.is_empty() {
            let accepted = FILE_KEYS.into();
            making
                .problems
                .add(&node.key, Complaint::NoValue { accepted });
            return None;
        }
        let value = WebFile::read(&FILE_KEYS, &node, &mut making.problems)?;
        let key = node.key;
        let made = WebFile::finish(&Keyed { key, value }, making)?;
        if !made.basic_auth_users.is_empty() {
            making.warn_of_readers(draft, &file);
        }
        Some(WebConfig {
            file,
            tls: made.tls_server_config,
            users: made.basic_auth_users,
        })
    }

    fn keys(&self) -> String {
        files::name(&self.file)
    }
}

const FILE_KEYS: &str = "a table with tls_server_config, basic_auth_users";

made!(AdminTls);

impl Made for AdminTls {
    type Keys = TlsServerKeys;

    fn make(
        keys: TlsServerKeys,
        draft: &Keyed<DraftTlsServer>,
        making: &mut Making<'_, '_>,
    ) -> Option<AdminTls> {
        let pair = Keyed {
            key: draft.key.clone(),
            value: DraftPair {
                cert: draft.value.cert_file.clone(),
                key: draft.value.key_file.clone(),
            },
        };
        let pair = CertificatePair::finish(&pair, making)?;
        let client_ca = match (keys.client_auth_type, keys.client_ca_file) {
            (ClientAuthType::NoClientCert, None) => None,
            (ClientAuthType::RequireAndVerifyClientCert, Some(ca)) => Some(ca),
            (ClientAuthType::NoClientCert, Some(_)) => {
                let file = draft.value.client_ca_file.as_ref();
                let key = file.map_or(&draft.key, |file| &file.key);
                making.problems.add(key, Complaint::NoClientAuth);
                return None;
            }
            (ClientAuthType::RequireAndVerifyClientCert, None) => {
                let key = draft.key.child("client_ca_file");
                let accepted = FILE.accepted.into();
                making.problems.add(&key, Complaint::Missing { accepted });
                return None;
            }
        };
        match server(&pair, client_ca.as_ref(), keys.min_version) {
            Ok(server) => Some(AdminTls {
                pair,
                client_ca,
                min_version: keys.min_version,
                server: Arc::new(server),
            }),
            Err(error) => {
                let error = error.to_string();
                making
                    .problems
                    .add(&draft.key, Complaint::NoTlsWithIt { error });
                None
            }
        }
    }

    fn keys(&self) -> TlsServerKeys {
        TlsServerKeys {
            cert_file: files::name(&self.pair.cert),
            key_file: files::name(&self.pair.key),
            client_auth_type: match self.client_ca {
                Some(_) => ClientAuthType::RequireAndVerifyClientCert,
                None => ClientAuthType::NoClientCert,
            },
            client_ca_file: self.client_ca.clone(),
            min_version: self.min_version,
        }
    }
}

/// What a handshake needs. HTTP/1.1 only: scrapers, probes and a page have no use for more.
fn server(
    pair: &CertificatePair,
    client_ca: Option<&CaBundle>,
    min: MinVersion,
) -> Result<rustls::ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients: Arc<dyn ClientCertVerifier> = match client_ca {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(ca) => {
            let roots = Arc::new(ca.roots()?);
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?
        }
    };
    let versions: &[_] = match min {
        MinVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        MinVersion::Tls13 => &[&rustls::version::TLS13],
    };
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(Arc::clone(
            &pair.certified,
        ))));
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(server)
}
