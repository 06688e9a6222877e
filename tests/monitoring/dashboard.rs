//! The dashboard's JSON as something that people maintain by hand and Grafana loads from a file.

use crate::files::{self, panels};
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

/// Panels that are seen at once: with all rows closed, and each row's own.
fn views() -> Vec<Vec<Value>> {
    let dashboard = files::dashboard();
    let top = dashboard["panels"].as_array().expect("panels").clone();
    let inside = |row: &Value| row["panels"].as_array().cloned().filter(|p| !p.is_empty());
    let closed: Vec<Vec<Value>> = top.iter().filter_map(inside).collect();
    [vec![top], closed].concat()
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_overlap() {
    let ids: Vec<u64> = panels().iter().map(|panel| Box::of(panel).id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for view in views() {
        let boxes: Vec<Box> = view.iter().map(Box::of).collect();
        for (index, one) in boxes.iter().enumerate() {
            let fits = one.w > 0 && one.h > 0 && one.x + one.w <= 24;
            assert!(fits, "{}", one.title);
            for other in &boxes[index + 1..] {
                assert!(!one.overlaps(other), "{} and {}", one.title, other.title);
            }
        }
        for pair in boxes.windows(2) {
            let in_order = (pair[0].y, pair[0].x) < (pair[1].y, pair[1].x);
            assert!(
                in_order,
                "{} stands before {}",
                pair[1].title, pair[0].title
            );
        }
    }
}

/// Grafana asks for nothing in a closed row.
#[test]
fn all_rows_but_the_first_are_closed_and_hold_their_panels() {
    let dashboard = files::dashboard();
    let top = dashboard["panels"].as_array().expect("panels");
    let rows: Vec<&Value> = top.iter().filter(|panel| panel["type"] == "row").collect();
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row["collapsed"], index > 0, "{}", row["title"]);
        let inside = row["panels"].as_array().expect("panels");
        assert_eq!(inside.is_empty(), index == 0, "{}", row["title"]);
        let below = row["gridPos"]["y"].as_u64().expect("a place") + 1;
        let first = inside.first().map_or(below, |panel| Box::of(panel).y);
        assert_eq!(first, below, "{}", row["title"]);
    }
    let last = top.last().expect("panels");
    assert_eq!(last["type"], "row", "nothing stands behind closed rows");
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
        assert!(variable["type"] != "query" || chosen(variable), "{name}");
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
    for annotation in dashboard["annotations"]["list"].as_array().expect("a list") {
        assert!(chosen(annotation), "{}", annotation["name"]);
    }
    let known = crate::known::metrics();
    for (title, expr) in files::queries() {
        for selector in promql::names(&expr).selectors {
            let (metric, labels) = (&selector.metric, &known[&selector.metric]);
            for variable in ["cluster", "job", "registry", "instance"] {
                // An alert that is about no registry stays, whichever is chosen.
                let or_none = if metric == "ALERTS" && variable != "cluster" {
                    "|"
                } else {
                    ""
                };
                let wanted = format!("{variable}=~\"${variable}{or_none}\"");
                let has = selector.matchers.iter().any(|m| m.to_string() == wanted);
                assert!(
                    has || !labels.contains(variable),
                    "{title}: {metric} without {wanted}"
                );
            }
        }
    }
}

/// Where there is no label cluster, All takes everything.
#[test]
fn a_missing_cluster_hides_nothing() {
    let dashboard = files::dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("a list");
    let cluster = variables.iter().find(|one| one["name"] == "cluster");
    let cluster = cluster.expect("the variable");
    assert_eq!(cluster["allValue"], ".*");
    assert_eq!(cluster["current"]["value"], "$__all");
    let plain = promql::Selector::series("up{job=\"a\"}");
    let asked = promql::Selector::series("up{cluster=~\".*\", job=\"a\"}");
    assert!(asked.takes(&plain, |_| true));
}

/// What is allowed is each registry's own: a share may not be coloured by a number that stands here.
#[test]
fn failures_are_coloured_by_how_fast_they_use_the_budget() {
    let shares: Vec<Value> = panels()
        .into_iter()
        .filter(|panel| {
            panel["title"]
                .as_str()
                .is_some_and(|t| t.starts_with("Push failure rate, last"))
        })
        .collect();
    assert_eq!(shares.len(), 3);
    for panel in shares {
        let title = &panel["title"];
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
        let steps: Vec<Option<f64>> = steps
            .expect("steps")
            .iter()
            .map(|s| s["value"].as_f64())
            .collect();
        assert_eq!(steps, [None, Some(1.0), Some(6.0), Some(14.4)], "{title}");
        let query = |letter: &str| {
            let mut targets = panel["targets"].as_array().expect("targets").iter();
            let target = targets.find(|target| target["refId"] == letter);
            target
                .and_then(|t| t["expr"].as_str())
                .expect("a query")
                .to_owned()
        };
        let budget = " / on (cluster, job, registry) (1 - cluster_job_registry:harbormouth_objective_ratio:max{";
        let (share, objective) = (query("A"), query("B"));
        assert!(
            objective.starts_with(&format!("{share}{budget}")),
            "{title}: {objective}"
        );
        let share = &panel["fieldConfig"]["overrides"][0];
        assert_eq!(share["matcher"]["id"], "byFrameRefID");
        assert_eq!(share["matcher"]["options"], "A");
        let mut properties = share["properties"].as_array().expect("properties").iter();
        let color = properties.find(|p| p["id"] == "color").expect("a colour");
        assert_eq!(color["value"]["mode"], "fixed", "{title}");
    }
}
