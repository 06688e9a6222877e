//! Configurations of several files: what is put together, and what is wrong across them.

use super::super::included::KEYS;
use super::super::{load_file, schema};
use super::LISTENERS;
use std::fs;
use std::path::Path;

fn registry(name: &str) -> String {
    format!(
        "  - {{ name: {name}, public: [http://{name}.example.com], upstream: {{ endpoints: [http://10.0.0.5] }} }}\n"
    )
}

/// Writes a main file with these keys and the files beside it, and reads them.
fn load(directory: &Path, keys: &str, files: &[(&str, &str)]) -> Result<super::Config, String> {
    for (name, text) in files {
        let file = directory.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let main = directory.join("main.yaml");
    fs::write(&main, format!("{LISTENERS}{keys}")).unwrap();
    load_file(&main).map_err(|error| {
        let shown = format!("{}/", directory.display());
        error.to_string().replace(&shown, "")
    })
}

fn loaded(keys: &str, files: &[(&str, &str)]) -> Result<super::Config, String> {
    load(tempfile::tempdir().unwrap().path(), keys, files)
}

#[test]
fn the_setting_says_what_may_stand_in_its_files() {
    let schema = schema();
    let said = schema["properties"]["include"]["description"].as_str();
    let (listed, last) = KEYS.split_at(KEYS.len() - 1);
    let keys = format!("{} and {} are added", listed.join(", "), last[0]);
    assert!(said.unwrap().contains(&keys), "{said:?}");
}

#[test]
fn lists_grow_in_the_order_of_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let rule = |name: &str| format!("rules: [{{ name: {name}, allow: {{}} }}]\n");
    let main = format!(
        "include: conf.d/*.yaml\nregistries:\n{}{}",
        registry("main"),
        rule("first")
    );
    let a = format!(
        "registries:\n{}{}networks: {{ a: [10.0.0.0/8] }}\n",
        registry("a"),
        rule("a")
    );
    let b = format!(
        "registries:\n{}mirrors: [{{ public: [http://m.example.com], registry: a, project: p }}]\n{}",
        registry("b"),
        rule("b")
    );
    let files = [
        ("conf.d/b.yaml", b.as_str()),
        ("conf.d/a.yaml", &a),
        ("conf.d/empty.yaml", "# nothing yet\n"),
        ("conf.d/.hidden.yaml", "}"),
        ("conf.d/a.yaml~", "}"),
    ];
    let config = load(directory, &main, &files).unwrap();
    let names = config.registries.iter().map(|one| one.name.as_str());
    assert_eq!(Vec::from_iter(names), ["main", "a", "b"]);
    let rules = config.rules.iter().map(|one| one.name.as_str());
    assert_eq!(Vec::from_iter(rules), ["first", "a", "b"]);
    assert_eq!(config.mirrors.len(), 1);
    let read = [
        "conf.d",
        "conf.d/a.yaml",
        "conf.d/b.yaml",
        "conf.d/empty.yaml",
        "main.yaml",
    ];
    assert_eq!(config.files(), read.map(|name| directory.join(name)));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    // What is printed is the whole, and reads as the same.
    let printed = config.to_yaml().unwrap();
    let again = directory.join("again.yaml");
    fs::write(&again, &printed).unwrap();
    assert_eq!(load_file(&again).unwrap().to_yaml().unwrap(), printed);
}

#[test]
fn what_is_wrong_is_said_of_its_file() {
    let main = |include: &str| format!("include: {include}\nregistries:\n{}", registry("hq"));
    let long = "x".repeat(1 << 20);
    for (include, files, expected) in [
        (
            "conf.d/*.yaml",
            &[(
                "conf.d/a.yaml",
                "registries:\n  - name: hq\n    public: [x]\nlimits: {}\nincludes: b\nrule: []\n",
            )][..],
            &[
                "conf.d/a.yaml:4:1: limits: is for the file that includes this one; accepted here: registries, mirrors, identities, canary, networks, rules",
                "conf.d/a.yaml:5:1: includes: is not a known key; accepted here: registries, mirrors, identities, canary, networks, rules",
                "conf.d/a.yaml:6:1: rule: is not a known key (did you mean \"rules\"?); accepted here: registries, mirrors, identities, canary, networks, rules",
                "conf.d/a.yaml:3:14: registries[0].public[0]: \"x\" has no http or https scheme; write it as http://host[:port] or https://host[:port]",
                "conf.d/a.yaml:2:5: registries[0].upstream: is missing; accepted: a table with endpoints",
                "conf.d/a.yaml:2:5: registries[0].name: \"hq\" appears twice, first at registries[0].name in main.yaml:4:7",
            ][..],
        ),
        (
            "[conf.d/*.yaml, b.yaml]",
            &[
                ("conf.d/a.yaml", "networks: { lan: [10.0.0.0/8] }\n"),
                ("b.yaml", "networks:\n  lan: [10.0.0.0/8]\n"),
            ],
            &[
                "b.yaml:2:3: networks.lan: \"lan\" appears twice, first at networks.lan in conf.d/a.yaml:1:13",
            ],
        ),
        // One level only.
        (
            "a.yaml",
            &[("a.yaml", "include: b.yaml\n")],
            &[
                "a.yaml:1:1: include: is for the file that includes this one; accepted here: registries, mirrors, identities, canary, networks, rules",
            ],
        ),
        (
            "a.yaml",
            &[("a.yaml", "a: }")],
            &[
                "a.yaml:1:4: the document: is not YAML: did not find expected node content at line 1 column 4, while parsing a block node",
            ],
        ),
        (
            "a.yaml",
            &[("a.yaml", "- b")],
            &[
                "a.yaml:1:3: the document: is a list; accepted: a table of registries, mirrors, identities, canary, networks, rules",
            ],
        ),
        (
            "a.yaml",
            &[],
            &[
                "main.yaml:2:1: include: \"a.yaml\" can't be read: No such file or directory (os error 2)",
            ],
        ),
        (
            "no/*.yaml",
            &[],
            &[
                "main.yaml:2:1: include: \"no/*.yaml\" can't be read: No such file or directory (os error 2)",
            ],
        ),
        (
            "a.yaml",
            &[("a.yaml", &format!("#{long}"))],
            &["main.yaml:2:1: include: \"a.yaml\" can't be read: the file is larger than 1.0 MiB"],
        ),
        (
            "'*/a.yaml'",
            &[],
            &[
                "main.yaml:2:1: include: \"*/a.yaml\" is not understood; accepted: the name of a file, relative to this one, where * in its last part stands for any letters, such as conf.d/*.yaml; or a list of them",
            ],
        ),
    ] {
        let told = loaded(&main(include), files).unwrap_err();
        assert_eq!(told.lines().collect::<Vec<_>>(), expected, "{include}");
    }
}

#[test]
fn registries_may_stand_in_included_files_alone() {
    let a = format!("registries:\n{}", registry("a"));
    assert!(loaded("include: a.yaml\n", &[("a.yaml", &a)]).is_ok());
    let missing = "registries: is missing; accepted: a list of at least one registry, each with name, public and upstream; here or in a file of `include`";
    let told = loaded("include: a.yaml\n", &[("a.yaml", "")]).unwrap_err();
    assert_eq!(told, format!("main.yaml:1:1: {missing}"));
    let told = loaded("include: a.yaml\n", &[("a.yaml", "registries: []\n")]).unwrap_err();
    assert!(
        told.starts_with("a.yaml:1:1: registries: is an empty list"),
        "{told}"
    );
}

#[test]
fn names_of_files_start_where_they_stand() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let registry = "registries: [{ name: a, public: [http://a], upstream: { endpoints: [http://b] }, credentials: { file: robot } }]\n";
    let files = [
        ("conf.d/a.yaml", registry),
        ("conf.d/robot", "robot$a:secret\n"),
    ];
    let config = load(directory, "include: conf.d/a.yaml\n", &files).unwrap();
    assert!(config.files().contains(&directory.join("conf.d/robot")));
    // A file alone is no directory to look at.
    assert!(!config.files().contains(&directory.join("conf.d")));
}

#[test]
fn a_pattern_of_no_file_is_worth_a_warning_and_the_file_itself_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let main = format!("include: '*.yaml'\nregistries:\n{}", registry("hq"));
    let config = load(directory.path(), &main, &[]).unwrap();
    let told: Vec<String> = config.placed_warnings().collect();
    let place = directory.path().join("main.yaml:2:1");
    let expected = format!("{}: include: no file is called *.yaml", place.display());
    assert_eq!(told, [expected]);
}

#[test]
fn what_is_included_is_bounded() {
    let registries = format!("registries:\n{}", registry("hq"));
    let main = format!("include: conf.d/*\n{registries}");
    let numbered: Vec<String> = (0..501).map(|n| format!("conf.d/{n:03}")).collect();
    let empty: Vec<(&str, &str)> = numbered.iter().map(|name| (name.as_str(), "")).collect();
    assert!(loaded(&main, &empty[..500]).is_ok());
    let told = loaded(&main, &empty).unwrap_err();
    assert_eq!(
        told,
        "main.yaml:2:1: include: leads to more than 500 files, with \"conf.d/500\"; each of them is looked at every second"
    );
    let mebibyte = format!("#{}", "x".repeat((1 << 20) - 1));
    let large: Vec<(&str, &str)> = numbered[..5]
        .iter()
        .map(|name| (name.as_str(), mebibyte.as_str()))
        .collect();
    assert!(loaded(&main, &large[..4]).is_ok());
    let told = loaded(&main, &large).unwrap_err();
    assert_eq!(
        told,
        "main.yaml:2:1: include: leads to more than 4.0 MiB of text, with \"conf.d/004\"; each reload reads all of them"
    );
    // Aliases count in all files together.
    let many = format!("x: &x [{}]\n", "1, ".repeat(60_000));
    let told = loaded(&main, &[("conf.d/a", &many), ("conf.d/b", &many)]).unwrap_err();
    assert!(told.contains("\nconf.d/b:1:"), "{}", &told[..1000]);
    assert!(told.contains("expands to more than 100000 values"));
}
