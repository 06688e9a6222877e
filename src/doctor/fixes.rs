//! What to change: the lines for each proxy, Harbor's own settings, and what Harbormouth does. All of
//! its words are in `fixes.yaml`.
//!
//! The lines are right by themselves: in nginx each takes the place of the directive of the same name
//! (and the same header), and gives the header that a registry needs at any hop, the outermost or an
//! inner one. What this module deliberately doesn't know: which hop did it, and what stands there.

use super::attribution::Hop;
use super::kind::Kind;
use super::language::Language;
use super::placeholders;
use super::product::Product;
use super::typed_origin::TypedOrigin;
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
    pub(crate) place: &'static str,
    /// To be pasted as they are; what stands there for the same setting goes. A line that begins with
    /// `#` is for the person.
    pub lines: Vec<String>,
}

const TEXT: &str = include_str!("fixes.yaml");
const CHINESE: &str = include_str!("fixes.zh.yaml");

/// The file is a part of the program, and a test reads it: there is nothing to be said of one that
/// can't be read.
static DATA: LazyLock<Data> = LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());

/// What is written for people, in Chinese.
static IN_CHINESE: LazyLock<Translation> =
    LazyLock::new(|| serde_yaml::from_str(CHINESE).unwrap_or_default());

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Translation {
    places: BTreeMap<String, String>,
    /// By the line in English.
    remarks: BTreeMap<String, String>,
    findings: BTreeMap<Kind, Words>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Words {
    advice: Option<String>,
    harbormouth: String,
    elsewhere: BTreeMap<String, String>,
    certificate: String,
}

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
pub fn fixes<'o>(kind: Kind, target: impl Into<TypedOrigin<'o>>, language: Language) -> Vec<Fix> {
    let target = target.into();
    let Some(remedy) = DATA.findings.get(&kind) else {
        return Vec::new();
    };
    let certificate = certificate(kind, remedy, language);
    let fix = |(place, lines): (&'static serde_yaml::Value, &'static serde_yaml::Value)| {
        let (key, (product, place)) = DATA.places.get_key_value(place.as_str()?)?;
        let lines = lines.as_str()?.lines();
        Some(Fix {
            product: *product,
            key,
            place,
            lines: lines
                .map(|line| filled(remark(line, language), certificate, target))
                .collect(),
        })
    };
    remedy.fixes.iter().flatten().filter_map(fix).collect()
}

/// The same line, with what is written for people in it in their language.
fn remark(line: &'static str, language: Language) -> &'static str {
    match language {
        Language::English => line,
        Language::Chinese => IN_CHINESE.remarks.get(line).map_or(line, String::as_str),
    }
}

fn certificate(kind: Kind, remedy: &'static Remedy, language: Language) -> &'static str {
    match language {
        Language::English => &remedy.certificate,
        Language::Chinese => {
            let words = IN_CHINESE.findings.get(&kind);
            words.map_or("", |words| &words.certificate)
        }
    }
}

/// A line with what clients type in it.
fn filled(line: &str, certificate: &str, target: TypedOrigin<'_>) -> String {
    let origin = target.origin;
    let name = origin.host.bare();
    placeholders::filled(line, |place| {
        Some(match place {
            "certificate" => filled(certificate, "", target),
            "origin" => origin.to_string(),
            "scheme" => origin.scheme.to_string(),
            "authority" => target.authority(),
            "host" => origin.host.to_string(),
            "name" => name.to_owned(),
            "secret" => name.replace(['.', ':', '_'], "-"),
            "port" => origin.port.to_string(),
            _ => return None,
        })
    })
}

/// What to do where no line of a configuration helps, or before one does.
pub(crate) fn advice(kind: Kind, language: Language) -> Option<&'static str> {
    match language {
        Language::English => DATA.findings.get(&kind)?.advice.as_deref(),
        Language::Chinese => IN_CHINESE.findings.get(&kind)?.advice.as_deref(),
    }
}

/// What can be changed against it at a hop without lines here: CDNs, the clouds' own balancers, and rare
/// proxies. None where nothing is known.
pub(crate) fn elsewhere(kind: Kind, hop: Hop, language: Language) -> Option<&'static str> {
    let words = match language {
        Language::English => &DATA.findings.get(&kind)?.elsewhere,
        Language::Chinese => &IN_CHINESE.findings.get(&kind)?.elsewhere,
    };
    words.get(hop.as_str()).map(String::as_str)
}

/// What Harbormouth in front of Harbor would do about it.
pub(crate) fn harbormouth(kind: Kind, language: Language) -> &'static str {
    let words = match language {
        Language::English => DATA.findings.get(&kind).map(|remedy| &remedy.harbormouth),
        Language::Chinese => IN_CHINESE
            .findings
            .get(&kind)
            .map(|words| &words.harbormouth),
    };
    words.map_or("", String::as_str)
}

impl Fix {
    /// The product and where the lines belong there, for people.
    pub fn belongs(&self, language: Language) -> String {
        let product = self.product.name();
        match language {
            Language::English => format!("{product}, {}:", self.place),
            Language::Chinese => {
                let place = IN_CHINESE.places.get(self.key);
                format!("{product}，{}：", place.map_or("", String::as_str))
            }
        }
    }
}

#[cfg(test)]
mod tests;
