//! The values that conditions on requests see: those of the filter interface, by the vocabulary's names.

use crate::condition::{REQUEST, Value, Values};
use crate::filter::{Operation, Request};
use crate::oci::repository::project;
use serde_json::json;

/// What robots' names begin with at Harbor, unless its administrator changed it.
const ROBOT: &str = "robot$";

/// What the rules are asked.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    /// The repository that a mount reads, where the question is about that.
    read: Option<&'a str>,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(request: &'a Request) -> Asked<'a> {
        Asked {
            request,
            read: None,
        }
    }

    /// Whether the client of a mount may read the blob where it takes it from.
    pub(crate) fn of_mount(request: &'a Request, from: &'a str) -> Asked<'a> {
        Asked {
            request,
            read: Some(from),
        }
    }

    pub(crate) fn is_of_mount(&self) -> bool {
        self.read.is_some()
    }

    fn operation(&self) -> Operation {
        match self.read {
            Some(_) => Operation::BlobGet,
            None => self.request.operation(),
        }
    }

    fn repository(&self) -> Option<&str> {
        self.read.or(self.request.repository())
    }

    fn writes(&self) -> bool {
        self.read.is_none() && self.request.writes()
    }

    /// All values but the time, as JSON.
    pub(crate) fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
        let names = REQUEST.variables.iter().map(|variable| variable.name);
        let value = |name: &'static str| match self.value(name)? {
            Value::Truth(truth) => Some((name, json!(truth))),
            Value::Text(text) => Some((name, json!(text))),
            Value::Address(address) => Some((name, json!(address))),
            Value::Headers(headers) => {
                let shown = headers.iter().filter_map(|(name, value)| {
                    let value = value.to_str().ok()?;
                    Some((name.as_str().to_owned(), json!(value)))
                });
                Some((name, serde_json::Value::Object(shown.collect())))
            }
            Value::Time(_) | Value::Claims(_) => None,
        };
        let values = names.filter_map(value);
        values
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

impl Values for Asked<'_> {
    fn value(&self, name: &str) -> Option<Value<'_>> {
        let request = self.request;
        Some(match name {
            "surface" => Value::Text(request.surface().as_str()),
            "operation" => Value::Text(self.operation().as_str()),
            "operation.writes" => Value::Truth(self.writes()),
            "operation.reads" => Value::Truth(!self.writes()),
            "registry" => Value::Text(request.registry()),
            "public" => Value::Text(request.public_origin()),
            "project" => text(self.repository().map(project)),
            "repository" => text(self.repository()),
            "reference" => text(request.reference()),
            "tag" => text(request.tag()),
            "digest" => text(request.digest()),
            "account" => text(request.account()),
            "account.is_robot" => Value::Truth(
                request
                    .account()
                    .is_some_and(|name| name.starts_with(ROBOT)),
            ),
            "client" => Value::Address(request.client()),
            "client.family" => Value::Text(request.client_family().as_str()),
            "method" => Value::Text(request.method()),
            "path" => Value::Text(request.normal_path()),
            "headers" => Value::Headers(&request.headers),
            "time" => Value::Time(request.time()),
            "tls" => Value::Truth(request.is_https()),
            _ => return None,
        })
    }
}

/// What isn't there is empty.
fn text(text: Option<&str>) -> Value<'_> {
    Value::Text(text.unwrap_or_default())
}
