//! The document as Markdown (CommonMark), as forges and trackers show it.

use super::document::Block;

pub(super) fn markdown(blocks: &[Block]) -> String {
    let drawn: Vec<String> = blocks.iter().map(block).collect();
    drawn.join("\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Title(text) => format!("# {}\n", escaped(text)),
        Block::Section(text) => format!("## {}\n", escaped(text)),
        Block::Kind(text) => format!("### {}\n", escaped(text)),
        Block::Paragraph(text) => format!("{}\n", escaped(text)),
        Block::Facts(facts) => facts
            .iter()
            .map(|(label, text)| format!("- **{}:** {}\n", escaped(label), escaped(text)))
            .collect(),
        Block::List(items) => items
            .iter()
            .map(|item| format!("- {}\n", escaped(item)))
            .collect(),
        Block::Lines(lines) => fenced(lines),
    }
}

/// Nothing in it is markup: what could begin some has a backslash before it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // `1.` and `1)` begin a list; a digit itself takes no backslash.
    let mut only_digits = true;
    for (index, c) in text.trim().chars().enumerate() {
        let is_markup = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' => true,
            '#' | '+' | '-' | '=' => index == 0,
            '.' | ')' => only_digits,
            _ => false,
        };
        if is_markup {
            escaped.push('\\');
        }
        only_digits &= c.is_ascii_digit();
        escaped.push(c);
    }
    escaped
}

/// The fence is longer than anything inside that looks like one.
fn fenced(lines: &[String]) -> String {
    let longest = lines.iter().map(|line| backticks(line)).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", lines.join("\n"))
}

/// The longest run of them.
fn backticks(line: &str) -> usize {
    line.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
