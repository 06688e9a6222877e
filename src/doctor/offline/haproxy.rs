//! HAProxy: each frontend with each of its backends, and what the defaults above them say.

use super::blocks::Directive;
use super::scope::{Scope, Scopes, Trait, registrys, sounds_like_a_registry};

struct Section {
    keyword: String,
    name: String,
    line: usize,
    lines: Vec<Directive>,
    /// What its `defaults` say.
    defaults: Vec<Directive>,
}

pub(super) fn scopes(text: &str) -> Scopes {
    let sections = sections(text);
    let of = |keyword: &'static str| sections.iter().filter(move |one| one.keyword == keyword);
    let fronts: Vec<&Section> = of("frontend").chain(of("listen")).collect();
    let backs: Vec<&Section> = of("backend").chain(of("listen")).collect();
    let global: Vec<&Section> = of("global").collect();
    let chains: Vec<Vec<&Section>> = if fronts.is_empty() {
        backs.iter().map(|back| vec![*back]).collect()
    } else {
        fronts
            .iter()
            .flat_map(|front| chains(front, &backs))
            .collect()
    };
    let chains = registrys(chains, |chain| chain.iter().any(|one| one.is_a_registrys()));
    let scope = |chain: &Vec<&Section>| scope(chain, &global);
    Scopes::of(chains.iter().map(scope).collect())
}

/// A frontend with each backend that it names; alone where it names none of this file.
fn chains<'s>(front: &'s Section, backs: &[&'s Section]) -> Vec<Vec<&'s Section>> {
    let names: Vec<&str> = front
        .lines
        .iter()
        .filter(|one| matches!(one.name(), "default_backend" | "use_backend"))
        .map(|one| one.value(0))
        .collect();
    let named = backs
        .iter()
        .filter(|back| names.contains(&back.name.as_str()));
    let chains: Vec<Vec<&Section>> = named.map(|back| vec![front, *back]).collect();
    if chains.is_empty() {
        vec![vec![front]]
    } else {
        chains
    }
}

impl Section {
    fn is_a_registrys(&self) -> bool {
        // A frontend is everybody's; what it passes to decides.
        self.keyword != "frontend"
            && (sounds_like_a_registry(&self.name)
                || self
                    .lines
                    .iter()
                    .any(|one| sounds_like_a_registry(&one.words.join(" "))))
    }

    /// Its own lines, and the defaults' where it has none of that name.
    fn holding(&self) -> Vec<&Directive> {
        let own = |other: &Directive| self.lines.iter().any(|mine| alike(mine, other));
        let inherited = self.defaults.iter().filter(|one| !own(one));
        self.lines.iter().chain(inherited).collect()
    }
}

/// `timeout client` and `timeout server` are two settings; so are two options, turned off as well.
fn alike(one: &Directive, other: &Directive) -> bool {
    let key = |line: &Directive| {
        let words = line.words.iter().skip_while(|word| *word == "no");
        words.take(2).cloned().collect::<Vec<String>>()
    };
    key(one) == key(other)
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let words = words(line);
        let Some(keyword) = words.first() else {
            continue;
        };
        let is_begin = matches!(
            keyword.as_str(),
            "global"
                | "defaults"
                | "frontend"
                | "backend"
                | "listen"
                | "userlist"
                | "peers"
                | "resolvers"
                | "cache"
                | "program"
                | "mailers"
                | "ring"
                | "http-errors"
                | "fcgi-app"
                | "log-forward"
        );
        // The only one of them that is a setting as well stands with a margin.
        if is_begin && !line.starts_with(char::is_whitespace) {
            sections.push(Section {
                keyword: keyword.clone(),
                name: words.get(1).cloned().unwrap_or_default(),
                line: index + 1,
                lines: Vec::new(),
                defaults: defaults(&sections, &words),
            });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(Directive {
                line: index + 1,
                words,
                block: None,
            });
        }
    }
    sections
}

/// Those that a section names behind `from`, else the last ones before it.
fn defaults(before: &[Section], words: &[String]) -> Vec<Directive> {
    let from = words.iter().position(|word| word == "from");
    let name = from.and_then(|at| words.get(at + 1));
    let mut all = before.iter().rev().filter(|one| one.keyword == "defaults");
    let found = all.find(|one| name.is_none_or(|name| one.name == *name));
    found.map(|one| one.lines.clone()).unwrap_or_default()
}

/// Words in quotes, or with escaped blanks, are one.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None) => word.extend(chars.next()),
            (_, Some(open)) if c == open => quote = None,
            (_, Some(_)) => word.push(c),
            ('"' | '\'', None) => quote = Some(c),
            ('#', None) => break,
            (_, None) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (_, None) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn scope(chain: &[&Section], global: &[&Section]) -> Scope {
    let line = chain.last().map_or(1, |last| last.line);
    let mut scope = Scope::new("chain", line);
    for section in chain {
        for one in section.holding() {
            set(&mut scope, one.line, &one.words);
        }
    }
    for one in global.iter().flat_map(|section| &section.lines) {
        scope.set(one.name(), one.value(0), one.line);
    }
    let traits = traits(chain);
    scope.with(traits)
}

fn traits(chain: &[&Section]) -> Vec<Trait> {
    let lines = || chain.iter().flat_map(|section| &section.lines);
    let binds: Vec<&Directive> = lines().filter(|one| one.name() == "bind").collect();
    let has_ssl = |one: &Directive| one.words.iter().any(|word| word == "ssl");
    let is_default = |one: &&Directive| {
        let mut addresses = one.value(0).split(',');
        addresses.any(|one| one.ends_with(":80") || one.ends_with(":443"))
    };
    let servers = || lines().filter(|one| one.name() == "server");
    let mut traits = Vec::new();
    if !binds.is_empty() {
        let is_tls = binds.iter().any(|one| has_ssl(one));
        traits.push(if is_tls { Trait::Tls } else { Trait::Plain });
        let is_default = binds.iter().any(is_default);
        traits.push(if is_default {
            Trait::DefaultPort
        } else {
            Trait::OtherPort
        });
    }
    if servers().next().is_some() {
        let is_tls = servers().all(has_ssl);
        traits.push(if is_tls {
            Trait::TlsUpstream
        } else {
            Trait::PlainUpstream
        });
    }
    traits
}

/// As the rules name it.
fn set(scope: &mut Scope, line: usize, words: &[String]) {
    let condition = words
        .iter()
        .position(|word| word == "if" || word == "unless");
    let (action, condition) = words.split_at(condition.unwrap_or(words.len()));
    let condition = condition.join(" ");
    // A rule for other paths is no registry's.
    if condition.contains("path") && !sounds_like_a_registry(&condition) && !condition.contains('!')
    {
        return;
    }
    let word = |index: usize| action.get(index).map_or("", String::as_str);
    let rest = |from: usize| action.get(from..).unwrap_or_default().join(" ");
    let conditional = if condition.is_empty() { "" } else { " if" };
    match (word(0), word(1)) {
        ("timeout" | "option", name) => {
            scope.set(format!("{} {name}", word(0)), rest(2), line);
        }
        ("redirect", "scheme") => scope.set("redirect", code(action), line),
        ("http-request", "redirect") if word(2) == "scheme" => {
            scope.set("redirect", code(action), line)
        }
        ("http-request" | "http-response", "set-header" | "add-header") => {
            let name = format!("{} {} {}", word(0), word(1), word(2).to_ascii_lowercase());
            scope.set(name, rest(3), line);
        }
        ("http-request" | "http-response", "del-header") => {
            let name = format!("{} del-header{conditional}", word(0));
            scope.set(name, word(2).to_ascii_lowercase(), line);
        }
        ("http-request" | "http-response", "deny" | "return" | "auth" | "wait-for-body") => {
            scope.set(format!("{} {}", word(0), word(1)), condition, line);
        }
        // Before 2.1.
        ("reqadd" | "reqset", header) => {
            if let Some((name, value)) = header.split_once(':') {
                let name = format!("http-request set-header {}", name.to_ascii_lowercase());
                scope.set(name, value.trim(), line);
            }
        }
        _ => {}
    }
}

/// 302 where nothing else is said.
fn code(action: &[String]) -> String {
    let at = action.iter().position(|word| word == "code");
    let code = at.and_then(|at| action.get(at + 1));
    code.map_or("302", String::as_str).to_owned()
}
