//! The pages agree with the code: generated tables, quoted texts, and an anchor for each word that
//! somebody may look up.

mod findings;

use crate::directions::LAYERS;
use crate::files;
use crate::generated::{hold, hold_page, read, table};
use crate::pages::page;
use harbormouth::config::MetricDetail;
use harbormouth::doctor::kind::Kind;
use harbormouth::observe::audit::AUDITED;
use harbormouth::observe::metrics::FAMILIES;
use harbormouth::observe::push::PushFinding;
use harbormouth::oci::reason::Reason;
use harbormouth::sizing::{CEILINGS, FIGURES, Series, Source};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A word with an address of its own, which it leads to.
fn anchor(word: &str) -> String {
    format!("<a id=\"{word}\" href=\"#{word}\">`{word}`</a>")
}

/// Helm refuses what the gateway would.
#[test]
fn the_charts_schema_has_the_configurations_own() {
    let file = "deploy/helm/values.schema.json";
    let mut schema: Value = serde_json::from_str(&read(file)).unwrap();
    let mut config = harbormouth::config::schema();
    // Which language it is in, the whole says.
    config.as_object_mut().unwrap().remove("$schema");
    schema["properties"]["config"] = config;
    hold_page(file, &format!("{schema:#}\n"));
}

#[test]
fn the_page_of_rules_has_every_name_of_conditions() {
    let rows = harbormouth::condition::vocabulary();
    let rows = rows
        .into_iter()
        .map(|[name, kind, about]| [format!("`{name}`"), kind, about]);
    let header = ["Name", "Type", "What it is"];
    hold("docs/rules.md", "vocabulary", &table(header, rows));
}

#[test]
fn the_page_of_metrics_lists_every_family_as_it_is() {
    let rows = FAMILIES.iter().map(|family| {
        let labels: Vec<String> = family
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        [
            anchor(family.name),
            family.kind.as_str().to_owned(),
            labels.join(" "),
            family.help.to_owned(),
        ]
    });
    let expected = table(["Name", "Type", "Labels", "Meaning"], rows);
    hold("docs/metrics.md", "metrics", &expected);
}

/// What a reason means and what to do about it stands in one table, in the code and for readers.
#[test]
fn the_page_of_reasons_lists_every_one_as_it_is() {
    let rows = Reason::ALL.iter().map(|reason| {
        [
            anchor(reason.as_str()),
            reason.outcome().as_str().to_owned(),
            reason.fault().as_str().to_owned(),
            reason.meaning().to_owned(),
            reason.advice().to_owned(),
        ]
    });
    let header = ["Reason", "Outcome", "Fault", "Meaning", "What to do"];
    hold("docs/reasons.md", "reasons", &table(header, rows));
}

#[test]
fn the_page_of_reasons_lists_every_finding() {
    let text = read("docs/reasons.md");
    for finding in PushFinding::ALL {
        let row = format!("\n| {} | ", anchor(finding.as_str()));
        assert!(text.contains(&row), "{finding}");
    }
}

/// What the page shows of the doctor's words is what it says.
#[test]
fn the_doctors_page_shows_it_as_it_speaks() {
    let text = read("docs/doctor.md");
    let (_, shown) = text
        .split_once("story's chain, shortened:\n\n```\n")
        .unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let said = read("tests/fixtures/doctor/the_story.txt");
    let mut rest = said.as_str();
    for part in shown.split("[…]\n") {
        let at = rest.find(part);
        assert!(
            at.is_some(),
            "the doctor doesn't say (any more, or here):\n{part}"
        );
        rest = &rest[at.unwrap() + part.len()..];
    }
}

/// The front page's picture of the doctor is made of what it says.
#[test]
fn the_picture_of_the_doctor_shows_it_as_it_speaks() {
    let drawn = read("docs/pictures/doctor.svg");
    let said = read("tests/fixtures/doctor/the_story.txt");
    let mut said = said.lines();
    let mut compared = 0;
    let lines = drawn
        .lines()
        .filter(|line| line.starts_with("  <text"))
        .map(without_tags);
    for line in lines.filter(|line| line != "[…]" && !line.starts_with("$ ")) {
        assert!(
            said.any(|it| it == line),
            "the doctor doesn't say (any more, or here): {line}"
        );
        compared += 1;
    }
    assert!(compared > 20, "only {compared}");
}

/// The text of a line of an SVG.
fn without_tags(line: &str) -> String {
    let pieces = line.split('<').skip(1);
    let text: String = pieces
        .filter_map(|piece| Some(piece.split_once('>')?.1))
        .collect();
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// One setting: its name with those of the tables around it, and what the schema says of it.
struct Setting {
    name: String,
    is_required: bool,
    schema: Value,
}

/// Every setting below a part of the schema, each table before its keys.
fn settings(schema: &Value, around: &str) -> Vec<Setting> {
    if schema.is_null() {
        return Vec::new();
    }
    let mut found: Vec<Setting> = Vec::new();
    let required = schema["required"].as_array().into_iter().flatten();
    let required: Vec<&str> = required.filter_map(Value::as_str).collect();
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        let name = match around {
            "" => key.clone(),
            around => format!("{around}.{key}"),
        };
        let inner = settings(schema, &name);
        found.push(Setting {
            name,
            is_required: required.contains(&key.as_str()),
            schema: schema.clone(),
        });
        found.extend(inner);
    }
    // A list, or one of several forms, has the settings of what may stand in it.
    let forms = schema["anyOf"].as_array().into_iter().flatten();
    for form in forms.chain([&schema["items"]]) {
        for setting in settings(form, around) {
            if !found.iter().any(|known| known.name == setting.name) {
                found.push(setting);
            }
        }
    }
    if schema.is_null() { Vec::new() } else { found }
}

fn all_settings() -> Vec<Setting> {
    settings(&harbormouth::config::schema(), "")
}

fn default(setting: &Setting) -> String {
    match (&setting.schema["default"], setting.is_required) {
        (Value::Null, true) => "required".to_owned(),
        (Value::Null, false) => String::new(),
        (Value::String(text), _) => format!("`{text}`"),
        (other, _) => format!("`{other}`"),
    }
}

#[test]
fn the_page_of_settings_lists_every_one() {
    let settings = all_settings();
    assert!(settings.len() > 50, "{}", settings.len());
    let rows = settings.iter().map(|setting| {
        let about = setting.schema["description"].as_str().unwrap_or_default();
        let (about, accepted) = about
            .split_once("Accepted: ")
            .unwrap_or_else(|| panic!("{}: {about}", setting.name));
        let cell = |text: &str| text.trim().replace('|', "\\|").replace('\n', " ");
        [
            anchor(&setting.name),
            default(setting),
            cell(accepted.trim_end().trim_end_matches('.')),
            cell(about),
        ]
    });
    let header = ["Setting", "Default", "Accepted", "What it says"];
    hold("docs/configuration.md", "settings", &table(header, rows));
}

#[test]
fn the_page_of_import_lists_every_word_of_other_proxies() {
    let rows = harbormouth::config::foreign_words();
    assert!(rows.len() > 90, "{}", rows.len());
    let rows = rows.into_iter();
    let header = ["Of", "Words", "What becomes of them"];
    hold("docs/import.md", "foreign words", &table(header, rows));
}

/// The rows of limits name settings that exist, with their defaults, and leave none out.
#[test]
fn the_page_of_limits_has_every_limit_with_its_default() {
    let settings = all_settings();
    let text = read("docs/limits.md");
    let rows: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            Some((cells.next()?, cells.next()?))
        })
        .flat_map(|(names, defaults)| {
            // One row may have several, both sides in one order.
            let names = names.split(", ").map(|name| name.trim_matches('`'));
            names.zip(defaults.split(", "))
        })
        .collect();
    let limits = settings
        .iter()
        .filter(|setting| setting.name.starts_with("limits."));
    let mut compared = 0;
    for limit in limits {
        let shown = rows.get(limit.name.as_str());
        let shown = shown.unwrap_or_else(|| panic!("no row for {}", limit.name));
        let default = default(limit);
        // Without a default of its own it depends on the machine.
        if !default.is_empty() {
            assert_eq!(format!("`{shown}`"), default, "{}", limit.name);
            compared += 1;
        }
    }
    assert!(compared > 8, "only {compared}");
}

#[test]
fn every_word_that_may_be_looked_up_has_an_address() {
    let settings = all_settings();
    let reasons = Reason::ALL.iter().map(|reason| reason.as_str());
    let findings = PushFinding::ALL.iter().map(|finding| finding.as_str());
    let of_pages: [(&str, Vec<&str>); 4] = [
        ("docs/reasons.md", reasons.chain(findings).collect()),
        (
            "docs/doctor.md",
            Kind::ALL.iter().map(|kind| kind.as_str()).collect(),
        ),
        (
            "docs/metrics.md",
            FAMILIES.iter().map(|family| family.name).collect(),
        ),
        (
            "docs/configuration.md",
            settings
                .iter()
                .map(|setting| setting.name.as_str())
                .collect(),
        ),
    ];
    for (file, words) in of_pages {
        for word in words {
            let anchors = &page(file).anchors;
            let places = anchors.iter().filter(|anchor| *anchor == word).count();
            assert_eq!(places, 1, "{file}#{word}");
        }
    }
}

/// What has a line in the audit log.
#[test]
fn the_page_of_the_audit_log_lists_every_event() {
    let rows = AUDITED.iter().map(|row| {
        let results: Vec<&str> = row.results.iter().map(|result| result.as_str()).collect();
        [
            anchor(row.event.as_str()),
            row.requests.to_owned(),
            results.join(", "),
        ]
    });
    let expected = table(["Event", "Requests", "Results"], rows);
    hold("docs/audit.md", "audited", &expected);
}

#[test]
fn the_page_of_the_architecture_draws_the_layers() {
    let drawn = format!("```text\n{}```", crate::directions::drawn(""));
    hold("docs/architecture.md", "layers", &drawn);
}

#[test]
fn the_page_of_the_architecture_has_every_module_and_folder() {
    let text = read("docs/architecture.md");
    let under = |heading: &str| -> Vec<&str> {
        let (_, section) = text.split_once(heading).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.filter_map(|row| row.split('`').next()).collect()
    };
    let modules: Vec<&str> = LAYERS
        .iter()
        .flat_map(|(_, modules)| *modules)
        .copied()
        .collect();
    assert_eq!(under("\n## The modules\n"), modules);
    for folder in under("\n## The other folders\n") {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        assert!(place.is_dir(), "{folder}");
    }
}

/// The words of the table of numbers; the names of its rows stay as they are in the results.
const CHINESE: [(&str, &str); 4] = [
    ("| to nginx |", "| 与 nginx 之比 |"),
    ("| to HAProxy |", "| 与 HAProxy 之比 |"),
    ("**behind**", "**落后**"),
    ("ahead of both", "领先两者"),
];

/// The front page quotes the last measurement: what the results say in one screen.
#[test]
fn the_readme_has_the_measured_numbers() {
    let results = read("benches/RESULTS.md");
    let (_, section) = results.split_once("## Ahead and behind").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let table: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect();
    let table = table.join("\n");
    assert!(table.lines().count() > 2, "{table}");
    hold("README.md", "numbers", &table);
    let chinese = CHINESE.iter().fold(table, |table, (english, chinese)| {
        table.replace(english, chinese)
    });
    hold("README.zh-CN.md", "numbers", &chinese);
}

/// Each attack's row ends with the tests that prove what holds it.
#[test]
fn the_security_page_names_tests_that_exist() {
    let page = read("docs/security.md");
    let sources: String = ["tests", "src"]
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let header = "| Attack | What holds it | Test |";
    let rows = page.lines().skip_while(|line| *line != header).skip(2);
    let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 30, "{rows:#?}");
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{row}");
        for test in named {
            let last = test.rsplit("::").next().unwrap();
            let exists = ["fn ", "mod "]
                .iter()
                .any(|word| sources.contains(&format!("{word}{last}")));
            assert!(exists || test.starts_with("make "), "{test}");
        }
    }
}

/// What the model computes with, and where each figure is from.
#[test]
fn the_page_of_scale_has_every_figure() {
    let results = read("benches/RESULTS.md");
    let machine = results
        .lines()
        .find(|line| line.starts_with("Made by"))
        .unwrap();
    let rows = FIGURES.iter().map(|figure| {
        let source = match figure.source {
            Source::Results { section, row, .. } => {
                format!("{section}: {}", row.replace(" | ", ", "))
            }
            Source::Code(file) => format!("[`{file}`](../{file})"),
        };
        [
            figure.what.to_owned(),
            format!("{} {}", figure.value, figure.unit),
            source,
        ]
    });
    let header = ["Figure", "Value", "Section and row of RESULTS.md, or file"];
    let expected = format!("{machine}\n\n{}", table(header, rows));
    hold("docs/scale.md", "figures", &expected);
}

#[test]
fn the_page_of_scale_has_every_ceiling() {
    let rows = CEILINGS
        .iter()
        .map(|ceiling| [ceiling.what, ceiling.known, ceiling.source].map(str::to_owned));
    let header = ["Ceiling", "What is known", "Source"];
    hold("docs/scale.md", "ceilings", &table(header, rows));
}

/// Counted anew from the code.
#[test]
fn the_page_of_scale_counts_series() {
    let [full, lean] = MetricDetail::ALL.map(|detail| Series::count(detail).unwrap());
    let rows = [(1, 1), (1, 3), (20, 3), (20, 50)].map(|(registries, replicas)| {
        let [full, lean] = [full, lean].map(|series| series.of(registries));
        let all = |one: u64| one * replicas;
        [
            registries.into(),
            replicas,
            full,
            all(full),
            lean,
            all(lean),
        ]
        .map(|number: u64| number.to_string())
    });
    let header = [
        "Registries",
        "Replicas",
        "Series of one replica",
        "Series of all",
        "Lean, of one",
        "Lean, of all",
    ];
    hold("docs/scale.md", "series", &table(header, rows.into_iter()));
}

/// Commands with what they print.
#[test]
fn the_page_of_scale_shows_examples_as_they_are() {
    for (name, arguments) in [
        (
            "a small office",
            "--push 50/d --pull 1000/d --layers 6 --layer 60MiB --zones 1",
        ),
        (
            "twenty registries",
            "--push 40/s --pull 135/s --layers 4 --layer 50MiB --registries 20",
        ),
        (
            "a crowd",
            "--nodes 100000 --within 10m --layers 6 --layer 100MiB",
        ),
        (
            "a crowd with storage",
            "--nodes 100000 --within 10m --layers 6 --layer 100MiB --redirects",
        ),
    ] {
        let mut size = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
        let output = size
            .arg("size")
            .args(arguments.split(' '))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let shown = format!(
            "```text\n$ harbormouth size {arguments}\n{}\n```",
            said.trim_end()
        );
        hold("docs/scale.md", name, &shown);
    }
}
