//! The limits on the length of functions and files.

use crate::graph::{GRAPH, item_attributes, only_in_tests};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{ImplItemFn, Item, ItemFn, Signature, TraitItemFn};

const FUNCTION: usize = 60;
const FILE: usize = 300;

/// Files that are longer, and why.
const LONG_FILES: &[(&str, &str)] = &[("proxy/mod.rs", "the hooks of a request in their order")];

#[derive(Default)]
struct Sizes {
    /// Lines of unit tests.
    tests: BTreeSet<usize>,
    functions: Vec<(String, usize)>,
}

impl Sizes {
    /// From the signature to the last brace.
    fn function(&mut self, signature: &Signature, whole: proc_macro2::Span) {
        let lines = whole.end().line - signature.span().start().line + 1;
        self.functions.push((signature.ident.to_string(), lines));
    }
}

impl<'ast> Visit<'ast> for Sizes {
    fn visit_item(&mut self, item: &'ast Item) {
        if item_attributes(item).iter().any(only_in_tests) {
            let span = item.span();
            self.tests.extend(span.start().line..=span.end().line);
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function(&function.sig, function.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.function(&function.sig, function.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        self.function(&function.sig, function.span());
        visit::visit_trait_item_fn(self, function);
    }
}

/// The functions of a source file, and its lines of code: without comments, blank lines and unit
/// tests.
fn measured(path: &Path) -> (Vec<(String, usize)>, usize) {
    let text = fs::read_to_string(path).unwrap();
    let parsed = syn::parse_file(&text).unwrap();
    let mut sizes = Sizes::default();
    sizes.visit_file(&parsed);
    let is_code = |(index, line): &(usize, &str)| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("//") && !sizes.tests.contains(&(index + 1))
    };
    let lines = text.lines().enumerate().filter(is_code).count();
    (sizes.functions, lines)
}

#[test]
fn functions_and_files_are_read_in_one_sitting() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut long, mut known) = (Vec::new(), BTreeSet::new());
    for path in &GRAPH.files {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let (functions, lines) = measured(path);
        for (function, lines) in functions {
            if lines > FUNCTION {
                long.push(format!("{name}: {function}: {lines} lines"));
            }
        }
        if lines > FILE && LONG_FILES.iter().any(|(known, _)| *known == name) {
            known.insert(name);
        } else if lines > FILE {
            long.push(format!("{name}: {lines} lines"));
        }
    }
    assert!(long.is_empty(), "too long: {long:#?}");
    let stale = |(what, _): &&(&str, &str)| !known.contains(*what);
    let stale: Vec<_> = LONG_FILES.iter().filter(stale).collect();
    assert!(stale.is_empty(), "no longer too long: {stale:?}");
}
