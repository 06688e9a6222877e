//! The proxies of a site that serve a path, with what stands beside them.

use super::site::{Site, traits};
use crate::doctor::offline::blocks::Directive;
use crate::doctor::offline::scope::{PATHS, Scope, Trait};

/// Whether a directive is for a path: its first word may be a path, or name a matcher.
fn covers(one: &Directive, site: &[Directive], path: &str) -> bool {
    let matcher = one.value(0);
    if matcher.starts_with('/') {
        return is_like(matcher, path);
    }
    if !matcher.starts_with('@') {
        return true;
    }
    let defined = site.iter().filter(|other| other.name() == matcher);
    let mut patterns = defined.flat_map(patterns).peekable();
    // What else it may match by isn't known.
    patterns.peek().is_none() || patterns.any(|pattern| is_like(&pattern, path))
}

/// The paths of `@name path /a /b`, or of `path` lines in its block.
fn patterns(definition: &Directive) -> Vec<String> {
    let inline = definition.values();
    let lines = definition.children().iter().map(|one| one.words.as_slice());
    lines
        .chain([inline])
        .filter(|words| words.first().is_some_and(|word| word == "path"))
        .flat_map(|words| words.iter().skip(1).cloned())
        .collect()
}

fn is_like(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => path.starts_with(begin),
        None => path == pattern,
    }
}

/// The proxies of a path: those in the handlers for it, or else in those for everything.
pub(super) fn passing(site: &Site, path: &str, global: Option<&Directive>) -> Vec<Scope> {
    let part = if path == PATHS[0] { "proxy" } else { "token" };
    let mut shared = Scope::new(part, site.line).with(traits(site));
    let mut blocks: Vec<&[Directive]> = vec![&site.block];
    let mut found = Vec::new();
    while let Some(block) = blocks.pop() {
        let is_for = |one: &&Directive| covers(one, &site.block, path);
        let is_narrow = |one: &&Directive| one.value(0).starts_with(['/', '@']);
        for one in block.iter().filter(is_for) {
            set_beside(&mut shared, one);
        }
        for name in ["handle", "handle_path", "route", "reverse_proxy"] {
            let all = || block.iter().filter(|one| one.name() == name).filter(is_for);
            let is_proxy = name == "reverse_proxy";
            let inner = all().filter(is_narrow).chain(all()).take(1);
            for one in inner {
                if is_proxy {
                    found.push(one);
                } else {
                    blocks.push(one.children());
                }
            }
        }
    }
    set_global(&mut shared, global);
    let scope = |proxy: &&Directive| {
        let mut scope = Scope::new(part, proxy.line).with(shared.traits.iter().copied());
        scope.settings.clone_from(&shared.settings);
        set_proxy(&mut scope, proxy);
        scope
    };
    found.iter().map(scope).collect()
}

/// What stands beside a proxy, and touches its requests.
fn set_beside(scope: &mut Scope, one: &Directive) {
    let line = one.line;
    match one.name() {
        "basic_auth" | "basicauth" => scope.set("basic_auth", "", line),
        "forward_auth" => scope.set("forward_auth", one.values().join(" "), line),
        "handle_path"
            if one.value(0).starts_with("/v2") || one.value(0).starts_with("/service") =>
        {
            scope.set("handle_path", one.value(0), line);
        }
        "uri" if one.value(0) == "strip_prefix" => scope.set("handle_path", one.value(1), line),
        "request_body" => {
            for inner in one.children() {
                scope.set(
                    format!("request_body {}", inner.name()),
                    inner.value(0),
                    inner.line,
                );
            }
        }
        "header" => set_header(scope, "header", one),
        "request_header" => set_header(scope, "header_up", one),
        "import" => {
            scope.traits.insert(Trait::Open);
        }
        _ => {}
    }
}

/// `header_up -Name` and `header_up Name value`; a replacement within a value is nobody's fault here.
fn set_header(scope: &mut Scope, directive: &str, one: &Directive) {
    let is_matcher = |word: &&String| word.starts_with(['/', '@']) || *word == "*";
    let words: Vec<&String> = one.values().iter().skip_while(is_matcher).collect();
    match words.as_slice() {
        [field] if field.starts_with('-') => {
            let field = field.trim_start_matches('-').to_ascii_lowercase();
            scope.set(format!("{directive} -"), field, one.line);
        }
        [field, value] => {
            let field = field
                .trim_start_matches(['+', '>', '?'])
                .to_ascii_lowercase();
            scope.set(format!("{directive} {field}"), value.as_str(), one.line);
        }
        _ => {}
    }
    for inner in one.children() {
        let line = Directive {
            words: std::iter::once(one.name().to_owned())
                .chain(inner.words.clone())
                .collect(),
            line: inner.line,
            block: None,
        };
        set_header(scope, directive, &line);
    }
}

/// The timeouts of the whole server, and whom it believes.
fn set_global(scope: &mut Scope, global: Option<&Directive>) {
    let servers = global.into_iter().flat_map(Directive::children);
    for one in servers
        .filter(|one| one.name() == "servers")
        .flat_map(Directive::children)
    {
        match one.name() {
            "timeouts" => {
                for inner in one.children() {
                    scope.set(
                        format!("timeouts {}", inner.name()),
                        inner.value(0),
                        inner.line,
                    );
                }
            }
            "trusted_proxies" => {
                scope.traits.insert(Trait::Trusting);
            }
            _ => {}
        }
    }
}

fn set_proxy(scope: &mut Scope, proxy: &Directive) {
    let is_tls = proxy.words.iter().any(|word| word.starts_with("https://"));
    let transports: Vec<&Directive> = proxy
        .children()
        .iter()
        .filter(|one| one.name() == "transport")
        .collect();
    for (index, transport) in transports.iter().enumerate() {
        let counts = index + 1 == transports.len();
        for inner in transport.children() {
            let name = match (counts, inner.name().starts_with("tls")) {
                (true, _) => format!("transport {}", inner.name()),
                (false, true) => "transport dropped tls".to_owned(),
                (false, false) => "transport dropped".to_owned(),
            };
            scope.set(name, inner.words.join(" "), transport.line);
            if let Some(last) = scope.settings.last_mut().filter(|_| counts) {
                last.value = inner.value(0).to_owned();
                last.line = inner.line;
            }
        }
    }
    for one in proxy.children() {
        match one.name() {
            "header_up" => set_header(scope, "header_up", one),
            "header_down" => set_header(scope, "header", one),
            "trusted_proxies" => {
                scope.traits.insert(Trait::Trusting);
            }
            "import" => {
                scope.traits.insert(Trait::Open);
            }
            "transport" => {}
            name => scope.set(name, one.values().join(" "), one.line),
        }
    }
    let upstream = if is_tls {
        Trait::TlsUpstream
    } else {
        Trait::PlainUpstream
    };
    scope.traits.insert(upstream);
}
