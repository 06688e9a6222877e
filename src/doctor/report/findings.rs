//! A finding for a person: what is wrong, what shows it, whom it breaks and how, which hop did it,
//! what to change, and what Harbormouth would do.

use super::super::attribution::{Culprit, culprit};
use super::super::catalogue::word;
use super::super::clients::{Client, Ending, Impact};
use super::super::display::clean;
use super::super::finding::{Evidence, Finding};
use super::super::fixes::{Fix, advice, harbormouth};
use super::super::judge::Judged;
use super::super::kind::Kind;
use super::super::language::Language;
use super::super::step::Step;
use super::super::words::Word;
use super::chain::{language, place};
use super::changes::{Changes, changes, without_lines};
use super::format::Format;
use super::steps::Mark;
use crate::oci::docs::page;
use crate::system::terminal::{Style, columns, hanging, indented, padded, wrap};

/// What shows a finding where not everything is asked for.
const MOST_EVIDENCE: usize = 2;

/// Where the text beside a label begins.
const LABEL: usize = 11;

/// One finding of the public walk; `before` are those that were shown already, whose lines aren't
/// said twice.
pub(super) fn finding(
    finding: &Finding,
    before: &[&Finding],
    walks: &[Judged],
    format: Format,
    style: Style,
) -> String {
    let kind = finding.kind;
    let language = language(walks);
    let mark = Mark::of(finding.severity);
    let mut text = format!("{} {}\n", mark.draw(style), style.bold(kind.as_str()));
    text.push_str(&indented(&clean(&finding.summary), 2, style));
    text.push('\n');
    text.push_str(&evidence(finding, format, language, style));
    text.push_str(&effects(&finding.effects, language, style));
    if let Some(hop) = hop(finding, walks) {
        text.push_str(&labelled(Word::Hop.told(language), &hop, style));
    }
    if let Some(cause) = &finding.cause {
        text.push_str(&labelled(Word::Cause.told(language), &clean(cause), style));
    }
    if let Some(advice) = advice(kind, language) {
        text.push_str(&labelled(Word::Advice.told(language), advice, style));
    }
    if let Some(words) = without_lines(finding, walks) {
        text.push_str(&labelled(Word::Advice.told(language), &words, style));
    }
    text.push_str(&remedies(finding, before, walks, format, style));
    if format == Format::All {
        let ours = format!(
            "Harbormouth{}{}",
            Word::Colon.told(language),
            harbormouth(kind, language)
        );
        text.push_str(&labelled(Word::Or.told(language), &ours, style));
    }
    text.push_str(&labelled(
        Word::Page.told(language),
        &page_of(kind, language),
        style,
    ));
    text
}

/// The address of the page that explains a finding.
pub(super) fn page_of(kind: Kind, language: Language) -> String {
    match language {
        Language::English => page(&format!("findings/{kind}")),
        Language::Chinese => page(&format!("findings/zh/{kind}")),
    }
}

/// A label in the margin, and text beside it.
pub(super) fn labelled(label: &str, text: &str, style: Style) -> String {
    let margins = [&*margin(label, style), &margin("", style)];
    hanging(text, style.width - LABEL, margins)
}

fn margin(label: &str, style: Style) -> String {
    style.dim(&format!("  {}", padded(label, LABEL - 2)))
}

/// Verbatim: a line that is longer than the terminal is wide is broken by it, not here.
fn shown(label: &str, evidence: &Evidence, style: Style) -> String {
    let mut drawn = format!(
        "{}{} {} {}\n",
        margin(label, style),
        clean(&evidence.request),
        style.dim("→"),
        style.bold(&clean(&evidence.outcome))
    );
    if let Some(line) = &evidence.line {
        drawn.push_str(&format!(
            "{}{}\n",
            margin("", style),
            style.bold(&clean(line))
        ));
    }
    drawn
}

fn evidence(finding: &Finding, format: Format, language: Language, style: Style) -> String {
    let shown_at_all = match format {
        Format::Text => MOST_EVIDENCE,
        Format::All | Format::Json | Format::Markdown | Format::Html | Format::Junit => {
            finding.evidence.len()
        }
    };
    let mut drawn = String::new();
    let mut label = Word::Seen.told(language);
    for evidence in finding.evidence.iter().take(shown_at_all) {
        drawn.push_str(&shown(label, evidence, style));
        label = "";
    }
    if let Some(more @ 1..) = finding.evidence.len().checked_sub(shown_at_all) {
        let more = Word::AndMore.filled(language, &[("count", &more)]);
        drawn.push_str(&labelled("", &more, style));
    }
    drawn
}

pub(super) fn effects(effects: &[Impact], language: Language, style: Style) -> String {
    let mut before = "";
    let mut drawn = String::new();
    for (label, text) in outcomes(effects, language) {
        let shown = if label == before { "" } else { label };
        drawn.push_str(&labelled(shown, &text, style));
        before = label;
    }
    drawn
}

/// The clients that break, each way of breaking once; then those that don't. Each with its label.
pub(super) fn outcomes(effects: &[Impact], language: Language) -> Vec<(&'static str, String)> {
    let mut outcomes = Vec::new();
    for outcome in [
        Ending::Breaks,
        Ending::Sometimes,
        Ending::Leaks,
        Ending::Works,
    ] {
        for (how, clients) in alike(effects, outcome) {
            let clients = named(&clients, language);
            let text = match (outcome, how.is_empty()) {
                (Ending::Works, _) | (_, true) => clients,
                (Ending::Breaks | Ending::Sometimes | Ending::Leaks, false) => {
                    format!("{clients}{}{how}", Word::Colon.told(language))
                }
            };
            outcomes.push((word(outcome).told(language), text));
        }
    }
    outcomes
}

/// Clients of one outcome by how they meet it, in the order in which they come. Those for which it
/// works stand together: how they manage doesn't matter to the reader.
fn alike(effects: &[Impact], outcome: Ending) -> Vec<(String, Vec<Client>)> {
    let mut groups: Vec<(String, Vec<Client>)> = Vec::new();
    for effect in effects.iter().filter(|one| one.outcome == outcome) {
        let how = match outcome {
            Ending::Works => String::new(),
            Ending::Leaks | Ending::Sometimes | Ending::Breaks => clean(&effect.how),
        };
        let client = effect.client;
        match groups.iter_mut().find(|(other, _)| *other == how) {
            Some((_, clients)) => clients.push(client),
            None => groups.push((how, vec![client])),
        }
    }
    groups
}

/// Clients by their programs; all of them by one word.
pub(super) fn named(clients: &[Client], language: Language) -> String {
    if clients.len() == Client::ALL.len() {
        return Word::EveryClient.told(language).to_owned();
    }
    let programs: Vec<&str> = clients
        .iter()
        .map(|client| client.programs(language))
        .collect();
    programs.join(Word::Semicolon.told(language))
}

/// Whether it can only be the doing of what answers at the entry.
pub(super) fn is_the_entrys(finding: &Finding) -> bool {
    let is_before_all = matches!(
        finding.step,
        Step::Resolve | Step::Connect | Step::Tls | Step::PlainHttp | Step::PlainHttpWrite
    );
    is_before_all || finding.kind == Kind::ClientCertificateRequired
}

/// None where it is no hop's doing.
pub(super) fn hop(finding: &Finding, walks: &[Judged]) -> Option<String> {
    let is_no_hops = matches!(
        finding.kind,
        Kind::NameUnresolved
            | Kind::ProxyRefused
            | Kind::Unreachable
            | Kind::AddressUnreachable
            | Kind::CertificateTrustedByDocker
            | Kind::RealmForeign
            | Kind::LoginRefused
            | Kind::NothingGranted
            | Kind::PushNotGranted
            | Kind::MirrorPrefixMissing
            | Kind::ClockSkew
    );
    if is_no_hops {
        return None;
    }
    let is_entrys = is_the_entrys(finding);
    let language = language(walks);
    let at = |index: usize| walks.get(index).map(place).unwrap_or_default();
    Some(match culprit(finding.kind, walks) {
        Culprit::Between(shows, gone) => {
            let (shows, gone) = (at(shows), at(gone));
            Word::ShownAndGone.filled(language, &[("shows", &shows), ("gone", &gone)])
        }
        Culprit::AtOrBehind(last) => Word::AtOrBehind.filled(language, &[("last", &at(last))]),
        Culprit::Unknown if walks.len() > 1 => Word::HopUnknown.told(language).to_owned(),
        Culprit::Unknown if is_entrys => Word::HopThere.filled(language, &[("at", &at(0))]),
        Culprit::Unknown => Word::HopOrBehind.filled(language, &[("at", &at(0))]),
    })
}

fn remedies(
    finding: &Finding,
    before: &[&Finding],
    walks: &[Judged],
    format: Format,
    style: Style,
) -> String {
    let language = language(walks);
    let mut label = Word::Change.told(language);
    match changes(finding, before, walks, format) {
        Changes::Nothing => String::new(),
        Changes::AsFor(kind) => {
            let text = Word::SameLines.filled(language, &[("kind", &kind)]);
            labelled(label, &text, style)
        }
        Changes::Lines { near, others } => {
            let mut drawn = String::new();
            for fix in &near {
                drawn.push_str(&pasted(label, fix, language, style));
                label = "";
            }
            if !others.is_empty() {
                let names = others.join(Word::Listing.told(language));
                let text = Word::OtherProducts.filled(language, &[("names", &names)]);
                drawn.push_str(&labelled("", &text, style));
            }
            drawn
        }
    }
}

/// The lines, to be pasted: nothing stands beside them.
pub(super) fn pasted(label: &str, fix: &Fix, language: Language, style: Style) -> String {
    let mut drawn = labelled(label, &fix.belongs(language), style);
    for line in &fix.lines {
        for line in remark_wrapped(line, style.width.saturating_sub(LABEL + 4)) {
            drawn.push_str(&format!("{:width$}{line}\n", "", width = LABEL + 4));
        }
    }
    drawn
}

/// Remarks may be broken; what is pasted may not.
fn remark_wrapped(line: &str, width: usize) -> Vec<String> {
    match line.strip_prefix("# ") {
        Some(remark) if columns(line) > width => wrap(remark, width - 2)
            .into_iter()
            .map(|part| format!("# {part}"))
            .collect(),
        Some(_) | None => vec![line.to_owned()],
    }
}
