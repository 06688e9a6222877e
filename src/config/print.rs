//! The effective configuration as YAML: every key with the value that is in force. Loading it
//! again gives the same configuration. It holds no secrets: keys and certificates are only named.

use super::canary::Canary;
use super::types::{
    ClientAddressRule, Config, Drain, Hsts, Limits, Listener, ListenerKind, LogFormat, LoginLimit,
    Maintenance, MaxInFlight, MovedAuthorization, Prefer, ProxyProtocol, Reattach, ReattachMode,
    Registry, SealingKeys, UpstreamTls,
};
use ipnet::IpNet;
use serde_yaml::{Mapping, Value};
use std::path::Path;
use std::time::Duration;

impl Config {
    /// The configuration as a file would say it.
    ///
    /// # Errors
    /// Where YAML can't be written, which no known value causes.
    pub fn to_yaml(&self) -> Result<String, serde_yaml::Error> {
        serde_yaml::to_string(&table(self.document()))
    }

    /// The document's keys with their values.
    pub(crate) fn document(&self) -> Vec<(&'static str, Value)> {
        let format = match self.log.format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let mut document = vec![
            ("listeners", list(&self.listeners, listener)),
            (
                "admin",
                table([
                    ("address", text(&self.admin.address.to_string())),
                    ("hosts", list(&self.admin.hosts, |host| text(host.as_str()))),
                ]),
            ),
            (REGISTRIES, list(&self.registries, |r| r.document())),
            ("trusted_proxies", list(&self.trusted_proxies, network)),
        ];
        let header = self.client_address_header.as_ref();
        document.extend(header.map(|header| ("client_address_header", text(header.as_str()))));
        document.extend([
            (CANARY, list(&self.canaries, canary)),
            (
                "restore_authorization_from",
                list(&self.restore_authorization_from, moved),
            ),
            ("login_limit", login_limit(&self.login_limit)),
            ("log", table([("format", text(format))])),
            ("limits", limits(&self.limits)),
            ("drain", drain(&self.drain)),
            (
                "liveness",
                table([("silence", duration(self.liveness.silence))]),
            ),
            ("threads", Value::from(self.threads)),
        ]);
        document
    }
}

/// The key of the document's largest part.
pub(crate) const REGISTRIES: &str = "registries";

/// The key of what walks through the public origins.
pub(crate) const CANARY: &str = "canary";

impl Registry {
    /// The registry's entry in the document.
    pub(crate) fn document(&self) -> Value {
        registry(self)
    }
}

fn canary(canary: &Canary) -> Value {
    let mut fields = vec![
        ("registry", text(&canary.registry)),
        ("repository", text(&canary.repository)),
        ("credentials", path(&canary.credentials.file)),
        ("interval", duration(canary.interval)),
    ];
    fields.extend(canary.ca.iter().map(|file| ("ca", path(file))));
    if !canary.realm_hosts.is_empty() {
        let hosts = list(&canary.realm_hosts, |host| text(host.as_str()));
        fields.push(("realm_hosts", hosts));
    }
    table(fields)
}

fn listener(listener: &Listener) -> Value {
    let protocol = match listener.proxy_protocol {
        ProxyProtocol::Off => "off",
        ProxyProtocol::Accept => "accept",
        ProxyProtocol::Require => "require",
    };
    let address = ("address", text(&listener.address.to_string()));
    let protocol = ("proxy_protocol", text(protocol));
    match &listener.kind {
        ListenerKind::Tls { certificates } => {
            let pair = |pair: &super::CertificatePair| {
                table([("cert", path(&pair.cert)), ("key", path(&pair.key))])
            };
            let tls = table([("certificates", list(certificates, pair))]);
            table([address, ("tls", tls), protocol])
        }
        ListenerKind::Plain => {
            table([address, ("redirect_to_https", Value::Bool(false)), protocol])
        }
        ListenerKind::RedirectToHttps => {
            table([address, ("redirect_to_https", Value::Bool(true)), protocol])
        }
    }
}

fn registry(registry: &Registry) -> Value {
    let origin = |origin: &crate::edge::origin::Origin| text(&origin.to_string());
    let upstream = &registry.upstream;
    let health = table([
        ("path", text(&upstream.health.path)),
        ("interval", duration(upstream.health.interval)),
    ]);
    let mut fields = vec![
        ("endpoints", list(&upstream.endpoints, origin)),
        ("also_known_as", list(&upstream.also_known_as, origin)),
    ];
    fields.extend(upstream_tls(&upstream.tls).map(|tls| ("tls", tls)));
    fields.push(("health", health));
    let expose = [
        ("registry", registry.expose.registry),
        ("api", registry.expose.api),
        ("ui", registry.expose.ui),
    ];
    let exposed: Vec<&str> = expose
        .iter()
        .filter(|(_, exposed)| *exposed)
        .map(|(word, _)| *word)
        .collect();
    let timeouts = table([
        ("connect", duration(registry.timeouts.connect)),
        ("between_bytes", duration(registry.timeouts.between_bytes)),
        ("commit", duration(registry.timeouts.commit)),
    ]);
    table([
        ("name", text(&registry.name)),
        ("public", list(&registry.public, origin)),
        ("upstream", table(fields)),
        ("expose", list(&exposed, |word| text(word))),
        ("timeouts", timeouts),
        ("objective", text(&registry.objective.to_string())),
        ("reattach", reattach(&registry.reattach)),
        ("max_in_flight", max_in_flight(registry.max_in_flight)),
        ("maintenance", text(maintenance(registry.maintenance))),
        ("hsts", hsts(registry.hsts)),
    ])
}

fn max_in_flight(max: MaxInFlight) -> Value {
    table([
        ("uploads", Value::from(max.uploads)),
        ("other", Value::from(max.other)),
    ])
}

fn maintenance(maintenance: Maintenance) -> &'static str {
    match maintenance {
        Maintenance::Off => "off",
        Maintenance::Pushes => "pushes",
        Maintenance::All => "all",
    }
}

fn hsts(hsts: Hsts) -> Value {
    match hsts {
        Hsts::Off => text("off"),
        Hsts::For(time) => duration(time),
    }
}

fn limits(limits: &Limits) -> Value {
    table([
        ("connections", Value::from(limits.connections)),
        (
            "connections_per_client",
            Value::from(limits.connections_per_client),
        ),
        ("header_time", duration(limits.header_time)),
        ("header_fields", Value::from(limits.header_fields)),
        ("header_bytes", size(limits.header_bytes)),
        ("keepalive_idle", duration(limits.keepalive_idle)),
        ("keepalive_requests", Value::from(limits.keepalive_requests)),
        ("http2_streams", Value::from(limits.http2_streams)),
        ("body_memory", size(limits.body_memory)),
        ("upload_progress", size(limits.upload_progress)),
        ("unread_answer", duration(limits.unread_answer)),
        ("download_progress", size(limits.download_progress)),
        ("stands_still", duration(limits.stands_still)),
    ])
}

fn drain(drain: &Drain) -> Value {
    table([
        ("delay", duration(drain.delay)),
        ("timeout", duration(drain.timeout)),
    ])
}

/// Each registry shows what holds for it, so the table that they inherit from isn't repeated.
fn reattach(reattach: &Reattach) -> Value {
    let mode = match reattach.mode {
        ReattachMode::Ticket => "ticket",
        ReattachMode::Off => "off",
    };
    let client_address = match reattach.client_address {
        ClientAddressRule::Ignore => "ignore",
        ClientAddressRule::Note => "note",
        ClientAddressRule::Require => "require",
    };
    let mut fields = vec![("mode", text(mode))];
    fields.extend(
        reattach
            .keys
            .iter()
            .map(|keys| ("keys", sealing_keys(keys))),
    );
    fields.push(("client_address", text(client_address)));
    table(fields)
}

fn sealing_keys(keys: &SealingKeys) -> Value {
    table([
        ("current", path(&keys.current)),
        ("previous", list(&keys.previous, |file| path(file))),
    ])
}

fn moved(moved: &MovedAuthorization) -> Value {
    let prefer = match moved.prefer {
        Prefer::Present => false,
        Prefer::Moved => true,
    };
    table([
        ("header", text(moved.header.as_str())),
        ("prefer", Value::Bool(prefer)),
    ])
}

fn login_limit(limit: &LoginLimit) -> Value {
    table([
        ("failures", Value::from(limit.failures)),
        ("within", duration(limit.within)),
        ("exempt", list(&limit.exempt, network)),
    ])
}

fn network(network: &IpNet) -> Value {
    text(&network.to_string())
}

fn upstream_tls(tls: &UpstreamTls) -> Option<Value> {
    let ca = tls.ca.as_ref().map(|ca| ("ca", path(&ca.file)));
    let server_name = tls.server_name.as_ref();
    let server_name = server_name.map(|name| ("server_name", text(name)));
    (ca.is_some() || server_name.is_some()).then(|| table(ca.into_iter().chain(server_name)))
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn path(path: &Path) -> Value {
    text(&path.to_string_lossy())
}

fn duration(duration: Duration) -> Value {
    text(&humantime::format_duration(duration).to_string())
}

/// In the largest unit that leaves no rest.
fn size(bytes: u64) -> Value {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units
        .iter()
        .find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    match unit {
        Some((unit, name)) => text(&format!("{}{name}", bytes / unit)),
        None => Value::from(bytes),
    }
}

fn list<T>(items: &[T], write: impl Fn(&T) -> Value) -> Value {
    Value::Sequence(items.iter().map(write).collect())
}

fn table<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let entries = entries.into_iter();
    Value::Mapping(
        entries
            .map(|(name, value)| (text(name), value))
            .collect::<Mapping>(),
    )
}
