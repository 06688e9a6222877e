//! The one-Harbor configuration from flags. They become the same document that a file would hold
//! and go through the same validation; only a key is shown as its flag.

use serde_yaml::{Mapping, Value};

/// The name of the one registry that flags describe.
const REGISTRY: &str = "harbor";
const HTTPS: &str = "0.0.0.0:443";
const HTTP: &str = "0.0.0.0:80";

/// What can be said without a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Public origins.
    pub public: Vec<String>,
    /// Endpoints of the one Harbor.
    pub upstream: Vec<String>,
    /// Addresses; 0.0.0.0:443 with certificates, otherwise 0.0.0.0:80, if there is none.
    pub listen: Vec<String>,
    /// Certificates, and in the same order their keys.
    pub tls_cert: Vec<String>,
    pub tls_key: Vec<String>,
    pub admin: Option<String>,
}

/// The document that a file would hold.
pub(super) fn document(flags: &Flags) -> Value {
    let pairs: Vec<Value> = flags
        .tls_cert
        .iter()
        .zip(&flags.tls_key)
        .map(|(cert, key)| table([("cert", text(cert)), ("key", text(key))]))
        .collect();
    let default = match pairs.is_empty() {
        true => HTTP,
        false => HTTPS,
    };
    let listener = |address: &str| {
        let mut listener = Mapping::new();
        listener.insert(text("address"), text(address));
        if !pairs.is_empty() {
            let certificates = Value::Sequence(pairs.clone());
            listener.insert(text("tls"), table([("certificates", certificates)]));
        }
        Value::Mapping(listener)
    };
    let listeners = match flags.listen.is_empty() {
        true => vec![listener(default)],
        // Every address serves the same way; a mix of ways needs a file.
        false => flags.listen.iter().map(|a| listener(a)).collect(),
    };
    let upstream = table([("endpoints", texts(&flags.upstream))]);
    let registry = table([
        ("name", text(REGISTRY)),
        ("public", texts(&flags.public)),
        ("upstream", upstream),
    ]);
    let mut document = Mapping::new();
    document.insert(text("listeners"), Value::Sequence(listeners));
    document.insert(text("registries"), Value::Sequence(vec![registry]));
    if let Some(address) = &flags.admin {
        document.insert(text("admin"), table([("address", text(address))]));
    }
    Value::Mapping(document)
}

/// The flag that a key of the document came from.
pub(super) fn flag_of(path: &str) -> &str {
    match path {
        _ if path.starts_with("listeners") && path.ends_with(".cert") => "--tls-cert",
        _ if path.starts_with("listeners") && path.ends_with(".key") => "--tls-key",
        _ if path.starts_with("listeners") => "--listen",
        _ if path.starts_with("admin") => "--admin",
        _ if path.contains(".public") => "--public",
        _ if path.contains(".upstream") => "--upstream",
        // Nothing else of the document comes from a flag.
        _ => path,
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn texts(items: &[String]) -> Value {
    Value::Sequence(items.iter().map(|item| text(item)).collect())
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Mapping(
        entries
            .into_iter()
            .map(|(name, value)| (text(name), value))
            .collect(),
    )
}
