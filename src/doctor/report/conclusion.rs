//! The end of the report: the chain, the findings with the worst first, what differs between the
//! entries, what wasn't examined, what is left over, the line for a ticket, and last the verdict with
//! the answer.

use super::super::attribution::differences;
use super::super::display::{clean, cut};
use super::super::finding::Finding;
use super::super::fixes::fixes;
use super::super::judge::Judged;
use super::super::kind::Severity;
use super::super::language::Language;
use super::super::words::Word;
use super::answer::answer;
use super::chain;
use super::findings;
use super::format::Format;
use super::steps::Mark;
use super::ticket::{broken_clients, ticket};
use super::unexamined::{left, unexamined};
use super::verdict::{ChainVerdict, by_gravity, is_partial, verdict};
use crate::system::terminal::{Colour, Style, columns, hanging, indented, wrap};

pub(super) fn text(walks: &[Judged], format: Format, style: Style) -> String {
    let Some(public) = walks.first() else {
        return String::new();
    };
    let language = public.walk.language;
    let mut text = section(Word::TheChain.told(language), style);
    text.push_str(&chain::picture(walks, style));
    let sorted = by_gravity(&public.findings);
    if !sorted.is_empty() {
        text.push_str(&section(Word::WhatIsWrong.told(language), style));
        if sorted.iter().any(|one| has_lines(one, public)) {
            text.push_str(&remark(language, style));
        }
        let drawn: Vec<String> = sorted
            .iter()
            .enumerate()
            .map(|(index, finding)| {
                findings::finding(finding, &sorted[..index], walks, format, style)
            })
            .collect();
        text.push_str(&drawn.join("\n"));
    }
    let heading = Word::OnlyAtInnerHops.told(language);
    text.push_str(&listed(heading, &inner_only(walks), style));
    let differences = table(walks, style);
    if !differences.is_empty() {
        text.push_str(&section(Word::HowTheEntriesDiffer.told(language), style));
        text.push_str(&differences);
    }
    let heading = Word::NotExamined.told(language);
    text.push_str(&listed(heading, &unexamined(&public.walk), style));
    let left: Vec<String> = walks.iter().flat_map(|judged| left(&judged.walk)).collect();
    text.push_str(&listed(Word::LeftOver.told(language), &left, style));
    text.push_str(&section(Word::ForATicket.told(language), style));
    text.push_str(&format!("{}\n", ticket(walks)));
    text.push_str(&section(Word::Verdict.told(language), style));
    text.push_str(&judgement(walks, style));
    text.push_str(&answer(walks, style));
    text
}

fn remark(language: Language, style: Style) -> String {
    let remark = Word::LinesReplace.told(language);
    let lines: Vec<String> = wrap(remark, style.width)
        .iter()
        .map(|line| format!("{}\n", style.dim(line)))
        .collect();
    format!("{}\n", lines.concat())
}

fn has_lines(finding: &Finding, public: &Judged) -> bool {
    !fixes(
        finding.kind,
        public.walk.typed_target(),
        public.walk.language,
    )
    .is_empty()
}

pub(super) fn section(title: &str, style: Style) -> String {
    let line = "─".repeat(style.width.saturating_sub(columns(title) + 4));
    format!(
        "\n{} {} {}\n\n",
        style.dim("──"),
        style.bold(title),
        style.dim(&line)
    )
}

pub(super) fn listed(title: &str, lines: &[String], style: Style) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = section(title, style);
    let mark = format!("  {} ", Mark::Silent.draw(style));
    for line in lines {
        text.push_str(&hanging(line, style.width - 4, [&mark, "    "]));
    }
    text
}

/// What an inner entry shows and clients don't meet: a hop before it mends that, today.
pub(super) fn inner_only(walks: &[Judged]) -> Vec<String> {
    let Some((public, inner)) = walks.split_first() else {
        return Vec::new();
    };
    let language = public.walk.language;
    let known = |finding: &Finding| public.findings.iter().any(|one| one.kind == finding.kind);
    inner
        .iter()
        .flat_map(|judged| judged.findings.iter().map(move |finding| (judged, finding)))
        .filter(|(_, finding)| !known(finding))
        .map(|(judged, finding)| {
            let summary = clean(&finding.summary);
            let place = chain::place(judged);
            let values: [(&str, &dyn ToString); 3] = [
                ("kind", &finding.kind),
                ("place", &place),
                ("summary", &summary),
            ];
            Word::KindAt.filled(language, &values)
        })
        .collect()
}

/// What differs between the entries: as columns where they fit, else one below the other.
pub(super) fn table(walks: &[Judged], style: Style) -> String {
    const WHAT: usize = 16;
    let rows = differences(walks);
    if rows.is_empty() {
        return String::new();
    }
    let names: Vec<String> = walks
        .iter()
        .map(|judged| judged.walk.entered().authority())
        .collect();
    let column = style.width.saturating_sub(2 + WHAT) / walks.len().max(1);
    let cell = |seen: &Option<String>| seen.clone().unwrap_or_else(|| "–".to_owned());
    let mut text = String::new();
    let mut head = format!("  {:WHAT$}", "");
    for name in &names {
        head.push_str(&format!("{:column$}", cut(name, column.saturating_sub(1))));
    }
    let fits = |cells: &[String]| cells.iter().all(|one| one.chars().count() < column);
    let rows: Vec<(&str, Vec<String>)> = rows
        .iter()
        .map(|row| (row.what, row.seen.iter().map(cell).collect()))
        .collect();
    if rows.iter().any(|(_, cells)| fits(cells)) {
        text.push_str(&format!("{}\n", style.dim(head.trim_end())));
    }
    for (what, cells) in &rows {
        let mut line = format!("  {what:WHAT$}");
        let fits = fits(cells);
        for one in cells.iter().filter(|_| fits) {
            line.push_str(&format!("{one:column$}"));
        }
        text.push_str(&format!("{}\n", line.trim_end()));
        if !fits {
            for (name, one) in names.iter().zip(cells) {
                let name = format!("{:width$}", cut(name, 28), width = 30);
                text.push_str(&format!("    {}{one}\n", style.dim(&name)));
            }
        }
    }
    text
}

/// The verdict as a sentence.
pub(super) fn headline(walks: &[Judged]) -> &'static str {
    let word = match verdict(walks) {
        ChainVerdict::Healthy if walks.first().is_some_and(is_partial) => Word::HealthyAsFar,
        ChainVerdict::Healthy => Word::Healthy,
        ChainVerdict::Broken => Word::Broken,
        ChainVerdict::Unexamined => Word::Unexamined,
    };
    word.told(chain::language(walks))
}

fn judgement(walks: &[Judged], style: Style) -> String {
    let Some(public) = walks.first() else {
        return String::new();
    };
    let language = public.walk.language;
    let count = |severity: Severity| {
        let has = |finding: &&Finding| finding.severity == severity;
        public.findings.iter().filter(has).count()
    };
    let warnings = match count(Severity::Warning) {
        0 => String::new(),
        1 => Word::OneWarning.told(language).to_owned(),
        more => Word::Warnings.filled(language, &[("count", &more)]),
    };
    let mark = match verdict(walks) {
        ChainVerdict::Healthy => style.coloured(Colour::Green, "✓"),
        ChainVerdict::Broken => style.bold_coloured(Colour::Red, "✗"),
        ChainVerdict::Unexamined => style.bold_coloured(Colour::Yellow, "?"),
    };
    let mut text = format!("  {mark} {}{warnings}\n", style.bold(headline(walks)));
    let broken = broken_clients(&public.findings);
    if !broken.is_empty() {
        let broken = findings::named(&broken, language);
        let broken = Word::BrokenClients.filled(language, &[("clients", &broken)]);
        text.push_str(&indented(&broken, 4, style));
    }
    let is_some_hops = |finding: &Finding| {
        finding.severity == Severity::Broken && !findings::is_the_entrys(finding)
    };
    if walks.len() == 1 && public.findings.iter().any(is_some_hops) {
        text.push_str(&indented(Word::ViaHelps.told(language), 4, style));
    }
    text
}
