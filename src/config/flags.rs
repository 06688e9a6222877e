//! The one-Harbor configuration from flags. They become the same document that a file would hold
//! and go through the same validation; only a key is shown as its flag.

use super::yaml::{Shape, Value};

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
    let default = if pairs.is_empty() { HTTP } else { HTTPS };
    let listener = |address: &str| {
        let tls = || table([("certificates", Shape::List(pairs.clone()).into())]);
        let tls = (!pairs.is_empty()).then(|| ("tls", tls()));
        table([("address", text(address))].into_iter().chain(tls))
    };
    let listeners = if flags.listen.is_empty() {
        vec![listener(default)]
    } else {
        // Every address serves the same way; a mix of ways needs a file.
        flags.listen.iter().map(|a| listener(a)).collect()
    };
    let upstream = table([("endpoints", texts(&flags.upstream))]);
    let registry = table([
        ("name", text(REGISTRY)),
        ("public", texts(&flags.public)),
        ("upstream", upstream),
    ]);
    let admin = flags.admin.iter();
    let admin = admin.map(|address| ("admin", table([("address", text(address))])));
    let needed = [
        ("listeners", Shape::List(listeners).into()),
        ("registries", Shape::List(vec![registry]).into()),
    ];
    table(needed.into_iter().chain(admin))
}

fn text(text: &str) -> Value {
    Shape::Text(text.to_owned()).into()
}

fn texts(items: &[String]) -> Value {
    Shape::List(items.iter().map(|item| text(item)).collect()).into()
}

fn table<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let entries = entries.into_iter();
    Shape::Table(entries.map(|(name, value)| (text(name), value)).collect()).into()
}
