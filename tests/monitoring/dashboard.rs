//! The dashboard's JSON as something that people maintain by hand and Grafana loads from a file.

use crate::files;
use crate::promql;
use serde_json::Value;
use std::collections::BTreeSet;

struct Box {
    id: u64,
    title: String,
    x: u64,
    y: u64,
    w: u64,
    h: u64,
}

impl Box {
    fn of(panel: &Value) -> Box {
        let at = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        Box {
            id: panel["id"].as_u64().expect("an id"),
            title: panel["title"].as_str().expect("a title").to_owned(),
            x: at("x"),
            y: at("y"),
            w: at("w"),
            h: at("h"),
        }
    }

    fn overlaps(&self, other: &Box) -> bool {
        let apart = self.x + self.w <= other.x
            || other.x + other.w <= self.x
            || self.y + self.h <= other.y
            || other.y + other.h <= self.y;
        !apart
    }
}

fn panels() -> Vec<Value> {
    let dashboard = files::dashboard();
    dashboard["panels"].as_array().expect("panels").clone()
}

#[test]
fn it_loads_from_a_file_as_it_is() {
    let dashboard = files::dashboard();
    assert_eq!(dashboard["uid"], "harbormouth");
    // Both are what the export for sharing adds, and both need somebody who fills in a form.
    assert!(dashboard.get("__inputs").is_none());
    assert!(dashboard.get("__requires").is_none());
    // The number of a row in one Grafana's database.
    assert!(dashboard.get("id").is_none());
    let text = files::read("grafana/harbormouth.json");
    assert!(!text.contains("${DS_"), "a data source of an export");
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_overlap() {
    let boxes: Vec<Box> = panels().iter().map(Box::of).collect();
    for (index, one) in boxes.iter().enumerate() {
        assert!(
            one.w > 0 && one.h > 0 && one.x + one.w <= 24,
            "{}",
            one.title
        );
        for other in &boxes[index + 1..] {
            assert_ne!(one.id, other.id, "{} and {}", one.title, other.title);
            assert!(!one.overlaps(other), "{} and {}", one.title, other.title);
        }
    }
    let in_reading_order = boxes
        .windows(2)
        .all(|w| (w[0].y, w[0].x) < (w[1].y, w[1].x));
    assert!(in_reading_order, "panels stand in the file as on the page");
}

#[test]
fn rows_stand_in_the_order_of_an_operators_questions() {
    let panels = panels();
    let rows = panels.iter().filter(|panel| panel["type"] == "row");
    let words: Vec<&str> = rows
        .map(|row| row["title"].as_str().expect("a title"))
        .map(|title| title.split([':', ' ']).next().unwrap_or_default())
        .collect();
    let wanted = ["Objective", "Push", "Pull", "Upstreams", "Edge", "Runtime"];
    assert_eq!(words, wanted);
}

#[test]
fn every_panel_says_what_it_shows() {
    let mut titles = BTreeSet::new();
    for panel in panels() {
        let title = panel["title"].as_str().expect("a title").to_owned();
        assert!(titles.insert(title.clone()), "two panels {title}");
        if panel["type"] != "row" {
            let text = panel["description"].as_str().unwrap_or_default();
            assert!(text.len() > 10 && text.ends_with('.'), "{title}: {text:?}");
            let unit = &panel["fieldConfig"]["defaults"]["unit"];
            let has_unit = unit.is_string() || panel["options"]["yAxis"]["unit"].is_string();
            assert!(has_unit, "{title}: no unit");
        }
    }
}

#[test]
fn windows_of_rates_follow_the_zoom() {
    for (title, expr) in files::queries() {
        for (function, window) in promql::names(&expr).windows {
            let allowed: &[&str] = match function.as_str() {
                "rate" => &["$__rate_interval"],
                "increase" => &["$__rate_interval", "$__range"],
                // Over what the rules recorded: the objective's own month.
                "avg_over_time" => &["30d"],
                _ => &[],
            };
            assert!(
                allowed.contains(&window.as_str()),
                "{title}: {function}[{window}]"
            );
        }
    }
}

#[test]
fn everything_asks_the_chosen_data_source_for_what_was_chosen() {
    let chosen = |value: &Value| {
        let source = &value["datasource"];
        source["type"] == "prometheus" && source["uid"] == "${datasource}"
    };
    let dashboard = files::dashboard();
    for variable in dashboard["templating"]["list"].as_array().expect("a list") {
        let name = variable["name"].as_str().expect("a name");
        assert_eq!(variable["type"] == "datasource", name == "datasource");
        assert!(name == "datasource" || chosen(variable), "{name}");
    }
    for panel in panels().iter().filter(|panel| panel["type"] != "row") {
        let title = &panel["title"];
        assert!(chosen(panel), "{title}");
        let targets = panel["targets"].as_array().expect("targets");
        let mut letters = BTreeSet::new();
        for target in targets {
            assert!(chosen(target), "{title}");
            assert!(letters.insert(target["refId"].to_string()), "{title}");
        }
    }
    let known = crate::known::metrics();
    for (title, expr) in files::queries() {
        for selector in promql::names(&expr).selectors {
            let labels = &known[&selector.metric];
            for variable in ["job", "registry", "instance"] {
                let has = selector.matchers.iter().any(|m| m.label == variable);
                let must = labels.contains(variable) && selector.metric != "ALERTS";
                assert!(
                    has || !must,
                    "{title}: {} without ${variable}",
                    selector.metric
                );
            }
        }
    }
}
