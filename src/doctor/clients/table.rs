//! The table of `clients.yaml`: how each client behaves with a finding, and which message it shows.

use super::chinese::CHINESE;
use super::client::Client;
use super::detail::{Detail, Header, LostOn, Opened, Posted, Surroundings, Unasked, Unusable};
use super::impact::Ending;
use crate::doctor::kind::Kind;
use crate::doctor::language::Language;
use crate::doctor::placeholders::filled;
use serde::{Deserialize, Serialize};
use serde_yaml::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("clients.yaml");

/// The file is a part of the program, and a test reads it: there is nothing to be said of one that
/// can't be read.
static TABLE: LazyLock<ClientTable> =
    LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientTable {
    clients: BTreeMap<Client, ClientData>,
    phrases: BTreeMap<String, String>,
    refused: BTreeMap<Client, ErrorPhrases>,
    reasons: BTreeMap<u16, String>,
    circumstances: BTreeMap<String, BTreeMap<String, String>>,
    findings: BTreeMap<Kind, Vec<ClientRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientData {
    programs: String,
    names: Vec<String>,
    rules: BTreeMap<String, Value>,
}

/// An error answer, as a client shows it.
#[derive(Deserialize)]
struct ErrorPhrases {
    otherwise: String,
    #[serde(flatten)]
    by_status: BTreeMap<String, String>,
}

/// How a push ends, where the conditions hold.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ClientRow {
    /// What is accepted of each fact.
    #[serde(flatten)]
    when: BTreeMap<String, Vec<Value>>,
    works: Option<String>,
    leaks: Option<String>,
    sometimes: Option<String>,
    breaks: Option<String>,
}

/// What conditions are of: a client's rules, what was seen of a finding, and what surrounds it.
type FindingFacts<'a> = BTreeMap<&'a str, Value>;

/// regclient's chunks, which it falls back to.
const CHUNK: u64 = 1 << 20;

/// The programs of a client, for people.
pub(super) fn programs(client: Client, language: Language) -> &'static str {
    let about = TABLE.clients.get(&client);
    let programs = about.map_or("", |about| &about.programs);
    match language {
        Language::English => programs,
        Language::Chinese => CHINESE.programs(programs),
    }
}

pub(super) fn named(name: &str) -> Option<Client> {
    let mut clients = TABLE.clients.iter();
    let is_meant = |data: &ClientData| data.names.iter().any(|known| known == name);
    clients.find_map(|(client, data)| is_meant(data).then_some(*client))
}

pub(super) fn names() -> Vec<&'static str> {
    let names = TABLE.clients.values().flat_map(|data| &data.names);
    names.map(String::as_str).collect()
}

/// How a push by one client ends, with one thing being wrong.
pub(super) fn ending(
    client: Client,
    kind: Kind,
    circumstance: Detail,
    around: Surroundings,
    language: Language,
) -> Option<(Ending, String)> {
    let rules = &TABLE.clients.get(&client)?.rules;
    let facts = facts(client, rules, circumstance, around);
    let mut rows = TABLE.findings.get(&kind)?.iter();
    let row = rows.find(|row| row.counts(&facts))?;
    let (outcome, how) = row.said()?;
    Some((outcome, said_by(client, how, language)))
}

/// What a client is known to do where a finding is, in some of all circumstances.
pub(super) struct KnownRow {
    pub(super) client: Client,
    pub(super) ending: Ending,
    pub(super) how: String,
    /// What has to hold beside the client's own rules: a fact, and what of it is accepted.
    pub(super) when: BTreeMap<&'static str, &'static [Value]>,
}

impl KnownRow {
    /// The conditions in words.
    pub(super) fn circumstances(&self, language: Language) -> Vec<String> {
        let (table, or) = match language {
            Language::English => (&TABLE.circumstances, " or "),
            Language::Chinese => (&CHINESE.circumstances, " 或 "),
        };
        let words = |(name, accepted): (&&str, &&'static [Value])| {
            let words = table.get(*name)?;
            let words = accepted.iter().filter_map(|value| words.get(&text(value)));
            let words: Vec<&str> = words.map(String::as_str).collect();
            (!words.is_empty()).then(|| words.join(or))
        };
        self.when.iter().filter_map(words).collect()
    }
}

/// A fact as a key.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(holds) => holds.to_string(),
        _ => String::new(),
    }
}

/// The rows that may count for each client, in the order of the table.
pub(super) fn rows(kind: Kind, language: Language) -> Vec<KnownRow> {
    let rows = TABLE.findings.get(&kind).map_or(&[][..], Vec::as_slice);
    let mut known: Vec<KnownRow> = Vec::new();
    for row in rows {
        for client in Client::ALL
            .into_iter()
            .filter(|client| row.may_count_for(*client))
        {
            let when = row.beside_rules_of(client);
            // A row before it may count wherever this one does.
            let counts_always = |other: &KnownRow| {
                other.client == client
                    && other
                        .when
                        .iter()
                        .all(|fact| when.get(fact.0) == Some(fact.1))
            };
            if let (Some((ending, how)), false) = (row.said(), known.iter().any(counts_always)) {
                let how = said_by(client, how, language);
                known.push(KnownRow {
                    client,
                    ending,
                    how,
                    when,
                });
            }
        }
    }
    known
}

/// What stands in quotes in the rows that may count for a client.
pub(super) fn messages() -> Vec<(Kind, Client, String)> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        for row in rows(kind, Language::English) {
            let quoted = row.how.split('"').skip(1).step_by(2);
            all.extend(quoted.map(|message| (kind, row.client, message.to_owned())));
        }
    }
    all
}

fn facts<'a>(
    client: Client,
    rules: &'a BTreeMap<String, Value>,
    circumstance: Detail,
    around: Surroundings,
) -> FindingFacts<'a> {
    // Where nothing was seen of them.
    let usual = [
        ("unusable", fact(Unusable::Missing)),
        ("lost", fact(LostOn::Both)),
        ("unasked", fact(Unasked::Refused)),
        ("posted", fact(Posted::Final)),
        ("opened", fact(Opened::Refused)),
        ("header", fact(Header::Digest)),
        ("passes_chunks", fact(false)),
    ];
    let seen = match circumstance {
        Detail::OtherHost(reach) => Some(("reach", fact(reach))),
        Detail::Unusable(what) => Some(("unusable", fact(what))),
        Detail::Unasked(how) => Some(("unasked", fact(how))),
        Detail::Posted(answer) => Some(("posted", fact(answer))),
        Detail::Opened(answer) => Some(("opened", fact(answer))),
        Detail::Lost(on) => Some(("lost", fact(on))),
        Detail::Header(header) => Some(("header", fact(header))),
        Detail::Passes(bytes) => Some(("passes_chunks", fact(bytes >= CHUNK))),
        Detail::Usual | Detail::Partly => None,
    };
    let around = [
        ("client", fact(client)),
        ("authentication", fact(around.authentication)),
        ("port_80", fact(around.plain_http)),
    ];
    let rules = rules
        .iter()
        .map(|(name, rule)| (name.as_str(), rule.clone()));
    rules.chain(around).chain(usual).chain(seen).collect()
}

/// What is known of a client itself.
fn known(client: Client, name: &str) -> Option<Value> {
    match name {
        "client" => Some(fact(client)),
        name => TABLE.clients.get(&client)?.rules.get(name).cloned(),
    }
}

/// As the table writes it.
fn fact(fact: impl Serialize) -> Value {
    serde_yaml::to_value(fact).unwrap_or_default()
}

impl ClientRow {
    /// Whether no condition speaks against a client with its rules.
    fn may_count_for(&self, client: Client) -> bool {
        self.when.iter().all(|(name, accepted)| {
            let known = known(client, name);
            known.is_none_or(|known| accepted.contains(&known))
        })
    }

    /// The conditions that a client's rules leave open.
    fn beside_rules_of(&self, client: Client) -> BTreeMap<&str, &[Value]> {
        let open = self
            .when
            .iter()
            .filter(|(name, _)| known(client, name).is_none());
        open.map(|(name, accepted)| (name.as_str(), accepted.as_slice()))
            .collect()
    }

    fn counts(&self, facts: &FindingFacts<'_>) -> bool {
        self.when.iter().all(|(name, accepted)| {
            let fact = facts.get(name.as_str());
            fact.is_some_and(|fact| accepted.contains(fact))
        })
    }

    fn said(&self) -> Option<(Ending, &str)> {
        let ends = [
            (Ending::Works, &self.works),
            (Ending::Leaks, &self.leaks),
            (Ending::Sometimes, &self.sometimes),
            (Ending::Breaks, &self.breaks),
        ];
        let mut ends = ends.into_iter();
        ends.find_map(|(outcome, how)| Some((outcome, how.as_deref()?)))
    }
}

/// A row's words, with what this client says in them.
fn said_by(client: Client, how: &'static str, language: Language) -> String {
    filled(in_language(how, language), |place| {
        match place.strip_prefix("refused ") {
            Some(status) => refused(client, status.parse().ok()?, language),
            None => {
                let phrase = TABLE.phrases.get(place)?;
                Some(in_language(phrase, language).to_owned())
            }
        }
    })
}

fn refused(client: Client, status: u16, language: Language) -> Option<String> {
    let reason = TABLE.reasons.get(&status)?;
    let words = TABLE.refused.get(&client)?;
    let own = words.by_status.get(&status.to_string());
    let words = in_language(own.unwrap_or(&words.otherwise), language);
    Some(filled(words, |place| match place {
        "status" => Some(status.to_string()),
        "reason" => Some(reason.clone()),
        "small reason" => Some(reason.to_lowercase()),
        _ => None,
    }))
}

fn in_language(text: &'static str, language: Language) -> &'static str {
    match language {
        Language::English => text,
        Language::Chinese => CHINESE.text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::chinese;
    use super::super::detail::{Authentication, PlainHttp, Reach};
    use super::*;
    use std::collections::BTreeSet;

    fn circumstances() -> Vec<Detail> {
        use Detail::{Header as Lacks, Lost, OtherHost, Passes, Unusable as Is, Usual};
        let mut all = vec![Usual, Passes(0), Passes(CHUNK)];
        all.extend(
            [
                Reach::Unresolved,
                Reach::PrivateAddress,
                Reach::PrivateName,
                Reach::OwnMachine,
                Reach::Unreachable,
                Reach::Public,
                Reach::Respelled,
            ]
            .map(OtherHost),
        );
        all.extend(
            [
                Unusable::Missing,
                Unusable::Unreadable,
                Unusable::Relative,
                Unusable::Adrift,
                Unusable::WithoutScheme,
                Unusable::SchemeRelative,
            ]
            .map(Is),
        );
        all.extend([Unasked::Refused, Unasked::LetIn].map(Detail::Unasked));
        all.extend([Posted::BadRequest, Posted::Final].map(Detail::Posted));
        all.extend([Opened::Refused, Opened::OtherSuccess].map(Detail::Opened));
        all.extend([LostOn::Patch, LostOn::Put, LostOn::Both].map(Lost));
        all.extend(
            [
                Header::Digest,
                Header::Range,
                Header::NextLocation,
                Header::Length,
                Header::ManifestDigest,
            ]
            .map(Lacks),
        );
        all
    }

    fn surroundings() -> Vec<Surroundings> {
        use PlainHttp::{KeepsWrites, LosesWrites, Nothing, Other, Serves};
        [
            Authentication::None,
            Authentication::Basic,
            Authentication::Bearer,
        ]
        .into_iter()
        .flat_map(|authentication| {
            [Nothing, LosesWrites, KeepsWrites, Serves, Other].map(|plain_http| Surroundings {
                authentication,
                plain_http,
            })
        })
        .collect()
    }

    /// What may be known of this client, in whatever circumstances.
    fn all_facts(client: Client) -> Vec<FindingFacts<'static>> {
        let rules = &TABLE.clients[&client].rules;
        let mut all = Vec::new();
        for seen in circumstances() {
            for around in surroundings() {
                all.push(facts(client, rules, seen, around));
            }
        }
        all
    }

    /// What counts for this client, in whatever circumstances.
    fn rows(client: Client, kind: Kind) -> Vec<Option<usize>> {
        let place = |facts: &FindingFacts<'_>| {
            let mut rows = TABLE.findings[&kind].iter();
            rows.position(|row| row.counts(facts))
        };
        all_facts(client).iter().map(place).collect()
    }

    /// A rule that one client lacks, and a condition that nothing meets, are slips.
    #[test]
    fn every_condition_is_of_what_can_be() {
        let mut known: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for client in Client::ALL {
            let rules = TABLE.clients[&client].rules.keys();
            assert!(
                rules.eq(TABLE.clients[&Client::Oras].rules.keys()),
                "{client}"
            );
            for (name, fact) in all_facts(client).into_iter().flatten() {
                known.entry(name).or_default().push(fact);
            }
        }
        for (kind, rows) in &TABLE.findings {
            for (name, accepted) in rows.iter().flat_map(|row| &row.when) {
                let is_known = |word: &Value| known[name.as_str()].contains(word);
                assert!(
                    accepted.iter().all(is_known),
                    "{kind}: {name}: {accepted:?}"
                );
            }
        }
    }

    #[test]
    fn the_file_has_words_for_every_client() {
        let table: ClientTable = serde_yaml::from_str(TEXT).unwrap();
        let keys = serde_yaml::from_str::<serde_yaml::Value>(TEXT);
        assert!(keys.is_ok(), "a row twice: {keys:?}");
        assert!(table.clients.keys().eq(&Client::ALL));
        assert!(table.refused.keys().eq(&Client::ALL));
        assert!(table.findings.keys().eq(&Kind::ALL));
        for (client, words) in &table.refused {
            for status in words.by_status.keys() {
                let is_known = status
                    .parse()
                    .is_ok_and(|it| table.reasons.contains_key(&it));
                assert!(is_known, "{client} {status}");
            }
        }
    }

    #[test]
    fn every_row_says_one_thing_without_gaps() {
        for (kind, rows) in &TABLE.findings {
            for (index, row) in rows.iter().enumerate() {
                let ends = [&row.works, &row.leaks, &row.sometimes, &row.breaks];
                let said = ends.into_iter().flatten().count();
                assert_eq!(said, 1, "{kind}, row {index}");
                let (_, how) = row.said().unwrap();
                for client in Client::ALL {
                    let words = said_by(client, how, Language::English)
                        .replace("<html>", "")
                        .replace("'<'", "");
                    assert!(!words.is_empty() && !words.contains('<'), "{kind}: {words}");
                }
            }
        }
    }

    #[test]
    fn some_row_counts_for_everybody_and_every_row_for_somebody() {
        for kind in Kind::ALL {
            let counting: Vec<Option<usize>> = Client::ALL
                .into_iter()
                .flat_map(|client| rows(client, kind))
                .collect();
            assert!(!counting.contains(&None), "{kind}: nothing for some client");
            let used: BTreeSet<usize> = counting.into_iter().flatten().collect();
            let all = 0..TABLE.findings[&kind].len();
            assert!(used.into_iter().eq(all), "{kind}: a row that never counts");
        }
    }

    /// Words of ours; and what clients print, in quotes, and the places, in any order.
    fn parts(text: &str) -> (String, BTreeSet<String>) {
        let (mut ours, mut theirs) = (String::new(), BTreeSet::new());
        let mut rest = text;
        while let Some(at) = rest.find(['"', '<']) {
            let (before, begun) = rest.split_at(at);
            let close = if begun.starts_with('<') { '>' } else { '"' };
            let (fixed, after) = begun[1..].split_once(close).unwrap();
            ours.push_str(before);
            theirs.insert(fixed.to_owned());
            rest = after;
        }
        (ours + rest, theirs)
    }

    /// Every text of the table that has words of ours in it, and none besides, is there in Chinese,
    /// with what clients print as they print it.
    #[test]
    fn everything_is_there_in_chinese() {
        let keys = serde_yaml::from_str::<Value>(chinese::TEXT);
        assert!(keys.is_ok(), "a key twice: {keys:?}");
        let rows = TABLE
            .findings
            .values()
            .flatten()
            .filter_map(ClientRow::said);
        let refused = TABLE.refused.values();
        let refused = refused.flat_map(|it| it.by_status.values().chain([&it.otherwise]));
        let texts: BTreeSet<&str> = rows
            .map(|(_, how)| how)
            .chain(TABLE.phrases.values().chain(refused).map(String::as_str))
            .filter(|text| has_own_words(text))
            .collect();
        let known: BTreeSet<&str> = CHINESE.texts.keys().map(String::as_str).collect();
        assert_eq!(texts, known);
        for (english, chinese) in &CHINESE.texts {
            assert_eq!(parts(english).1, parts(chinese).1, "{english}");
        }
        let programs: BTreeSet<&str> = TABLE.clients.values().map(|it| &*it.programs).collect();
        assert!(
            programs
                .into_iter()
                .eq(CHINESE.programs.keys().map(String::as_str))
        );
        let facts = |table: &BTreeMap<String, BTreeMap<String, String>>| -> Vec<String> {
            let facts = table.iter();
            let named = |(name, values): (&String, &BTreeMap<String, String>)| {
                let values: Vec<String> = values.keys().map(|it| format!("{name} {it}")).collect();
                values
            };
            facts.flat_map(named).collect()
        };
        assert_eq!(facts(&TABLE.circumstances), facts(&CHINESE.circumstances));
    }

    fn has_own_words(text: &str) -> bool {
        parts(text).0.chars().any(char::is_alphabetic)
    }
}
