//! Files of words and blocks in braces: nginx' and Caddy's. Unknown here: what the words mean.

use super::unreadable::Unreadable;
use std::iter::Peekable;
use std::str::CharIndices;

/// Words that stand together, and what is in the block behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directive {
    pub(crate) line: usize,
    pub(crate) words: Vec<String>,
    pub(crate) block: Option<Vec<Directive>>,
}

impl Directive {
    pub(crate) fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The words behind the first.
    pub(crate) fn values(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    pub(crate) fn value(&self, index: usize) -> &str {
        self.values().get(index).map_or("", String::as_str)
    }

    pub(crate) fn children(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// How words and blocks end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A semicolon ends a directive.
    Nginx,
    /// A line's end ends a directive, and a brace is one only where it stands alone.
    Caddy,
}

/// Blocks within blocks: more of them nobody writes.
const DEEPEST: usize = 40;

enum Token {
    Word(String),
    Open,
    Close,
    End,
}

/// # Errors
/// Where a brace or a quote has no counterpart.
pub(crate) fn directives(text: &str, dialect: Dialect) -> Result<Vec<Directive>, Unreadable> {
    let mut reader = Reader {
        chars: text.char_indices().peekable(),
        line: 1,
        dialect,
    };
    // The blocks that are open, the outermost first, each with what it has so far.
    let mut open: Vec<(Directive, Vec<Directive>)> = Vec::new();
    let mut done: Vec<Directive> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut line = 1;
    while let Some((token, at)) = reader.token(&words)? {
        match token {
            Token::Word(word) => {
                if words.is_empty() {
                    line = at;
                }
                words.push(word);
            }
            Token::End => finish(&mut words, line, &mut done),
            Token::Open if open.len() == DEEPEST => {
                return Err(Unreadable::Syntax(at, "too many blocks".to_owned()));
            }
            Token::Open => {
                let begun = Directive {
                    line: if words.is_empty() { at } else { line },
                    words: std::mem::take(&mut words),
                    block: None,
                };
                open.push((begun, std::mem::take(&mut done)));
            }
            Token::Close => {
                finish(&mut words, line, &mut done);
                let Some((begun, before)) = open.pop() else {
                    return Err(Unreadable::Syntax(
                        at,
                        "a brace that closes nothing".to_owned(),
                    ));
                };
                let block = Some(std::mem::replace(&mut done, before));
                done.push(Directive { block, ..begun });
            }
        }
    }
    finish(&mut words, line, &mut done);
    match open.pop() {
        Some((begun, _)) => Err(Unreadable::Syntax(
            begun.line,
            "this block has no end".to_owned(),
        )),
        None => Ok(done),
    }
}

fn finish(words: &mut Vec<String>, line: usize, done: &mut Vec<Directive>) {
    if !words.is_empty() {
        done.push(Directive {
            line,
            words: std::mem::take(words),
            block: None,
        });
    }
}

struct Reader<'t> {
    chars: Peekable<CharIndices<'t>>,
    line: usize,
    dialect: Dialect,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let (_, c) = self.chars.next()?;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, c)| *c)
    }

    /// The next token with its line, after those words of the same directive.
    fn token(&mut self, words: &[String]) -> Result<Option<(Token, usize)>, Unreadable> {
        loop {
            let line = self.line;
            let Some(c) = self.peek() else {
                return Ok(None);
            };
            let token = match (c, self.dialect) {
                ('\n', Dialect::Caddy) => Token::End,
                _ if c.is_whitespace() => {
                    self.next();
                    continue;
                }
                ('#', _) => {
                    self.comment();
                    continue;
                }
                (';', Dialect::Nginx) => Token::End,
                ('{', Dialect::Nginx) => Token::Open,
                ('}', Dialect::Nginx) => Token::Close,
                _ => {
                    return match self.word()? {
                        // A line that goes on.
                        word if word.is_empty() && self.dialect == Dialect::Caddy => continue,
                        word => Ok(Some((self.braced(word), line))),
                    };
                }
            };
            self.next();
            if matches!(token, Token::Open) && is_code(words) {
                self.code(line)?;
                return Ok(Some((Token::End, line)));
            }
            return Ok(Some((token, line)));
        }
    }

    /// Caddy's braces are words of their own.
    fn braced(&self, word: String) -> Token {
        match (self.dialect, word.as_str()) {
            (Dialect::Caddy, "{") => Token::Open,
            (Dialect::Caddy, "}") => Token::Close,
            _ => Token::Word(word),
        }
    }

    fn comment(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.next();
        }
    }

    fn word(&mut self) -> Result<String, Unreadable> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) if self.dialect == Dialect::Nginx => self.quoted(quote),
            Some(quote @ ('"' | '`')) if self.dialect == Dialect::Caddy => self.quoted(quote),
            _ => Ok(self.bare()),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, Unreadable> {
        let line = self.line;
        self.next();
        let mut word = String::new();
        while let Some(c) = self.next() {
            match c {
                '\\' if quote != '`' => word.extend(self.next()),
                _ if c == quote => return Ok(word),
                _ => word.push(c),
            }
        }
        Err(Unreadable::Syntax(line, "this quote has no end".to_owned()))
    }

    fn bare(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek() {
            let ends = match self.dialect {
                // `${name}` is a variable, and so are the braces in it a part of the word.
                Dialect::Nginx if word.ends_with('$') && c == '{' => false,
                Dialect::Nginx if c == '}' => !is_in_variable(&word),
                Dialect::Nginx => c.is_whitespace() || matches!(c, ';' | '{'),
                Dialect::Caddy => c.is_whitespace(),
            };
            if ends {
                break;
            }
            self.next();
            match (c, self.peek()) {
                ('\\', Some('\n')) if self.dialect == Dialect::Caddy => {
                    self.next();
                    break;
                }
                ('\\', Some(escaped)) if self.dialect == Dialect::Nginx => {
                    self.next();
                    word.push(c);
                    word.push(escaped);
                }
                _ => word.push(c),
            }
        }
        word
    }

    /// Past a block of Lua, whose braces are counted, those in its texts and remarks not.
    fn code(&mut self, line: usize) -> Result<(), Unreadable> {
        let mut depth = 1_usize;
        while let Some(c) = self.next() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                '-' if self.peek() == Some('-') => self.comment(),
                '"' | '\'' => while self.next().is_some_and(|inner| inner != c) {},
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
        Err(Unreadable::Syntax(line, "this block has no end".to_owned()))
    }
}

fn is_code(words: &[String]) -> bool {
    words
        .first()
        .is_some_and(|name| name.ends_with("_by_lua_block"))
}

fn is_in_variable(word: &str) -> bool {
    word.rfind("${").is_some_and(|at| !word[at..].contains('}'))
}

/// `line:word|word(what is in its block)`, for tests.
#[cfg(test)]
pub(super) fn drawn(all: &[Directive]) -> String {
    let one = |directive: &Directive| {
        let words = directive.words.join("|");
        match &directive.block {
            Some(block) => format!("{}:{words}({})", directive.line, drawn(block)),
            None => format!("{}:{words}", directive.line),
        }
    };
    all.iter().map(one).collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_blocks_are_told_apart() {
        use Dialect::{Caddy, Nginx};
        for (text, dialect, expected) in [
            ("a b;\nc {d;}", Nginx, "1:a|b 2:c(2:d)"),
            ("a 'b; c' \"d\\\"e\"; # f;\ng;", Nginx, "1:a|b; c|d\"e 2:g"),
            (
                "a ${b}c;\nlocation ~ ^/v2/(.*)$ { }",
                Nginx,
                "1:a|${b}c 2:location|~|^/v2/(.*)$()",
            ),
            (
                "x_by_lua_block { if {'}'} -- don't }\n}\ny;",
                Nginx,
                "1:x_by_lua_block 3:y",
            ),
            ("a b\n{\nc {d} {\n}\n}", Caddy, "1:a|b 2:(3:c|{d}())"),
            ("a b {\n c `d e` \\\n f\n}\n", Caddy, "1:a|b(2:c|d e|f)"),
            ("{\n email x\n}\n:80 {\n}", Caddy, "1:(2:email|x) 4::80()"),
            ("", Nginx, ""),
            ("a", Nginx, "1:a"),
        ] {
            let read = directives(text, dialect).map(|all| drawn(&all));
            assert_eq!(read.as_deref(), Ok(expected), "{text}");
        }
        for text in ["a {", "}", "a 'b", "x_by_lua_block {", &"a {".repeat(50)] {
            assert!(directives(text, Nginx).is_err(), "{text}");
        }
    }
}
