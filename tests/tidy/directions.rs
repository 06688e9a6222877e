//! Imports between modules: they follow the layers that `src/lib.rs` draws, and there are no cycles,
//! neither between modules nor between the files of one module.

use crate::graph::{GRAPH, Graph, circles};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules, layer by layer: each imports only what stands before it, in its own layer too.
pub const LAYERS: [(&str, &[&str]); 8] = [
    ("pure", PURE),
    ("system", SYSTEM),
    ("settings", &["config"]),
    ("observed", &["observe"]),
    ("shared", &["runtime", "acme"]),
    ("the request", &["listener", "proxy"]),
    ("apart", &["testing", "doctor", "import", "sizing"]),
    ("assembly", &["server", "main"]),
];

const PURE: &[&str] = &[
    "epoch",
    "str_enum",
    "nearest",
    "net",
    "tickets",
    "oci",
    "oidc",
    "filter",
    "condition",
];
const SYSTEM: &[&str] = &["system"];

/// Rooms, and parts of rooms, that import less than their place allows: beside themselves only this.
const NARROW: [(&str, &[&[&str]]); 4] = [
    ("observe::push", &[PURE]),
    ("testing", &[PURE, SYSTEM]),
    ("doctor", &[PURE, SYSTEM]),
    (
        "doctor::canary",
        &[
            PURE,
            SYSTEM,
            &[
                "doctor",
                "config",
                "observe::metrics",
                "observe::push",
                "runtime",
            ],
        ],
    ),
];

#[test]
fn every_module_imports_only_what_stands_before_it() {
    let order: Vec<&str> = LAYERS
        .iter()
        .flat_map(|(_, modules)| *modules)
        .copied()
        .collect();
    let imports = GRAPH.top_level();
    let modules: BTreeSet<&str> = imports.keys().map(String::as_str).collect();
    assert_eq!(
        modules,
        order.iter().copied().collect(),
        "each module has one place in LAYERS"
    );
    let place = |module: &str| order.iter().position(|it| *it == module);
    let against: BTreeSet<(&str, &str)> = imports
        .iter()
        .flat_map(|(from, needs)| needs.iter().map(|to| (from.as_str(), to.as_str())))
        .filter(|(from, to)| place(to) > place(from))
        .collect();
    assert!(
        against.is_empty(),
        "imports against the layers: {against:?}"
    );
}

#[test]
fn what_stands_apart_imports_little() {
    let imports = GRAPH.imports();
    let mut seen = BTreeSet::new();
    let mut against = BTreeSet::new();
    for (from, to) in &imports {
        let rows = NARROW.iter().filter(|(room, _)| is_within(from, room));
        let Some((room, allowed)) = rows.max_by_key(|(room, _)| room.len()) else {
            continue;
        };
        seen.insert(*room);
        let mut allowed = allowed.iter().copied().flatten().chain([room]);
        if !allowed.any(|it| is_within(to, it)) {
            against.insert(format!("{from} needs {to}"));
        }
    }
    assert_eq!(seen.len(), NARROW.len(), "each room of NARROW is there");
    assert!(against.is_empty(), "against NARROW: {against:#?}");
}

/// Whether a module is the room, or stands in it.
fn is_within(module: &str, room: &str) -> bool {
    let rest = module.strip_prefix(room);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The layers, one a line.
pub fn drawn(before_each: &str) -> String {
    let widest = LAYERS.iter().map(|(layer, _)| layer.len()).max().unwrap();
    LAYERS
        .iter()
        .map(|(layer, modules)| format!("{before_each}{layer:widest$}  {}\n", modules.join(" ")))
        .collect()
}

#[test]
fn the_front_page_draws_the_layers() {
    let drawn = format!("//! ```text\n{}//! ```\n", drawn("//! "));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    assert!(
        fs::read_to_string(page).unwrap().contains(&drawn),
        "the layers in src/lib.rs, as they should be:\n{drawn}"
    );
}

#[test]
fn files_of_a_module_go_in_no_circles() {
    let needs = GRAPH.inside();
    let found = circles(&needs);
    let found: Vec<String> = found
        .iter()
        .map(|circle| described(circle, &needs))
        .collect();
    let found = found.join("\n");
    assert!(found.is_empty(), "circles between files:\n{found}");
}

fn described(circle: &[String], needs: &BTreeMap<String, BTreeSet<String>>) -> String {
    circle
        .iter()
        .map(|file| {
            let within = needs[file].iter().filter(|to| circle.contains(to));
            let within: Vec<&str> = within.map(String::as_str).collect();
            format!("  {file} needs {}\n", within.join(", "))
        })
        .collect()
}

/// The reader of the graph sees what a search for words would miss.
#[test]
fn imports_are_seen_however_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "lib.rs",
        "pub mod a; pub mod b; pub mod c; pub mod d; #[cfg(test)] mod tests;",
    );
    write("main.rs", "mod args; use harbormouth::a::A;");
    write("main/args.rs", "");
    write("args.rs", "fn f() { harbormouth::b::f(); }");
    write(
        "a.rs",
        "mod x; mod y; pub use x::X; pub struct A; fn f(_: y::Y) {}",
    );
    write("a/x.rs", "pub struct X(super::A);");
    write(
        "a/y.rs",
        "pub struct Y(super::X); use super::super::c as other; fn f() { other::f() }",
    );
    write(
        "b/mod.rs",
        "use crate::{a::{self, X}, c}; fn f(_: crate::d::D) { c::f() }\n\
         #[cfg(test)] mod tests { use crate::b::Gone; } #[cfg(test)] fn g() { crate::main::f() }",
    );
    write(
        "c.rs",
        "pub fn f() { format!(\"{}\", crate::d::NAME); } impl C { #[cfg(test)] fn g(_: crate::a::A) {} }",
    );
    write(
        "d.rs",
        "macro_rules! m { () => { $crate::a::A } } fn f() { let a = 1; a + 1 }",
    );
    let graph = Graph::read(folder.path());
    let shown = |needs: BTreeMap<String, BTreeSet<String>>| -> Vec<String> {
        needs
            .into_iter()
            .filter(|(_, needs)| !needs.is_empty())
            .map(|(from, to)| format!("{from}: {}", to.into_iter().collect::<Vec<_>>().join(" ")))
            .collect()
    };
    assert_eq!(
        shown(graph.top_level()),
        ["a: c", "b: a c d", "c: d", "d: a", "main: a b"]
    );
    assert_eq!(shown(graph.inside()), ["a: a::y", "a::x: a", "a::y: a::x"]);
    assert_eq!(circles(&graph.top_level()), [["a", "c", "d"]]);
    assert_eq!(circles(&graph.inside()), [["a", "a::x", "a::y"]]);
}
