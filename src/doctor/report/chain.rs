//! The chain as a picture: every entry that was walked, who most likely stands there, what it was
//! seen to do, and which findings it is blamed for.

use super::super::attribution::{
    Culprit, Guess, Hop, RegistryProduct, author, culprit, guess, largest, location,
};
use super::super::display::{clean, cut};
use super::super::finding::Finding;
use super::super::judge::Judged;
use super::super::language::Language;
use super::super::step::Step;
use super::super::trace::Walk;
use super::super::words::Word;
use super::steps::Mark;
use super::verdict::by_gravity;
use crate::system::terminal::{Style, hanging};

/// What stands at an entry, as `hub.example.com (nginx)`.
pub(super) fn place(judged: &Judged) -> String {
    let name = judged.walk.entered().authority();
    match guess(&judged.walk).hop {
        Some(hop) => format!("{name} ({})", hop.as_str()),
        None => name,
    }
}

/// What these walks are told in.
pub(super) fn language(walks: &[Judged]) -> Language {
    walks
        .first()
        .map_or(Language::English, |public| public.walk.language)
}

pub(super) fn picture(walks: &[Judged], style: Style) -> String {
    let language = language(walks);
    let client = Word::Client.told(language);
    let mut drawn = format!("  {client}\n    {}\n", style.dim("│"));
    let guesses: Vec<Guess> = walks.iter().map(|judged| guess(&judged.walk)).collect();
    for (index, judged) in walks.iter().enumerate() {
        drawn.push_str(&format!("    {}\n", style.dim("▼")));
        let beside = match connection(&judged.walk) {
            Some(beside) => format!("  {}", style.dim(&beside)),
            None => String::new(),
        };
        drawn.push_str(&format!("  {}{beside}\n", style.bold(&place(judged))));
        for (mark, text) in notes(walks, index) {
            let sign = mark.map_or(" ".to_owned(), |mark| mark.draw(style));
            let before = |sign: &str| format!("    {}   {sign} ", style.dim("│"));
            let before = [&*before(&sign), &before(" ")];
            drawn.push_str(&hanging(&text, style.width - 10, before));
        }
    }
    let end = guesses.iter().rev().find_map(|guess| guess.registry);
    let name = end.map_or("registry", RegistryProduct::as_str);
    // Whatever else stands between can't be seen from here.
    drawn.push_str(&format!(
        "    {}
    {}
  {}
",
        style.dim("┆"),
        style.dim("▼"),
        style.bold(name)
    ));
    drawn
}

/// The address that was used, and what was agreed on there.
fn connection(walk: &Walk) -> Option<String> {
    let address = walk.address()?;
    let ip = address.address.ip().to_string();
    let mut parts = Vec::new();
    if let Some(proxy) = &walk.proxy {
        parts.push(Word::ThroughProxy.filled(walk.language, &[("proxy", &clean(proxy))]));
    } else if walk.entered().host.bare() != ip {
        parts.push(ip);
    }
    if let Some(Ok(tls)) = &address.tls {
        parts.push(clean(&tls.version));
        parts.extend(tls.alpn.as_deref().map(clean));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

type Note = (Option<Mark>, String);

/// What the hop that this entry leads to is blamed for, then what it was seen to do.
fn notes(walks: &[Judged], index: usize) -> Vec<Note> {
    let Some(judged) = walks.get(index) else {
        return Vec::new();
    };
    let mut notes: Vec<Note> = match walks.first() {
        Some(public) => by_gravity(&public.findings)
            .into_iter()
            .filter_map(|finding| blamed(finding, walks, index))
            .collect(),
        None => Vec::new(),
    };
    notes.extend(seen(&judged.walk).into_iter().map(|text| (None, text)));
    notes
}

fn blamed(finding: &Finding, walks: &[Judged], index: usize) -> Option<Note> {
    let kind = finding.kind;
    let language = language(walks);
    let told = |word: Word| word.filled(language, &[("kind", &kind)]);
    let words = match culprit(kind, walks) {
        Culprit::Between(at, gone) if at == index && gone == index + 1 => told(Word::CausedHere),
        Culprit::Between(at, gone) if at == index => {
            let gone = walks.get(gone).map(place).unwrap_or_default();
            Word::CausedBefore.filled(language, &[("kind", &kind), ("gone", &gone)])
        }
        Culprit::AtOrBehind(at) if at == index => told(Word::CausedHereOrBehind),
        Culprit::Unknown if index == 0 && walks.len() == 1 => kind.to_string(),
        Culprit::Unknown if index == 0 => told(Word::CausedSomewhere),
        Culprit::Between(..) | Culprit::AtOrBehind(_) | Culprit::Unknown => return None,
    };
    Some((Some(Mark::of(finding.severity)), words))
}

/// What the answers through this entry were like.
fn seen(walk: &Walk) -> Vec<String> {
    let language = walk.language;
    let mut seen = Vec::new();
    if let Some(location) = location(walk) {
        seen.push(format!("Location: {}", cut(&location, 70)));
    }
    let mut bodies = Vec::new();
    if let Some(early) = walk.first(Step::EarlyAnswer) {
        bodies.push(match &early.result {
            Ok(_) => Word::PassesBodiesOn.told(language).to_owned(),
            Err(_) => Word::AnswersLate.told(language).to_owned(),
        });
    }
    if let Some(largest) = largest(walk) {
        bodies.push(Word::Takes.filled(language, &[("size", &largest)]));
    }
    if !bodies.is_empty() {
        seen.push(bodies.join(Word::Semicolon.told(language)));
    }
    seen
}

/// Whose lines come first: those of who wrote the page that shows it, or else of what stands where it
/// is done.
pub(super) fn likely(finding: &Finding, walks: &[Judged]) -> Option<Hop> {
    let index = match culprit(finding.kind, walks) {
        Culprit::Between(index, _) | Culprit::AtOrBehind(index) => index,
        Culprit::Unknown => 0,
    };
    let walk = &walks.get(index)?.walk;
    author(walk, finding.step).or_else(|| guess(walk).hop)
}
