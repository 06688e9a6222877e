//! What the demo prints: at most 80 columns, calm, in colour only on a terminal that wants it.

use super::DemoError;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const WIDTH: usize = 80;
/// Often enough to look alive.
const REDRAW: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Good,
    Bad,
}

/// What stdout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Plain,
    Terminal,
    ColourTerminal,
}

pub(super) struct Report(Output);

impl Report {
    pub(super) fn to_stdout() -> Report {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Report(match (io::stdout().is_terminal(), wanted) {
            (false, _) => Output::Plain,
            (true, false) => Output::Terminal,
            (true, true) => Output::ColourTerminal,
        })
    }

    pub(super) fn title(&self, title: &str, rest: &str) -> Result<(), DemoError> {
        self.print(&format!("\n{}  {}\n", self.bold(title), self.dim(rest)))
    }

    /// Who takes part, where, and what there is to say about it.
    pub(super) fn cast(&self, parts: &[(&str, String, &str)]) -> Result<(), DemoError> {
        for (name, place, note) in parts {
            // A long place pushes its note out; it is what one came for.
            let line = format!("  {name:<12} {place:<28}");
            let fits = line.chars().count() + 2 + note.chars().count() <= WIDTH;
            let note = if fits { *note } else { "" };
            self.print(format!("{line} {}", self.dim(note)).trim_end())?;
        }
        Ok(())
    }

    pub(super) fn act(&self, number: u8, title: &str, chain: &str) -> Result<(), DemoError> {
        let title = format!("{number}  {title}");
        self.print(&format!(
            "\n{}\n   {}\n",
            self.bold(&title),
            self.dim(chain)
        ))
    }

    pub(super) fn heading(&self, title: &str) -> Result<(), DemoError> {
        self.print(&format!("\n{}\n", self.bold(title)))
    }

    pub(super) fn step(
        &self,
        mark: Mark,
        verb: &str,
        what: &str,
        status: u16,
        note: &str,
    ) -> Result<(), DemoError> {
        let (sign, colour) = match mark {
            Mark::Good => ("✓", "32"),
            Mark::Bad => ("✗", "31"),
        };
        let sign = self.paint(colour, sign);
        let mut lines = wrap(note, WIDTH - 33).into_iter();
        let first = lines.next().unwrap_or_default();
        let status = match mark {
            Mark::Good => status.to_string(),
            Mark::Bad => self.paint("31;1", &status.to_string()),
        };
        self.print(&format!("   {sign} {verb:<5} {what:<17} {status}  {first}"))?;
        for line in lines {
            self.print(&format!("{:33}{line}", ""))?;
        }
        Ok(())
    }

    pub(super) fn why(&self, lines: &[&str]) -> Result<(), DemoError> {
        self.print(&format!("\n   {}", self.bold("Why")))?;
        lines
            .iter()
            .try_for_each(|line| self.print(&format!("   {line}")))
    }

    pub(super) fn repairs(&self, repairs: &[(String, u64)]) -> Result<(), DemoError> {
        let listed: Vec<String> = repairs
            .iter()
            .map(|(kind, count)| format!("{kind} × {count}"))
            .collect();
        let mut lines = wrap(&listed.join(", "), WIDTH - 14).into_iter();
        let first = lines.next().unwrap_or_default();
        self.print(&format!("\n   {}  {first}", self.bold("Repaired")))?;
        lines.try_for_each(|line| self.print(&format!("{:13}{line}", "")))
    }

    pub(super) fn say(&self, text: &str) -> Result<(), DemoError> {
        self.print(format!("   {text}").trim_end())
    }

    /// A line with space around it.
    pub(super) fn remark(&self, text: &str) -> Result<(), DemoError> {
        self.print(&format!("\n   {text}"))
    }

    /// Shows how far a step is while it lasts. On a terminal only; elsewhere steps are lines.
    pub(super) async fn progress<F: Future>(
        &self,
        label: &str,
        done: &AtomicU64,
        total: u64,
        step: F,
    ) -> F::Output {
        if self.0 == Output::Plain || total < 1_048_576 {
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
                    let _ = draw(&bar(label, done.load(Ordering::Relaxed), total));
                }
            }
        }
    }

    fn print(&self, text: &str) -> Result<(), DemoError> {
        writeln!(io::stdout(), "{text}").map_err(DemoError::Terminal)
    }

    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.0 {
            Output::ColourTerminal if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            Output::ColourTerminal | Output::Terminal | Output::Plain => text.to_owned(),
        }
    }
}

fn draw(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn bar(label: &str, done: u64, total: u64) -> String {
    const CELLS: u64 = 30;
    let done = done.min(total);
    let filled = (done * CELLS / total.max(1)) as usize;
    let rest = CELLS as usize - filled;
    format!(
        "\r     {label:<13} {}{} {:>3} %",
        "━".repeat(filled),
        "─".repeat(rest),
        done * 100 / total.max(1)
    )
}

/// Breaks at spaces; a word that is longer than the width stays whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces() {
        for (text, width, lines) in [
            ("", 10, vec![]),
            ("one two three", 7, vec!["one two", "three"]),
            ("incomprehensible word", 5, vec!["incomprehensible", "word"]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text}");
        }
    }

    #[test]
    fn a_bar_never_overflows() {
        for (done, total, percent) in [(0, 10, "0 %"), (5, 10, "50 %"), (20, 10, "100 %")] {
            let drawn = bar("PUT   layer", done, total);
            assert!(drawn.ends_with(percent), "{drawn}");
            assert!(drawn.chars().count() < WIDTH);
        }
    }
}
