//! The one-Harbor configuration from flags. They become the same document that a file would hold
//! and go through the same validation; only a key is shown as its flag.

use super::yaml::{Shape, Value};

/// The name of the one registry that flags describe.
const REGISTRY: &str = "harbor";
const HTTPS: &str = "0.0.0.0:443";
const HTTP: &str = "0.0.0.0:80";

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
    /// Address to listen on; repeatable [default: 0.0.0.0:443 with --tls-cert, else 0.0.0.0:80]
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
