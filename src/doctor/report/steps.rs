//! One line for each step: a mark, what was asked in a client's words, the answer, and what matters
//! in it.

mod answers;
mod rows;

use super::super::attribution::{location_of, outcome};
use super::super::display::{clean, cut};
use super::super::finding::Finding;
use super::super::kind::Severity;
use super::super::language::Language;
use super::super::step::Step;
use super::super::trace::{Entry, Exchange, Walk};
use super::super::words::Word;
use crate::system::terminal::{Colour, Style, padded};
use rows::{Row, rows};
use serde::Serialize;

/// Where the answer begins, behind the mark and the title.
const TITLE: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    Good,
    Warning,
    Broken,
    /// Nothing is wrong with it, and nothing was learned.
    Silent,
}

impl Mark {
    pub(super) fn of(severity: Severity) -> Mark {
        match severity {
            Severity::Warning => Mark::Warning,
            Severity::Broken | Severity::Unexamined => Mark::Broken,
        }
    }

    pub(super) fn draw(self, style: Style) -> String {
        match self {
            Mark::Good => style.coloured(Colour::Green, "✓"),
            Mark::Warning => style.coloured(Colour::Yellow, "!"),
            Mark::Broken => style.bold_coloured(Colour::Red, "✗"),
            Mark::Silent => style.dim("·"),
        }
    }
}

/// The line above a walk's steps.
pub(super) fn heading(walk: &Walk, style: Style) -> String {
    let language = walk.language;
    match &walk.entry {
        Entry::Public => {
            let mut who = match &walk.user {
                Some(user) => {
                    let (user, source) = (clean(&user.name), clean(&user.source));
                    Word::AsUser.filled(language, &[("user", &user), ("source", &source)])
                }
                None => Word::WithoutCredentials.told(language).to_owned(),
            };
            if let Some(repository) = &walk.repository {
                let repository = clean(repository);
                who.push_str(
                    &Word::WithRepository.filled(language, &[("repository", &repository)]),
                );
            }
            if let Some(client) = walk.client {
                let programs = client.programs(language);
                who.push_str(&Word::AsMetBy.filled(language, &[("programs", &programs)]));
            }
            if let Some(proxy) = &walk.proxy {
                who.push_str(Word::Comma.told(language));
                who.push_str(&Word::ThroughProxy.filled(language, &[("proxy", &clean(proxy))]));
            }
            let target = style.bold(&walk.target.to_string());
            format!("\n{target}  {}\n\n", style.dim(&who))
        }
        Entry::Via(origin) => format!(
            "\n{}  {}\n\n",
            style.bold(&Word::Via.filled(language, &[("origin", origin)])),
            style.dim(Word::AsFromAHop.told(language))
        ),
    }
}

/// The lines of a step that has ended, of the exchanges that are new in it.
pub(super) fn lines(
    walk: &Walk,
    step: Step,
    new: &[&Exchange],
    findings: &[Finding],
    style: Style,
) -> Vec<(Mark, String)> {
    let rows = rows(walk, step, new);
    let judged = worst(step, findings);
    rows.into_iter()
        .map(|row| {
            let mark = match (judged, row.is_answer) {
                // One address that takes no connection says nothing against another.
                (Some(_), true) if step == Step::Connect => Mark::Good,
                (Some(severity), _) => Mark::of(severity),
                (None, true) => Mark::Good,
                (None, false) => Mark::Silent,
            };
            (mark, line(mark, &row, style))
        })
        .collect()
}

/// How many lines were left out, since all is well with what they would say.
pub(super) fn passed(lines: usize, language: Language, style: Style) -> String {
    let words = if lines == 1 {
        Word::OneStepWell.told(language).to_owned()
    } else {
        Word::StepsWell.filled(language, &[("count", &lines)])
    };
    format!("  {} {}\n", Mark::Good.draw(style), style.dim(&words))
}

/// What an exchange tells beyond those of its step before it. An upload is opened and cancelled for
/// each trial, and the same is asked on several connections: once is enough, as long as it goes alike.
pub(super) fn news(exchange: &Exchange) -> Option<(Step, String)> {
    match exchange.step {
        Step::UploadStart | Step::UploadCancel | Step::AtOnce => {
            let origin = exchange.answer().and_then(location_of);
            Some((
                exchange.step,
                format!("{} {}", outcome(exchange), origin.unwrap_or_default()),
            ))
        }
        _ => None,
    }
}

/// The mark of one step's exchange in the whole walk.
pub(super) fn mark(exchange: &Exchange, findings: &[Finding]) -> Mark {
    match worst(exchange.step, findings) {
        Some(severity) => Mark::of(severity),
        None if exchange.result.is_ok() => Mark::Good,
        None => Mark::Silent,
    }
}

fn worst(step: Step, findings: &[Finding]) -> Option<Severity> {
    let here = findings.iter().filter(|finding| finding.step == step);
    here.map(|finding| finding.severity)
        .min_by_key(|severity| severity.rank())
}

fn line(mark: Mark, row: &Row, style: Style) -> String {
    let Row {
        title,
        status,
        detail,
        is_answer: _,
    } = row;
    // What has no status has more to tell.
    let column = if status.is_empty() { 0 } else { 5 };
    let room = style.width.saturating_sub(4 + TITLE + 1 + column);
    let detail = cut(detail, room.max(10));
    let drawn = match mark {
        Mark::Broken => style.bold_coloured(Colour::Red, status),
        Mark::Good | Mark::Warning | Mark::Silent => status.to_owned(),
    };
    let pad = " ".repeat(column.saturating_sub(status.chars().count()));
    let line = format!(
        "  {} {} {drawn}{pad}{}",
        mark.draw(style),
        padded(title, TITLE),
        style.dim(&detail)
    );
    format!("{}\n", line.trim_end())
}
