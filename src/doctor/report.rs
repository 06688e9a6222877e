//! What a person reads, and what a machine does.
//!
//! Steps are shown as they happen, each by one line; the findings follow when the last walk is done.
//! Everything that is drawn is made by pure functions (`steps`, `chain`, `findings`, `ticket`,
//! `json`, `document`, `junit`) from walks and findings. Here it is only written: to a terminal with colours and a live
//! line, or plainly.
//!
//! Text from servers passes `display::clean` before it is written: it can't drive a
//! terminal.

mod answer;
mod chain;
mod changes;
mod conclusion;
mod document;
mod file;
mod findings;
mod format;
mod html;
mod json;
mod junit;
mod live;
mod markdown;
mod markup;
mod steps;
mod ticket;
mod unexamined;
mod verdict;

pub(crate) use answer::explained;
pub(crate) use file::FileReport;
pub use format::Format;
pub(crate) use verdict::exit_status;

use super::judge::{Judged, judge};
use super::language::Language;
use super::step::Step;
use super::trace::{Entry, Exchange, Walk};
use super::walk::Watcher;
use crate::system::terminal::Style;
use live::Screen;
use std::io;

/// Shows steps as they happen, and the findings at the end.
pub(crate) struct Report {
    format: Format,
    style: Style,
    screen: Screen,
    /// Whose steps are being shown, and how many exchanges of it have been.
    entry: Option<Entry>,
    shown: usize,
    /// What was told of exchanges that come again and again.
    told: Vec<(Step, String)>,
    /// Lines of this entry's steps that were left out: all was well with them.
    left_out: usize,
    language: Language,
}

impl Report {
    pub(crate) fn to_stdout(format: Format) -> Report {
        let style = Style::of_stdout();
        Report::new(format, style, Screen::of_stdout(style))
    }

    fn new(format: Format, style: Style, screen: Screen) -> Report {
        Report {
            format,
            style,
            screen,
            entry: None,
            shown: 0,
            told: Vec::new(),
            left_out: 0,
            language: Language::English,
        }
    }

    /// Everything that was found, after the last walk.
    ///
    /// # Errors
    /// When standard output can't be written, now or before.
    pub(crate) fn conclude(&mut self, walks: &[Judged]) -> io::Result<()> {
        self.count_left_out();
        let text = match self.format {
            Format::Text | Format::All => conclusion::text(walks, self.format, self.style),
            Format::Json => serde_json::to_string_pretty(&json::document(walks))? + "\n",
            Format::Markdown => markdown::markdown(&document::blocks(walks)),
            Format::Html => html::html(&document::blocks(walks), chain::language(walks)),
            Format::Junit => junit::junit(walks),
        };
        self.screen.print(&text);
        self.screen.end()
    }

    /// Those that weren't shown yet, and tell something.
    fn new_exchanges<'w>(&mut self, walk: &'w Walk) -> Vec<&'w Exchange> {
        let new = walk.exchanges.get(self.shown..).unwrap_or_default();
        self.shown = walk.exchanges.len();
        new.iter()
            .filter(|exchange| match steps::news(exchange) {
                None => true,
                Some(news) if self.told.contains(&news) => false,
                Some(news) => {
                    self.told.push(news);
                    true
                }
            })
            .collect()
    }

    /// Each walk has a line above its steps.
    fn head(&mut self, walk: &Walk) {
        if self.entry.as_ref() != Some(&walk.entry) {
            self.count_left_out();
            self.entry = Some(walk.entry.clone());
            self.language = walk.language;
            self.shown = 0;
            self.told.clear();
            self.screen.print(&steps::heading(walk, self.style));
        }
    }
}

impl Report {
    fn count_left_out(&mut self) {
        if self.left_out > 0 {
            self.screen
                .print(&steps::passed(self.left_out, self.language, self.style));
            self.left_out = 0;
        }
    }
}

impl Watcher for Report {
    fn began(&mut self, walk: &Walk, step: Step) {
        if self.format.shows_steps() {
            self.head(walk);
            self.screen.under_way(step.title(walk.language));
        }
    }

    fn progress(&mut self, _step: Step, done: u64, total: u64) {
        if self.format.shows_steps() {
            self.screen.progress(done, total);
        }
    }

    fn ended(&mut self, walk: &Walk, step: Step) {
        if !self.format.shows_steps() {
            return;
        }
        self.head(walk);
        let findings = judge(walk);
        let new = self.new_exchanges(walk);
        for (mark, line) in steps::lines(walk, step, &new, &findings, self.style) {
            if self.format == Format::Text && mark == steps::Mark::Good {
                self.left_out += 1;
            } else {
                self.screen.print(&line);
            }
        }
        self.screen.print("");
    }
}

#[cfg(test)]
mod tests;
