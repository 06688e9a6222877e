//! As much of PromQL as is needed to see which metrics, labels and values an expression names, and
//! to make it answer where it would only answer when something is wrong.
//!
//! Deliberately doesn't know whether an expression is right: Prometheus says that.

use regex_lite::Regex;
use std::fmt;

/// A metric as an expression selects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    pub matchers: Vec<Matcher>,
}

/// A label, and the values that it may have; none where the pattern isn't a list of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    pub label: String,
    pub values: Option<Vec<String>>,
    /// `=`, `!=`, `=~` or `!~`, and what stands behind it.
    sign: &'static str,
    text: String,
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}\"{}\"", self.label, self.sign, self.text)
    }
}

impl Matcher {
    fn takes(&self, value: &str) -> bool {
        let text = self.text.replace("\\\\", "\\");
        match self.sign {
            "=" => value == text,
            "!=" => value != text,
            sign => {
                let pattern = Regex::new(&format!("^(?:{text})$")).expect("a pattern");
                pattern.is_match(value) == (sign == "=~")
            }
        }
    }
}

impl Selector {
    /// One line of Prometheus' text format, but its value: a name and all labels.
    pub fn series(text: &str) -> Selector {
        let mut names = names(text);
        assert_eq!(names.selectors.len(), 1, "{text}");
        names.selectors.remove(0)
    }

    /// Whether it selects this series, as far as the labels are concerned that `knows` names.
    pub fn takes(&self, series: &Selector, knows: impl Fn(&str) -> bool) -> bool {
        let value = |label: &str| {
            let mut matchers = series.matchers.iter();
            matchers.find(|m| m.label == label).map_or("", |m| &m.text)
        };
        let mut matchers = self.matchers.iter().filter(|m| knows(&m.label));
        self.metric == series.metric && matchers.all(|m| m.takes(value(&m.label)))
    }
}

/// What an expression names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub selectors: Vec<Selector>,
    /// Labels that it groups or joins by.
    pub labels: Vec<String>,
    /// Functions with a window, and the window.
    pub windows: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    /// `[…]` with what is in it.
    Window(String),
    Sign(&'static str),
    Space(String),
}

const SIGNS: [&str; 23] = [
    "=~", "!~", "==", "!=", ">=", "<=", "=", ">", "<", "(", ")", "{", "}", ",", "+", "-", "*", "/",
    "%", "^", "@", ":", "$",
];

/// Words that are no metrics.
const KEYWORDS: [&str; 9] = [
    "and", "or", "unless", "bool", "offset", "inf", "nan", "start", "end",
];
/// Words with a list of labels after them.
const LISTS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];

fn tokens(expr: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = expr;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '$');
        let (token, length) = if first.is_whitespace() {
            let end = rest.find(|c: char| !c.is_whitespace());
            let end = end.unwrap_or(rest.len());
            (Token::Space(rest[..end].to_owned()), end)
        } else if first == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let is_end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                is_end
            });
            let end = end.unwrap_or_else(|| panic!("no end of text: {rest}")) + 2;
            (Token::Text(rest[1..end - 1].to_owned()), end)
        } else if first == '[' {
            let end = rest.find(']').unwrap_or_else(|| panic!("no ]: {rest}"));
            (Token::Window(rest[1..end].to_owned()), end + 1)
        } else if is_word(first) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            (Token::Word(rest[..end].to_owned()), end)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.unwrap_or_else(|| panic!("no PromQL: {rest}"));
            (Token::Sign(sign), sign.len())
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    tokens
}

/// What an expression names.
pub fn names(expr: &str) -> Names {
    let tokens: Vec<Token> = tokens(expr)
        .into_iter()
        .filter(|token| !matches!(token, Token::Space(_)))
        .collect();
    let mut names = Names::default();
    // Functions whose parenthesis is open, innermost last; empty for a bare parenthesis.
    let mut open: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1);
        match token {
            Token::Word(word) if LISTS.contains(&word.as_str()) => {
                if next == Some(&Token::Sign("(")) {
                    at += 2;
                    while let Some(Token::Word(label) | Token::Text(label)) = tokens.get(at) {
                        names.labels.push(label.clone());
                        at += 1 + usize::from(tokens.get(at + 1) == Some(&Token::Sign(",")));
                    }
                }
            }
            Token::Word(word) if next == Some(&Token::Sign("(")) => {
                open.push(word.clone());
                at += 1;
            }
            Token::Word(word) => {
                let aggregates =
                    matches!(next, Some(Token::Word(list)) if LISTS[..2].contains(&list.as_str()));
                let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
                if !aggregates && !is_number && !KEYWORDS.contains(&word.as_str()) {
                    let mut matchers = Vec::new();
                    if next == Some(&Token::Sign("{")) {
                        at += 2;
                        while let [Token::Word(label), Token::Sign(sign), Token::Text(text)] =
                            &tokens[at..(at + 3).min(tokens.len())]
                        {
                            matchers.push(matcher(label, sign, text));
                            at += 3 + usize::from(tokens.get(at + 3) == Some(&Token::Sign(",")));
                        }
                        assert_eq!(tokens.get(at), Some(&Token::Sign("}")), "{expr}");
                    }
                    let metric = word.clone();
                    names.selectors.push(Selector { metric, matchers });
                }
            }
            Token::Sign("(") => open.push(String::new()),
            Token::Sign(")") => {
                open.pop();
            }
            Token::Window(window) => {
                let function = open.iter().rev().find(|name| !name.is_empty());
                let function = function.cloned().unwrap_or_default();
                names.windows.push((function, window.clone()));
            }
            Token::Sign(_) | Token::Text(_) | Token::Space(_) => {}
        }
        at += 1;
    }
    names
}

fn matcher(label: &str, sign: &'static str, text: &str) -> Matcher {
    let values = match sign {
        "=" | "!=" => Some(vec![text.to_owned()]),
        _ => words(text),
    };
    Matcher {
        label: label.to_owned(),
        values: values.filter(|values| !values.iter().any(|value| value.contains('$'))),
        sign,
        text: text.to_owned(),
    }
}

/// The words that a pattern of alternatives stands for; none for one with wildcards.
fn words(pattern: &str) -> Option<Vec<String>> {
    if pattern.contains(['.', '*', '+', '?', '[', '\\']) {
        return None;
    }
    let mut found = Vec::new();
    for alternative in alternatives(pattern) {
        match alternative.find('(') {
            None => found.push(alternative.to_owned()),
            Some(open) => {
                let close = alternative[open..].find(')')? + open;
                for inner in alternatives(&alternative[open + 1..close]) {
                    let (before, after) = (&alternative[..open], &alternative[close + 1..]);
                    found.extend(words(&format!("{before}{inner}{after}"))?);
                }
            }
        }
    }
    Some(found)
}

fn alternatives(pattern: &str) -> Vec<&str> {
    let mut depth = 0;
    pattern
        .split(move |c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == '|' && depth == 0
        })
        .collect()
}

/// The expression with every comparison answering 0 or 1 in place of nothing, so that an empty
/// answer can only mean that something it names, or joins by, isn't there.
///
/// `unless` becomes `and` (both sides have to be there and to fit), `absent` becomes `count`, and
/// `absent_over_time` `count_over_time`.
pub fn always_answers(expr: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for token in tokens(expr) {
        match token {
            Token::Word(word) if word == "unless" => out.push_str("and"),
            Token::Word(word) if word == "absent" => out.push_str("count"),
            Token::Word(word) if word == "absent_over_time" => out.push_str("count_over_time"),
            Token::Word(word) => out.push_str(&word),
            Token::Text(text) => out.push_str(&format!("\"{text}\"")),
            Token::Window(window) => out.push_str(&format!("[{window}]")),
            Token::Space(space) => out.push_str(&space),
            Token::Sign(sign) => {
                out.push_str(sign);
                match sign {
                    "{" => inside = true,
                    "}" => inside = false,
                    "==" | "!=" | ">" | "<" | ">=" | "<=" if !inside => out.push_str(" bool"),
                    _ => {}
                }
            }
        }
    }
    out
}

#[test]
fn an_expression_is_taken_apart() {
    let expr = r#"sum by (le, a) (rate(m_bucket{x=~"p_(q|r)|s", y!="\"", z=~"$z"}[5m]))
        / on (b) group_left () (sum(other{}) > 0) and n:m:o unless absent(last) == 2e3"#;
    let names = names(expr);
    let metrics: Vec<&str> = names.selectors.iter().map(|s| s.metric.as_str()).collect();
    assert_eq!(metrics, ["m_bucket", "other", "n:m:o", "last"]);
    let values: Vec<_> = names.selectors[0]
        .matchers
        .iter()
        .map(|m| (m.label.as_str(), m.values.clone()))
        .collect();
    let list = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect());
    assert_eq!(
        values,
        [
            ("x", list(&["p_q", "p_r", "s"])),
            ("y", list(&["\\\""])),
            ("z", None)
        ]
    );
    assert_eq!(names.labels, ["le", "a", "b"]);
    assert_eq!(names.windows, [("rate".to_owned(), "5m".to_owned())]);
    assert_eq!(
        always_answers("a{b!=\"c\"} >= 2 unless on (d) absent(e) == 0"),
        "a{b!=\"c\"} >= bool 2 and on (d) count(e) == bool 0"
    );
}

#[test]
fn a_selector_takes_the_series_that_prometheus_takes() {
    let series = Selector::series(r#"m_bucket{le="20",a="b",c=""}"#);
    let of = |expr: &str| names(expr).selectors.remove(0);
    for (expr, wanted) in [
        ("m_bucket", true),
        ("m", false),
        (r#"m_bucket{a="b", le=~"20(\\.0)?"}"#, true),
        (r#"m_bucket{le=~"2"}"#, false),
        (r#"m_bucket{a!="b"}"#, false),
        (r#"m_bucket{a=~"x|b", d=""}"#, true),
        (r#"m_bucket{a!~"x|b"}"#, false),
        (r#"m_bucket{d="e"}"#, false),
    ] {
        assert_eq!(of(expr).takes(&series, |_| true), wanted, "{expr}");
    }
    assert!(of(r#"m_bucket{d="e"}"#).takes(&series, |label| label != "d"));
}
