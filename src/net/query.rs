//! Queries as Go's `net/url` reads them, since Harbor and its clients do: pairs between `&`, names
//! and values percent-decoded, `+` a blank. Pairs that stay keep every byte and their order.
//!
//! What this file deliberately doesn't know: which parameters there are.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;

/// The decoded values of the parameters with this name, in order. A pair with a semicolon is none:
/// Go refuses it.
pub fn values<'q>(query: &'q str, name: &'q str) -> impl Iterator<Item = Vec<u8>> + 'q {
    pairs(query)
        .filter(|pair| !pair.contains(';'))
        .map(split)
        .filter(move |(key, _)| is_named(key, name))
        .map(|(_, value)| decoded(value))
}

/// The only value of a parameter; none if there is none, and none if there are several: which one
/// would count is for others to say.
pub(crate) fn only_value(query: &str, name: &str) -> Option<Vec<u8>> {
    let mut values = values(query, name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// All parameters, decoded, in order; what isn't UTF-8 is replaced.
pub fn decoded_pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let text = |written: &str| String::from_utf8_lossy(&decoded(written)).into_owned();
    pairs(query)
        .filter(|pair| !pair.is_empty())
        .map(split)
        .map(move |(key, value)| (text(key), text(value)))
}

/// The query without the parameters of these names, however their names are escaped; none if it
/// has none of them.
pub fn without(query: &str, names: &[&str]) -> Option<String> {
    let goes = |pair: &&str| {
        let (key, _) = split(pair);
        names.iter().any(|name| is_named(key, name))
    };
    if !pairs(query).any(|pair| goes(&pair)) {
        return None;
    }
    let kept: Vec<&str> = pairs(query).filter(|pair| !goes(pair)).collect();
    Some(kept.join("&"))
}

/// What becomes of one parameter.
pub(crate) enum Pair {
    /// It keeps every byte.
    Stays,
    Goes,
    /// It has this value, which is written anew.
    Is(String),
    /// It has this name, and its value keeps every byte.
    Named(&'static str),
}

/// The query with each parameter as `edit` says, by its decoded name and value.
pub(crate) fn edited(query: &str, edit: impl Fn(&str, &str) -> Pair) -> String {
    let mut kept: Vec<Cow<'_, str>> = Vec::new();
    for pair in pairs(query) {
        let (name, value) = split(pair);
        let text = |written: &str| String::from_utf8_lossy(&decoded(written)).into_owned();
        match edit(&text(name), &text(value)) {
            // Go refuses what has a semicolon, and would not once it is escaped.
            Pair::Goes | Pair::Is(_) | Pair::Named(_) if pair.contains(';') => {}
            Pair::Stays => kept.push(pair.into()),
            Pair::Goes => {}
            Pair::Named(name) => kept.push(format!("{name}={value}").into()),
            Pair::Is(value) => {
                let value = utf8_percent_encode(&value, ESCAPED);
                kept.push(format!("{name}={value}").into());
            }
        }
    }
    kept.join("&")
}

/// All but what RFC 3986 leaves unreserved, and what scopes and names are made of.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b',');

fn pairs(query: &str) -> impl Iterator<Item = &str> {
    query.split('&')
}

fn split(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

/// Whether a written name means this one. Cheap where nothing is escaped.
fn is_named(written: &str, name: &str) -> bool {
    written == name || (written.contains(['%', '+']) && decoded(written) == name.as_bytes())
}

fn decoded(text: &str) -> Vec<u8> {
    let blanks: Cow<'_, str> = if text.contains('+') {
        text.replace('+', " ").into()
    } else {
        text.into()
    };
    percent_decode_str(&blanks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_and_the_others_keep_every_byte() {
        for (query, names, left) in [
            ("a=1&b=2", &["c"][..], None),
            ("", &["c"], None),
            ("c=1", &["c"], Some("")),
            ("c", &["c"], Some("")),
            ("a=%7e&c=1&b=+", &["c"], Some("a=%7e&b=+")),
            ("c=1&a=2&c=3", &["c"], Some("a=2")),
            ("%63=1&a=2", &["c"], Some("a=2")),
            ("a&&c=1&&b", &["c"], Some("a&&&b")),
            ("ca=1&ac=2&C=3", &["c"], None),
            (
                "mount=x&digest=y&from=z",
                &["mount", "from"],
                Some("digest=y"),
            ),
            ("a=1;c=2", &["c"], None),
            ("c=1;a=2", &["c"], Some("")),
            ("a=c=1", &["c"], None),
            ("x+y=1&a=2", &["x y"], Some("a=2")),
        ] {
            assert_eq!(without(query, names).as_deref(), left, "{query}");
        }
    }

    #[test]
    fn values_are_read_as_go_reads_them() {
        for (query, value) in [
            ("s=a%3D%3d", Some("a==")),
            ("s=a+b", Some("a b")),
            ("s=", Some("")),
            ("s", Some("")),
            ("%73=a", Some("a")),
            ("t=1&s=a", Some("a")),
            ("s=a&s=b", None),
            ("s=a;b", None),
            ("S=a", None),
            ("", None),
        ] {
            let found = only_value(query, "s");
            assert_eq!(found.as_deref(), value.map(str::as_bytes), "{query}");
        }
        assert_eq!(values("s=a&x=1&s=b", "s").count(), 2);
    }

    #[test]
    fn all_parameters_are_read() {
        let read = |query| decoded_pairs(query).collect::<Vec<_>>();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(""), []);
        assert_eq!(read("&&"), []);
        assert_eq!(
            read("a=1&b%3d=x+y%2f&c&a="),
            [
                pair("a", "1"),
                pair("b=", "x y/"),
                pair("c", ""),
                pair("a", "")
            ]
        );
        assert_eq!(read("a=%ff"), [pair("a", "\u{fffd}")]);
    }
}
