//! The systemd unit: read by systemd, rated by it, and fitting the configuration that it starts
//! with.

use crate::common::{process, tools};
use crate::shipped;
use std::fs;
use std::process::Command;
use std::time::Duration;

const UNIT: &str = "deploy/systemd/harbormouth.service";
const BINARY: &str = "/usr/local/bin/harbormouth";

/// What a fresh installation starts with.
const CONFIGURATION: &str = "conf/one-harbor.yaml";

/// The unit with the binary under test where the installed one would be.
fn unit() -> String {
    let unit = shipped::read(UNIT);
    let here = unit.replace(BINARY, env!("CARGO_BIN_EXE_harbormouth"));
    assert_ne!(here, unit, "{BINARY} isn't started");
    here
}

/// What `systemd-analyze` says of a unit; whether it is content.
fn analyze(unit: &str, arguments: &[&str]) -> (bool, String) {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("harbormouth.service");
    fs::write(&file, unit).expect("write");
    let mut command = Command::new(tools::path("systemd-analyze"));
    command.arg("--no-pager").args(arguments).arg(&file);
    // systemctl edit's colours and the like are for people.
    command.env("SYSTEMD_COLORS", "0");
    let analyzed = process::run(command, Duration::from_secs(60));
    (analyzed.succeeded(), analyzed.output())
}

/// The values of a directive in the unit.
fn values<'u>(unit: &'u str, directive: &str) -> Vec<&'u str> {
    let value = |line: &'u str| line.strip_prefix(directive)?.strip_prefix('=');
    unit.lines().filter_map(value).collect()
}

fn value<'u>(unit: &'u str, directive: &str) -> &'u str {
    match values(unit, directive)[..] {
        [value] => value,
        ref several => panic!("{directive}: {several:?}"),
    }
}

#[test]
fn systemd_understands_every_line() {
    let (content, said) = analyze(&unit(), &["verify", "--man=no"]);
    assert!(content && said.is_empty(), "{said}");
    for (what, from, to) in [
        (
            "a directive that isn't one",
            "ProtectHome=",
            "ProtectHomes=",
        ),
        (
            "a group of system calls that isn't one",
            "~@privileged",
            "~@privilege",
        ),
        (
            "a duration that isn't one",
            "TimeoutStopSec=11min",
            "TimeoutStopSec=11 moons",
        ),
        ("a program that isn't there", "/bin/kill", "/bin/keel"),
    ] {
        let bad = unit().replacen(from, to, 1);
        assert_ne!(bad, unit(), "{what}: the unit has no {from}");
        let (_, said) = analyze(&bad, &["verify", "--man=no"]);
        assert!(said.contains("harbormouth.service"), "{what}: {said:?}");
    }
}

/// systemd's own rating goes from 0 to 10, where 9.6 is a service that restricts nothing.
#[test]
fn systemd_rates_it_as_hardened() {
    let offline = ["security", "--offline=true", "--threshold=18"];
    let (content, said) = analyze(&unit(), &offline);
    assert!(content, "{said}");
    let bare: String = unit()
        .lines()
        .filter(|line| !line.starts_with("SystemCallFilter"))
        .map(|line| format!("{line}\n"))
        .collect();
    let (content, said) = analyze(&bare, &offline);
    assert!(!content, "any system call, and still: {said}");
}

#[test]
fn it_waits_longer_than_the_drain_and_allows_what_the_limits_do() {
    let unit = shipped::read(UNIT);
    let effective = shipped::effective(CONFIGURATION);
    let patience = humantime::parse_duration(value(&unit, "TimeoutStopSec"));
    let patience = patience.expect("a duration");
    let needed = shipped::drain(&effective) + Duration::from_secs(30);
    assert!(patience >= needed, "{patience:?}, {needed:?}");
    let allowed: u64 = value(&unit, "LimitNOFILE").parse().expect("a number");
    let needed = shipped::descriptors(&effective);
    assert!(allowed >= needed, "{allowed}, {needed}");
    let kept: usize = value(&unit, "FileDescriptorStoreMax")
        .parse()
        .expect("a number");
    let listeners = effective["listeners"]
        .as_sequence()
        .expect("listeners")
        .len();
    // And the operator's.
    assert!(kept > listeners, "{kept}, {listeners}");
}

#[test]
fn it_may_do_one_thing_that_others_may_not() {
    let unit = shipped::read(UNIT);
    for directive in ["AmbientCapabilities", "CapabilityBoundingSet"] {
        assert_eq!(value(&unit, directive), "CAP_NET_BIND_SERVICE");
    }
    for (directive, expected) in [
        ("User", "harbormouth"),
        ("Group", "harbormouth"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("MemoryDenyWriteExecute", "yes"),
    ] {
        assert_eq!(value(&unit, directive), expected, "{directive}");
    }
    assert_eq!(values(&unit, "ReadWritePaths"), Vec::<&str>::new());
}

/// systemd-sysusers makes the unit's user, on a system of its own.
#[test]
fn its_user_is_made() {
    let root = tempfile::tempdir().expect("a directory");
    for (place, text) in [
        ("etc/passwd", String::new()),
        (
            "usr/lib/sysusers.d/harbormouth.conf",
            shipped::read("deploy/systemd/harbormouth.sysusers"),
        ),
    ] {
        let file = root.path().join(place);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
        fs::write(file, text).expect("write");
    }
    let mut sysusers = Command::new(tools::path("systemd-sysusers"));
    sysusers.arg("--root").arg(root.path());
    process::must(sysusers);
    let made = fs::read_to_string(root.path().join("etc/passwd")).expect("users");
    let fields: Vec<&str> = made
        .lines()
        .find_map(|line| line.strip_prefix("harbormouth:"))
        .unwrap_or_else(|| panic!("no user in:\n{made}"))
        .split(':')
        .collect();
    assert!(fields[5].ends_with("nologin"), "{made}");
}
