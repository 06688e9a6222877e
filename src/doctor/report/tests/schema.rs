//! The JSON document against `docs/doctor.schema.json`: a field that is new has to be added there.

use super::scenes::{SCENES, Scene, judged};
use super::{Format, reported};
use crate::doctor::judge::Judged;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB};
use crate::doctor::{Client, Layer};
use jsonschema::Validator;
use serde_json::{Map, Value};

fn validator() -> Validator {
    let schema = include_str!("../../../../docs/doctor.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn asked_for_more() -> Vec<Judged> {
    let mut made = FixtureWalk::harbor(HUB).locations("https://hub.example.com:443");
    made.0.client = Some(Client::Containerd);
    made.0.layer = Some(Layer {
        bytes: 10_000_000_000,
        bits_per_second: 20_000_000,
    });
    vec![judged(made)]
}

fn documents() -> Vec<(&'static str, Value)> {
    let document = |(name, walks): Scene| {
        let written = reported(Format::Json, &walks());
        (name, serde_json::from_str(&written).unwrap())
    };
    let mut documents: Vec<_> = SCENES.map(document).into();
    documents.push(document(("one client's view, and a layer", asked_for_more)));
    documents
}

#[test]
fn every_document_is_as_the_schema_says() {
    let validator = validator();
    for (name, document) in documents() {
        let complaints: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(complaints.is_empty(), "{name}: {complaints:#?}");
    }
}

/// The places of all objects in a document, as JSON pointers.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(at.to_owned());
            for (key, inner) in fields {
                objects(inner, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                objects(inner, &format!("{at}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Without this a schema that lets everything through would do.
#[test]
fn a_field_that_is_unknown_or_missing_is_seen_at_every_object() {
    let validator = validator();
    let mut kinds_of_places = 0;
    for (name, document) in documents() {
        let mut places = Vec::new();
        objects(&document, "", &mut places);
        // One of a list's items stands for the others, which are checked as they are.
        places.retain(|place| {
            place
                .split('/')
                .all(|part| !matches!(part.parse(), Ok(1u32..)))
        });
        kinds_of_places = kinds_of_places.max(places.len());
        for place in places {
            let is_seen = |change: &dyn Fn(&mut Map<String, Value>)| {
                let mut changed = document.clone();
                if let Some(Value::Object(fields)) = changed.pointer_mut(&place) {
                    change(fields);
                }
                !validator.is_valid(&changed)
            };
            assert!(
                is_seen(&|fields| {
                    fields.insert("unheard_of".to_owned(), Value::Null);
                }),
                "{name}: a new field at {place:?}"
            );
            let Some(Value::Object(fields)) = document.pointer(&place) else {
                continue;
            };
            for key in fields.keys() {
                assert!(
                    is_seen(&|fields| {
                        fields.remove(key);
                    }),
                    "{name}: {key} missing at {place:?}"
                );
            }
        }
    }
    assert!(kinds_of_places > 15, "{kinds_of_places}");
}
