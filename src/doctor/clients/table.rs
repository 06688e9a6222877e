//! The table of `clients.yaml`: what each client makes of a finding, and in which words.

use super::circumstance::{
    Authentication, Circumstance, Header, LostOn, PlainHttp, Reach, Surroundings, Unusable,
};
use super::client::Client;
use super::outcome::Outcome;
use super::rules::{Framing, Manner, Patience, Rewinding, Rules, Sameness, TokenRequest, Upload};
use crate::doctor::kind::Kind;
use crate::doctor::placeholders::filled;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("clients.yaml");

/// The file is a part of the program, and a test reads it: there is nothing to be said of one that
/// can't be read.
static TABLE: LazyLock<Table> = LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    clients: BTreeMap<Client, About>,
    phrases: BTreeMap<String, String>,
    refused: BTreeMap<Client, Refused>,
    reasons: BTreeMap<u16, String>,
    findings: BTreeMap<Kind, Vec<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    programs: String,
    rules: Rules,
}

/// An error answer, as a client shows it.
#[derive(Deserialize)]
struct Refused {
    otherwise: String,
    #[serde(flatten)]
    by_status: BTreeMap<String, String>,
}

/// How a push ends, where the conditions hold; an empty one always does.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Row {
    client: Vec<Client>,
    same: Vec<Sameness>,
    upload: Vec<Upload>,
    framing: Vec<Framing>,
    redirected: Vec<Rewinding>,
    http_realm: Vec<Manner>,
    private_realm: Vec<Manner>,
    token: Vec<TokenRequest>,
    patience: Vec<Patience>,
    reach: Vec<Option<Reach>>,
    unusable: Vec<Unusable>,
    lost: Vec<LostOn>,
    header: Vec<Header>,
    passes_chunks: Vec<bool>,
    authentication: Vec<Authentication>,
    port_80: Vec<PlainHttp>,
    works: Option<String>,
    leaks: Option<String>,
    sometimes: Option<String>,
    breaks: Option<String>,
}

/// What a circumstance says of each; where it doesn't, what is usual.
struct Seen {
    reach: Option<Reach>,
    unusable: Unusable,
    lost: LostOn,
    header: Header,
    passes_chunks: bool,
}

/// regclient's chunks, which it falls back to.
const CHUNK: u64 = 1 << 20;

/// The programs of a client, for people.
pub(super) fn programs(client: Client) -> &'static str {
    let about = TABLE.clients.get(&client);
    about.map_or("", |about| &about.programs)
}

/// How a push by one client ends, with one thing being wrong.
pub(super) fn ending(
    client: Client,
    kind: Kind,
    circumstance: Circumstance,
    around: Surroundings,
) -> Option<(Outcome, String)> {
    let seen = Seen::of(circumstance);
    let rules = &TABLE.clients.get(&client)?.rules;
    let mut rows = TABLE.findings.get(&kind)?.iter();
    let row = rows.find(|row| row.counts(client, rules, &seen, around))?;
    let (outcome, how) = row.said()?;
    Some((outcome, said_by(client, how)))
}

impl Seen {
    fn of(circumstance: Circumstance) -> Seen {
        let mut of = Seen {
            reach: None,
            unusable: Unusable::Missing,
            lost: LostOn::Both,
            header: Header::Digest,
            passes_chunks: false,
        };
        match circumstance {
            Circumstance::OtherHost(seen) => of.reach = Some(seen),
            Circumstance::Unusable(seen) => of.unusable = seen,
            Circumstance::Lost(seen) => of.lost = seen,
            Circumstance::Header(seen) => of.header = seen,
            Circumstance::Passes(bytes) => of.passes_chunks = bytes >= CHUNK,
            Circumstance::Usual | Circumstance::Partly => {}
        }
        of
    }
}

impl Row {
    fn counts(&self, client: Client, rules: &Rules, seen: &Seen, around: Surroundings) -> bool {
        holds(&self.client, client)
            && holds(&self.same, rules.same)
            && holds(&self.upload, rules.upload)
            && holds(&self.framing, rules.framing)
            && holds(&self.redirected, rules.redirected)
            && holds(&self.http_realm, rules.http_realm)
            && holds(&self.private_realm, rules.private_realm)
            && holds(&self.token, rules.token)
            && holds(&self.patience, rules.patience)
            && holds(&self.reach, seen.reach)
            && holds(&self.unusable, seen.unusable)
            && holds(&self.lost, seen.lost)
            && holds(&self.header, seen.header)
            && holds(&self.passes_chunks, seen.passes_chunks)
            && holds(&self.authentication, around.authentication)
            && holds(&self.port_80, around.plain_http)
    }

    fn said(&self) -> Option<(Outcome, &str)> {
        let ends = [
            (Outcome::Works, &self.works),
            (Outcome::Leaks, &self.leaks),
            (Outcome::Sometimes, &self.sometimes),
            (Outcome::Breaks, &self.breaks),
        ];
        let mut ends = ends.into_iter();
        ends.find_map(|(outcome, how)| Some((outcome, how.as_deref()?)))
    }
}

fn holds<T: PartialEq>(accepted: &[T], value: T) -> bool {
    accepted.is_empty() || accepted.contains(&value)
}

/// A row's words, with what this client says in them.
fn said_by(client: Client, how: &str) -> String {
    filled(how, |place| match place.strip_prefix("refused ") {
        Some(status) => refused(client, status.parse().ok()?),
        None => TABLE.phrases.get(place).cloned(),
    })
}

fn refused(client: Client, status: u16) -> Option<String> {
    let reason = TABLE.reasons.get(&status)?;
    let words = TABLE.refused.get(&client)?;
    let own = words.by_status.get(&status.to_string());
    Some(filled(
        own.unwrap_or(&words.otherwise),
        |place| match place {
            "status" => Some(status.to_string()),
            "reason" => Some(reason.clone()),
            "small reason" => Some(reason.to_lowercase()),
            _ => None,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn circumstances() -> Vec<Circumstance> {
        use Circumstance::{Header as Lacks, Lost, OtherHost, Passes, Unusable as Is, Usual};
        let mut all = vec![Usual, Passes(0), Passes(CHUNK)];
        all.extend(
            [
                Reach::Unresolved,
                Reach::PrivateAddress,
                Reach::PrivateName,
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
        all.extend([LostOn::Patch, LostOn::Put, LostOn::Both].map(Lost));
        all.extend([Header::Digest, Header::Range, Header::NextLocation].map(Lacks));
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

    /// What counts for this client, in whatever circumstances.
    fn rows(client: Client, kind: Kind) -> Vec<Option<usize>> {
        let rules = &TABLE.clients[&client].rules;
        let mut counting = Vec::new();
        for seen in circumstances().into_iter().map(Seen::of) {
            for around in surroundings() {
                let mut rows = TABLE.findings[&kind].iter();
                counting.push(rows.position(|row| row.counts(client, rules, &seen, around)));
            }
        }
        counting
    }

    #[test]
    fn the_file_has_words_for_every_client() {
        let table: Table = serde_yaml::from_str(TEXT).unwrap();
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
                    let words = said_by(client, how)
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
}
