//! Text output for people: colours only on a terminal that wants them, lines that fit its width. What it
//! deliberately doesn't know: what the text is about.

use std::io::{self, IsTerminal};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Where nothing says how wide lines may be.
pub(crate) const WIDTH: usize = 80;

/// A wider terminal doesn't make longer lines: they are not read from one edge to the other.
const WIDEST: usize = 100;
/// Below this, columns have no room to stand side by side, and the terminal may wrap as it likes.
const NARROWEST: usize = 60;

/// What is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// A file or a pipe: lines that stay.
    Plain,
    /// A terminal without colours: a line may be drawn over.
    Terminal,
    ColourTerminal,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) output: Output,
    pub(crate) width: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Green,
    Yellow,
    Red,
}

impl Style {
    pub(crate) const PLAIN: Style = Style {
        output: Output::Plain,
        width: WIDTH,
    };

    /// What standard output is. `NO_COLOR` (<https://no-color.org>) is honoured; a terminal that calls
    /// itself `dumb` can't draw over a line, so it gets plain ones.
    pub(crate) fn of_stdout() -> Style {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_dumb = set("TERM").is_some_and(|term| term == "dumb");
        if !io::stdout().is_terminal() || is_dumb {
            return Style::PLAIN;
        }
        let output = match set("NO_COLOR") {
            Some(_) => Output::Terminal,
            None => Output::ColourTerminal,
        };
        let columns = terminal_size::terminal_size_of(io::stdout())
            .map_or(WIDTH, |(columns, _)| usize::from(columns.0));
        Style {
            output,
            width: columns.clamp(NARROWEST, WIDEST),
        }
    }

    /// Whether what was written may be drawn over, and scrolls away.
    pub(crate) fn is_terminal(self) -> bool {
        match self.output {
            Output::Plain => false,
            Output::Terminal | Output::ColourTerminal => true,
        }
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn coloured(&self, colour: Colour, text: &str) -> String {
        self.paint(code(colour), text)
    }

    pub(crate) fn bold_coloured(&self, colour: Colour, text: &str) -> String {
        self.paint(&format!("{};1", code(colour)), text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.output {
            Output::ColourTerminal if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            Output::ColourTerminal | Output::Terminal | Output::Plain => text.to_owned(),
        }
    }
}

fn code(colour: Colour) -> &'static str {
    match colour {
        Colour::Green => "32",
        Colour::Yellow => "33",
        Colour::Red => "31",
    }
}

/// How many columns a text takes: two for each character of East Asia.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// With spaces behind it, up to so many columns.
pub(crate) fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(columns(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Breaks at spaces, and between characters of East Asia, which are written without; a word that is
/// longer than the width stays whole.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut space = " ";
        for piece in pieces(word) {
            match lines.last_mut() {
                Some(line) if columns(line) + columns(space) + columns(piece) <= width => {
                    line.push_str(space);
                    line.push_str(piece);
                }
                _ => lines.push(piece.to_owned()),
            }
            space = "";
        }
    }
    lines
}

/// The parts of a word between which a line may end: before and behind each wide character, but no
/// line begins with a mark that closes or ends with one that opens.
fn pieces(word: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    let characters: Vec<(usize, char)> = word.char_indices().collect();
    for pair in characters.windows(2) {
        let [(_, before), (at, after)] = *pair else {
            continue;
        };
        let is_wide = |c: char| c.width().is_some_and(|width| width > 1);
        let may_break = (is_wide(before) || is_wide(after))
            && !"，。；：、）》”！？,.;:)!?".contains(after)
            && !"（《“(".contains(before);
        if may_break {
            pieces.push(&word[begin..at]);
            begin = at;
        }
    }
    pieces.push(&word[begin..]);
    pieces
}

/// The same as lines that begin so far from the edge, and end before the other one.
pub(crate) fn indented(text: &str, indent: usize, style: Style) -> String {
    let margin = " ".repeat(indent);
    hanging(text, style.width - indent, [&margin, &margin])
}

/// A text in lines, with one thing before the first and another before each further one.
pub(crate) fn hanging(text: &str, width: usize, [first, further]: [&str; 2]) -> String {
    let before = std::iter::once(first).chain(std::iter::repeat(further));
    let lines = before.zip(wrap(text, width));
    lines
        .map(|(before, line)| format!("{before}{line}\n"))
        .collect()
}

/// A bar of so many cells, and how much of it is filled.
pub(crate) fn bar(done: u64, total: u64, cells: usize) -> String {
    let done = done.min(total);
    let percent = (u128::from(done) * 100 / u128::from(total.max(1))) as usize;
    let filled = percent * cells / 100;
    format!(
        "{}{} {percent:>3} %",
        "━".repeat(filled),
        "─".repeat(cells - filled)
    )
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
            ("默认端口被写了出来。", 10, vec!["默认端口被", "写了出来。"]),
            ("默认端口，被写", 8, vec!["默认端", "口，被写"]),
            (
                "把 Host 写成 name:443（错的）",
                12,
                vec!["把 Host 写成", "name:443（错", "的）"],
            ),
        ] {
            assert_eq!(wrap(text, width), lines, "{text}");
        }
    }

    #[test]
    fn a_bar_never_overflows() {
        for (done, total, percent) in [
            (0, 10, "  0 %"),
            (5, 10, " 50 %"),
            (20, 10, "100 %"),
            (0, 0, "  0 %"),
            (u64::MAX, u64::MAX, "100 %"),
        ] {
            let drawn = bar(done, total, 30);
            assert!(drawn.ends_with(percent), "{drawn}");
            assert_eq!(drawn.chars().count(), 36, "{drawn}");
        }
    }

    #[test]
    fn only_a_terminal_that_wants_them_gets_colours() {
        let style = |output| Style {
            output,
            width: WIDTH,
        };
        for (output, drawn) in [
            (Output::Plain, "no"),
            (Output::Terminal, "no"),
            (Output::ColourTerminal, "\x1b[31;1mno\x1b[0m"),
        ] {
            assert_eq!(style(output).bold_coloured(Colour::Red, "no"), drawn);
        }
        assert_eq!(style(Output::ColourTerminal).dim(""), "");
    }
}
