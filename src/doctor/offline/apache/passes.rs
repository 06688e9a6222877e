//! Where a path goes: the line that passes it on, or sends it away.

use crate::doctor::offline::blocks::Directive;
use regex_lite::RegexBuilder;

/// Of an expression that was read.
const MOST_BYTES: usize = 1 << 16;

/// A line that passes a path on.
pub(super) struct Pass<'d> {
    pub(super) line: usize,
    pub(super) url: &'d str,
    /// `timeout=900` and the like.
    pub(super) words: &'d [String],
    /// What the path becomes, where it is known.
    pub(super) path: Option<String>,
}

/// Rules of mod_rewrite are asked first, then the sections for the path, the last one first, then the
/// lines of the host in their order.
pub(super) fn chosen<'d>(levels: &[&'d [Directive]], path: &str) -> Option<Pass<'d>> {
    let (host, sections) = levels.split_at(levels.len().min(2));
    let rewritten = || host.iter().find_map(|level| rewritten(level, path));
    let of_section = |level: &&'d [Directive]| {
        let one = level.iter().rfind(|one| one.is("ProxyPass"))?;
        (one.value(0) != "!").then(|| Pass {
            line: one.line,
            url: one.value(0),
            words: one.values().get(1..).unwrap_or_default(),
            path: None,
        })
    };
    let in_section = || sections.iter().rev().find_map(of_section);
    // A host's own lines are asked before those that it inherits.
    let of_host = || host.iter().rev().find_map(|level| listed(level, path));
    let found = rewritten().or_else(in_section).or_else(of_host)?;
    (found.url != "!").then_some(found)
}

/// The first line whose path is the beginning of this one; `!` excepts it.
fn listed<'d>(level: &'d [Directive], path: &str) -> Option<Pass<'d>> {
    let line = |one: &&'d Directive| match one.name().to_ascii_lowercase().as_str() {
        "proxypass" => path.starts_with(one.value(0)) && one.values().len() > 1,
        "proxypassmatch" => matches(one.value(0), path),
        _ => false,
    };
    let one = level.iter().find(line)?;
    let rest = path
        .strip_prefix(one.value(0))
        .filter(|_| one.is("ProxyPass"));
    Some(Pass {
        line: one.line,
        url: one.value(1),
        words: one.values().get(2..).unwrap_or_default(),
        path: rest.map(|rest| format!("{}{rest}", path_of(one.value(1)))),
    })
}

/// By `RewriteRule … [P]`. One under a condition may be for other requests.
fn rewritten<'d>(level: &'d [Directive], path: &str) -> Option<Pass<'d>> {
    let mut conditional = false;
    for one in level {
        if one.is("RewriteRule") {
            let is_ours = !conditional && flag(one, "P").is_some() && matches(one.value(0), path);
            if is_ours {
                return Some(Pass {
                    line: one.line,
                    url: one.value(1),
                    words: &[],
                    path: None,
                });
            }
            conditional = false;
        }
        conditional |= one.is("RewriteCond");
    }
    None
}

/// What a URL has behind its host.
fn path_of(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind.find('/').map_or("", |at| &behind[at..])
}

/// What this reader doesn't understand, or what is too long to be meant, is taken for another's.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(MOST_BYTES);
    builder.build().is_ok_and(|it| it.is_match(path))
}

/// A flag of a rule, with what stands behind its `=`.
fn flag<'d>(rule: &'d Directive, name: &str) -> Option<&'d str> {
    let flags = rule.value(2).trim_start_matches('[').trim_end_matches(']');
    flags.split(',').find_map(|flag| {
        let (word, value) = flag.trim().split_once('=').unwrap_or((flag.trim(), ""));
        let long = match name {
            "P" => "proxy",
            _ => "redirect",
        };
        (word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(long)).then_some(value)
    })
}

/// A line that sends people away: the status, and where to.
pub(super) fn redirect(one: &Directive) -> Option<(String, &str)> {
    let values = one.values();
    let to = values.last().map_or("", String::as_str);
    let code = |word: &str| match word.to_ascii_lowercase().as_str() {
        "permanent" | "301" => "301".to_owned(),
        "seeother" => "303".to_owned(),
        "gone" => "410".to_owned(),
        digits if digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.to_owned()
        }
        _ => "302".to_owned(),
    };
    match one.name().to_ascii_lowercase().as_str() {
        "redirect" | "redirectmatch" => Some((code(one.value(0)), to)),
        "redirectpermanent" => Some(("301".to_owned(), to)),
        "redirecttemp" => Some(("302".to_owned(), to)),
        "rewriterule" => Some((code(flag(one, "R")?), one.value(1))),
        _ => None,
    }
}

/// Whether such a line is for a path.
pub(super) fn sends_away(one: &Directive, path: &str) -> bool {
    if one.is("RewriteRule") || one.is("RedirectMatch") {
        return one.values().iter().take(2).any(|word| matches(word, path));
    }
    let mut paths = one.values().iter().filter(|word| word.starts_with('/'));
    paths
        .next()
        .is_some_and(|begin| path.starts_with(begin.as_str()))
}
