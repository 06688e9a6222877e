//! Names that one object uses and another has: labels, ports, volumes, ConfigMaps, Secrets.

use crate::complaints::Subject;
use crate::rendered::{Rendering, entries, items, text, title};
use serde_json::Value;

/// What an operator has to make; `deploy/README.md` says how. Everything else must be in the rendering.
const MADE_BY_THE_OPERATOR: &[(&str, &str)] = &[
    ("Secret", "harbormouth-tls"),
    ("Secret", "harbormouth-keys"),
    ("Secret", "laboratory-tls"),
    ("Secret", "harbor-ca"),
    ("ClusterIssuer", "letsencrypt"),
];

/// Kinds that belong to no namespace.
const OF_THE_CLUSTER: &[&str] = &["Namespace", "PriorityClass"];

pub fn pod(rendering: &Rendering) -> &Value {
    &rendering.only("Deployment")["spec"]["template"]
}

pub fn container(rendering: &Rendering) -> &Value {
    &pod(rendering)["spec"]["containers"][0]
}

/// Every selector that is meant for our pods selects them, and isn't empty, which selects all.
pub fn selectors(subject: &Subject) -> Vec<String> {
    let rendering = subject.rendering;
    let labels = &pod(rendering)["metadata"]["labels"];
    let mut complaints = Vec::new();
    let mut hold = |object: &Value, selector: &Value| {
        let mut wanted = entries(selector).peekable();
        let empty = wanted.peek().is_none();
        if empty || !wanted.all(|(key, value)| labels[key] == *value) {
            complaints.push(format!("{} selects no pod of ours", title(object)));
        }
    };
    for (kind, pointer) in [
        ("Deployment", "/spec/selector/matchLabels"),
        ("Service", "/spec/selector"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
        ("PodMonitor", "/spec/selector/matchLabels"),
    ] {
        for object in rendering.of_kind(kind) {
            hold(object, object.pointer(pointer).unwrap_or(&Value::Null));
        }
    }
    for spread in items(&pod(rendering)["spec"]["topologySpreadConstraints"]) {
        hold(
            rendering.only("Deployment"),
            &spread["labelSelector"]["matchLabels"],
        );
    }
    for object in rendering.of_kind("HorizontalPodAutoscaler") {
        let target = &object["spec"]["scaleTargetRef"];
        if !rendering.has(text(&target["kind"]), text(&target["name"])) {
            complaints.push(format!("{} scales nothing", title(object)));
        }
    }
    complaints
}

/// Every port that something is sent to is a port of the container.
pub fn ports(subject: &Subject) -> Vec<String> {
    let rendering = subject.rendering;
    let declared = &container(rendering)["ports"];
    let mut used: Vec<(String, &Value)> = Vec::new();
    for service in rendering.of_kind("Service") {
        let ports = items(&service["spec"]["ports"]);
        used.extend(ports.map(|port| (title(service), &port["targetPort"])));
    }
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        used.push((
            probe.to_owned(),
            &container(rendering)[probe]["httpGet"]["port"],
        ));
    }
    for policy in rendering.of_kind("NetworkPolicy") {
        let ports = items(&policy["spec"]["ingress"]).flat_map(|rule| items(&rule["ports"]));
        used.extend(ports.map(|port| (title(policy), &port["port"])));
    }
    for monitor in rendering.of_kind("PodMonitor") {
        let endpoints = items(&monitor["spec"]["podMetricsEndpoints"]);
        used.extend(endpoints.map(|endpoint| (title(monitor), &endpoint["port"])));
    }
    let exists = |wanted: &Value| {
        items(declared).any(|port| port["name"] == *wanted || port["containerPort"] == *wanted)
    };
    let unknown = used.into_iter().filter(|(_, port)| !exists(port));
    unknown
        .map(|(who, port)| format!("{who} means the port {port}, which the container doesn't have"))
        .collect()
}

/// The gateway listens where the container says, and nowhere else; probes ask its admin port.
pub fn listeners(subject: &Subject) -> Vec<String> {
    let declared = items(&container(subject.rendering)["ports"]);
    let mut declared: Vec<u64> = declared
        .filter_map(|p| p["containerPort"].as_u64())
        .collect();
    let mut listening: Vec<u64> = subject.config.listeners().iter().map(|l| l.0).collect();
    listening.push(subject.config.admin());
    declared.sort_unstable();
    listening.sort_unstable();
    let mut complaints = Vec::new();
    if declared != listening {
        complaints.push(format!(
            "the gateway listens at {listening:?}, the container says {declared:?}"
        ));
    }
    for (probe, path) in [
        ("startupProbe", "/livez"),
        ("livenessProbe", "/livez"),
        ("readinessProbe", "/readyz"),
    ] {
        let asked = &container(subject.rendering)[probe]["httpGet"];
        if number_of(subject.rendering, &asked["port"]) != Some(subject.config.admin())
            || asked["path"] != *path
        {
            complaints.push(format!("{probe} doesn't ask {path} of the admin port"));
        }
    }
    complaints
}

/// The number of a container port that is given by its name or number.
pub fn number_of(rendering: &Rendering, wanted: &Value) -> Option<u64> {
    items(&container(rendering)["ports"])
        .find(|port| port["name"] == *wanted || port["containerPort"] == *wanted)
        .and_then(|port| port["containerPort"].as_u64())
}

/// Whatever is referred to is in the rendering, or made by the operator.
pub fn references(subject: &Subject) -> Vec<String> {
    let rendering = subject.rendering;
    let spec = &pod(rendering)["spec"];
    let mut wanted: Vec<(&str, &str)> = vec![("ServiceAccount", text(&spec["serviceAccountName"]))];
    wanted.extend(
        spec["priorityClassName"]
            .as_str()
            .map(|class| ("PriorityClass", class)),
    );
    wanted.extend(items(&spec["volumes"]).flat_map(held));
    for route in rendering.of_kind("TLSRoute") {
        let rules = items(&route["spec"]["rules"]);
        let backends = rules.flat_map(|rule| items(&rule["backendRefs"]));
        wanted.extend(backends.map(|backend| ("Service", text(&backend["name"]))));
    }
    for certificate in rendering.of_kind("Certificate") {
        let issuer = &certificate["spec"]["issuerRef"];
        wanted.push((text(&issuer["kind"]), text(&issuer["name"])));
    }
    let known = |(kind, name): &(&str, &str)| {
        rendering.has(kind, name) || MADE_BY_THE_OPERATOR.contains(&(kind, name))
    };
    let missing = wanted.into_iter().filter(|reference| !known(reference));
    missing
        .map(|(kind, name)| format!("{kind} {name:?} is neither here nor made by the operator"))
        .collect()
}

/// The Secrets and ConfigMaps that a volume takes its files from: one, or several projected into it.
pub fn held(volume: &Value) -> Vec<(&str, &str)> {
    let sources = items(&volume["projected"]["sources"]);
    std::iter::once(volume)
        .chain(sources)
        .filter_map(holder)
        .collect()
}

/// The Secret or ConfigMap behind a volume, or behind a source of a projected one.
pub fn holder(source: &Value) -> Option<(&str, &str)> {
    let secret = &source["secret"];
    // A volume says secretName, a source of a projected one says name.
    let secret = secret["secretName"].as_str().or(secret["name"].as_str());
    let map = source["configMap"]["name"].as_str();
    let map = map.map(|name| ("ConfigMap", name));
    secret.map(|name| ("Secret", name)).or(map)
}

/// Every volume is mounted and every mount has its volume; as directories, read only.
pub fn volumes(subject: &Subject) -> Vec<String> {
    let declared = &pod(subject.rendering)["spec"]["volumes"];
    let mounted = &container(subject.rendering)["volumeMounts"];
    let mut complaints = Vec::new();
    let has = |list: &Value, name: &Value| items(list).any(|item| item["name"] == *name);
    for volume in items(declared).filter(|volume| !has(mounted, &volume["name"])) {
        complaints.push(format!("the volume {} is mounted nowhere", volume["name"]));
    }
    for mount in items(mounted) {
        if !has(declared, &mount["name"]) {
            complaints.push(format!("the mount {} has no volume", mount["name"]));
        }
        if mount.get("subPath").is_some() || mount.get("subPathExpr").is_some() {
            complaints.push(format!("{}: a subPath never sees a change", mount["name"]));
        }
        if mount["readOnly"] != true {
            complaints.push(format!("{} isn't read only", mount["name"]));
        }
    }
    complaints
}

/// One namespace, with the restricted level in all three modes, and everything in it.
pub fn namespaces(subject: &Subject) -> Vec<String> {
    let namespace = subject.rendering.only("Namespace");
    let mut complaints = Vec::new();
    for mode in ["enforce", "audit", "warn"] {
        let label = format!("pod-security.kubernetes.io/{mode}");
        if namespace["metadata"]["labels"][&label] != "restricted" {
            complaints.push(format!("{label} isn't restricted"));
        }
    }
    for object in &subject.rendering.objects {
        let of_the_cluster = OF_THE_CLUSTER.contains(&text(&object["kind"]));
        let own = &object["metadata"]["namespace"];
        if !of_the_cluster && *own != namespace["metadata"]["name"] {
            complaints.push(format!("{} is in the namespace {own}", title(object)));
        }
    }
    complaints
}

/// A secret in a repository is none.
pub fn secrets(subject: &Subject) -> Vec<String> {
    let shipped = subject.rendering.of_kind("Secret");
    shipped
        .map(|secret| format!("{} is shipped", title(secret)))
        .collect()
}

/// The admin port is reached through headless Services inside the cluster only, and by name from
/// one namespace.
pub fn admin_is_not_public(subject: &Subject) -> Vec<String> {
    let rendering = subject.rendering;
    let admin = Some(subject.config.admin());
    let is_admin = |port: &Value| number_of(rendering, port) == admin;
    let mut complaints = Vec::new();
    for service in rendering.of_kind("Service") {
        let mut ports = items(&service["spec"]["ports"]);
        let headless = service["spec"]["clusterIP"] == "None";
        if !headless && ports.any(|port| is_admin(&port["targetPort"])) {
            complaints.push(format!("{} has the admin port", title(service)));
        }
    }
    for policy in rendering.of_kind("NetworkPolicy") {
        for rule in items(&policy["spec"]["ingress"]) {
            let anybody = items(&rule["from"]).next().is_none();
            if anybody && items(&rule["ports"]).any(|port| is_admin(&port["port"])) {
                complaints.push(format!("{} lets anybody to the admin port", title(policy)));
            }
        }
    }
    complaints
}
