//! `check` and `keygen` as an operator runs them, on the example configurations and on broken ones.

use harbormouth::config::{self, ClientAddressRule, ReattachMode};
use harbormouth::tickets::SealingKey;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The canary's, which no output holds.
const PASSWORD: &str = "Never-To-Be-Seen-1";

const CONF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conf");

/// A copy of `conf/` with the certificates and keys that its files speak of.
fn conf_with_certificates() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in examples() {
        fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
    }
    let tls = copy.path().join("tls");
    fs::create_dir(&tls).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(tls.join("ca.pem"), authority.pem()).unwrap();
    for (file, names) in [
        ("hub", "hub.example.com far.example.com"),
        ("lan", "hub.lan.example"),
        ("dev", "dev.example.com"),
        (
            "mirror",
            "mirror.example.com dockerhub.example.com team.example.com",
        ),
    ] {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.split(' ').map(ToOwned::to_owned).collect();
        let params = CertificateParams::new(names).unwrap();
        let cert = params.signed_by(&key, &authority).unwrap();
        let chain = format!("{}{}", cert.pem(), authority.pem());
        fs::write(tls.join(format!("{file}.crt")), chain).unwrap();
        fs::write(tls.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
    fs::create_dir(copy.path().join("keys")).unwrap();
    for file in [
        "canary.credentials",
        "far.credentials",
        "robot-app.credentials",
        "robot-team.credentials",
    ] {
        let credentials = copy.path().join(file);
        let robot = file.trim_end_matches(".credentials");
        fs::write(&credentials, format!("robot$lab+{robot}:{PASSWORD}\n")).unwrap();
        fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let mac = copy.path().join("keys/eab.key");
    fs::write(&mac, "c2VjcmV0IG9mIHRoZSBleHRlcm5hbCBhY2NvdW50\n").unwrap();
    fs::set_permissions(&mac, fs::Permissions::from_mode(0o600)).unwrap();
    for file in ["2026-10.key", "2026-11.key"] {
        keygen(&copy.path().join("keys").join(file));
    }
    copy
}

fn examples() -> BTreeSet<PathBuf> {
    fs::read_dir(CONF)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect()
}

fn check(file: &Path) -> Output {
    run(&["check", "--config", file.to_str().unwrap()])
}

/// Writes a sealing key and returns what was printed.
fn keygen(file: &Path) -> String {
    let written = run(&["keygen", file.to_str().unwrap()]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert_eq!(text(&written.stderr), "");
    text(&written.stdout).to_owned()
}

/// The part of a key file that nobody may see.
fn secret_in(file: &Path) -> String {
    let content = fs::read_to_string(file).unwrap();
    let (_, secret) = content.trim().rsplit_once(':').unwrap();
    assert_eq!(secret.len(), 43, "32 bytes in base64url");
    secret.to_owned()
}

/// What was printed, without what `check` says of this machine: that its limit of open files is
/// below what the configuration may need.
fn run(arguments: &[&str]) -> Output {
    let mut output = Command::new(env!("CARGO_BIN_EXE_harbormouth"))
        .args(arguments)
        .output()
        .unwrap();
    let of_machine = |line: &&str| {
        line.starts_with("warning: limits.connections: ") && line.contains("this process may have")
    };
    let lines = text(&output.stderr).split_inclusive('\n');
    output.stderr = lines
        .filter(|line| !of_machine(line))
        .collect::<String>()
        .into();
    output
}

/// What follows the problems.
const EXPLAINED: &str = "every setting is explained in docs/configuration.md\n";

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What stands there is what somebody pastes.
#[test]
fn the_rules_of_their_page_are_sound() {
    let page = std::fs::read_to_string(format!("{CONF}/../docs/rules.md")).unwrap();
    let blocks = page.split("```yaml\n").skip(1);
    let blocks: Vec<&str> = blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let head = "listeners: [{ address: 127.0.0.1:8080 }]\nregistries: [{ name: hq, public: [http://hub.example.com], upstream: { endpoints: [http://10.0.0.5] } }]\n";
    let networks = "networks: { office: [192.0.2.0/24], build: [10.20.0.0/16] }\n";
    let mut rules = 0;
    for block in blocks {
        let named = if block.contains("networks:") {
            ""
        } else {
            networks
        };
        let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        std::fs::write(file.path(), format!("{head}{named}{block}")).unwrap();
        let checked = check(file.path());
        assert!(checked.status.success(), "{}", text(&checked.stderr));
        rules += block.matches("name:").count();
    }
    assert_eq!(rules, 22);
}

#[test]
fn every_example_loads_and_warns_only_where_it_says_so() {
    let conf = conf_with_certificates();
    let examples = examples();
    assert!(examples.len() >= 10, "{examples:?}");
    for file in examples {
        let name = file.file_name().unwrap().to_str().unwrap();
        let file = conf.path().join(name);
        let checked = check(&file);
        let warnings = text(&checked.stderr);
        assert!(checked.status.success(), "{name}: {warnings}");
        match name {
            "behind-a-tls-balancer.yaml" => assert_eq!(
                warnings,
                format!(
                    "warning: {}:11:14: registries[0].public[0]: https://hub.example.com is https, but no listener has certificates; this is right only if a proxy in front ends TLS\n",
                    file.display()
                )
            ),
            _ => assert_eq!(warnings, "", "{name}"),
        }
    }
}

/// Made by `harbormouth schema > conf/harbormouth.schema.json`.
#[test]
fn the_shipped_schema_is_what_the_command_prints_and_every_example_names_it() {
    let printed = run(&["schema"]);
    assert!(printed.status.success());
    let shipped = fs::read_to_string(Path::new(CONF).join("harbormouth.schema.json")).unwrap();
    assert_eq!(text(&printed.stdout), shipped);
    for file in examples() {
        let example = fs::read_to_string(&file).unwrap();
        assert_eq!(
            example.lines().next(),
            Some("# yaml-language-server: $schema=harbormouth.schema.json"),
            "{}",
            file.display()
        );
    }
}

/// A setting is declared in one place and told in one: a key that is new misses its annotated line.
#[test]
fn what_the_schema_knows_stands_in_the_annotated_file() {
    let annotated = fs::read_to_string(Path::new(CONF).join("harbormouth.yaml")).unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&run(&["schema"]).stdout).unwrap();
    let mut keys = BTreeSet::new();
    collect_keys(&schema, &mut keys);
    assert!(keys.len() > 50, "{keys:?}");
    let is_missing = |key: &&String| !annotated.contains(&format!("{key}:"));
    let missing: Vec<&String> = keys.iter().filter(is_missing).collect();
    assert!(
        missing.is_empty(),
        "not in conf/harbormouth.yaml: {missing:?}"
    );
}

fn collect_keys(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    let inner = schema["properties"].as_object().into_iter().flatten();
    for (key, value) in inner {
        keys.insert(key.clone());
        collect_keys(value, keys);
    }
    let choices = schema["anyOf"].as_array().into_iter().flatten();
    for inner in schema.get("items").into_iter().chain(choices) {
        collect_keys(inner, keys);
    }
}

#[test]
fn what_check_prints_loads_to_the_same_configuration() {
    let conf = conf_with_certificates();
    let elsewhere = tempfile::tempdir().unwrap();
    for file in examples() {
        let file = conf.path().join(file.file_name().unwrap());
        let printed = check(&file).stdout;
        assert!(!text(&printed).contains(PASSWORD));
        let again = elsewhere.path().join("printed.yaml");
        fs::write(&again, &printed).unwrap();
        let reprinted = check(&again);
        assert_eq!(
            text(&reprinted.stdout),
            text(&printed),
            "{}",
            file.display()
        );
        // YAML shows values; this compares everything that was built from them.
        let first = config::load_file(&file).unwrap();
        let mut second = config::load_file(&again).unwrap();
        second.file.clone_from(&first.file);
        // What is printed has other lines.
        assert_eq!(first.warnings, second.warnings);
        second.warnings.clone_from(&first.warnings);
        assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }
}

/// The annotated file says what the defaults are; this holds it to that.
#[test]
fn the_annotated_file_states_the_defaults() {
    let conf = conf_with_certificates();
    let annotated = config::load_file(&conf.path().join("harbormouth.yaml")).unwrap();
    let sparse = config::load_file(&conf.path().join("one-harbor.yaml")).unwrap();
    let (stated, default) = (&annotated.registries[0], &sparse.registries[0]);
    assert_eq!(stated.timeouts, default.timeouts);
    assert_eq!(stated.expose, default.expose);
    assert_eq!(
        format!("{:?}", stated.upstream.health),
        format!("{:?}", default.upstream.health)
    );
    assert_eq!(annotated.admin.address, sparse.admin.address);
    assert_eq!(annotated.log.format, sparse.log.format);
    assert_eq!(annotated.limits, sparse.limits);
    assert_eq!(annotated.drain, sparse.drain);
    assert_eq!(stated.max_in_flight, default.max_in_flight);
    assert_eq!(stated.maintenance, default.maintenance);
    assert_eq!(
        annotated.listeners[0].proxy_protocol,
        sparse.listeners[0].proxy_protocol
    );
    assert_eq!(annotated.trusted_proxies, sparse.trusted_proxies);
    assert_eq!(
        annotated.restore_authorization_from,
        sparse.restore_authorization_from
    );
    assert_eq!(annotated.login_limit, sparse.login_limit);
    let canary = config::load_file(&conf.path().join("canary.yaml")).unwrap();
    assert_eq!(annotated.canaries[0].interval, canary.canaries[0].interval);
    assert_eq!(stated.reattach.mode, default.reattach.mode);
    assert_eq!(
        stated.reattach.client_address,
        default.reattach.client_address
    );
}

#[test]
fn names_of_files_start_at_the_configuration_file() {
    let conf = conf_with_certificates();
    let checked = Command::new(env!("CARGO_BIN_EXE_harbormouth"))
        .args(["check", "--config", "conf/one-harbor.yaml"])
        .current_dir(conf.path().parent().unwrap())
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(1), "no such file from here");
    let checked = Command::new(env!("CARGO_BIN_EXE_harbormouth"))
        .args(["check", "--config", "../one-harbor.yaml"])
        .current_dir(conf.path().join("tls"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}

#[test]
fn problems_are_printed_one_a_line_and_the_exit_code_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("conf.yaml");
    fs::write(
        &file,
        "listeners: [{ address: 0.0.0.0 }]\nregistries:\n  - name: hq\n    public: [https://me:pw@hub/x]\n    upstream: { endpoint: [http://10.0.0.5] }\n",
    )
    .unwrap();
    let checked = check(&file);
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(text(&checked.stdout), "");
    let name = file.display();
    assert_eq!(
        text(&checked.stderr).strip_suffix(EXPLAINED).unwrap(),
        format!(
            "{name}:1:15: listeners[0].address: \"0.0.0.0\" is not understood; accepted: an IP address with a port, such as 0.0.0.0:443 or \"[::]:443\"\n\
             {name}:4:14: registries[0].public[0]: \"https://***@hub/x\" has a path, query or fragment; an origin is only scheme://host[:port]\n\
             {name}:5:17: registries[0].upstream.endpoint: is not a known key (did you mean \"endpoints\"?); accepted here: endpoints, also_known_as, tls, health\n\
             {name}:5:5: registries[0].upstream.endpoints: is missing; accepted: a list of at least one scheme://host[:port] of this Harbor\n"
        )
    );
}

/// Files of nginx, Ingress and Harbor's chart as people have them: what is made of each is a
/// configuration, with a certificate where one has to be brought.
#[test]
fn what_is_imported_is_a_configuration() {
    let conf = conf_with_certificates();
    let file = conf.path().join("imported.yaml");
    let right = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/offline/right");
    let mut count = 0;
    for entry in fs::read_dir(right).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !["nginx", "ingress", "values"]
            .iter()
            .any(|begin| name.starts_with(begin))
        {
            continue;
        }
        count += 1;
        let imported = run(&["import", path.to_str().unwrap()]);
        let told = text(&imported.stderr);
        assert!(imported.status.success(), "{name}: {told}");
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        for line in told.lines() {
            let (place, fate) = line.split_once(": ").unwrap();
            let number: usize = place.rsplit(':').next().unwrap().parse().unwrap();
            assert!((1..=lines).contains(&number), "{line}");
            let fates = [": ours: ", ": not needed: ", ": can't: "];
            assert!(
                fates.iter().any(|known| format!("{fate} ").contains(known)),
                "{line}"
            );
        }
        let mut yaml: serde_yaml::Value = serde_yaml::from_slice(&imported.stdout).unwrap();
        for listener in yaml["listeners"].as_sequence_mut().unwrap() {
            let pairs = listener
                .get_mut("tls")
                .and_then(|tls| tls.get_mut("certificates"));
            for pair in pairs
                .into_iter()
                .flat_map(|pairs| pairs.as_sequence_mut().unwrap())
            {
                pair["cert"] = "tls/hub.crt".into();
                pair["key"] = "tls/hub.key".into();
            }
        }
        fs::write(&file, serde_yaml::to_string(&yaml).unwrap()).unwrap();
        let checked = check(&file);
        assert!(
            checked.status.success(),
            "{name}: {}\n{told}",
            text(&checked.stderr)
        );
    }
    assert!(count >= 10, "{count}");
}

/// Where a word of another proxy's stands as a key, ours is said.
#[test]
fn words_of_other_proxies_are_answered_with_ours() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("conf.yaml");
    let yaml = "listeners: [{ address: 127.0.0.1:0, ssl_certificate: hub.crt }]\nclient_max_body_size: 0\nregistries:\n  - name: hq\n    server_name: hub\n    proxy_pass: http://10.0.0.5\n    proxy_read_timeout: 60\n    routers: {}\n    nonsense: {}\n";
    fs::write(&file, yaml).unwrap();
    let checked = check(&file);
    let told = text(&checked.stderr);
    for (key, said) in [
        (
            "ssl_certificate",
            " (of nginx; ours: listeners.tls.certificates.cert); accepted here: ",
        ),
        (
            "client_max_body_size",
            " (of nginx; not needed: bodies have no limit here); accepted here: ",
        ),
        (
            "server_name",
            " (of nginx; ours: registries.public; with scheme and port, as clients type it); accepted here: ",
        ),
        (
            "proxy_pass",
            " (of nginx; ours: registries.upstream.endpoints); accepted here: ",
        ),
        (
            "routers",
            " (of Traefik; ours: registries.public); accepted here: ",
        ),
        ("nonsense", "; accepted here: "),
    ] {
        assert!(
            told.contains(&format!("{key}: is not a known key{said}")),
            "{key}: {told}"
        );
    }
}

#[test]
fn shells_and_man_take_what_is_printed_for_them() {
    let directory = tempfile::tempdir().unwrap();
    let tried = |program: &str, arguments: &[&str], name: &str, printed: &[&str]| {
        let output = run(printed);
        assert!(
            output.status.success(),
            "{printed:?}: {}",
            text(&output.stderr)
        );
        let file = directory.path().join(name);
        fs::write(&file, &output.stdout).unwrap();
        let judged = Command::new(program).args(arguments).arg(&file).output();
        let judged = judged.unwrap_or_else(|error| panic!("{program}: {error}"));
        let said = format!("{}{}", text(&judged.stdout), text(&judged.stderr));
        assert!(judged.status.success(), "{printed:?}: {said}");
        text(&output.stdout).to_owned()
    };
    let script = tried("bash", &["-n"], "bash", &["completions", "bash"]);
    assert!(
        script.contains("--against") && script.contains("--tls-cert"),
        "{script}"
    );
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(run(&["completions", shell]).status.success(), "{shell}");
    }
    // The commands of each page, and their options. What isn't portable is no fault of the page's.
    let lint = ["-T", "lint", "-W", "error"];
    let whole = tried("mandoc", &lint, "harbormouth.1", &["man"]);
    assert!(whole.contains("harbormouth\\-check(1)"), "{whole}");
    for command in ["serve", "check", "keygen", "doctor", "import"] {
        let page = tried("mandoc", &lint, "page.1", &["man", command]);
        let title = format!(".TH harbormouth-{command} 1");
        assert!(page.contains(&title), "{page}");
    }
    let none = run(&["man", "nothing"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(text(&none.stderr).contains("accepted: serve, check, "));
}

/// What `check --json` writes, which its schema describes.
fn check_json(arguments: &[&str]) -> (Option<i32>, serde_json::Value) {
    let checked = run(&[&["check", "--json"], arguments].concat());
    assert_eq!(text(&checked.stderr), "", "{arguments:?}");
    let document: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    let schema = include_str!("../docs/check.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let wrong: Vec<String> = schema
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{document:#}");
    (checked.status.code(), document)
}

#[test]
fn programs_read_what_is_wrong_as_json() {
    let directory = tempfile::tempdir().unwrap();
    let (file, included) = (
        directory.path().join("a.yaml"),
        directory.path().join("b.yaml"),
    );
    let (file, included) = (file.to_str().unwrap(), included.to_str().unwrap());
    let good = "listeners: [{ address: 127.0.0.1:0 }]\ninclude: b.yaml\n";
    let registry = "registries: [{ name: hq, public: [https://hub], upstream: { endpoints: [http://10.0.0.5] } }]\n";
    fs::write(file, good).unwrap();
    fs::write(included, registry).unwrap();
    let page = |word: &str| format!("docs/configuration.md{word}");
    let (code, read) = check_json(&["--config", file]);
    assert_eq!(code, Some(0));
    assert_eq!(read["valid"], true);
    assert_eq!(read["included"], serde_json::json!([included]));
    // Behind it stand those of this machine.
    let expected = serde_json::json!({
        "file": included, "line": 1, "column": 35, "key": "registries[0].public[0]",
        "message": "https://hub is https, but no listener has certificates; this is right only if a proxy in front ends TLS",
        "page": page("#registries.public"),
    });
    assert_eq!(read["warnings"][0], expected);

    fs::write(included, registry.replace("upstream", "upstreams")).unwrap();
    let (code, read) = check_json(&["--config", file]);
    assert_eq!((code, &read["valid"]), (Some(1), &false.into()));
    let errors = read["errors"].as_array().unwrap();
    let told = errors.iter().map(|error| {
        let place = ["file", "line", "key", "page"].map(|name| error[name].to_string());
        place.join(" ").replace('"', "")
    });
    let told: Vec<String> = told.collect();
    let registries = page("#registries");
    assert_eq!(
        told,
        [
            format!("{included} 1 registries[0].upstreams {registries}"),
            format!("{included} 1 registries[0].upstream {registries}.upstream"),
        ]
    );
    // What is no configuration at all, and what stands in flags.
    for (arguments, key, line, word) in [
        (
            &["--config", "/nowhere.yaml"][..],
            serde_json::Value::Null,
            serde_json::Value::Null,
            "",
        ),
        (
            &["--public", "https://h/x", "--upstream", "http://u"],
            "--public".into(),
            serde_json::Value::Null,
            "",
        ),
    ] {
        let (code, read) = check_json(arguments);
        assert_eq!(code, Some(1), "{arguments:?}");
        let error = &read["errors"][0];
        assert_eq!(
            (&error["key"], &error["line"]),
            (&key, &line),
            "{arguments:?}"
        );
        assert_eq!(error["page"], page(word));
    }
    fs::write(file, "a: [").unwrap();
    let (_, read) = check_json(&["--config", file]);
    assert_eq!(
        (&read["errors"][0]["line"], &read["errors"][0]["column"]),
        (&2.into(), &1.into())
    );
}

/// In the words of the log, whatever changes.
#[test]
fn what_a_reload_would_do_is_told_before_it_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, yaml: &str| {
        let file = directory.path().join(name);
        fs::write(&file, yaml).unwrap();
        file.display().to_string()
    };
    let registry = |name: &str, rest: &str| {
        format!(
            "  - {{ name: {name}, public: [http://{name}], upstream: {{ endpoints: [http://10.0.0.5] }}{rest} }}\n"
        )
    };
    let yaml = |listener: &str, rest: &str, registries: &[String]| {
        format!(
            "listeners: [{{ address: 127.0.0.1:{listener} }}]\n{rest}registries:\n{}",
            registries.concat()
        )
    };
    let old = yaml(
        "80",
        "limits: { connections: 100 }\n",
        &[registry("hq", ""), registry("far", "")],
    );
    let old = file("old.yaml", &old);
    let changed = registry("hq", ", timeouts: { connect: 3s }, maintenance: all");
    let new = file(
        "new.yaml",
        &yaml("81", "threads: 7\n", &[changed, registry("lab", "")]),
    );
    let checked = run(&["check", "--config", &new, "--against", &old]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let changes = [
        "registry hq has changed (timeouts, maintenance)",
        "registry lab is new",
        "registry far is gone",
        "settings for all have changed (limits)",
    ];
    let waiting = "these changes need a restart: listeners[0].address, threads\n";
    assert_eq!(
        text(&checked.stdout),
        format!("{}\n{waiting}", changes.join("\n"))
    );
    let (_, read) = check_json(&["--config", &new, "--against", &old]);
    assert_eq!(read["reload"]["changes"], serde_json::json!(changes));
    let waiting = serde_json::json!(["listeners[0].address", "threads"]);
    assert_eq!(read["reload"]["restart_required"], waiting);
    let checked = run(&["check", "--config", &old, "--against", &old]);
    assert_eq!(text(&checked.stdout), "nothing has changed\n");
    // Neither may be wrong.
    let wrong = file("wrong.yaml", "a: b");
    for (new, old) in [(&wrong, &old), (&new, &wrong)] {
        let checked = run(&["check", "--config", new, "--against", old]);
        assert_eq!(checked.status.code(), Some(1));
        assert!(text(&checked.stderr).contains("wrong.yaml:1:1: a: is not a known key"));
    }
}

/// Whatever is wrong, of the text or of its meaning, with its line and column, and all at once.
#[test]
fn keys_that_stand_twice_are_told_beside_everything_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("conf.yaml");
    let name = file.display();
    for (yaml, expected) in [
        (
            "# No listener.\nregistries:\n  - name: hq\n    public: [http://hub]\n    name: other\n    upstream:\n      endpoints:\n        - http://10.0.0.5\n        - harbor\nthreads: 1\nlog: { format: xml }\nthreads: 0\n",
            format!(
                "{name}:12:1: threads: is set twice, first on line 10\n\
                 {name}:2:1: listeners: is missing; accepted: a list of at least one listener, each with an address\n\
                 {name}:5:5: registries[0].name: is set twice, first on line 3\n\
                 {name}:9:11: registries[0].upstream.endpoints[1]: \"harbor\" has no http or https scheme; write it as http://host[:port] or https://host[:port]\n\
                 {name}:11:8: log.format: \"xml\" is not understood; accepted: text or json\n"
            ),
        ),
        (
            "listeners: [\n",
            format!(
                "{name}:2:1: is not YAML: did not find expected node content at line 2 column 1, while parsing a flow node\n"
            ),
        ),
    ] {
        fs::write(&file, yaml).unwrap();
        let checked = check(&file);
        assert_eq!(checked.status.code(), Some(1));
        let told = text(&checked.stderr);
        assert_eq!(told.strip_suffix(EXPLAINED).unwrap_or(told), expected);
    }
}

#[test]
fn flags_build_what_the_file_would() {
    let conf = conf_with_certificates();
    let tls = |name: &str| conf.path().join("tls").join(name).display().to_string();
    let by_flags = run(&[
        "check",
        "--public",
        "https://hub.example.com",
        "--upstream",
        "http://10.0.0.5",
        "--tls-cert",
        &tls("hub.crt"),
        "--tls-key",
        &tls("hub.key"),
    ]);
    assert!(by_flags.status.success(), "{}", text(&by_flags.stderr));
    let file = conf.path().join("flags.yaml");
    fs::write(
        &file,
        "listeners:\n  - address: 0.0.0.0:443\n    tls: { certificates: [{ cert: tls/hub.crt, key: tls/hub.key }] }\nregistries:\n  - name: harbor\n    public: [https://hub.example.com]\n    upstream: { endpoints: [http://10.0.0.5] }\n",
    )
    .unwrap();
    assert_eq!(text(&by_flags.stdout), text(&check(&file).stdout));
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let conf = conf_with_certificates();
    let tls = conf.path().join("tls");
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["hub.example.com".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    fs::write(tls.join("hub.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(tls.join("hub.key"), key.serialize_pem()).unwrap();
    let checked = check(&conf.path().join("one-harbor.yaml"));
    assert!(checked.status.success());
    let file = tls.join("hub.crt");
    assert_eq!(
        text(&checked.stderr),
        format!(
            "warning: the certificate in {} has expired\n",
            file.display()
        )
    );
}

#[test]
fn keygen_writes_a_key_that_loads_and_that_only_its_owner_may_read() {
    let conf = conf_with_certificates();
    let file = conf.path().join("new.key");
    let printed = keygen(&file);
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
    let id = SealingKey::read(&fs::read(&file).unwrap()).unwrap().id();
    let name = file.display();
    assert_eq!(
        printed,
        format!(
            "sealing key {id} is in {name}\n\
             next: give every replica this file and name it in reattach.keys.current; if another key is in use, name it first in reattach.keys.previous (harbormouth keygen --help)\n"
        )
    );
    let yaml = fs::read_to_string(conf.path().join("one-harbor.yaml")).unwrap();
    let yaml = format!(
        "{yaml}reattach: {{ keys: {{ current: new.key, previous: [keys/2026-11.key] }}, client_address: require }}\n"
    );
    let configuration = conf.path().join("with-keys.yaml");
    fs::write(&configuration, yaml).unwrap();
    let loaded = config::load_file(&configuration).unwrap();
    let reattach = &loaded.registries[0].reattach;
    assert_eq!(reattach.mode, ReattachMode::Ticket);
    assert_eq!(reattach.client_address, ClientAddressRule::Require);
    let keys = reattach.keys.as_ref().unwrap();
    assert_eq!(keys.keyring.current().id(), id);
    // No output holds a key, only the names of their files.
    let checked = check(&configuration);
    assert_eq!(text(&checked.stderr), "");
    assert!(text(&checked.stdout).contains(file.to_str().unwrap()));
    for key in [&file, &conf.path().join("keys/2026-11.key")] {
        let secret = secret_in(key);
        assert!(!text(&checked.stdout).contains(&secret));
        assert!(!printed.contains(&secret));
        assert!(!format!("{loaded:?}").contains(&secret));
    }
}

#[test]
fn keygen_gives_every_key_its_own_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let [a, b] = ["a.key", "b.key"].map(|name| directory.path().join(name));
    assert_ne!(keygen(&a), keygen(&b));
    assert_ne!(secret_in(&a), secret_in(&b));
}

#[test]
fn keygen_takes_a_plain_name() {
    let directory = tempfile::tempdir().unwrap();
    let written = Command::new(env!("CARGO_BIN_EXE_harbormouth"))
        .args(["keygen", "plain.key"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(written.status.success(), "{}", text(&written.stderr));
    SealingKey::read(&fs::read(directory.path().join("plain.key")).unwrap()).unwrap();
}

#[test]
fn keygen_leaves_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.key");
    let link = directory.path().join("link.key");
    let dangling = directory.path().join("dangling.key");
    fs::write(&file, "something else\n").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    std::os::unix::fs::symlink(directory.path().join("target.key"), &dangling).unwrap();
    for name in [&file, &link, &dangling, &directory.path().to_owned()] {
        let refused = run(&["keygen", name.to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(text(&refused.stdout), "");
        assert_eq!(
            text(&refused.stderr),
            format!(
                "error: {} exists and was not changed, because a key in use must not be lost; give another name\n",
                name.display()
            )
        );
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "something else\n");
    assert!(!directory.path().join("target.key").exists());
    let nowhere = directory.path().join("no/such/directory.key");
    let refused = run(&["keygen", nowhere.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        text(&refused.stderr),
        format!(
            "error: {} can't be created: No such file or directory (os error 2)\n",
            nowhere.display()
        )
    );
}

#[test]
fn a_key_file_that_everybody_may_read_is_a_warning() {
    let conf = conf_with_certificates();
    let file = conf.path().join("keys/2026-10.key");
    for (mode, warned) in [(0o400, false), (0o440, false), (0o644, true)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let config = conf.path().join("sealing-keys.yaml");
        let checked = check(&config);
        assert!(checked.status.success());
        let expected = if warned {
            format!(
                "warning: {}:28:49: reattach.keys.previous[0]: \"keys/2026-10.key\" can be read by every user of this machine; set its mode to 0600, in Kubernetes the Secret's defaultMode to 0440\n",
                config.display()
            )
        } else {
            String::new()
        };
        assert_eq!(text(&checked.stderr), expected, "{mode:o}");
    }
}

#[test]
fn the_content_of_a_bad_key_file_is_not_printed() {
    let conf = conf_with_certificates();
    let file = conf.path().join("keys/2026-10.key");
    let secret = secret_in(&file);
    let whole = fs::read_to_string(&file).unwrap();
    for content in [
        whole.trim_end()[..whole.len() - 2].to_owned(),
        format!("{whole}{whole}"),
        secret.clone(),
    ] {
        fs::write(&file, content).unwrap();
        let checked = check(&conf.path().join("sealing-keys.yaml"));
        assert_eq!(checked.status.code(), Some(1));
        let printed = text(&checked.stderr);
        assert!(
            printed.contains("reattach.keys.previous[0]: \"keys/2026-10.key\" holds"),
            "{printed}"
        );
        assert!(!printed.contains(&secret[..20]), "{printed}");
    }
}

#[test]
fn serve_refuses_what_check_refuses() {
    let refused = run(&["serve", "--config", "/nowhere/conf.yaml"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        text(&refused.stderr),
        "/nowhere/conf.yaml: can't be read: No such file or directory (os error 2)\n"
    );
}

/// What is at the key of a file, or in place of the configuration itself, and can't be read as one.
#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let conf = conf_with_certificates();
    let pipe = conf.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let with = |certificate: &str, more: &str| {
        format!(
            "listeners:\n  - address: 0.0.0.0:443\n    tls: {{ certificates: [{{ {certificate} }}] }}\n\
             registries:\n  - name: harbor\n    public: [https://hub.example.com]\n    \
             upstream: {{ endpoints: [https://10.0.0.5], {more} }}\n"
        )
    };
    const PAIR: &str = "cert: tls/hub.crt, key: tls/hub.key";
    let canary = |file: &str| {
        format!(
            "{}canary: {{ registry: harbor, repository: lab/c, credentials: {file} }}\n",
            with(PAIR, "")
        )
    };
    let keys = |file: &str| {
        format!(
            "{}reattach: {{ keys: {{ current: {file} }} }}\n",
            with(PAIR, "")
        )
    };
    for (file, said) in [
        ("pipe", "it is a pipe"),
        ("tls", "it is a directory"),
        ("/dev/zero", "it is a device"),
    ] {
        for yaml in [
            with(&format!("cert: {file}, key: tls/hub.key"), ""),
            with(&format!("cert: tls/hub.crt, key: {file}"), ""),
            with(PAIR, &format!("tls: {{ ca: {file} }}")),
            keys(file),
            canary(file),
        ] {
            let broken = conf.path().join("broken.yaml");
            fs::write(&broken, &yaml).unwrap();
            let checked = check_in_time(&broken);
            assert_eq!(checked.status.code(), Some(1), "{yaml}");
            let printed = text(&checked.stderr);
            let said = format!("\"{file}\" can't be read: {said}, and has to be a regular file");
            assert!(printed.contains(&said), "{yaml}\n{printed}");
        }
        let checked = check_in_time(&conf.path().join(file));
        assert_eq!(checked.status.code(), Some(1), "{file}");
        let printed = text(&checked.stderr);
        assert!(
            printed.contains(&format!("can't be read: {said}")),
            "{printed}"
        );
    }
}

/// As [`check`], where it may wait for ever.
fn check_in_time(file: &Path) -> Output {
    Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_harbormouth"), "check", "--config"])
        .arg(file)
        .output()
        .unwrap()
}

#[test]
fn a_configuration_means_no_more_than_it_can_hold() {
    let conf = conf_with_certificates();
    let file = conf.path().join("bomb.yaml");
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for line in 1..=4_000 {
        let before = [format!("*a{}", line - 1), format!("*a{}", line - 1)].join(", ");
        bomb += &format!("a{line}: &a{line} [{before}]\n");
    }
    for (text_of_it, said) in [
        (bomb, "bomb.yaml:2:5: expands to more than 100000 values"),
        (
            "[".repeat(200 << 10),
            "bomb.yaml:1:501: has more than 500 nested brackets",
        ),
        (
            " ".repeat((1 << 20) + 1),
            "can't be read: the file is larger than 1.0 MiB",
        ),
    ] {
        fs::write(&file, text_of_it).unwrap();
        let checked = check_in_time(&file);
        assert_eq!(checked.status.code(), Some(1));
        let printed = text(&checked.stderr);
        assert!(printed.contains(said), "{printed}");
    }
    // Aliases that repeat a little are nobody's harm.
    let once = "listeners: [{ address: \"127.0.0.1:0\" }]\nregistries:\n  - name: a\n    public: [http://a.example.com]\n    upstream: &up { endpoints: [http://10.0.0.5] }\n  - name: b\n    public: [http://b.example.com]\n    upstream: *up\n";
    fs::write(&file, once).unwrap();
    let checked = check(&file);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}

/// Editors on Windows put one in front.
#[test]
fn a_byte_order_mark_is_read_over() {
    let conf = conf_with_certificates();
    for file in [
        "sealing-keys.yaml",
        "canary.yaml",
        "tls/hub.crt",
        "tls/hub.key",
        "keys/2026-10.key",
        "keys/2026-11.key",
        "canary.credentials",
    ] {
        let file = conf.path().join(file);
        let content = fs::read(&file).unwrap();
        fs::write(&file, [b"\xef\xbb\xbf", &content[..]].concat()).unwrap();
    }
    for file in ["sealing-keys.yaml", "canary.yaml"] {
        let checked = check(&conf.path().join(file));
        assert!(checked.status.success(), "{}", text(&checked.stderr));
    }
    let loaded = config::load_file(&conf.path().join("canary.yaml")).unwrap();
    assert_eq!(loaded.canaries[0].credentials.user, "robot$lab+canary");
    let file = conf.path().join("sealing-keys.yaml");
    fs::write(&file, b"\xff\xfel\0i\0").unwrap();
    let checked = check(&file);
    assert_eq!(checked.status.code(), Some(1));
    assert!(text(&checked.stderr).contains("sealing-keys.yaml: is UTF-16; save it as UTF-8"));
}

#[test]
fn a_sealing_key_of_zeros_is_no_key() {
    let conf = conf_with_certificates();
    let zeros = format!("harbormouth-ticket-key-1:{}\n", "A".repeat(43));
    fs::write(conf.path().join("keys/2026-11.key"), zeros).unwrap();
    let checked = check(&conf.path().join("sealing-keys.yaml"));
    assert_eq!(checked.status.code(), Some(1));
    let printed = text(&checked.stderr);
    assert!(
        printed.contains("holds a sealing key that is all zeros"),
        "{printed}"
    );
}

#[test]
fn help_and_version_answer() {
    for (arguments, expected) in [
        (vec!["--version"], env!("CARGO_PKG_VERSION")),
        (vec!["--help"], "harbormouth demo"),
        (vec!["serve", "--help"], "--public https://hub.example.com"),
        (vec!["check", "--help"], "all problems"),
        (vec!["schema", "--help"], "JSON Schema"),
        (vec!["demo", "--help"], "--once"),
        (vec!["keygen", "--help"], "2. Promote: keys: {"),
    ] {
        let answer = run(&arguments);
        assert!(answer.status.success(), "{arguments:?}");
        assert!(text(&answer.stdout).contains(expected), "{arguments:?}");
    }
}

/// The lines of `check` about routes.
fn route(conf: &Path, file: &str, url: &str) -> (Option<i32>, Vec<String>) {
    let file = conf.join(file);
    let answer = run(&["check", "--config", file.to_str().unwrap(), "--route", url]);
    assert_eq!(text(&answer.stderr), "", "{url}");
    let lines = text(&answer.stdout).lines().map(ToOwned::to_owned);
    (answer.status.code(), lines.collect())
}

#[test]
fn check_says_where_a_request_goes() {
    let conf = conf_with_certificates();
    for (file, url, expected) in [
        (
            "mirror.yaml",
            "https://mirror.example.com/v2/nginx/manifests/latest?ns=docker.io",
            &[
                "registry: hq",
                "by: mirrors[0], which is the project dockerhub there",
                "there: GET /v2/dockerhub/library/nginx/manifests/latest",
            ][..],
        ),
        (
            "mirror.yaml",
            "https://mirror.example.com/v2/a/b/blobs/sha256:aa?ns=ghcr.io",
            &[
                "registry: hq",
                "by: mirrors[1], which is the project ghcr there",
                "there: GET /v2/ghcr/a/b/blobs/sha256:aa",
            ],
        ),
        (
            "mirror.yaml",
            "https://team.example.com/service/token?service=harbor-registry&scope=repository:app:pull,push",
            &[
                "registry: hq",
                "by: mirrors[3], which is the project team there",
                "there: GET /service/token?service=harbor-registry&scope=repository:team/app:pull,push",
                "scopes there: repository:team/app:pull,push",
            ],
        ),
        (
            "mirror.yaml",
            "https://hub.example.com",
            &["registry: hq", "there: GET /"],
        ),
        (
            "one-name-many-harbors.yaml",
            "https://hub.example.com/v2/ml-vision/net/manifests/v1",
            &[
                "registry: research",
                "by: its projects, which are datasets, ml-*",
                "there: GET /v2/ml-vision/net/manifests/v1",
            ],
        ),
        (
            "one-name-many-harbors.yaml",
            "https://hub.example.com/v2/ml/net/manifests/v1",
            &[
                "registry: hq",
                "by: it has what no other registry's projects name",
                "there: GET /v2/ml/net/manifests/v1",
            ],
        ),
        (
            "one-name-many-harbors.yaml",
            "https://hub.example.com/v2/ml-a/net/blobs/uploads/u?_state=s&harbormouth_registry=hq",
            &[
                "registry: hq",
                "by: harbormouth_registry, because the upload began there",
                "there: GET /v2/ml-a/net/blobs/uploads/u?_state=s",
            ],
        ),
        (
            "one-name-many-harbors.yaml",
            "https://hub.example.com/v2/datasets/a/blobs/uploads/?mount=sha256:aa&from=lab/b",
            &[
                "registry: research",
                "by: its projects, which are datasets, ml-*",
                "mount: left out, because its source is at another Harbor; the client uploads instead",
                "there: POST /v2/datasets/a/blobs/uploads/",
            ],
        ),
        (
            "other-sites.yaml",
            "https://hub.example.com/v2/lab/app/manifests/v1",
            &[
                "registry: near",
                "there: GET /v2/lab/app/manifests/v1",
                "then: far, as lab/app, where it is not_found",
            ],
        ),
    ] {
        let (code, lines) = route(conf.path(), file, url);
        assert_eq!(code, Some(0), "{url}: {lines:?}");
        assert_eq!(lines, expected, "{url}");
    }
}

/// A listener that redirects, rules, and a maintenance come before all routing.
#[test]
fn check_says_what_a_request_meets_first() {
    let conf = tempfile::tempdir().unwrap();
    let write = |maintenance: &str, rules: &str| {
        let text = format!(
            "listeners:\n  - {{ address: 127.0.0.1:1 }}\n  - {{ address: 127.0.0.1:2, redirect_to_https: true }}\n\
             registries:\n  - name: hq\n    public: [https://hub.example.com]\n    \
             maintenance: {maintenance}\n    upstream: {{ endpoints: [http://10.0.0.1] }}\n{rules}"
        );
        fs::write(conf.path().join("edge.yaml"), text).unwrap();
    };
    let (pull, push) = (
        "hub.example.com/v2/lab/app/manifests/v1",
        "hub.example.com/v2/lab/app/blobs/uploads/",
    );
    let rule = "rules:\n  - { name: night, when: \"false\", deny: {} }\n";
    for (name, maintenance, rules, url, expected) in [
        ("nothing", "off", "", format!("https://{pull}"), &[][..]),
        (
            "a redirect",
            "off",
            "",
            format!("http://{pull}"),
            &["first: 308 to https://hub.example.com/v2/lab/app/manifests/v1, at listeners[1]"],
        ),
        (
            "a pull while pushes are closed",
            "pushes",
            "",
            format!("https://{pull}"),
            &[],
        ),
        (
            "a push while pushes are closed",
            "pushes",
            "",
            format!("https://{push}"),
            &["first: refused, 503 "],
        ),
        (
            "closed",
            "all",
            "",
            format!("https://{pull}"),
            &["first: refused, 503 "],
        ),
        (
            "rules",
            "off",
            rule,
            format!("https://{pull}"),
            &["first: the rules; check --explain says which of them decides"],
        ),
    ] {
        write(maintenance, rules);
        let (code, lines) = route(conf.path(), "edge.yaml", &url);
        let refused = expected.iter().any(|line| line.contains("refused"));
        assert_eq!(code, Some(i32::from(refused)), "{name}: {lines:?}");
        let first: Vec<&String> = lines
            .iter()
            .take_while(|one| one.starts_with("first:"))
            .collect();
        assert_eq!(first.len(), expected.len(), "{name}: {lines:?}");
        let mut pairs = first.iter().zip(expected);
        assert!(
            pairs.all(|(line, begin)| line.starts_with(begin)),
            "{name}: {lines:?}"
        );
        assert_eq!(lines[first.len()], "registry: hq", "{name}: {lines:?}");
    }
}

#[test]
fn check_says_what_a_client_is_told_that_gets_nowhere() {
    let conf = conf_with_certificates();
    for (url, expected) in [
        (
            "https://other.example.com/v2/",
            "nowhere: 421 no registry is served under this host name",
        ),
        (
            "https://mirror.example.com/v2/a/manifests/1?ns=quay.io",
            "nowhere: 404 no mirror at this host is for the registry",
        ),
        (
            "https://team.example.com/api/v2.0/projects",
            "nowhere: 404 this path is not public here",
        ),
        (
            "https://team.example.com/v2/app",
            "nowhere: 404 this path is not public here",
        ),
        (
            "https://hub.example.com/service/notifications",
            "nowhere: 404 this path is not public here",
        ),
        (
            "https://hub.example.com/v2/../../x",
            "nowhere: 400 the path leads above its root",
        ),
    ] {
        let (code, lines) = route(conf.path(), "mirror.yaml", url);
        assert_eq!((code, lines.len()), (Some(1), 1), "{url}: {lines:?}");
        assert!(lines[0].starts_with(expected), "{url}: {lines:?}");
    }
}

#[test]
fn check_ends_with_a_table_of_routes_where_there_is_more_than_plain_registries() {
    let conf = conf_with_certificates();
    for (file, expected) in [
        ("two-harbors.yaml", &[][..]),
        (
            "mirror.yaml",
            &[
                "at                             asked for     goes to  as",
                "https://hub.example.com        everything    hq       it is",
                "https://mirror.example.com     ns=docker.io  hq       dockerhub/",
                "https://mirror.example.com     ns=ghcr.io    hq       ghcr/",
                "https://dockerhub.example.com  ns=docker.io  hq       dockerhub/",
                "https://team.example.com       everything    hq       team/",
            ],
        ),
        (
            "one-name-many-harbors.yaml",
            &[
                "at                       asked for        goes to   as",
                "https://hub.example.com  everything else  hq        it is",
                "https://hub.example.com  datasets, ml-*   research  it is",
            ],
        ),
        (
            "other-sites.yaml",
            &[
                "at                       asked for   goes to         as",
                "https://hub.example.com  everything  near, then far  it is",
                "https://far.example.com  everything  far             it is",
            ],
        ),
    ] {
        let printed = check(&conf.path().join(file)).stdout;
        let lines = text(&printed).lines();
        let table: Vec<&str> = lines.filter_map(|line| line.strip_prefix("#   ")).collect();
        assert_eq!(table, expected, "{file}");
    }
}
