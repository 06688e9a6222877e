//! What is known of each kind of finding, whatever the chain: what its page says. Unknown here: how the
//! page looks, and any walk.

use super::attribution::Hop;
use super::clients::{Client, Ending, Known, known};
use super::fixes::{Fix, advice, elsewhere, fixes, harbormouth};
use super::judge::{causes, meaning, wrongs};
use super::kind::Kind;
use super::language::Language;
use super::placeholders::filled;
use super::words::Word;
use crate::net::origin::Origin;

/// A kind of finding, explained. Where a sentence has observed values, `…` stands.
pub struct Entry {
    pub kind: Kind,
    /// What is seen, in a few words.
    pub means: &'static str,
    /// What the doctor says of it, by what it saw.
    pub wrong: Vec<String>,
    /// What most likely brings it about; empty if no hop does.
    pub causes: Vec<String>,
    pub clients: Vec<Behaviour>,
    /// What to do where no line of a configuration helps, or before one does.
    pub advice: Option<&'static str>,
    /// What to do at hops that there are no lines for.
    pub elsewhere: Vec<&'static str>,
    /// The lines for each product.
    pub fixes: Vec<Fix>,
    pub harbormouth: &'static str,
}

/// What some clients do where the finding is.
pub struct Behaviour {
    /// The programs.
    pub clients: Vec<&'static str>,
    /// `breaks`, `at times`, `leaks` or `works`, in the language.
    pub ending: &'static str,
    /// How, in the words that a user reads where it breaks.
    pub how: String,
    /// In which circumstances; empty for all others.
    pub when: String,
}

/// What is known of a kind; the lines are those for a target.
pub fn entry(kind: Kind, target: &Origin, language: Language) -> Entry {
    let open = |text: &str| filled(text, |place| Some(unknown(place).to_owned()));
    let mut elsewhere: Vec<&str> = Hop::ALL
        .into_iter()
        .filter_map(|hop| elsewhere(kind, hop, language))
        .collect();
    elsewhere.dedup();
    Entry {
        kind,
        means: meaning(kind, language),
        wrong: wrongs(kind, language).into_iter().map(open).collect(),
        causes: causes(kind, language).into_iter().map(open).collect(),
        clients: behaviours(known(kind, language), language),
        advice: advice(kind, language),
        elsewhere,
        fixes: fixes(kind, target, language),
        harbormouth: harbormouth(kind, language),
    }
}

/// What stands where a value would: nothing for one that only adds to a sentence.
fn unknown(place: &str) -> &'static str {
    match place {
        "speaker" | "suspects" | "lives" | "said" => "",
        _ => "…",
    }
}

/// Clients that do alike stand together, the worst off first.
fn behaviours(known: Vec<Known>, language: Language) -> Vec<Behaviour> {
    let mut groups: Vec<(Known, Vec<Client>)> = Vec::new();
    for one in known {
        let alike = |(other, _): &&mut (Known, Vec<Client>)| {
            (other.ending, &other.how, &other.when) == (one.ending, &one.how, &one.when)
        };
        match groups.iter_mut().find(alike) {
            Some((_, clients)) => clients.push(one.client),
            None => {
                let clients = vec![one.client];
                groups.push((one, clients));
            }
        }
    }
    let behaviour = |(known, clients): (Known, Vec<Client>)| Behaviour {
        clients: programs(&clients, language),
        ending: word(known.ending).told(language),
        how: known.how,
        when: known.when.join(Word::Comma.told(language)),
    };
    groups.sort_by_key(|(known, _)| std::cmp::Reverse(known.ending));
    groups.into_iter().map(behaviour).collect()
}

fn programs(clients: &[Client], language: Language) -> Vec<&'static str> {
    if clients.len() == Client::ALL.len() {
        return vec![Word::EveryClient.told(language)];
    }
    clients
        .iter()
        .map(|client| client.programs(language))
        .collect()
}

/// The word in the margin of a report.
pub(super) fn word(ending: Ending) -> Word {
    match ending {
        Ending::Breaks => Word::Breaks,
        Ending::Sometimes => Word::AtTimes,
        Ending::Leaks => Word::Leaks,
        Ending::Works => Word::Works,
    }
}
