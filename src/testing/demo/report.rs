//! What the demo prints: at most 80 columns, calm, in colour only on a terminal that wants it.

use crate::system::terminal::{Colour, Output, Style, WIDTH, bar, wrap};
use anyhow::Context;
use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Often enough to look alive.
const REDRAW: Duration = Duration::from_millis(100);
/// Of a bar.
const CELLS: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DemoMark {
    Good,
    Bad,
}

pub(super) struct DemoReport(Style);

impl DemoReport {
    pub(super) fn to_stdout() -> DemoReport {
        DemoReport(Style::of_stdout())
    }

    pub(super) fn title(&self, title: &str, rest: &str) -> anyhow::Result<()> {
        self.print(&format!("\n{}  {}\n", self.0.bold(title), self.0.dim(rest)))
    }

    /// Who takes part, where, and what there is to say about it.
    pub(super) fn cast(&self, parts: &[(&str, String, &str)]) -> anyhow::Result<()> {
        for (name, place, note) in parts {
            // A long place pushes its note out; it is what one came for.
            let line = format!("  {name:<12} {place:<28}");
            let fits = line.chars().count() + 2 + note.chars().count() <= WIDTH;
            let note = if fits { *note } else { "" };
            self.print(format!("{line} {}", self.0.dim(note)).trim_end())?;
        }
        Ok(())
    }

    pub(super) fn act(&self, number: u8, title: &str, chain: &str) -> anyhow::Result<()> {
        let title = format!("{number}  {title}");
        self.print(&format!(
            "\n{}\n   {}\n",
            self.0.bold(&title),
            self.0.dim(chain)
        ))
    }

    pub(super) fn heading(&self, title: &str) -> anyhow::Result<()> {
        self.print(&format!("\n{}\n", self.0.bold(title)))
    }

    pub(super) fn step(
        &self,
        mark: DemoMark,
        verb: &str,
        what: &str,
        status: u16,
        note: &str,
    ) -> anyhow::Result<()> {
        let (sign, colour) = match mark {
            DemoMark::Good => ("✓", Colour::Green),
            DemoMark::Bad => ("✗", Colour::Red),
        };
        let sign = self.0.coloured(colour, sign);
        let mut lines = wrap(note, WIDTH - 33).into_iter();
        let first = lines.next().unwrap_or_default();
        let status = match mark {
            DemoMark::Good => status.to_string(),
            DemoMark::Bad => self.0.bold_coloured(colour, &status.to_string()),
        };
        self.print(&format!("   {sign} {verb:<5} {what:<17} {status}  {first}"))?;
        for line in lines {
            self.print(&format!("{:33}{line}", ""))?;
        }
        Ok(())
    }

    /// A heading within an act, and the lines below it.
    pub(super) fn why(&self, lines: &str) -> anyhow::Result<()> {
        self.print(&format!("\n   {}", self.0.bold("Why")))?;
        self.say(lines)
    }

    pub(super) fn repairs(&self, repairs: &[(String, u64)]) -> anyhow::Result<()> {
        let listed: Vec<String> = repairs
            .iter()
            .map(|(kind, count)| format!("{kind} × {count}"))
            .collect();
        let mut lines = wrap(&listed.join(", "), WIDTH - 14).into_iter();
        let first = lines.next().unwrap_or_default();
        self.print(&format!("\n   {}  {first}", self.0.bold("Repaired")))?;
        lines.try_for_each(|line| self.print(&format!("{:13}{line}", "")))
    }

    pub(super) fn say(&self, text: &str) -> anyhow::Result<()> {
        let mut lines = text.split('\n');
        lines.try_for_each(|line| self.print(format!("   {line}").trim_end()))
    }

    /// Shows how far a step is while it lasts. On a terminal only; elsewhere steps are lines.
    pub(super) async fn progress<F: Future>(
        &self,
        label: &str,
        done: &AtomicU64,
        total: u64,
        step: F,
    ) -> F::Output {
        if self.0.output == Output::Plain || total < 1_048_576 {
            return step.await;
        }
        let mut step = pin!(step);
        let mut ticks = tokio::time::interval(REDRAW);
        loop {
            tokio::select! {
                output = &mut step => {
                    // Cosmetic: the step's own line reports a terminal that is gone.
                    let _ = draw("\r\x1b[K");
                    return output;
                }
                _ = ticks.tick() => {
                    let done = done.load(Ordering::Relaxed);
                    let _ = draw(&format!("\r     {label:<13} {}", bar(done, total, CELLS)));
                }
            }
        }
    }

    fn print(&self, text: &str) -> anyhow::Result<()> {
        writeln!(io::stdout(), "{text}").context("the terminal could not be written to")
    }
}

fn draw(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}
