//! What a file says, in the form that rules judge: settings that hold together. Unknown here: what is
//! wrong with any of them.

use crate::doctor::clients::PlainHttp;
use crate::net::origin::Origin;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Everything of a file that rules judge.
pub(super) struct Scopes {
    pub(super) scopes: Vec<Scope>,
    pub(super) not_read: Vec<NotRead>,
    pub(super) target: Option<Origin>,
    /// What the file does on port 80, as far as it tells.
    pub(super) plain_http: PlainHttp,
}

impl Scopes {
    pub(super) fn of(scopes: Vec<Scope>) -> Scopes {
        Scopes {
            scopes,
            not_read: Vec::new(),
            target: None,
            plain_http: PlainHttp::Nothing,
        }
    }
}

/// A part of the file that nobody looked into, such as a file that it includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotRead {
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// Where requests are passed on (or redirected), and all settings that hold there, inherited ones
/// included.
pub(super) struct Scope {
    /// What it is: the rules of that name judge it.
    pub(super) part: &'static str,
    /// Where it stands: what is missing is missing there.
    pub(super) line: usize,
    pub(super) traits: BTreeSet<Trait>,
    pub(super) settings: Vec<Setting>,
}

/// One setting, as the file has it.
#[derive(Clone)]
pub(super) struct Setting {
    /// `proxy_set_header host`: words of the product; names of headers in lower case.
    pub(super) name: String,
    pub(super) value: String,
    pub(super) line: usize,
}

/// What else decides whether a setting is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trait {
    /// It ends TLS.
    Tls,
    /// It is reached by plain HTTP only.
    Plain,
    /// It is reached at 80 or 443.
    DefaultPort,
    /// It is reached at another port.
    OtherPort,
    PlainUpstream,
    TlsUpstream,
    /// Something is included there: what is missing may stand in it.
    Open,
    /// Another setting corrects Location's scheme.
    Mended,
    /// The hop in front is believed.
    Trusting,
    /// The file speaks of Harbor, whose tokens a login of the proxy's own refuses; other registries may
    /// have no login but that one.
    Harbor,
}

impl Scope {
    pub(super) fn new(part: &'static str, line: usize) -> Scope {
        Scope {
            part,
            line,
            traits: BTreeSet::new(),
            settings: Vec::new(),
        }
    }

    pub(super) fn with(mut self, traits: impl IntoIterator<Item = Trait>) -> Scope {
        self.traits.extend(traits);
        self
    }

    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<String>, line: usize) {
        self.settings.push(Setting {
            name: name.into(),
            value: value.into(),
            line,
        });
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.settings.iter().any(|setting| setting.name == name)
    }
}

/// A server of a file whose servers each have their names.
pub(super) trait Server {
    /// By its names, its paths and its upstreams.
    fn is_a_registrys(&self) -> bool;

    fn names(&self) -> Vec<&str>;

    /// Where it passes on what a push asks for.
    fn passing(&self) -> Vec<Scope>;

    /// Where it sends http to https.
    fn redirecting(&self) -> Option<Scope>;

    /// The name that clients type, where it is one.
    fn target(&self) -> Option<Origin>;
}

/// Each is read with all that stands above it: a file of the longest size could have thousands.
const MOST: usize = 100;

impl Scopes {
    /// What is judged of a file's servers: those of registries, and the redirects of those that answer for
    /// their names.
    pub(super) fn of_servers<S: Server>(all: &[S], not_read: Vec<NotRead>) -> Scopes {
        let mut ones = registrys(all.iter().collect(), |one: &&S| one.is_a_registrys());
        ones.truncate(MOST);
        let mut scopes: Vec<Scope> = ones.iter().flat_map(|one| one.passing()).collect();
        let names: Vec<&str> = ones.iter().flat_map(|one| one.names()).collect();
        let known = ServedNames::of(&names);
        let others = all.iter().filter(|one| known.are_answered_by(&one.names()));
        let redirects: Vec<Scope> = others.filter_map(S::redirecting).take(MOST).collect();
        let plain_http = redirected(&redirects);
        scopes.extend(redirects);
        Scopes {
            scopes,
            not_read,
            target: ones.iter().find_map(|one| one.target()),
            plain_http,
        }
    }
}

/// What plain HTTP does to writes, by the first of the redirects that it is answered with.
fn redirected(redirects: &[Scope]) -> PlainHttp {
    let mut codes = redirects.iter().flat_map(|scope| &scope.settings);
    match codes.next().map(|code| code.value.as_str()) {
        Some("307" | "308") => PlainHttp::KeepsWrites,
        Some(_) => PlainHttp::LosesWrites,
        None => PlainHttp::Nothing,
    }
}

/// A path that a push asks for, and the one where it gets its token: what passes them on is judged.
pub(crate) const PATHS: [&str; 2] = ["/v2/lab/app/blobs/uploads/", "/service/token"];

/// Whether a name belongs to a registry, by its sound.
pub(super) fn sounds_like_a_registry(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["harbor", "registry", "/v2", "docker"]
        .iter()
        .any(|word| text.contains(word))
}

/// Those that are a registry's; all of them where none is known to be one.
pub(crate) fn registrys<T>(all: Vec<T>, is_one: impl Fn(&T) -> bool) -> Vec<T> {
    let (ones, others): (Vec<T>, Vec<T>) = all.into_iter().partition(is_one);
    if ones.is_empty() { others } else { ones }
}

/// Names that servers have, to be asked which other server answers for one of them.
pub(crate) struct ServedNames<'n> {
    are_anybodys: bool,
    exact: BTreeSet<&'n str>,
    /// From their ends: what stands below a domain stands together.
    reversed: BTreeSet<String>,
}

impl<'n> ServedNames<'n> {
    pub(crate) fn of(names: &[&'n str]) -> ServedNames<'n> {
        ServedNames {
            are_anybodys: is_anybodys(names),
            exact: names.iter().copied().collect(),
            reversed: names.iter().map(|name| reversed(name)).collect(),
        }
    }

    /// Whether a server of these names answers for one of them: without names it does for all.
    pub(crate) fn are_answered_by(&self, names: &[&str]) -> bool {
        let is_one = |name: &&str| {
            let end = name.strip_prefix('*');
            self.exact.contains(name) || end.is_some_and(|end| self.has_ending(end))
        };
        is_anybodys(names) || self.are_anybodys || names.iter().any(is_one)
    }

    fn has_ending(&self, end: &str) -> bool {
        let begin = reversed(end);
        let mut below = self.reversed.range(begin.clone()..);
        below.next().is_some_and(|name| name.starts_with(&begin))
    }
}

fn is_anybodys(names: &[&str]) -> bool {
    names.iter().all(|name| matches!(*name, "" | "_"))
}

fn reversed(name: &str) -> String {
    name.chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_for_its_names_and_for_what_is_below_its_stars() {
        for (served, names, expected) in [
            (&["hub.example.com"][..], &["hub.example.com"][..], true),
            (&["hub.example.com"], &["other.example.com"], false),
            (
                &["a.example.com", "b.example.net"],
                &["*.example.com"],
                true,
            ),
            (&["example.com"], &["*.example.com"], false),
            (&["b.example.net"], &["*.example.com"], false),
            (&["hub.example.com"], &["*"], true),
            (&["hub.example.com"], &["_"], true),
            (&["hub.example.com"], &[], true),
            (&["_"], &["other.example.com"], true),
            (&[], &["other.example.com"], true),
        ] {
            let served_names = ServedNames::of(served);
            let answers = served_names.are_answered_by(names);
            assert_eq!(answers, expected, "{served:?} {names:?}");
        }
    }
}
