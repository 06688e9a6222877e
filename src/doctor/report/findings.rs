//! A finding for a person: what is wrong, what shows it, whom it breaks and how, which hop did it,
//! what to change, and what Harbormouth would do.

use super::super::attribution::{Culprit, Guess, RegistryProduct, culprit, guess};
use super::super::catalogue::word;
use super::super::clients::{Client, Ending, Impact};
use super::super::display::clean;
use super::super::finding::{Evidence, Finding};
use super::super::fixes::{Fix, advice, elsewhere, fixes, harbormouth};
use super::super::judge::Judged;
use super::super::kind::Kind;
use super::super::product::Product;
use super::super::step::Step;
use super::chain::{likely, place};
use super::format::Format;
use super::steps::Mark;
use crate::oci::docs::page;
use crate::system::terminal::{Style, hanging, indented, wrap};

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
    let mark = Mark::of(finding.severity);
    let mut text = format!("{} {}\n", mark.draw(style), style.bold(kind.as_str()));
    text.push_str(&indented(&clean(&finding.summary), 2, style));
    text.push('\n');
    let shown_at_all = match format {
        Format::Text => MOST_EVIDENCE,
        Format::All | Format::Json | Format::Markdown | Format::Html | Format::Junit => {
            finding.evidence.len()
        }
    };
    for (index, evidence) in finding.evidence.iter().take(shown_at_all).enumerate() {
        let label = if index == 0 { "seen" } else { "" };
        text.push_str(&shown(label, evidence, style));
    }
    if let Some(more @ 1..) = finding.evidence.len().checked_sub(shown_at_all) {
        text.push_str(&labelled("", &format!("and {more} more (--all)"), style));
    }
    text.push_str(&effects(&finding.effects, style));
    if let Some(hop) = hop(finding, walks) {
        text.push_str(&labelled("hop", &hop, style));
    }
    if let Some(cause) = &finding.cause {
        text.push_str(&labelled("cause", &clean(cause), style));
    }
    if let Some(advice) = advice(kind) {
        text.push_str(&labelled("advice", advice, style));
    }
    if let Some(words) = likely(finding, walks).and_then(|hop| elsewhere(kind, hop)) {
        text.push_str(&labelled("advice", words, style));
    }
    text.push_str(&remedies(finding, before, walks, format, style));
    if format == Format::All {
        let ours = format!("Harbormouth: {}", harbormouth(kind));
        text.push_str(&labelled("or", &ours, style));
    }
    text.push_str(&labelled("page", &page_of(kind), style));
    text
}

/// The address of the page that explains a finding.
pub(super) fn page_of(kind: Kind) -> String {
    page(&format!("findings/{kind}"))
}

/// A label in the margin, and text beside it.
pub(super) fn labelled(label: &str, text: &str, style: Style) -> String {
    let margins = [&*margin(label, style), &margin("", style)];
    hanging(text, style.width - LABEL, margins)
}

fn margin(label: &str, style: Style) -> String {
    style.dim(&format!("  {label:<width$}", width = LABEL - 2))
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

pub(super) fn effects(effects: &[Impact], style: Style) -> String {
    let mut before = "";
    let mut drawn = String::new();
    for (label, text) in outcomes(effects) {
        let shown = if label == before { "" } else { label };
        drawn.push_str(&labelled(shown, &text, style));
        before = label;
    }
    drawn
}

/// The clients that break, each way of breaking once; then those that don't. Each with its label.
pub(super) fn outcomes(effects: &[Impact]) -> Vec<(&'static str, String)> {
    let mut outcomes = Vec::new();
    for outcome in [
        Ending::Breaks,
        Ending::Sometimes,
        Ending::Leaks,
        Ending::Works,
    ] {
        for (how, clients) in alike(effects, outcome) {
            let clients = named(&clients);
            let text = match (outcome, how.is_empty()) {
                (Ending::Works, _) | (_, true) => clients,
                (Ending::Breaks | Ending::Sometimes | Ending::Leaks, false) => {
                    format!("{clients}: {how}")
                }
            };
            outcomes.push((word(outcome), text));
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
pub(super) fn named(clients: &[Client]) -> String {
    if clients.len() == Client::ALL.len() {
        return "every client".to_owned();
    }
    let programs: Vec<&str> = clients.iter().map(|client| client.programs()).collect();
    programs.join("; ")
}

/// Whether it can only be the doing of what answers at the entry.
pub(super) fn is_the_entrys(finding: &Finding) -> bool {
    matches!(
        finding.step,
        Step::Resolve | Step::Connect | Step::Tls | Step::PlainHttp | Step::PlainHttpWrite
    )
}

/// None where it is no hop's doing.
pub(super) fn hop(finding: &Finding, walks: &[Judged]) -> Option<String> {
    let is_no_hops = matches!(
        finding.kind,
        Kind::NameUnresolved
            | Kind::Unreachable
            | Kind::AddressUnreachable
            | Kind::RealmForeign
            | Kind::LoginRefused
            | Kind::NothingGranted
            | Kind::PushNotGranted
            | Kind::ClockSkew
    );
    if is_no_hops {
        return None;
    }
    let is_entrys = is_the_entrys(finding);
    let at = |index: usize| walks.get(index).map(place).unwrap_or_default();
    Some(match culprit(finding.kind, walks) {
        Culprit::Between(shows, gone) => {
            let (shows, gone) = (at(shows), at(gone));
            format!("{shows}: the fault shows there, and is gone at {gone}.")
        }
        Culprit::AtOrBehind(last) => {
            let last = at(last);
            format!("{last} or a hop behind it: every entry up to there shows the fault.")
        }
        Culprit::Unknown if walks.len() > 1 => {
            "unknown: the inner entries gave no answer to compare.".to_owned()
        }
        Culprit::Unknown if is_entrys => format!("{}: this hop answers there.", at(0)),
        Culprit::Unknown => format!("{}, or one behind it.", at(0)),
    })
}

fn remedies(
    finding: &Finding,
    before: &[&Finding],
    walks: &[Judged],
    format: Format,
    style: Style,
) -> String {
    let Some(public) = walks.first() else {
        return String::new();
    };
    let target = &public.walk.target;
    let all = fixes(finding.kind, target);
    if all.is_empty() {
        return String::new();
    }
    let same = before.iter().find(|other| fixes(other.kind, target) == all);
    if let Some(other) = same {
        let text = format!("the same lines as for {}.", other.kind);
        return labelled("change", &text, style);
    }
    let all = sorted(all, &first_products(finding, walks));
    // The likeliest has lines, or else the one that stands in most chains.
    let first = all.first().map(|fix| fix.product);
    let (near, far): (Vec<Fix>, Vec<Fix>) = all
        .into_iter()
        .partition(|fix| format == Format::All || first == Some(fix.product));
    let mut drawn = String::new();
    for (index, fix) in near.iter().enumerate() {
        let label = if index == 0 { "change" } else { "" };
        drawn.push_str(&pasted(label, fix, style));
    }
    if !far.is_empty() {
        let mut names: Vec<&str> = far.iter().map(|fix| fix.product.name()).collect();
        names.dedup();
        let text = format!(
            "{}: --all and --json have the lines for these, too.",
            names.join(", ")
        );
        drawn.push_str(&labelled("", &text, style));
    }
    drawn
}

/// Whose lines help most likely: who stands where it happens, and Harbor where it is one.
pub(super) fn first_products(finding: &Finding, walks: &[Judged]) -> Vec<Product> {
    let mut products: Vec<Product> = likely(finding, walks)
        .and_then(|hop| hop.product())
        .into_iter()
        .collect();
    let is_harbor = walks.iter().any(|judged| {
        let Guess { registry, .. } = guess(&judged.walk);
        registry == Some(RegistryProduct::Harbor)
    });
    if is_harbor && !products.is_empty() {
        let is_harbors_own = matches!(
            finding.kind,
            Kind::RealmScheme | Kind::RealmHost | Kind::RealmUnstable
        );
        let at = if is_harbors_own { 0 } else { products.len() };
        products.insert(at, Product::Harbor);
    }
    products
}

/// The likely products in front, the others behind them as they were; one product's stay together.
pub(super) fn sorted(mut fixes: Vec<Fix>, first: &[Product]) -> Vec<Fix> {
    let order: Vec<Product> = fixes.iter().map(|fix| fix.product).collect();
    let place = |product: Product| {
        let likely = first.iter().position(|one| *one == product);
        let usual = order.iter().position(|one| *one == product);
        (likely.unwrap_or(usize::MAX), usual)
    };
    fixes.sort_by_key(|fix| place(fix.product));
    fixes
}

/// The lines, to be pasted: nothing stands beside them.
pub(super) fn pasted(label: &str, fix: &Fix, style: Style) -> String {
    let place = format!("{}, {}:", fix.product.name(), fix.place);
    let mut drawn = labelled(label, &place, style);
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
        Some(remark) if line.chars().count() > width => wrap(remark, width - 2)
            .into_iter()
            .map(|part| format!("# {part}"))
            .collect(),
        Some(_) | None => vec![line.to_owned()],
    }
}
