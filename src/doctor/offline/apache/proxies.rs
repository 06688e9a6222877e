//! The scope of a path in a virtual host: the line that passes it on, and everything that holds there.

use super::host::{Host, bare, includes, names};
use super::passes::{Pass, chosen, matches, redirect, sends_away};
use crate::doctor::offline::blocks::Directive;
use crate::doctor::offline::scope::{PATHS, Scope, Trait};

/// Directives of which the last one counts, beside those with words of their own.
const SINGLE: [&str; 13] = [
    "authtype",
    "limitrequestbody",
    "limitrequestfieldsize",
    "limitrequestline",
    "maxconnperip",
    "proxyaddheaders",
    "proxyerroroverride",
    "proxypassreverse",
    "proxypreservehost",
    "qs_srvmaxconnperip",
    "setinputfilter",
    "setoutputfilter",
    "sslproxyengine",
];

/// Headers of requests that matter to a registry.
const HEADERS: [&str; 5] = [
    "authorization",
    "host",
    "range",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// None where the path is neither passed on nor sent away.
pub(super) fn passing(host: &Host<'_>, path: &str) -> Option<Scope> {
    let levels = levels(host, path);
    let Some(pass) = chosen(&levels, path) else {
        return away(host, path);
    };
    let part = if path == PATHS[0] { "proxy" } else { "token" };
    let mut scope = Scope::new(part, pass.line).with(host.traits.iter().copied());
    for one in levels.iter().copied().flatten() {
        set(&mut scope, one, path);
    }
    set_upstream(&mut scope, &levels, &pass);
    if let Some(changed) = pass.path.as_deref().filter(|changed| *changed != path) {
        scope.set("proxypass path", changed, pass.line);
    }
    set_combined(&mut scope, &levels);
    let mends = |one: &Directive| mends(one, host, &scope);
    if levels.iter().copied().flatten().any(mends) {
        scope.traits.insert(Trait::Mended);
    }
    // An include beside hosts is of whole hosts; one within them may set anything.
    let is_open = levels.iter().skip(1).any(|level| level.iter().any(opens));
    Some(scope.with(is_open.then_some(Trait::Open)))
}

/// Whether what is included may have to do with passing requests on; certificates haven't.
fn opens(one: &Directive) -> bool {
    let name = one.value(0).to_ascii_lowercase();
    let others = ["ssl", "tls", "letsencrypt", "security"];
    includes(one) && !others.iter().any(|other| name.contains(other))
}

/// What stands above the host, in it, and in its sections for the path.
fn levels<'d>(host: &Host<'d>, path: &str) -> Vec<&'d [Directive]> {
    let sections = host.block.iter().filter(|one| covers(one, path));
    let sections = sections.map(Directive::children);
    [host.outer, host.block]
        .into_iter()
        .chain(sections)
        .collect()
}

fn covers(section: &Directive, path: &str) -> bool {
    let [mark, pattern] = [section.value(0), section.value(1)];
    if section.is("LocationMatch") {
        return matches(mark, path);
    }
    section.is("Location")
        && match mark {
            "~" => matches(pattern, path),
            begin => path.starts_with(begin),
        }
}

/// A host that sends the path away instead.
fn away(host: &Host<'_>, path: &str) -> Option<Scope> {
    let one = host.block.iter().find(|one| sends_away(one, path))?;
    let (code, _) = redirect(one)?;
    let mut scope = Scope::new("answer", one.line).with(host.traits.iter().copied());
    scope.set("redirect", code, one.line);
    Some(scope)
}

/// As the rules name it. Of most directives the last one counts.
fn set(scope: &mut Scope, one: &Directive, path: &str) {
    let name = one.name().to_ascii_lowercase();
    let line = one.line;
    match name.as_str() {
        "requestheader" => set_request_header(scope, one),
        "header" => set_header(scope, one),
        "setenv" => {
            let name = format!("setenv {}", one.value(0).to_ascii_lowercase());
            scope.set(name, one.value(1), line);
        }
        "requestreadtimeout" => set_read_timeout(scope, one),
        "addoutputfilterbytype" => {
            for value in one.values().iter().skip(1) {
                scope.set("addoutputfilterbytype", value, line);
            }
        }
        // In a section it is for the section's path.
        "cacheenable" if path.starts_with(one.value(1)) => {
            scope.set("cacheenable", one.value(1), line);
        }
        "cachedisable" if one.value(0) == "on" || path.starts_with(one.value(0)) => {
            scope.set("cachedisable", "", line);
        }
        "limitexcept" | "limit" | "allowmethods" => set_methods(scope, one),
        "timeout" | "proxytimeout" => replace(scope, &name, &seconds(one.value(0)), line),
        "proxypass" | "cacheenable" | "cachedisable" => {}
        known if !SINGLE.contains(&known) => {}
        _ => replace(scope, &name, &one.values().join(" "), line),
    }
}

fn replace(scope: &mut Scope, name: &str, value: &str, line: usize) {
    scope.settings.retain(|other| other.name != name);
    scope.set(name, value, line);
}

/// A number alone is one of seconds.
fn seconds(value: &str) -> String {
    let is_bare = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    format!("{value}{}", if is_bare { "s" } else { "" })
}

fn set_request_header(scope: &mut Scope, one: &Directive) {
    let [action, field] = [one.value(0), one.value(1)].map(str::to_ascii_lowercase);
    if !HEADERS.contains(&field.as_str()) {
        return;
    }
    let set = format!("requestheader set {field}");
    match action.as_str() {
        "set" | "setifempty" => replace(scope, &set, one.value(2), one.line),
        "add" | "append" | "merge" => {
            scope.set(format!("requestheader add {field}"), one.value(2), one.line);
        }
        "unset" if one.values().len() > 2 => scope.set("requestheader unset if", field, one.line),
        "unset" => {
            scope.settings.retain(|other| other.name != set);
            scope.set("requestheader unset", field, one.line);
        }
        _ => {}
    }
}

fn set_header(scope: &mut Scope, one: &Directive) {
    let is_when = |word: &&String| matches!(word.as_str(), "always" | "onsuccess");
    let words: Vec<&String> = one.values().iter().skip_while(is_when).collect();
    if let [action, field] = words.as_slice()
        && action.eq_ignore_ascii_case("unset")
    {
        scope.set("header unset", field.to_ascii_lowercase(), one.line);
    }
}

/// `body=20-40,MinRate=500`: with a rate, the time begins anew with what arrives, up to the second one.
fn set_read_timeout(scope: &mut Scope, one: &Directive) {
    let mut words = one.values().iter();
    let Some(body) = words.find_map(|word| word.strip_prefix("body=")) else {
        return;
    };
    let (times, rate) = body
        .split_once(',')
        .map_or((body, false), |(times, _)| (times, true));
    let (first, whole) = match times.split_once('-') {
        Some((first, last)) => (first, Some(last)),
        None => (times, (!rate && times != "0").then_some(times)),
    };
    replace(scope, "requestreadtimeout body", &seconds(first), one.line);
    if let Some(whole) = whole {
        replace(scope, "requestreadtimeout whole", &seconds(whole), one.line);
    }
}

/// Methods that are refused.
fn set_methods(scope: &mut Scope, one: &Directive) {
    let named = |method: &str| {
        one.values()
            .iter()
            .any(|word| word.eq_ignore_ascii_case(method))
    };
    let refuses = one.children().iter().any(|inner| {
        let words = inner.words.join(" ").to_ascii_lowercase();
        matches!(words.as_str(), "require all denied" | "deny from all")
    });
    let is_list = one.is("AllowMethods") && !named("reset");
    for method in ["HEAD", "POST", "PUT", "PATCH"] {
        // Who may GET may HEAD.
        let is_named = named(method) || method == "HEAD" && named("GET");
        let is_refused = match is_named {
            true => one.is("Limit") && refuses,
            false => is_list || one.is("LimitExcept") && refuses,
        };
        if is_refused {
            scope.set("limitexcept", method, one.line);
        }
    }
}

/// What stands behind: its scheme, and how long it is waited for.
fn set_upstream(scope: &mut Scope, levels: &[&[Directive]], pass: &Pass<'_>) {
    let is_of = |one: &&Directive| one.is("Proxy") && pass.url.starts_with(one.value(0));
    let proxies = levels.iter().copied().flatten().filter(is_of);
    let members: Vec<&Directive> = proxies
        .flat_map(Directive::children)
        .filter(|one| one.is("BalancerMember") || one.is("ProxySet"))
        .collect();
    let mut urls = members.iter().map(|one| one.value(0));
    let is_tls = pass.url.starts_with("https:") || urls.any(|url| url.starts_with("https:"));
    scope.traits.insert(if is_tls {
        Trait::TlsUpstream
    } else {
        Trait::PlainUpstream
    });
    let of_members = members.iter().map(|one| (one.line, one.values()));
    let words = of_members.chain([(pass.line, pass.words)]);
    let timeouts = words.filter_map(|(line, words)| {
        let mut values = words.iter();
        let value = values.find_map(|word| word.strip_prefix("timeout="))?;
        Some((line, value))
    });
    let own = timeouts
        .map(|(line, value)| (seconds(value), line))
        .next_back();
    let inherited = || {
        let mut all = scope.settings.iter();
        let one = all.find(|one| one.name == "timeout")?;
        Some((one.value.clone(), one.line))
    };
    let is_set = scope.has("proxytimeout");
    if let Some((value, line)) = own.or_else(|| inherited().filter(|_| !is_set)) {
        replace(scope, "proxytimeout", &value, line);
    }
}

/// What several lines say together.
fn set_combined(scope: &mut Scope, levels: &[&[Directive]]) {
    let requires = |level: &&[Directive]| level.iter().any(|one| one.is("Require"));
    let innermost = levels.iter().rev().find(|level| requires(level));
    let is_granted = |one: &Directive| {
        let words = one.values().join(" ");
        one.is("Require") && words.eq_ignore_ascii_case("all granted")
    };
    let asks = innermost.is_some_and(|level| !level.iter().any(is_granted));
    let is = |name: &str, value: &str| {
        let mut settings = scope.settings.iter();
        settings.any(|one| one.name == name && one.value.eq_ignore_ascii_case(value))
    };
    let without = [
        ("authtype", !asks || is("authtype", "none")),
        ("proxyaddheaders", !is("proxyaddheaders", "off")),
        ("setoutputfilter", scope.has("setenv no-gzip")),
        ("cacheenable", scope.has("cachedisable")),
    ];
    scope
        .settings
        .retain(|one| !without.contains(&(one.name.as_str(), true)));
}

/// Whether a line corrects the scheme of Location: one that is for the name that clients type, for the
/// upstream's name where that is what Location has, or for any.
fn mends(one: &Directive, host: &Host<'_>, scope: &Scope) -> bool {
    if one.is("Header") {
        let words = one.values().join(" ").to_ascii_lowercase();
        let edits = words.contains("edit location") || words.contains("edit* location");
        return edits && words.contains("http:") && words.contains("https:");
    }
    if !one.is("ProxyPassReverse") {
        return false;
    }
    let url = one.values().last().map_or("", String::as_str);
    let is_own = names(host).iter().any(|name| bare(url).starts_with(name));
    let is_upstreams = scope.has("proxyaddheaders") && !keeps_host(scope);
    url.starts_with("http://") && (is_own || is_upstreams)
}

fn keeps_host(scope: &Scope) -> bool {
    let mut settings = scope.settings.iter();
    settings.any(|one| one.name == "proxypreservehost" && one.value.eq_ignore_ascii_case("on"))
}
