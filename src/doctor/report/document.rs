//! The report as a document for a ticket, or for an issue of somebody else's project: the answer
//! first, then the chain, the findings with what shows them and the lines to change, and what was not
//! examined. Here is what it says, in blocks; `markdown` and `html` draw them.
//!
//! Like the text it says nothing secret, and nothing from a server that passed no `clean`.

use super::super::display::{clean, date};
use super::super::finding::{Evidence, Finding};
use super::super::fixes::advice;
use super::super::judge::Judged;
use super::super::words::Word;
use super::answer;
use super::chain::{language, picture};
use super::changes::{Changes, changes, without_lines};
use super::conclusion::{headline, inner_only, table};
use super::findings::{hop, outcomes, page_of};
use super::format::Format;
use super::ticket::ticket;
use super::unexamined::{left, unexamined};
use super::verdict::by_gravity;
use crate::system::terminal::Style;

/// A part of the document. All texts are plain: who draws them escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Title(String),
    Section(String),
    /// A finding's kind.
    Kind(String),
    Paragraph(String),
    /// Labels, each with a text.
    Facts(Vec<(String, String)>),
    List(Vec<String>),
    /// Verbatim.
    Lines(Vec<String>),
}

pub(super) fn blocks(walks: &[Judged]) -> Vec<Block> {
    let Some(public) = walks.first() else {
        return Vec::new();
    };
    let target = &public.walk.target;
    let language = public.walk.language;
    let section = |word: Word| Block::Section(word.told(language).to_owned());
    let listed = |word: Word, items: Vec<String>| match items.is_empty() {
        true => Vec::new(),
        false => vec![section(word), Block::List(items)],
    };
    let mut blocks = vec![
        Block::Title(format!("harbormouth doctor: {target}")),
        Block::Paragraph(headline(walks).to_owned()),
    ];
    if let Some(client) = public.walk.client {
        let programs = client.programs(language);
        blocks.push(Block::Paragraph(
            Word::MetBy.filled(language, &[("programs", &programs)]),
        ));
    }
    let answer = answer::lines(walks).into_iter();
    let answer: Vec<_> = answer
        .map(|(label, text)| (label.to_owned(), text))
        .collect();
    if !answer.is_empty() {
        blocks.push(Block::Facts(answer));
    }
    blocks.push(section(Word::TheChain));
    blocks.push(lines(&picture(walks, Style::PLAIN)));
    let sorted = by_gravity(&public.findings);
    if !sorted.is_empty() {
        blocks.push(section(Word::WhatIsWrong));
    }
    for (index, finding) in sorted.iter().enumerate() {
        blocks.extend(of_finding(finding, &sorted[..index], walks));
    }
    blocks.extend(listed(Word::OnlyAtInnerHops, inner_only(walks)));
    let differences = table(walks, Style::PLAIN);
    if !differences.is_empty() {
        blocks.push(section(Word::HowTheEntriesDiffer));
        blocks.push(lines(&differences));
    }
    blocks.extend(listed(Word::NotExamined, unexamined(&public.walk)));
    let left = walks.iter().flat_map(|judged| left(&judged.walk)).collect();
    blocks.extend(listed(Word::LeftOver, left));
    blocks.push(section(Word::InOneLine));
    blocks.push(Block::Lines(vec![ticket(walks)]));
    let values: [(&str, &dyn ToString); 2] = [
        ("version", &env!("CARGO_PKG_VERSION")),
        ("date", &date(public.walk.began)),
    ];
    let words = Word::NothingSecret.filled(language, &values);
    blocks.push(Block::Paragraph(words));
    blocks
}

fn lines(text: &str) -> Block {
    Block::Lines(text.lines().map(str::to_owned).collect())
}

/// `before` are those whose lines were said already.
fn of_finding(finding: &Finding, before: &[&Finding], walks: &[Judged]) -> Vec<Block> {
    let kind = finding.kind;
    let language = language(walks);
    let mut blocks = vec![
        Block::Kind(kind.to_string()),
        Block::Paragraph(clean(&finding.summary)),
    ];
    let seen: Vec<String> = finding.evidence.iter().flat_map(shown).collect();
    if !seen.is_empty() {
        blocks.push(Block::Lines(seen));
    }
    let mut facts: Vec<(String, String)> = outcomes(&finding.effects, language)
        .into_iter()
        .map(|(label, text)| (label.to_owned(), text))
        .collect();
    let mut fact = |label: Word, text: Option<String>| {
        facts.extend(text.map(|text| (label.told(language).to_owned(), text)));
    };
    fact(Word::Hop, hop(finding, walks));
    fact(Word::Cause, finding.cause.as_deref().map(clean));
    fact(Word::Advice, advice(kind, language).map(str::to_owned));
    fact(Word::Advice, without_lines(finding, walks));
    fact(Word::Page, Some(page_of(kind, language)));
    blocks.push(Block::Facts(facts));
    blocks.extend(remedies(finding, before, walks));
    blocks
}

fn shown(evidence: &Evidence) -> Vec<String> {
    let (request, outcome) = (clean(&evidence.request), clean(&evidence.outcome));
    let mut lines = vec![format!("{request} → {outcome}")];
    lines.extend(
        evidence
            .line
            .as_deref()
            .map(|line| format!("  {}", clean(line))),
    );
    lines
}

/// The lines for what most likely stands there.
fn remedies(finding: &Finding, before: &[&Finding], walks: &[Judged]) -> Vec<Block> {
    let language = language(walks);
    let (near, others) = match changes(finding, before, walks, Format::Text) {
        Changes::Nothing => return Vec::new(),
        Changes::AsFor(kind) => {
            let text = Word::LinesAreSame.filled(language, &[("kind", &kind)]);
            return vec![Block::Paragraph(text)];
        }
        Changes::Lines { near, others } => (near, others),
    };
    let mut blocks = Vec::new();
    for fix in near {
        let place = Word::ChangeAt.filled(language, &[("place", &fix.belongs(language))]);
        blocks.push(Block::Paragraph(place));
        blocks.push(Block::Lines(fix.lines));
    }
    if !others.is_empty() {
        let names = others.join(Word::Listing.told(language));
        let text = Word::AllHasLines.filled(language, &[("names", &names)]);
        blocks.push(Block::Paragraph(text));
    }
    blocks
}
