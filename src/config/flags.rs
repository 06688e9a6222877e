//! The one-Harbor configuration from flags. They become the same document that a file would hold
//! and go through the same validation; only a key is shown as its flag.

use super::yaml::{Shape, Value};
use crate::net::origin::{Origin, Scheme};
use std::collections::BTreeSet;

/// The name of the one registry that flags describe.
const REGISTRY: &str = "harbor";
const HTTPS: &str = "0.0.0.0:443";
const HTTP: &str = "0.0.0.0:80";
/// Where the file hierarchy has what a program keeps.
const CACHE: &str = "/var/lib/harbormouth/acme";

/// What can be said without a file. What stands at each flag is its help.
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "the brackets are those of --help, and lead nowhere"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Flags {
    /// What clients type: http(s)://host[:port]; repeat for more names of this Harbor
    #[arg(
        long,
        value_name = "URL",
        requires = "upstream",
        conflicts_with = "config"
    )]
    pub public: Vec<String>,
    /// Where Harbor is: http(s)://host[:port]; repeat for replicas of the same Harbor
    #[arg(
        long,
        value_name = "URL",
        requires = "public",
        conflicts_with = "config"
    )]
    pub upstream: Vec<String>,
    /// Address to listen on; repeatable [default: 0.0.0.0:443 with --tls-cert; both 0.0.0.0:443 and, redirecting
    /// to it, 0.0.0.0:80 with --acme; else 0.0.0.0:80]
    #[arg(long, value_name = "ADDR", conflicts_with = "config")]
    pub listen: Vec<String>,
    /// Certificate chain (PEM), the server's own first; every --listen then serves HTTPS
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        conflicts_with = "config"
    )]
    pub tls_cert: Vec<String>,
    /// Private key (PEM) of the --tls-cert at the same place; repeat both for more names
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        conflicts_with = "config"
    )]
    pub tls_key: Vec<String>,
    /// Let Let's Encrypt issue a certificate for each https --public, and renew it; the address is for what it
    /// has to say about the account. You agree to its terms of service
    #[arg(long, value_name = "EMAIL", conflicts_with_all = ["config", "tls_cert"])]
    pub acme: Option<String>,
    /// Where the account's key and the certificates of --acme are kept [default: /var/lib/harbormouth/acme]
    #[arg(long, value_name = "DIR", requires = "acme", conflicts_with = "config")]
    pub acme_cache: Option<String>,
    /// Address of /livez, /readyz and /metrics [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR", conflicts_with = "config")]
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
    let certificates = || ("certificates", Shape::List(pairs.clone()).into());
    let certificates = (!pairs.is_empty()).then(certificates);
    let acme = flags
        .acme
        .as_ref()
        .map(|email| ("acme", acme(email, flags)));
    let tls: Vec<_> = certificates.into_iter().chain(acme).collect();
    let listener = |address: &str| {
        let tls = (!tls.is_empty()).then(|| ("tls", table(tls.clone())));
        table([("address", text(address))].into_iter().chain(tls))
    };
    let redirecting = || {
        table([
            ("address", text(HTTP)),
            ("redirect_to_https", Shape::Bool(true).into()),
        ])
    };
    let listeners = if !flags.listen.is_empty() {
        // Every address serves the same way; a mix of ways needs a file.
        flags.listen.iter().map(|a| listener(a)).collect()
    } else if flags.acme.is_some() {
        vec![listener(HTTPS), redirecting()]
    } else {
        vec![listener(if tls.is_empty() { HTTP } else { HTTPS })]
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

/// For the hosts of the origins that speak TLS.
fn acme(email: &str, flags: &Flags) -> Value {
    let origins = flags
        .public
        .iter()
        .filter_map(|public| Origin::parse(public).ok());
    let hosts = origins.filter(|origin| origin.scheme == Scheme::Https);
    let hosts: BTreeSet<String> = hosts.map(|origin| origin.host.to_string()).collect();
    let hosts: Vec<String> = hosts.into_iter().collect();
    let cache = flags.acme_cache.as_deref().unwrap_or(CACHE);
    table([
        ("domains", texts(&hosts)),
        ("email", text(email)),
        ("cache", text(cache)),
    ])
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
