//! What to change: the lines for each proxy, Harbor's own settings, and what Harbormouth does. All of
//! its words are in `fixes.yaml`.
//!
//! The lines are right by themselves: in nginx each takes the place of the directive of the same name
//! (and the same header), and gives the header that a registry needs at any hop, the outermost or an
//! inner one. What this module deliberately doesn't know: which hop did it, and what stands there.

use super::attribution::Hop;
use super::kind::Kind;
use super::placeholders;
use super::product::Product;
use crate::net::origin::Origin;
use serde::{Deserialize, Serialize};
use serde_yaml::Mapping;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A change to one product's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    pub product: Product,
    /// Where the lines belong, as `fixes.yaml` calls it: `nginx location`.
    #[serde(skip)]
    pub key: &'static str,
    /// The same for people: `in the location that passes to Harbor`.
    pub place: &'static str,
    /// To be pasted as they are; what stands there for the same setting goes. A line that begins with
    /// `#` is for the person.
    pub lines: Vec<String>,
}

const TEXT: &str = include_str!("fixes.yaml");

/// The file is a part of the program, and a test reads it: there is nothing to be said of one that
/// can't be read.
static DATA: LazyLock<Data> = LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    places: BTreeMap<String, (Product, String)>,
    findings: BTreeMap<Kind, Remedy>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Remedy {
    advice: Option<String>,
    harbormouth: String,
    /// By the hop's name.
    elsewhere: BTreeMap<String, String>,
    certificate: String,
    /// Lines by their place, in the order of the file.
    fixes: Vec<Mapping>,
}

/// The changes that help against a finding; none for a product where it can't be the culprit.
pub fn fixes(kind: Kind, target: &Origin) -> Vec<Fix> {
    let Some(remedy) = DATA.findings.get(&kind) else {
        return Vec::new();
    };
    let fix = |(place, lines): (&serde_yaml::Value, &serde_yaml::Value)| {
        let (key, (product, place)) = DATA.places.get_key_value(place.as_str()?)?;
        let lines = lines.as_str()?.lines();
        Some(Fix {
            product: *product,
            key,
            place,
            lines: lines.map(|line| filled(line, remedy, target)).collect(),
        })
    };
    remedy.fixes.iter().flatten().filter_map(fix).collect()
}

/// A line with what clients type in it.
fn filled(line: &str, remedy: &Remedy, target: &Origin) -> String {
    let name = target.host.bare();
    placeholders::filled(line, |place| {
        Some(match place {
            "certificate" => filled(&remedy.certificate, remedy, target),
            "origin" => target.to_string(),
            "scheme" => target.scheme.to_string(),
            "authority" => target.authority(),
            "host" => target.host.to_string(),
            "name" => name.to_owned(),
            "secret" => name.replace(['.', ':', '_'], "-"),
            "port" => target.port.to_string(),
            _ => return None,
        })
    })
}

/// What to do where no line of a configuration helps, or before one does.
pub(crate) fn advice(kind: Kind) -> Option<&'static str> {
    DATA.findings.get(&kind)?.advice.as_deref()
}

/// What can be changed against it at a hop that has no configuration file: CDNs, and the clouds' own
/// balancers. None where nothing is known.
pub(crate) fn elsewhere(kind: Kind, hop: Hop) -> Option<&'static str> {
    let words = DATA.findings.get(&kind)?.elsewhere.get(hop.as_str())?;
    Some(words)
}

/// What Harbormouth in front of Harbor would do about it.
pub(crate) fn harbormouth(kind: Kind) -> &'static str {
    let remedy = DATA.findings.get(&kind);
    remedy.map_or("", |remedy| &remedy.harbormouth)
}

#[cfg(test)]
mod tests;
