//! What a pod may do, how long it has to end, how many there are, and how much they hold.

use crate::complaints::Subject;
use crate::references::{container, pod};
use crate::rendered::{items, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// For the process to end after its drain, and for clocks that don't agree.
const MARGIN: Duration = Duration::from_secs(5);

/// The user and group of the image.
const NOBODY: u64 = 65532;

/// Nobody in particular, without token, without capabilities, on a root that can't be written.
pub fn identity(subject: &Subject) -> Vec<String> {
    let spec = &pod(subject.rendering)["spec"];
    let own = &container(subject.rendering)["securityContext"];
    let account = subject.rendering.only("ServiceAccount");
    let wanted = [
        (
            "runAsUser",
            &spec["securityContext"]["runAsUser"],
            NOBODY.into(),
        ),
        (
            "runAsGroup",
            &spec["securityContext"]["runAsGroup"],
            NOBODY.into(),
        ),
        (
            "fsGroup",
            &spec["securityContext"]["fsGroup"],
            NOBODY.into(),
        ),
        (
            "runAsNonRoot",
            &spec["securityContext"]["runAsNonRoot"],
            true.into(),
        ),
        (
            "seccompProfile",
            &spec["securityContext"]["seccompProfile"]["type"],
            "RuntimeDefault".into(),
        ),
        (
            "the pod's token",
            &spec["automountServiceAccountToken"],
            false.into(),
        ),
        (
            "the account's token",
            &account["automountServiceAccountToken"],
            false.into(),
        ),
        (
            "readOnlyRootFilesystem",
            &own["readOnlyRootFilesystem"],
            true.into(),
        ),
        (
            "allowPrivilegeEscalation",
            &own["allowPrivilegeEscalation"],
            false.into(),
        ),
        (
            "dropped capabilities",
            &own["capabilities"]["drop"],
            serde_json::json!(["ALL"]),
        ),
        (
            "added capabilities",
            &own["capabilities"]["add"],
            Value::Null,
        ),
    ];
    let wrong = wanted.into_iter().filter(|(_, is, wanted)| *is != wanted);
    wrong
        .map(|(what, is, wanted)| format!("{what} is {is}, not {wanted}"))
        .collect()
}

/// How long a pod is given from its deletion to SIGKILL.
pub fn grace(subject: &Subject) -> Duration {
    let grace = &pod(subject.rendering)["spec"]["terminationGracePeriodSeconds"];
    Duration::from_secs(grace.as_u64().unwrap_or_default())
}

/// preStop, `drain.delay` and `drain.timeout` fit into the grace, with a margin.
pub fn drain(subject: &Subject) -> Vec<String> {
    let sleep = &container(subject.rendering)["lifecycle"]["preStop"]["sleep"]["seconds"];
    let Some(sleep) = sleep.as_u64() else {
        return vec!["preStop doesn't sleep".to_owned()];
    };
    let config = subject.config;
    let seconds = sleep + config.seconds("delay") + config.seconds("timeout");
    let needed = Duration::from_secs(seconds) + MARGIN;
    let grace = grace(subject);
    if needed > grace {
        return vec![format!("{needed:?} are needed, the grace is {grace:?}")];
    }
    Vec::new()
}

/// There are never fewer pods than asked for, and their number has one owner.
pub fn scale(subject: &Subject) -> Vec<String> {
    let deployment = &subject.rendering.only("Deployment")["spec"];
    let replicas = deployment.get("replicas").and_then(Value::as_i64);
    let mut complaints = Vec::new();
    let rolling = &deployment["strategy"]["rollingUpdate"];
    if rolling["maxUnavailable"] != 0 || rolling["maxSurge"] != 1 {
        complaints.push(format!("a roll-out takes pods away: {rolling}"));
    }
    let scaler = subject.rendering.of_kind("HorizontalPodAutoscaler").next();
    let least = match (scaler, replicas) {
        (Some(_), Some(number)) => {
            complaints.push(format!(
                "replicas {number} undoes what the autoscaler decides"
            ));
            number
        }
        (Some(scaler), None) => {
            let bound = |key: &str| scaler["spec"][key].as_i64().unwrap_or_default();
            if bound("minReplicas") < 2 || bound("minReplicas") > bound("maxReplicas") {
                let (least, most) = (bound("minReplicas"), bound("maxReplicas"));
                complaints.push(format!("{least} to {most} pods"));
            }
            complaints.extend(too_late(subject, scaler));
            bound("minReplicas")
        }
        (None, number) => number.unwrap_or_default(),
    };
    if least < 1 {
        complaints.push(format!("{least} pods"));
    }
    for budget in subject.rendering.of_kind("PodDisruptionBudget") {
        let gone = budget["spec"]["maxUnavailable"].as_i64();
        if !gone.is_some_and(|gone| 0 < gone && gone < least) {
            complaints.push(format!(
                "the disruption budget: {gone:?} of {least} may be gone"
            ));
        }
        if budget["spec"]["unhealthyPodEvictionPolicy"] != "AlwaysAllow" {
            complaints.push("a pod that isn't ready keeps its node from being drained".to_owned());
        }
    }
    complaints
}

/// The autoscaler adds a pod by memory well before slow uploads meet the limit of connections, and
/// not for an idle process.
fn too_late(subject: &Subject, scaler: &Value) -> Option<String> {
    let mut metrics = items(&scaler["spec"]["metrics"]).map(|metric| &metric["resource"]);
    let memory = metrics.find(|resource| resource["name"] == "memory");
    let percent = memory.and_then(|resource| resource["target"]["averageUtilization"].as_u64());
    let request = &container(subject.rendering)["resources"]["requests"]["memory"];
    let target = mebibytes(text(request)).zip(percent);
    let Some(target) = target.map(|(request, percent)| request * percent / 100) else {
        return Some("the autoscaler doesn't see memory".to_owned());
    };
    let (idle, each) = measured();
    let uploads = target.saturating_sub(idle) * 1024 / each;
    let connections = subject.config.number("/limits/connections");
    let fits = connections / 10 < uploads && uploads < connections * 3 / 4;
    (!fits).then(|| format!("a pod comes at {uploads} slow uploads of {connections}"))
}

/// As many uploads as connections are admitted fit into the memory limit, by what was measured.
pub fn memory(subject: &Subject) -> Vec<String> {
    let limit = &container(subject.rendering)["resources"]["limits"]["memory"];
    let Some(limit) = mebibytes(text(limit)) else {
        return vec![format!("no memory limit that is understood: {limit}")];
    };
    let (idle, each) = measured();
    let connections = subject.config.number("/limits/connections");
    let needed = idle + connections * each / 1024;
    if needed > limit * 9 / 10 {
        return vec![format!(
            "{connections} uploads take {needed} MiB, more than nine tenths of {limit} MiB"
        )];
    }
    Vec::new()
}

fn mebibytes(quantity: &str) -> Option<u64> {
    let gibi = quantity
        .strip_suffix("Gi")
        .and_then(|n| n.parse::<u64>().ok());
    let mebi = quantity.strip_suffix("Mi").and_then(|n| n.parse().ok());
    gibi.map(|n| n * 1024).or(mebi)
}

fn results() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md");
    fs::read_to_string(file).expect("the results")
}

/// A row of the table below a heading of `benches/RESULTS.md`, cell by cell, its title first.
fn row(heading: &str, title: &str) -> Vec<String> {
    let results = results();
    let heading = format!("## {heading}\n");
    let (_, section) = results.split_once(&heading).expect("the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with('|'));
    let mut rows = rows.map(|line| line.trim_matches('|').split('|').map(str::trim));
    let row = rows.find(|cells| cells.clone().next() == Some(title));
    row.expect(title).map(str::to_owned).collect()
}

/// Ours in the table of private memory, whose first two cells say what was measured; KiB.
fn kibibytes(title: &str) -> f64 {
    row("Private memory", title)[2].parse().expect("a number")
}

/// MiB of an idle gateway, KiB of a slow upload, of the kind that takes most; both rounded up.
pub fn measured() -> (u64, u64) {
    let idle = kibibytes("idle process") / 1024.0;
    let uploads = [
        "slow upload, plain",
        "slow upload, TLS",
        "slow upload, HTTP/2",
    ];
    let upload = uploads.map(kibibytes).into_iter().fold(0.0, f64::max);
    (idle.ceil() as u64, upload.ceil() as u64)
}

/// CPU seconds for each GiB: up and down over TLS and HTTP/1.1, as Go's clients negotiate it.
pub fn measured_cpu() -> [String; 2] {
    ["PUT, TLS (AES-128, ECDSA)", "GET, TLS (AES-128, ECDSA)"]
        .map(|heading| row(heading, "Harbormouth")[1].clone())
}

/// CPU microseconds of a small request over TLS.
pub fn measured_head() -> String {
    let cell = row("HEAD, 64 at once, TLS (AES-128, ECDSA)", "Harbormouth")[1].clone();
    format!("{:.0}", cell.parse::<f64>().expect("a number"))
}

/// A version, never "latest"; outside `dev` the one that this source builds.
pub fn image(subject: &Subject) -> Vec<String> {
    let containers = &pod(subject.rendering)["spec"]["containers"];
    let images = items(containers).map(|container| text(&container["image"]));
    let right = |image: &&str| {
        let tag = image
            .rsplit('/')
            .next()
            .and_then(|last| last.split_once(':'));
        match tag {
            Some((_, tag)) if subject.rendering.name == "dev" => tag == "dev",
            Some((_, tag)) => tag == env!("CARGO_PKG_VERSION"),
            None => false,
        }
    };
    images
        .filter(|image| !right(image))
        .map(|image| format!("{image} isn't this version"))
        .collect()
}
