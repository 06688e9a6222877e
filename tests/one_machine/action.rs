//! The step of a forge's workflow that runs the doctor: its script, run with a docker of ours that says
//! what it was given.

use crate::common::process;
use crate::shipped;
use serde_yaml::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

/// The only step: its script, and the variables that it gets from inputs.
fn step() -> (String, Vec<(String, String)>) {
    let action: Value = serde_yaml::from_str(&shipped::read("deploy/doctor/action.yml")).unwrap();
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    assert_eq!(steps.len(), 1);
    let variables = steps[0]["env"].as_mapping().unwrap().iter();
    let input = |value: &Value| {
        let input = value.as_str().unwrap();
        let input = input.strip_prefix("${{ inputs.").unwrap();
        input.strip_suffix(" }}").unwrap().to_owned()
    };
    let variables: Vec<(String, String)> = variables
        .map(|(name, value)| (name.as_str().unwrap().to_owned(), input(value)))
        .collect();
    let inputs = action["inputs"].as_mapping().unwrap().keys();
    let inputs: Vec<&str> = inputs.filter_map(Value::as_str).collect();
    let given: Vec<&str> = variables.iter().map(|(_, input)| input.as_str()).collect();
    assert_eq!(inputs, given);
    (steps[0]["run"].as_str().unwrap().to_owned(), variables)
}

/// What docker is run with, an argument a line, and behind it what it reads.
fn given(inputs: &[(&str, &str)]) -> String {
    let (script, variables) = step();
    // An input in the text of a script could end it and begin another.
    assert!(!script.contains("${{"), "{script}");
    let place = tempfile::tempdir().unwrap();
    let docker = place.path().join("docker");
    fs::write(&docker, "#!/bin/sh\nprintf '<%s>\\n' \"$@\"\ncat\n").unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    let mut bash = Command::new("/bin/bash");
    bash.arg("-c").arg(script).env_clear();
    bash.env("PATH", format!("{}:/usr/bin:/bin", place.path().display()));
    for (name, input) in variables {
        let value = inputs.iter().find(|(known, _)| *known == input);
        bash.env(name, value.map_or("", |(_, value)| value));
    }
    let ended = process::run(bash, Duration::from_secs(60));
    assert!(ended.succeeded(), "{}", ended.stderr);
    ended.stdout
}

#[test]
fn the_doctor_gets_what_the_workflow_says_and_the_password_on_standard_input() {
    let all = given(&[
        ("image", "registry.example/doctor:1"),
        ("url", "hub.example.com"),
        ("repository", "lab/app"),
        ("user", "robot$ci"),
        ("password", "s3 cr3t"),
        ("arguments", "--push --require uploads"),
    ]);
    let arguments = [
        "run",
        "--rm",
        "--interactive",
        "registry.example/doctor:1",
        "hub.example.com",
        "--repository",
        "lab/app",
        "--user",
        "robot$ci",
        "--password-stdin",
        "--push",
        "--require",
        "uploads",
    ];
    let expected: String = arguments.map(|one| format!("<{one}>\n")).concat();
    assert_eq!(all, format!("{expected}s3 cr3t\n"));
}

#[test]
fn nothing_more_is_needed_than_an_image_and_a_name() {
    let least = given(&[("image", "doctor:1"), ("url", "$(touch /tmp/x); hub")]);
    assert_eq!(
        least,
        "<run>\n<--rm>\n<--interactive>\n<doctor:1>\n<$(touch /tmp/x); hub>\n\n"
    );
}
