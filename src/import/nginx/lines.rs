//! What lines say by themselves.

use crate::doctor::offline::blocks::Directive;
use std::collections::BTreeMap;

/// What `upstream` blocks are called, with the addresses in them.
pub(super) type Upstreams = BTreeMap<String, Vec<String>>;

/// Whether a server sends everything to https.
pub(super) fn redirects(block: &[Directive]) -> bool {
    block
        .iter()
        .any(|one| is_redirect(one) || redirects(one.children()))
}

pub(super) fn is_redirect(one: &Directive) -> bool {
    let is_https = |value: &String| value.starts_with("https://");
    matches!(one.name(), "return" | "rewrite") && one.values().iter().any(is_https)
}

/// As it stands in the file.
pub(super) fn said(one: &Directive) -> String {
    one.words.join(" ")
}

/// Directives with those in their blocks.
pub(super) fn flat(block: &[Directive]) -> Vec<&Directive> {
    let inner = |one| {
        let mut all = vec![one];
        all.extend(flat(Directive::children(one)));
        all
    };
    block.iter().flat_map(inner).collect()
}

/// The directives at the top, and those in `http`.
pub(super) fn with_http(all: &[Directive]) -> impl Iterator<Item = &Directive> {
    let http = all.iter().filter(|one| one.name() == "http");
    all.iter().chain(http.flat_map(Directive::children))
}
