//! The report as a document for a ticket, or for an issue of somebody else's project: the answer
//! first, then the chain, the findings with what shows them and the lines to change, and what was not
//! examined. Here is what it says, in blocks; `markdown` and `html` draw them.
//!
//! Like the text it says nothing secret, and nothing from a server that passed no `clean`.

use super::super::display::{clean, date};
use super::super::finding::{Evidence, Finding};
use super::super::fixes::{Fix, advice, elsewhere, fixes};
use super::super::judge::Judged;
use super::answer;
use super::chain::{likely, picture};
use super::conclusion::{headline, inner_only, table};
use super::findings::{first_products, hop, outcomes, page_of, sorted};
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
    let mut blocks = vec![
        Block::Title(format!("harbormouth doctor: {target}")),
        Block::Paragraph(headline(walks).to_owned()),
    ];
    if let Some(client) = public.walk.client {
        let programs = client.programs();
        blocks.push(Block::Paragraph(format!("This is what {programs} meets.")));
    }
    let answer = answer::lines(walks).into_iter();
    let answer: Vec<_> = answer
        .map(|(label, text)| (label.to_owned(), text))
        .collect();
    if !answer.is_empty() {
        blocks.push(Block::Facts(answer));
    }
    blocks.push(Block::Section("The chain".to_owned()));
    blocks.push(lines(&picture(walks, Style::PLAIN)));
    let sorted = by_gravity(&public.findings);
    if !sorted.is_empty() {
        blocks.push(Block::Section("What is wrong".to_owned()));
    }
    for (index, finding) in sorted.iter().enumerate() {
        blocks.extend(of_finding(finding, &sorted[..index], walks));
    }
    blocks.extend(listed("Only at inner hops", inner_only(walks)));
    let differences = table(walks, Style::PLAIN);
    if !differences.is_empty() {
        blocks.push(Block::Section("How the entries differ".to_owned()));
        blocks.push(lines(&differences));
    }
    blocks.extend(listed("Not examined", unexamined(&public.walk)));
    let left = walks.iter().flat_map(|judged| left(&judged.walk)).collect();
    blocks.extend(listed("Left over", left));
    blocks.push(Block::Section("In one line".to_owned()));
    blocks.push(Block::Lines(vec![ticket(walks)]));
    blocks.push(Block::Paragraph(format!(
        "harbormouth doctor {}, {}. Passwords, tokens and cookies are left out.",
        env!("CARGO_PKG_VERSION"),
        date(public.walk.began)
    )));
    blocks
}

fn lines(text: &str) -> Block {
    Block::Lines(text.lines().map(str::to_owned).collect())
}

fn listed(title: &str, items: Vec<String>) -> Vec<Block> {
    if items.is_empty() {
        return Vec::new();
    }
    vec![Block::Section(title.to_owned()), Block::List(items)]
}

/// `before` are those whose lines were said already.
fn of_finding(finding: &Finding, before: &[&Finding], walks: &[Judged]) -> Vec<Block> {
    let kind = finding.kind;
    let mut blocks = vec![
        Block::Kind(kind.to_string()),
        Block::Paragraph(clean(&finding.summary)),
    ];
    let seen: Vec<String> = finding.evidence.iter().flat_map(shown).collect();
    if !seen.is_empty() {
        blocks.push(Block::Lines(seen));
    }
    let mut facts: Vec<(String, String)> = outcomes(&finding.effects)
        .into_iter()
        .map(|(label, text)| (label.to_owned(), text))
        .collect();
    let mut fact = |label: &str, text: Option<String>| {
        facts.extend(text.map(|text| (label.to_owned(), text)));
    };
    fact("hop", hop(finding, walks));
    fact("cause", finding.cause.as_deref().map(clean));
    fact("advice", advice(kind).map(str::to_owned));
    let elsewhere = likely(finding, walks).and_then(|hop| elsewhere(kind, hop));
    fact("advice", elsewhere.map(str::to_owned));
    fact("page", Some(page_of(kind)));
    blocks.push(Block::Facts(facts));
    blocks.extend(changes(finding, before, walks));
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
fn changes(finding: &Finding, before: &[&Finding], walks: &[Judged]) -> Vec<Block> {
    let Some(public) = walks.first() else {
        return Vec::new();
    };
    let target = &public.walk.target;
    let all = fixes(finding.kind, target);
    if all.is_empty() {
        return Vec::new();
    }
    let same = before.iter().find(|other| fixes(other.kind, target) == all);
    if let Some(other) = same {
        let text = format!("The lines to change are the same as for {}.", other.kind);
        return vec![Block::Paragraph(text)];
    }
    let all = sorted(all, &first_products(finding, walks));
    let first = all.first().map(|fix| fix.product);
    let (near, far): (Vec<Fix>, Vec<Fix>) =
        all.into_iter().partition(|fix| first == Some(fix.product));
    let mut blocks = Vec::new();
    for fix in near {
        let place = format!("Change {}, {}:", fix.product.name(), fix.place);
        blocks.push(Block::Paragraph(place));
        blocks.push(Block::Lines(fix.lines));
    }
    let mut names: Vec<&str> = far.iter().map(|fix| fix.product.name()).collect();
    names.dedup();
    if !names.is_empty() {
        let text = format!("--all has the lines for {}.", names.join(", "));
        blocks.push(Block::Paragraph(text));
    }
    blocks
}
