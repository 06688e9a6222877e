//! Our own checks of the rendered folders.

use crate::complaints::{CHECKS, CONFIGURATION};
use crate::rendered::{self, folder};
use crate::{effective, pods};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const CLOUDS: &[&str] = &[
    "alibaba-nlb",
    "aws-nlb",
    "azure-lb",
    "bare-metal",
    "dev",
    "digitalocean",
    "gcp-nlb",
    "hetzner",
    "tencent-clb",
];

#[test]
fn every_cloud_has_its_overlay() {
    assert_eq!(rendered::folders("overlays"), CLOUDS);
    for cloud in CLOUDS.iter().filter(|cloud| **cloud != "dev") {
        let services = rendered::named(cloud).of_kind("Service");
        let balancers = services.filter(|service| service["spec"]["type"] == "LoadBalancer");
        assert_eq!(balancers.count(), 1, "{cloud}");
    }
}

fn files() -> Vec<PathBuf> {
    let mut open = vec![folder()];
    let mut files = Vec::new();
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(place).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn every_file_says_at_its_top_what_belongs_in_it() {
    let files = files();
    assert!(files.len() > 30);
    for file in files {
        let text = fs::read_to_string(&file).expect("a file");
        assert!(text.starts_with('#'), "{}", file.display());
    }
}

/// Each annotation of a balancer has a comment above it, or follows one that has: what they share,
/// such as health, is explained once.
#[test]
fn every_annotation_of_a_balancer_is_explained() {
    for cloud in CLOUDS.iter().filter(|cloud| **cloud != "dev") {
        let file = folder().join("overlays").join(cloud).join("service.yaml");
        let text = fs::read_to_string(file).expect("the Service");
        let (_, rest) = text.split_once("  annotations:\n").expect("annotations");
        let (annotations, _) = rest.split_once("\nspec:\n").expect("a spec");
        let mut before = None;
        // Without the text of folded values.
        let lines = annotations.lines().map(str::trim);
        for line in lines.filter(|line| line.starts_with('#') || line.contains(": ")) {
            let topic = topic(line);
            let explained = topic == "#" || before == Some("#") || before == Some(topic);
            assert!(explained, "{cloud}: {line} isn't explained");
            before = Some(topic);
        }
    }
}

/// What a line is about: a comment, health, the beginning of an annotation's name behind its prefix.
fn topic(line: &str) -> &str {
    let name = line.split_once(": ").map_or(line, |(name, _)| name);
    let name = name.rsplit("balancer-").next().unwrap_or_default();
    match name.get(..6) {
        _ if line.starts_with('#') => "#",
        _ if name.contains("health") => "health",
        Some(start) => start,
        None => name,
    }
}

fn readme() -> String {
    let file = folder().join("../README.md");
    fs::read_to_string(file).expect("deploy/README.md")
}

#[test]
fn the_readme_adds_up_what_the_pods_are_given() {
    for name in ["base", "aws-nlb", "alibaba-nlb"] {
        let rendering = rendered::named(name);
        let config = effective::read(rendering).expect("a configuration");
        let pod = &rendering.only("Deployment")["spec"]["template"]["spec"];
        let number = |value: &Value| value.as_u64().expect("a number");
        let sleep = number(&pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]);
        let grace = number(&pod["terminationGracePeriodSeconds"]);
        let (delay, timeout) = (config.seconds("delay"), config.seconds("timeout"));
        let margin = grace - sleep - delay - timeout;
        let row = format!("| {sleep} s | {delay} s | {timeout} s | {margin} s | {grace} s |");
        let rows = readme();
        let mut rows = rows.lines().filter(|line| line.contains(&row));
        let title = rows.any(|line| line.trim_matches(['|', ' ', '`']).starts_with(name));
        assert!(title, "{name}: {row}");
    }
}

#[test]
fn the_readme_sizes_by_what_was_measured() {
    let readme = readme();
    let (idle, each) = pods::measured();
    let [up, down] = pods::measured_cpu();
    let head = pods::measured_head();
    for number in [
        format!("| Idle | {idle} MiB |"),
        format!("| Each upload under way | {each} KiB |"),
        format!("| A layer up, TLS, HTTP/1.1 | {up} CPU s per GiB |"),
        format!("| A layer down, TLS, HTTP/1.1 | {down} CPU s per GiB |"),
        format!("| A HEAD, TLS | {head} CPU µs |"),
    ] {
        assert!(readme.contains(&number), "{number}");
    }
}

/// A check that nothing breaks could be one that can't fail.
#[test]
fn every_check_is_broken_at_least_once() {
    let broken = crate::breaking::checks();
    for name in CHECKS.iter().map(|(name, _)| *name).chain([CONFIGURATION]) {
        assert!(
            broken.iter().any(|broken| broken == name),
            "nothing breaks {name}"
        );
    }
}
