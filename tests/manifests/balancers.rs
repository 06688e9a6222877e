//! The settings of the clouds' balancers, compared with what the gateway expects of them.

use crate::complaints::Subject;
use crate::rendered::{entries, items, text, title};
use crate::{pods, references};
use serde_json::Value;
use std::time::Duration;

/// The annotations that turn PROXY protocol on, each with the value that does.
const PROXY_PROTOCOL: &[(&str, &str)] = &[
    (
        "service.beta.kubernetes.io/aws-load-balancer-proxy-protocol",
        "*",
    ),
    (
        "service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol",
        "true",
    ),
    ("load-balancer.hetzner.cloud/uses-proxyprotocol", "true"),
    (
        "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-proxy-protocol",
        "on",
    ),
];

/// Balancers that speak to pods without a port of the node, so that nobody else comes that way.
const STRAIGHT_TO_PODS: &[(&str, &str)] = &[(
    "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type",
    "ip",
)];

fn public<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a Value> {
    let services = subject.rendering.of_kind("Service");
    services.filter(|service| service["spec"]["type"] == "LoadBalancer")
}

fn annotation<'a>(service: &'a Value, name: &str) -> Option<&'a str> {
    service["metadata"]["annotations"][name].as_str()
}

fn any_of(service: &Value, annotations: &[(&str, &str)]) -> bool {
    let set = |(name, value): &(&str, &str)| annotation(service, name) == Some(value);
    annotations.iter().any(set)
}

/// The balancer sends PROXY headers exactly where the gateway demands them: all listeners or none.
/// Whoever is believed is named, and no wider than a /16.
pub fn proxy_protocol(subject: &Subject) -> Vec<String> {
    let sends = public(subject).any(|service| any_of(service, PROXY_PROTOCOL));
    let wanted = if sends { "require" } else { "off" };
    let mut complaints = Vec::new();
    for (port, protocol) in subject.config.listeners() {
        if protocol != wanted {
            complaints.push(format!(
                "the listener at {port} says {protocol}, the balancer needs {wanted}"
            ));
        }
    }
    let trusted = items(&subject.config.values["trusted_proxies"]);
    let trusted: Vec<&str> = trusted.map(text).collect();
    if sends == trusted.is_empty() {
        complaints.push(format!("trusted_proxies {trusted:?} with {wanted}"));
    }
    for network in trusted {
        let prefix = network
            .split_once('/')
            .and_then(|(_, bits)| bits.parse::<u8>().ok());
        if !network.contains(':') && prefix.is_some_and(|bits| bits < 16) {
            complaints.push(format!("{network} is wide enough to hold strangers"));
        }
    }
    complaints
}

/// Without translation on the nodes: else clients lose their addresses, or, with PROXY protocol,
/// anybody who reaches a node's port comes from an address that is trusted.
pub fn client_address(subject: &Subject) -> Vec<String> {
    let translated = public(subject).filter(|service| {
        let spec = &service["spec"];
        let straight = any_of(service, STRAIGHT_TO_PODS);
        let open = straight && spec["allocateLoadBalancerNodePorts"] != false;
        let local = spec["externalTrafficPolicy"] == "Local";
        open || (!straight && !local)
    });
    translated
        .map(|service| format!("{} translates addresses on nodes", title(service)))
        .collect()
}

/// A balancer that ends the connections of a pod that leaves does so after the pod's grace, and
/// never because a health check fails.
pub fn drain(subject: &Subject) -> Vec<String> {
    let grace = pods::grace(subject);
    let mut complaints = Vec::new();
    for service in public(subject) {
        let mut hold = |what: &str, seconds: &str| {
            let given = seconds.parse().ok().map(Duration::from_secs);
            if given.is_none_or(|given| given < grace) {
                complaints.push(format!("{what} is {seconds} s, the grace is {grace:?}"));
            }
        };
        let name = "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes";
        let attributes: Vec<(&str, &str)> = annotation(service, name)
            .into_iter()
            .flat_map(|value| value.split(','))
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let of = |wanted: &str| attributes.iter().find(|(key, _)| *key == wanted);
        let amazon = annotation(
            service,
            "service.beta.kubernetes.io/aws-load-balancer-scheme",
        );
        if amazon.is_some() {
            for key in [
                "deregistration_delay.timeout_seconds",
                "target_health_state.unhealthy.draining_interval_seconds",
            ] {
                hold(key, of(key).map_or("0", |(_, value)| value));
            }
        }
        let name = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-connection-drain";
        if annotation(service, name) == Some("on") {
            let timeout = annotation(service, &format!("{name}-timeout"));
            hold("connection-drain-timeout", timeout.unwrap_or("0"));
        }
        for key in [
            "deregistration_delay.connection_termination.enabled",
            "target_health_state.unhealthy.connection_termination.enabled",
        ] {
            if amazon.is_some() && of(key).map(|(_, value)| *value) != Some("false") {
                complaints.push(format!("{key} cuts uploads"));
            }
        }
    }
    complaints
}

/// The certificate goes where the pods mount it, and bears the names that clients type; so does the
/// record in DNS.
pub fn certificate(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    let volumes = items(&references::pod(subject.rendering)["spec"]["volumes"]);
    let mounted: Vec<_> = volumes.flat_map(references::held).collect();
    for certificate in subject.rendering.of_kind("Certificate") {
        let spec = &certificate["spec"];
        if !mounted.contains(&("Secret", text(&spec["secretName"]))) {
            complaints.push(format!("{} is mounted nowhere", spec["secretName"]));
        }
        // One certificate bears all names; beside others, which names it bears is the operator's to say.
        let alone = subject.config.certificates() < 2;
        for host in subject.config.public_hosts().iter().filter(|_| alone) {
            if !items(&spec["dnsNames"]).any(|name| *name == *host) {
                complaints.push(format!("{} doesn't bear {host}", title(certificate)));
            }
        }
    }
    for route in subject.rendering.of_kind("TLSRoute") {
        let named = &route["spec"]["hostnames"];
        let hosts = subject.config.public_hosts();
        for host in hosts
            .iter()
            .filter(|host| !items(named).any(|name| *name == **host))
        {
            complaints.push(format!("{} doesn't lead to {host}", title(route)));
        }
    }
    for service in subject.rendering.of_kind("Service") {
        let annotations = entries(&service["metadata"]["annotations"]);
        for (key, value) in annotations.filter(|(key, _)| key.ends_with("/hostname")) {
            let hosts = subject.config.public_hosts();
            let strange = |name: &&str| !hosts.iter().any(|host| host == name);
            for name in text(value).split(',').filter(strange) {
                complaints.push(format!("{key} has {name}, which isn't public"));
            }
        }
    }
    complaints
}
