//! The location that nginx chooses for a path, and every directive that holds there.

use crate::doctor::offline::FileKind;
use crate::doctor::offline::blocks::Directive;
use crate::doctor::offline::rules::words_of;
use crate::doctor::offline::scope::{PATHS, Scope, Trait};
use regex_lite::RegexBuilder;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Directives that come in lists, and are inherited only where a level has none of them.
const LISTS: [&str; 7] = [
    "proxy_set_header",
    "proxy_hide_header",
    "add_header",
    "error_page",
    "limit_conn",
    "proxy_redirect",
    "proxy_cache_valid",
];

/// Of such a list, in lines of a level and in words of a line: longer ones nobody writes.
const LONGEST_LIST: usize = 100;

/// What a scope keeps of what it inherits: what rules look at, and what decides whether they count.
static KEPT: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let mut words = words_of(FileKind::Nginx);
    words.extend(["gzip", "proxy_cache"]);
    words
});

/// The largest expression that is compiled, in bytes: a longer one is not meant for a registry's paths.
const MOST_BYTES: usize = 1 << 16;

/// Down to the location that nginx chooses for a path.
pub(crate) fn located<'d>(
    mut levels: Vec<&'d [Directive]>,
    location: Option<&'d Directive>,
    path: &str,
) -> (Vec<&'d [Directive]>, Option<&'d Directive>) {
    let here = levels.last().copied().unwrap_or_default();
    let Some(inner) = chosen(here, path) else {
        return (levels, location);
    };
    levels.push(inner.children());
    located(levels, Some(inner), path)
}

/// An exact one, else the longest prefix if it says `^~`, else the first expression, else that prefix.
fn chosen<'d>(level: &'d [Directive], path: &str) -> Option<&'d Directive> {
    let locations = || {
        level
            .iter()
            .filter(|one| one.name() == "location" && one.block.is_some())
    };
    let prefix = locations()
        .filter(|one| match one.values() {
            [begin] => path.starts_with(begin.as_str()),
            [mark, begin] if mark == "^~" => path.starts_with(begin.as_str()),
            _ => false,
        })
        .max_by_key(|one| one.values().last().map_or(0, String::len));
    let expression = locations().find(|one| match one.values() {
        [mark, pattern] if mark == "~" || mark == "~*" => {
            let mut builder = RegexBuilder::new(pattern);
            builder.case_insensitive(mark == "~*");
            builder.size_limit(MOST_BYTES);
            // What this reader doesn't understand is taken for another's.
            builder.build().is_ok_and(|it| it.is_match(path))
        }
        _ => false,
    });
    match prefix {
        Some(one) if one.value(0) == "^~" => Some(one),
        _ => expression.or(prefix),
    }
}

/// A location that passes requests on, or sends them away.
pub(super) fn passing_on(
    levels: &[&[Directive]],
    location: Option<&Directive>,
    line: usize,
    path: &str,
) -> Option<Scope> {
    let here = levels.last().copied().unwrap_or_default();
    let find = |name: &str| here.iter().rfind(|one| one.name() == name);
    let Some(pass) = find("proxy_pass") else {
        let answer = find("return")?;
        let mut scope = Scope::new("answer", line);
        scope.set("return", answer.value(0), answer.line);
        return location.is_some().then_some(scope);
    };
    let is_tls = pass.value(0).starts_with("https:");
    let part = if path == PATHS[0] {
        "location"
    } else {
        "token"
    };
    let mut scope = Scope::new(part, pass.line).with([if is_tls {
        Trait::TlsUpstream
    } else {
        Trait::PlainUpstream
    }]);
    set_inherited(&mut scope, levels);
    set_combined(&mut scope, here);
    if let Some(stripped) = location.and_then(|location| rewritten(location, pass, path)) {
        scope.set("proxy_pass path", stripped, pass.line);
    }
    // An include at the top is of whole servers; one within a server or a location may set anything.
    let is_open = levels.iter().skip(1).any(|level| level.iter().any(opens));
    Some(scope.with(is_open.then_some(Trait::Open)))
}

pub(super) fn includes(one: &Directive) -> bool {
    one.name() == "include" && !one.value(0).ends_with("mime.types")
}

/// Whether what is included may have to do with passing requests on; certificates haven't.
fn opens(one: &Directive) -> bool {
    let name = one.value(0).to_ascii_lowercase();
    let others = ["ssl", "tls", "letsencrypt", "acme", "security"];
    includes(one) && !others.iter().any(|other| name.contains(other))
}

/// Every directive that holds, from the innermost level that has it.
fn set_inherited(scope: &mut Scope, levels: &[&[Directive]]) {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for level in levels.iter().rev() {
        let all = by_name(level);
        for (name, those) in all.iter().filter(|(name, _)| !known.contains(*name)) {
            let counting = if LISTS.contains(name) {
                those.len().saturating_sub(LONGEST_LIST)
            } else {
                those.len() - 1
            };
            for one in those
                .iter()
                .skip(counting)
                .filter(|one| one.block.is_none())
            {
                set(scope, one);
            }
        }
        known.extend(all.into_keys());
    }
}

/// The directives of a level that are kept, by their names.
fn by_name(level: &[Directive]) -> BTreeMap<&str, Vec<&Directive>> {
    let mut all: BTreeMap<&str, Vec<&Directive>> = BTreeMap::new();
    for one in level.iter().filter(|one| KEPT.contains(one.name())) {
        all.entry(one.name()).or_default().push(one);
    }
    all
}

/// As the rules name it.
pub(in super::super) fn set(scope: &mut Scope, one: &Directive) {
    let values = one.values();
    let line = one.line;
    match one.name() {
        "proxy_set_header" => {
            let name = format!("proxy_set_header {}", one.value(0).to_ascii_lowercase());
            scope.set(name, one.value(1), line);
        }
        "large_client_header_buffers" => scope.set(one.name(), one.value(1), line),
        "limit_conn" => scope.set(one.name(), one.value(1), line),
        // Each word of these counts.
        "gzip_types" | "proxy_hide_header" | "proxy_cache_valid" => {
            for value in values.iter().take(LONGEST_LIST) {
                scope.set(one.name(), value, line);
            }
        }
        name => scope.set(name, values.join(" "), line),
    }
}

/// What several lines say together.
fn set_combined(scope: &mut Scope, here: &[Directive]) {
    let is = |name: &str, value: &str| {
        let mut settings = scope.settings.iter();
        settings.any(|one| one.name == name && one.value == value)
    };
    let mends = scope.settings.iter().any(|one| {
        let words = one.value.split_once("http://");
        one.name == "proxy_redirect"
            && words.is_some_and(|(_, to)| to.contains("https://") || to.contains("$scheme://"))
    });
    let without = [
        ("gzip_types", !is("gzip", "on")),
        (
            "proxy_cache_valid",
            !scope.has("proxy_cache") || is("proxy_cache", "off"),
        ),
    ];
    scope
        .settings
        .retain(|one| !without.contains(&(one.name.as_str(), true)));
    if mends {
        scope.traits.insert(Trait::Mended);
    }
    for limit in here.iter().filter(|one| one.name() == "limit_except") {
        let refuses = limit
            .children()
            .iter()
            .any(|one| matches!(one.name(), "deny" | "auth_basic"));
        let allows = |method: &str| limit.values().iter().any(|one| one == method);
        for method in ["POST", "PUT", "PATCH"] {
            if refuses && !allows(method) {
                scope.set("limit_except", method, limit.line);
            }
        }
        if refuses && !allows("GET") && !allows("HEAD") {
            scope.set("limit_except", "HEAD", limit.line);
        }
    }
}

/// What a path becomes at the upstream, where it loses its beginning.
fn rewritten(location: &Directive, pass: &Directive, path: &str) -> Option<String> {
    let begin = match location.values() {
        [begin] => begin,
        [mark, begin] if mark == "^~" => begin,
        _ => return None,
    };
    let (_, behind) = pass.value(0).split_once("://")?;
    let (_, prefix) = behind.split_once('/')?;
    let is_literal = !prefix.contains('$');
    let new = format!("/{prefix}{}", path.strip_prefix(begin.as_str())?);
    (is_literal && new != path).then_some(new)
}
