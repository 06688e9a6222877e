//! Apache's files: directives by lines, and sections between `<Name …>` and `</Name>`. Unknown here: what
//! the words mean, beside the sections that only ask whether what they hold counts.

use crate::doctor::offline::blocks::Directive;
use crate::doctor::offline::unreadable::Unreadable;

/// Sections within sections: more of them nobody writes.
const DEEPEST: usize = 40;

/// # Errors
/// Where a section's begin or end has no counterpart.
pub(super) fn sections(text: &str) -> Result<Vec<Directive>, Unreadable> {
    // The sections that are open, the outermost first, each with what stood before it.
    let mut open: Vec<(Directive, Vec<Directive>)> = Vec::new();
    let mut done: Vec<Directive> = Vec::new();
    for (line, text) in lines(text) {
        let text = text.trim();
        if let Some(name) = text.strip_prefix("</") {
            let name = name.trim_end_matches('>').trim();
            let last = open.pop();
            let Some((begun, before)) = last.filter(|(begun, _)| begun.is(name)) else {
                let words = "a section's end that closes nothing";
                return Err(Unreadable::Syntax(line, words.to_owned()));
            };
            let inner = std::mem::replace(&mut done, before);
            close(begun, inner, &mut done);
        } else if let Some(begin) = text.strip_prefix('<') {
            if open.len() == DEEPEST {
                return Err(Unreadable::Syntax(line, "too many sections".to_owned()));
            }
            let words = words(begin.strip_suffix('>').unwrap_or(begin));
            open.push((directive(line, words), std::mem::take(&mut done)));
        } else if !text.is_empty() && !text.starts_with('#') {
            done.push(directive(line, words(text)));
        }
    }
    match open.pop() {
        Some((begun, _)) => {
            let words = "this section has no end".to_owned();
            Err(Unreadable::Syntax(begun.line, words))
        }
        None => Ok(done),
    }
}

fn directive(line: usize, words: Vec<String>) -> Directive {
    Directive {
        line,
        words,
        block: None,
    }
}

/// What is asked for is taken to be there, and what is there instead of it not.
fn close(begun: Directive, inner: Vec<Directive>, done: &mut Vec<Directive>) {
    let asks = ["IfModule", "IfDefine", "IfVersion", "IfFile", "IfDirective"];
    if !asks.iter().any(|name| begun.is(name)) {
        let block = Some(inner);
        done.push(Directive { block, ..begun });
    } else if !begun.value(0).starts_with('!') {
        done.extend(inner);
    }
}

/// Each with the number of its first line: a backslash at the end goes on in the next one.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        let (part, continues) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, last)) if goes_on => last.push_str(part),
            _ => lines.push((index + 1, part.to_owned())),
        }
        goes_on = continues;
    }
    lines
}

/// Words in quotes are one; a quote that isn't closed ends with the line.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let quote = matches!(first, '"' | '\'').then_some(first);
        let mut word = String::new();
        if quote.is_none() {
            word.push(first);
        }
        while let Some(c) = chars.next() {
            match (c, quote) {
                ('\\', Some(quote)) if chars.peek() == Some(&quote) => word.extend(chars.next()),
                (_, Some(quote)) if c == quote => break,
                (_, None) if c.is_whitespace() => break,
                _ => word.push(c),
            }
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::offline::blocks::drawn;

    #[test]
    fn sections_and_words_are_told_apart() {
        for (text, expected) in [
            ("A b 'c d' \"e \\\"f\"\n# g\n", "1:A|b|c d|e \"f"),
            ("A b \\\n  c\nD", "1:A|b|c 3:D"),
            (
                "<VirtualHost *:443>\n  <Location \"/v2/\">\n  A\n </location>\n</VirtualHost>",
                "1:VirtualHost|*:443(2:Location|/v2/(3:A))",
            ),
            ("<IfModule mod_ssl.c>\nA\n</IfModule>\nB", "2:A 4:B"),
            ("<IfModule !mod_ssl.c>\nA\n</IfModule>\nB", "4:B"),
            (
                "RewriteRule ^/(.*)$ http://h/$1 [P,L]",
                "1:RewriteRule|^/(.*)$|http://h/$1|[P,L]",
            ),
            ("A \"b", "1:A|b"),
            ("", ""),
        ] {
            let read = sections(text).map(|all| drawn(&all));
            assert_eq!(read.as_deref(), Ok(expected), "{text}");
        }
        let deep = "<a>\n".repeat(50);
        for text in ["<A>", "</A>", "<A>\n</B>", &deep] {
            assert!(sections(text).is_err(), "{text}");
        }
    }
}
