//! The annotations that clouds and operators read, as documented by them. Kubernetes accepts any text as
//! an annotation, so nothing else would notice a misspelled name.

use crate::complaints::Subject;
use crate::rendered::{entries, text, title};
use std::ops::RangeInclusive;

/// What a value may be.
enum Accepted {
    OneOf(&'static [&'static str]),
    Number(RangeInclusive<u64>),
    /// `key=value`, separated by commas, with these keys.
    Attributes(&'static [&'static str]),
    /// What only the operator can know.
    Yours,
}
use Accepted::{Attributes, Number, OneOf, Yours};

const AWS: &str = "service.beta.kubernetes.io/aws-load-balancer-";
const AZURE: &str = "service.beta.kubernetes.io/azure-load-balancer-";
const DIGITALOCEAN: &str = "service.beta.kubernetes.io/do-loadbalancer-";
const HETZNER: &str = "load-balancer.hetzner.cloud/";
const ALIBABA: &str = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-";
const TENCENT: &str = "service.cloud.tencent.com/";

const BOOLEAN: Accepted = OneOf(&["true", "false"]);
const SWITCH: Accepted = OneOf(&["on", "off"]);

const KNOWN: &[(&str, &str, Accepted)] = &[
    (AWS, "scheme", OneOf(&["internal", "internet-facing"])),
    (AWS, "nlb-target-type", OneOf(&["ip", "instance"])),
    (AWS, "proxy-protocol", OneOf(&["*"])),
    (
        AWS,
        "healthcheck-protocol",
        OneOf(&["TCP", "HTTP", "HTTPS"]),
    ),
    (AWS, "healthcheck-port", OneOf(&["traffic-port"])),
    (AWS, "healthcheck-interval", Number(5..=300)),
    (
        AWS,
        "target-group-attributes",
        Attributes(&[
            "preserve_client_ip.enabled",
            "deregistration_delay.timeout_seconds",
            "deregistration_delay.connection_termination.enabled",
            "target_health_state.unhealthy.connection_termination.enabled",
            "target_health_state.unhealthy.draining_interval_seconds",
        ]),
    ),
    (
        AWS,
        "listener-attributes.TCP-443",
        Attributes(&["tcp.idle_timeout.seconds"]),
    ),
    (
        AWS,
        "listener-attributes.TCP-80",
        Attributes(&["tcp.idle_timeout.seconds"]),
    ),
    (
        AWS,
        "attributes",
        Attributes(&["load_balancing.cross_zone.enabled"]),
    ),
    (
        "networking.gke.io/",
        "weighted-load-balancing",
        OneOf(&["pods-per-node"]),
    ),
    (AZURE, "tcp-idle-timeout", Number(4..=100)),
    (AZURE, "disable-tcp-reset", BOOLEAN),
    (AZURE, "health-probe-interval", Number(5..=120)),
    (AZURE, "health-probe-num-of-probe", Number(1..=24)),
    (
        DIGITALOCEAN,
        "type",
        OneOf(&["REGIONAL", "REGIONAL_NETWORK"]),
    ),
    (
        DIGITALOCEAN,
        "protocol",
        OneOf(&["tcp", "http", "https", "http2", "http3"]),
    ),
    (DIGITALOCEAN, "enable-proxy-protocol", BOOLEAN),
    (DIGITALOCEAN, "http-idle-timeout-seconds", Number(30..=600)),
    (
        DIGITALOCEAN,
        "healthcheck-unhealthy-threshold",
        Number(2..=10),
    ),
    (
        DIGITALOCEAN,
        "healthcheck-healthy-threshold",
        Number(2..=10),
    ),
    (DIGITALOCEAN, "hostname", Yours),
    (HETZNER, "location", Yours),
    (HETZNER, "protocol", OneOf(&["tcp", "http", "https"])),
    (HETZNER, "uses-proxyprotocol", BOOLEAN),
    (HETZNER, "use-private-ip", BOOLEAN),
    (HETZNER, "disable-private-ingress", BOOLEAN),
    (
        HETZNER,
        "health-check-protocol",
        OneOf(&["tcp", "http", "https"]),
    ),
    (HETZNER, "health-check-retries", Number(1..=10)),
    (
        HETZNER,
        "algorithm-type",
        OneOf(&["round_robin", "least_connections"]),
    ),
    (ALIBABA, "zone-maps", Yours),
    (ALIBABA, "address-type", OneOf(&["internet", "intranet"])),
    (ALIBABA, "proxy-protocol", SWITCH),
    (ALIBABA, "idle-timeout", Number(10..=900)),
    (ALIBABA, "connection-drain", SWITCH),
    (ALIBABA, "connection-drain-timeout", Number(10..=900)),
    (ALIBABA, "health-check-flag", SWITCH),
    (ALIBABA, "health-check-type", OneOf(&["tcp", "http"])),
    (ALIBABA, "health-check-connect-timeout", Number(1..=300)),
    (ALIBABA, "health-check-interval", Number(1..=50)),
    (ALIBABA, "healthy-threshold", Number(2..=10)),
    (ALIBABA, "unhealthy-threshold", Number(2..=10)),
    ("metallb.io/", "address-pool", Yours),
    (TENCENT, "direct-access", BOOLEAN),
    (TENCENT, "enable-grace-shutdown", BOOLEAN),
    ("external-dns.alpha.kubernetes.io/", "hostname", Yours),
    (
        "external-dns.alpha.kubernetes.io/",
        "ttl",
        Number(1..=86400),
    ),
    ("external-dns.kubernetes.io/", "hostname", Yours),
    ("external-dns.kubernetes.io/", "ttl", Number(1..=86400)),
];

/// The classes of balancers that their controllers look for.
const CLASSES: &[&str] = &[
    "service.k8s.aws/nlb",
    "networking.gke.io/l4-regional-external",
    "alibabacloud.com/nlb",
];

/// Every annotation and class of a Service is known to somebody, with this value; and external-dns
/// isn't asked to point a name to what another annotation makes that name.
pub fn known(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for service in subject.rendering.of_kind("Service") {
        for (name, value) in entries(&service["metadata"]["annotations"]) {
            let entry = KNOWN
                .iter()
                .find(|(prefix, rest, _)| name.strip_prefix(prefix) == Some(rest));
            let fits = entry.map(|(_, _, accepted)| accepted.takes(text(value)));
            match fits {
                Some(true) => {}
                Some(false) => complaints.push(format!("{name} doesn't take {value}")),
                None => complaints.push(format!("nobody knows {name}")),
            }
        }
        let annotations = &service["metadata"]["annotations"];
        let named = annotations.get(format!("{DIGITALOCEAN}hostname")).is_some();
        if named && entries(annotations).any(|(name, _)| name.starts_with("external-dns")) {
            complaints.push("external-dns points a name to itself".to_owned());
        }
        if let Some(class) = service["spec"]["loadBalancerClass"].as_str()
            && !CLASSES.contains(&class)
        {
            complaints.push(format!("{}: nobody makes {class}", title(service)));
        }
    }
    complaints
}

impl Accepted {
    fn takes(&self, value: &str) -> bool {
        match self {
            OneOf(words) => words.contains(&value),
            Number(range) => value.parse().is_ok_and(|number| range.contains(&number)),
            Attributes(keys) => value.split(',').all(|pair| {
                pair.split_once('=')
                    .is_some_and(|(key, value)| keys.contains(&key) && !value.is_empty())
            }),
            Yours => !value.is_empty(),
        }
    }
}
