//! `admin.peers`: the pods ask each other, by a Service that leads to all of them, and are let through.

use crate::complaints::Subject;
use crate::references::{number_of, pod};
use crate::rendered::{entries, items, text, title};
use serde_json::Value;

/// Every peer is a headless Service's name and port, and each policy lets our pods in and out at the admin
/// port.
pub fn reach_each_other(subject: &Subject) -> Vec<String> {
    let (rendering, config) = (subject.rendering, subject.config);
    let peers: Vec<&str> = items(&config.values["admin"]["peers"]).map(text).collect();
    let mut complaints = Vec::new();
    let is_admin = |port: &Value| number_of(rendering, port) == Some(config.admin());
    for peer in &peers {
        let leads_there = |service: &Value| {
            let name = text(&service["metadata"]["name"]);
            let is_named = |port: &Value| *peer == format!("http://{name}:{}", port["port"]);
            service["spec"]["clusterIP"] == "None"
                && items(&service["spec"]["ports"])
                    .any(|port| is_named(port) && is_admin(&port["targetPort"]))
        };
        if !rendering.of_kind("Service").any(leads_there) {
            complaints.push(format!("no headless Service is {peer}"));
        }
    }
    let labels = &pod(rendering)["metadata"]["labels"];
    let selects = |one: &Value| {
        let mut wanted = entries(&one["podSelector"]["matchLabels"]).peekable();
        wanted.peek().is_some() && wanted.all(|(key, value)| labels[key] == *value)
    };
    let passes = |rules: &Value, side: &str| {
        items(rules).any(|rule| {
            items(&rule[side]).any(selects)
                && items(&rule["ports"]).any(|port| is_admin(&port["port"]))
        })
    };
    let policies = rendering.of_kind("NetworkPolicy");
    for policy in policies.filter(|_| !peers.is_empty()) {
        if !passes(&policy["spec"]["ingress"], "from") {
            complaints.push(format!("{} lets no pod in", title(policy)));
        }
        if !passes(&policy["spec"]["egress"], "to") {
            complaints.push(format!("{} lets no pod out", title(policy)));
        }
    }
    complaints
}
