//! Each check of ours, broken in each of the ways that `breaking.yaml` lists: the rendering is
//! changed in one place, and the check has to say so.

use crate::complaints::complaints;
use crate::rendered::{self, Rendering};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Break {
    /// Which check has to complain, and a part of what it says.
    check: String,
    said: String,
    r#in: String,
    object: String,
    at: String,
    #[serde(flatten)]
    change: Change,
}

/// What is done to a value.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Set(Value),
    Remove(bool),
    /// In a text.
    Replace(String, String),
    /// At the end of a list.
    Push(Value),
}

fn all() -> Vec<Break> {
    serde_yaml::from_str(include_str!("breaking.yaml")).expect("the table")
}

/// The names of the checks that are broken.
pub fn checks() -> Vec<String> {
    all().into_iter().map(|broken| broken.check).collect()
}

impl Break {
    fn pointer(&self) -> String {
        self.at
            .replace("CONTAINER", "POD/containers/0")
            .replace("POD", "/spec/template/spec")
            .replace("CONFIG", "/data/harbormouth.yaml")
    }

    fn apply(&self, rendering: &mut Rendering) {
        let mut objects = rendering.objects.iter_mut();
        let object = objects.find(|object| rendered::title(object) == self.object);
        let object = object.unwrap_or_else(|| panic!("no {}", self.object));
        let pointer = self.pointer();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let key = key.replace("~1", "/");
        let parent = object.pointer_mut(parent);
        let parent = parent.unwrap_or_else(|| panic!("nothing holds {pointer}"));
        match &self.change {
            Change::Set(value) => match parent {
                Value::Array(items) => {
                    items[key.parse::<usize>().expect("a place")] = value.clone()
                }
                _ => parent[key] = value.clone(),
            },
            Change::Remove(remove) => {
                assert!(remove, "remove: true");
                let fields = parent.as_object_mut().expect("fields");
                let removed = fields.remove(&key);
                assert!(removed.is_some(), "nothing to remove at {pointer}");
            }
            Change::Replace(from, to) => {
                let text = parent[&key].as_str().expect("a text").to_owned();
                assert!(text.contains(from), "no {from} at {pointer}");
                parent[&key] = text.replacen(from, to, 1).into();
            }
            Change::Push(value) => {
                let items = parent[&key].as_array_mut();
                items.expect("a list").push(value.clone());
            }
        }
    }
}

#[test]
fn whatever_is_broken_is_named() {
    let all = all();
    assert!(all.len() > 80);
    let mut unnoticed = Vec::new();
    for case in &all {
        let mut broken = rendered::named(&case.r#in).clone();
        case.apply(&mut broken);
        let complaints = complaints(&broken);
        let named = |complaint: &String| {
            let (by, what) = complaint.split_once(": ").unwrap_or_default();
            by == case.check && what.contains(&case.said)
        };
        if !complaints.iter().any(named) {
            let Break { check, said, .. } = case;
            unnoticed.push(format!("{check}: {said}, but: {complaints:?}"));
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
}
