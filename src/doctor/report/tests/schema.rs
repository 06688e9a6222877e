//! The JSON document against `docs/doctor.schema.json`: a field that is new has to be added there.

use super::scenes::SCENES;
use super::{Format, reported};
use jsonschema::Validator;
use serde_json::{Map, Value};

fn validator() -> Validator {
    let schema = include_str!("../../../../docs/doctor.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn documents() -> Vec<(&'static str, Value)> {
    let document = |(name, walks): (&'static str, fn() -> Vec<crate::doctor::judge::Judged>)| {
        let written = reported(Format::Json, &walks());
        (name, serde_json::from_str(&written).unwrap())
    };
    SCENES.map(document).into()
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
