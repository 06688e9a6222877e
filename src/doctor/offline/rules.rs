//! The rules: which setting of a scope is wrong, and which finding that makes. They stand in
//! `rules/*.yaml`, one file for each product; here they are applied. Unknown here: any product.

use super::FileKind;
use super::scope::{Scope, Setting, Trait};
use super::units;
use crate::doctor::clients::{
    Authentication, Detail, Ending, Header, Impact, PlainHttp, Reach, Surroundings, effects,
};
use crate::doctor::kind::{Kind, Severity};
use crate::doctor::language::Language;
use crate::doctor::placeholders::filled;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

/// What is wrong in a file, with every line that makes it so.
pub(crate) struct FileFinding {
    pub(crate) kind: Kind,
    pub(crate) severity: Severity,
    /// In the order of the file.
    pub(crate) places: Vec<Place>,
    /// What it means for every client, in their order.
    pub(crate) effects: Vec<Impact>,
}

/// A line, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The first is 1.
    pub(crate) line: usize,
    /// As it stands in the file, without its margin.
    pub(crate) text: String,
    /// In one sentence for people.
    pub(crate) wrong: String,
    /// What it is about: `proxy_set_header host`.
    setting: String,
    severity: Severity,
    detail: Detail,
}

impl Place {
    /// Whether a line sets the same.
    pub(crate) fn is_about(&self, line: &str) -> bool {
        let line = line.to_ascii_lowercase();
        let mut words = self.setting.split(' ');
        words.all(|word| line.contains(&word.to_ascii_lowercase()))
    }
}

/// One rule. Lists are alternatives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// Names of settings.
    setting: Vec<String>,
    /// What holds where none of these settings is there.
    default: Option<String>,
    /// A value that is wrong, one of:
    #[serde(default)]
    is: Vec<String>,
    #[serde(default)]
    begins: Vec<String>,
    #[serde(default)]
    ends: Vec<String>,
    #[serde(default)]
    has: Vec<String>,
    /// a time under this one,
    shorter: Option<String>,
    /// a size under this one,
    smaller: Option<String>,
    /// a number under this one,
    fewer: Option<u32>,
    /// every value,
    #[serde(default)]
    any: bool,
    /// every value but these,
    #[serde(default)]
    is_not: Vec<String>,
    /// or that there is none.
    #[serde(default)]
    missing: bool,
    /// It counts only where all of these hold,
    #[serde(default, rename = "where")]
    holds: Vec<Trait>,
    /// none of these does,
    #[serde(default)]
    where_not: Vec<Trait>,
    /// all of these settings are there,
    #[serde(default)]
    with: Vec<String>,
    /// and none of these is.
    #[serde(default)]
    unless: Vec<String>,
    /// It is a warning, however grave its kind is elsewhere: it depends on what the file doesn't say.
    #[serde(default)]
    mild: bool,
    /// In which versions of the product, where not in all.
    versions: Option<String>,
    /// The sentence; `<value>` and `<setting>` stand for what the file has.
    pub(super) wrong: String,
}

/// A product's rules by the part of the file that they judge; the first that counts for a kind and a
/// setting decides.
pub(super) type Rules = BTreeMap<String, Vec<Rule>>;

pub(super) fn text(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Nginx => include_str!("rules/nginx.yaml"),
        FileKind::Haproxy => include_str!("rules/haproxy.yaml"),
        FileKind::Caddy => include_str!("rules/caddy.yaml"),
        FileKind::Traefik => include_str!("rules/traefik.yaml"),
        FileKind::Envoy => include_str!("rules/envoy.yaml"),
        FileKind::Apache => include_str!("rules/apache.yaml"),
        FileKind::Ingress => include_str!("rules/ingress.yaml"),
        FileKind::Harbor => include_str!("rules/harbor.yaml"),
    }
}

/// The files are a part of the program, and a test reads them: there is nothing to be said of one that
/// can't be read.
static RULES: LazyLock<Vec<(FileKind, Rules)>> = LazyLock::new(|| {
    let read = |kind| (kind, serde_yaml::from_str(text(kind)).unwrap_or_default());
    FileKind::ALL.map(read).into()
});

/// The same sentence in a language.
fn told(text: &str, language: Language) -> &str {
    match language {
        Language::English => text,
        Language::Chinese => CHINESE.get(text).map_or(text, String::as_str),
    }
}

fn in_versions(wrong: &str, versions: &str, language: Language) -> String {
    match language {
        Language::English => format!("{} ({versions}).", wrong.trim_end_matches('.')),
        Language::Chinese => format!("{}（{versions}）。", wrong.trim_end_matches('。')),
    }
}

const CHINESE_TEXT: &str = include_str!("rules.zh.yaml");

/// By the English sentence.
static CHINESE: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| serde_yaml::from_str(CHINESE_TEXT).unwrap_or_default());

/// The words that settings begin with which rules of a product look at.
pub(super) fn words_of(kind: FileKind) -> BTreeSet<&'static str> {
    let of = RULES.iter().filter(|(known, _)| *known == kind);
    let rules = of.flat_map(|(_, rules)| rules.values().flatten());
    let names = rules.flat_map(|rule| [&rule.setting, &rule.with, &rule.unless]);
    let first = |name: &'static String| name.split(' ').next();
    names.flatten().filter_map(first).collect()
}

/// Whose rules judge a part: an Ingress within Harbor's values is judged as one.
fn rules(kind: FileKind, part: &str) -> &'static [Rule] {
    let of = |kind| {
        let mut all = RULES.iter();
        all.find(|(known, _)| *known == kind)
            .and_then(|(_, rules)| rules.get(part))
    };
    of(kind)
        .or_else(|| of(FileKind::Ingress))
        .map_or(&[], Vec::as_slice)
}

/// Everything that is wrong, the worst first, then as it stands in the file.
pub(super) fn findings(
    kind: FileKind,
    scopes: &[Scope],
    plain_http: PlainHttp,
    text: &str,
    language: Language,
) -> Vec<FileFinding> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found: BTreeMap<Kind, Vec<Place>> = BTreeMap::new();
    let mut known: BTreeSet<(Kind, usize, String)> = BTreeSet::new();
    for scope in scopes {
        for (kind, place) in wrong(scope, rules(kind, scope.part), &lines, language) {
            if known.insert((kind, place.line, place.wrong.clone())) {
                found.entry(kind).or_default().push(place);
            }
        }
    }
    let around = Surroundings {
        authentication: Authentication::Bearer,
        plain_http,
    };
    let finding = |(kind, places)| finding(kind, places, around, language);
    let mut findings: Vec<FileFinding> = found.into_iter().map(finding).collect();
    let first = |finding: &FileFinding| finding.places.first().map(|place| place.line);
    findings.sort_by_key(|finding| (finding.severity.rank(), first(finding)));
    findings
}

fn finding(
    kind: Kind,
    mut places: Vec<Place>,
    around: Surroundings,
    language: Language,
) -> FileFinding {
    places.sort_by_key(|place| (place.severity.rank(), place.line));
    let (detail, severity) = places
        .first()
        .map_or((Detail::Usual, kind.severity()), |place| {
            (place.detail, place.severity)
        });
    let effects = effects(kind, detail, around, language);
    let harms = effects.iter().any(|effect| effect.outcome > Ending::Works);
    FileFinding {
        kind,
        severity: match severity {
            Severity::Broken if !harms => Severity::Warning,
            severity => severity,
        },
        places,
        effects,
    }
}

/// What the rules say of a scope.
fn wrong(scope: &Scope, rules: &[Rule], lines: &[&str], language: Language) -> Vec<(Kind, Place)> {
    let mut told: BTreeSet<(Kind, usize, &str)> = BTreeSet::new();
    let mut places = Vec::new();
    for rule in rules.iter().filter(|rule| rule.counts(scope)) {
        for setting in rule.wrong_in(scope) {
            if told.insert((rule.kind, setting.line, rule.group(&setting))) {
                places.push((rule.kind, rule.place(&setting, lines, language)));
            }
        }
    }
    places
}

impl Rule {
    fn counts(&self, scope: &Scope) -> bool {
        let has = |name: &String| scope.has(name);
        self.holds.iter().all(|one| scope.traits.contains(one))
            && !self.where_not.iter().any(|one| scope.traits.contains(one))
            && self.with.iter().all(has)
            && !self.unless.iter().any(has)
    }

    /// The settings that are wrong by it; what is missing stands at the scope's own line.
    fn wrong_in(&self, scope: &Scope) -> Vec<Setting> {
        let is_meant = |setting: &&Setting| self.setting.contains(&setting.name);
        let there: Vec<&Setting> = scope.settings.iter().filter(is_meant).collect();
        let is_open = scope.traits.contains(&Trait::Open);
        let absent = |value: &str| Setting {
            name: self.setting.first().cloned().unwrap_or_default(),
            value: value.to_owned(),
            line: scope.line,
        };
        if there.is_empty() && !is_open {
            let value = self.default.as_deref().filter(|value| self.refuses(value));
            let missing = self.missing.then(|| absent(""));
            return value.map(absent).or(missing).into_iter().collect();
        }
        let refused = |setting: &&&Setting| self.refuses(&setting.value);
        there
            .iter()
            .filter(refused)
            .map(|one| (*one).clone())
            .collect()
    }

    fn refuses(&self, value: &str) -> bool {
        let any = |all: &[String], holds: &dyn Fn(&str) -> bool| all.iter().any(|one| holds(one));
        let time = |text: &str| units::time(text, self.unit());
        let is_shorter = |limit: &str| time(value) < time(limit) && time(value).is_some();
        let is_smaller =
            |limit: &str| units::size(value) < units::size(limit) && units::size(value).is_some();
        let lower = value.to_ascii_lowercase();
        self.any
            || any(&self.is, &|one| value.eq_ignore_ascii_case(one))
            || !self.is_not.is_empty() && !any(&self.is_not, &|one| value == one)
            || any(&self.begins, &|one| value.starts_with(one))
            || any(&self.ends, &|one| value.ends_with(one))
            || any(&self.has, &|one| lower.contains(&one.to_ascii_lowercase()))
            || self.shorter.as_deref().is_some_and(is_shorter)
            || self.smaller.as_deref().is_some_and(is_smaller)
            || self
                .fewer
                .is_some_and(|limit| value.parse::<u32>().is_ok_and(|number| number < limit))
    }

    /// HAProxy alone counts milliseconds.
    fn unit(&self) -> Duration {
        let is_haproxys = self.setting.iter().any(|name| name.starts_with("timeout "));
        if is_haproxys {
            Duration::from_millis(1)
        } else {
            Duration::from_secs(1)
        }
    }

    /// What one rule is enough for.
    fn group(&self, setting: &Setting) -> &str {
        let named = self.setting.iter().find(|name| **name == setting.name);
        named.map_or("", String::as_str)
    }

    fn place(&self, setting: &Setting, lines: &[&str], language: Language) -> Place {
        let text = setting
            .line
            .checked_sub(1)
            .and_then(|index| lines.get(index));
        let wrong = filled(told(&self.wrong, language), |place| match place {
            "value" => Some(setting.value.clone()),
            "setting" => Some(setting.name.clone()),
            _ => None,
        });
        let wrong = match &self.versions {
            Some(versions) => in_versions(&wrong, told(versions, language), language),
            None => wrong,
        };
        let severity = match (self.mild, self.kind.severity()) {
            (true, Severity::Broken) => Severity::Warning,
            (_, severity) => severity,
        };
        Place {
            line: setting.line,
            text: text
                .map_or("", |line| without_password(line.trim()))
                .to_owned(),
            wrong,
            setting: setting.name.clone(),
            severity,
            detail: detail(self.kind, &setting.value),
        }
    }
}

/// A line up to a password or token that is written into it.
fn without_password(line: &str) -> &str {
    let begins = ["Basic ", "basic ", "Bearer ", "bearer "].map(|scheme| line.find(scheme));
    let is_authorization = line.to_ascii_lowercase().contains("authorization");
    match begins.into_iter().flatten().min() {
        Some(at) if is_authorization => &line[..at],
        Some(_) | None => line,
    }
}

/// What is known of how it is wrong: an upstream's name is an inner one.
fn detail(kind: Kind, value: &str) -> Detail {
    match kind {
        Kind::BodyLimit => units::size(value).map_or(Detail::Usual, Detail::Passes),
        Kind::LocationHost | Kind::RealmHost => Detail::OtherHost(Reach::Unresolved),
        Kind::HeaderLost => Detail::Header(match value.to_ascii_lowercase().as_str() {
            "range" => Header::Range,
            "location" => Header::NextLocation,
            _ => Header::Digest,
        }),
        _ => Detail::Usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::placeholders::places;

    /// Every sentence is there in Chinese, with the same places and code, and no other is.
    #[test]
    fn everything_that_rules_say_is_there_in_chinese() {
        let chinese: BTreeMap<String, String> = serde_yaml::from_str(CHINESE_TEXT).unwrap();
        let rules = RULES.iter().flat_map(|(_, rules)| rules.values().flatten());
        let said = |rule: &'static Rule| std::iter::once(&rule.wrong).chain(&rule.versions);
        let english: BTreeSet<&String> = rules.flat_map(said).collect();
        assert!(
            chinese.keys().eq(english),
            "{:?}",
            chinese.keys().collect::<Vec<_>>()
        );
        for (english, chinese) in &chinese {
            assert_eq!(places(english), places(chinese), "{english}");
            let code = |text: &str| {
                text.split('`')
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(code(english), code(chinese), "{english}");
            assert!(!chinese.is_ascii(), "{english}");
        }
    }
}
