//! Which file's code names which other's items, read with `syn` from `src`: imports (grouped,
//! renamed and passed on), paths in expressions, types and patterns, and what stands in macros.
//! Code that only tests compile is left out. It knows no rule: see `directions`.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Meta, UseTree, Visibility};

/// A module's path from the crate's root: `["push", "tracker"]`. The command's modules stand below
/// `main`.
pub type Name = Vec<String>;

#[derive(Default)]
struct Module {
    /// Names that it imports or passes on, and what they mean.
    imports: BTreeMap<String, Name>,
    named: Vec<Named>,
}

struct Named {
    path: Name,
    /// `pub use`: a front page that lists it, not code that needs it.
    listed: bool,
}

pub struct Graph {
    modules: BTreeMap<Name, Module>,
    /// What is compiled without the tests.
    pub files: BTreeSet<PathBuf>,
}

pub static GRAPH: LazyLock<Graph> =
    LazyLock::new(|| Graph::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));

impl Graph {
    pub fn read(src: &Path) -> Self {
        let mut graph = Graph {
            modules: BTreeMap::new(),
            files: BTreeSet::new(),
        };
        graph.add_file(&src.join("lib.rs"), src, Name::new());
        graph.add_file(&src.join("main.rs"), src, vec!["main".to_owned()]);
        graph
    }

    /// Every top-level module, and what it imports of the others.
    pub fn top_level(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut tops: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, module) in &self.modules {
            let Some(from) = name.first() else { continue };
            let needs = tops.entry(from.clone()).or_default();
            for named in &module.named {
                // What is passed on by a third module is needed of both.
                for to in [&named.path, &self.defined_in(&named.path)] {
                    let to = to.first().map_or("lib", String::as_str);
                    if to != from
                        && (to == "lib" || self.modules.contains_key(&[to.to_owned()][..]))
                    {
                        needs.insert(to.to_owned());
                    }
                }
            }
        }
        tops
    }

    /// Each module and each one that it names, as it is written and where it is defined.
    pub fn imports(&self) -> BTreeSet<(String, String)> {
        let mut pairs = BTreeSet::new();
        for (from, module) in &self.modules {
            for named in &module.named {
                for to in [self.module_of(&named.path), self.defined_in(&named.path)] {
                    if !to.is_empty() {
                        pairs.insert((from.join("::"), to.join("::")));
                    }
                }
            }
        }
        pairs
    }

    /// The longest beginning of a path that is a module.
    fn module_of(&self, path: &[String]) -> Name {
        let lengths = (0..=path.len()).rev();
        let mut modules = lengths.map(|length| &path[..length]);
        let found = modules.find(|module| self.modules.contains_key(*module));
        found.unwrap_or_default().to_vec()
    }

    /// What each module below a top-level one needs of its neighbours there.
    pub fn inside(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, module) in &self.modules {
            let needs = all.entry(name.join("::")).or_default();
            for named in module.named.iter().filter(|named| !named.listed) {
                let to = self.defined_in(&named.path);
                if to != *name && to.first() == name.first() {
                    needs.insert(to.join("::"));
                }
            }
        }
        all
    }

    /// The module that an item's path leads to in the end, through whatever passes it on.
    fn defined_in(&self, path: &[String]) -> Name {
        let mut at = Name::new();
        for (index, segment) in path.iter().enumerate() {
            let mut child = at.clone();
            child.push(segment.clone());
            if self.modules.contains_key(&child) {
                at = child;
                continue;
            }
            let imported = self.modules.get(&at).and_then(|it| it.imports.get(segment));
            return match imported {
                Some(meant) if meant != &path[..=index] => {
                    let rest = path[index + 1..].iter().cloned();
                    self.defined_in(&meant.iter().cloned().chain(rest).collect::<Name>())
                }
                _ => at,
            };
        }
        at
    }

    fn add_file(&mut self, file: &Path, folder: &Path, name: Name) {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        if parsed.attrs.iter().any(only_in_tests) {
            return;
        }
        self.files.insert(file.to_owned());
        self.add(parsed.items, folder, name);
    }

    /// `folder`: where the files of its children are.
    fn add(&mut self, items: Vec<Item>, folder: &Path, name: Name) {
        let mut children = Vec::new();
        let mut own = Vec::new();
        for item in items {
            match item {
                Item::Mod(child) if child.attrs.iter().any(only_in_tests) => {}
                Item::Mod(child) => children.push(child),
                other => own.push(other),
            }
        }
        let mut reader = Reader {
            children: children.iter().map(|it| it.ident.to_string()).collect(),
            name: name.clone(),
            module: Module::default(),
        };
        // Imports first: paths are read by them.
        for pass in [Pass::Imports, Pass::Paths] {
            let mut visitor = InPass {
                reader: &mut reader,
                pass,
            };
            for item in &own {
                visitor.visit_item(item);
            }
        }
        self.modules.insert(name.clone(), reader.module);
        for child in children {
            self.add_child(child, folder, &name);
        }
    }

    fn add_child(&mut self, child: ItemMod, folder: &Path, parent: &[String]) {
        let ident = child.ident.to_string();
        let mut name = parent.to_vec();
        name.push(ident.clone());
        let below = folder.join(&ident);
        match child.content {
            Some((_, items)) => self.add(items, &below, name),
            None => self.add_file(&module_file(folder, &ident), &below, name),
        }
    }
}

fn module_file(folder: &Path, ident: &str) -> PathBuf {
    let beside = folder.join(format!("{ident}.rs"));
    if beside.exists() {
        beside
    } else {
        folder.join(ident).join("mod.rs")
    }
}

/// `#[cfg(test)]`, alone or with others that all have to hold.
pub fn only_in_tests(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    let condition = list.tokens.to_string();
    list.path.is_ident("cfg")
        && (condition == "test"
            || condition.starts_with("all")
                && condition
                    .split(|letter: char| !letter.is_alphanumeric())
                    .any(|word| word == "test"))
}

#[derive(Clone, Copy, PartialEq)]
enum Pass {
    Imports,
    Paths,
}

struct Reader {
    name: Name,
    children: BTreeSet<String>,
    module: Module,
}

impl Reader {
    /// A path as it is written here, from the crate's root; `None`: of another crate, or a local name.
    fn absolute(&self, written: &[String]) -> Option<Name> {
        let krate = || match self.name.first().map(String::as_str) {
            Some("main") => vec!["main".to_owned()],
            _ => Name::new(),
        };
        let mut rest = written;
        let mut at = match written.first()?.as_str() {
            "crate" => {
                rest = &rest[1..];
                krate()
            }
            "harbormouth" if self.name.first().is_some_and(|it| it == "main") => {
                rest = &rest[1..];
                Name::new()
            }
            "self" if written.len() > 1 => {
                rest = &rest[1..];
                self.name.clone()
            }
            "super" => {
                let mut at = self.name.clone();
                while rest.first().is_some_and(|it| it == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
                at
            }
            first => match self.module.imports.get(first) {
                Some(meant) => {
                    rest = &rest[1..];
                    meant.clone()
                }
                None if written.len() > 1 && self.children.contains(first) => self.name.clone(),
                None => return None,
            },
        };
        at.extend(rest.iter().cloned());
        Some(at)
    }

    fn name_path(&mut self, written: &[String], listed: bool) {
        if let Some(path) = self.absolute(written) {
            self.module.named.push(Named { path, listed });
        }
    }

    fn import(&mut self, tree: &UseTree, before: &[String], listed: bool) {
        let after = |ident: &dyn ToString| {
            let mut path = before.to_vec();
            path.push(ident.to_string());
            path
        };
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &after(&path.ident), listed),
            UseTree::Name(name) if name.ident == "self" => {
                let called = before.last().cloned().unwrap_or_default();
                self.imported(called, before, listed);
            }
            UseTree::Name(name) => {
                self.imported(name.ident.to_string(), &after(&name.ident), listed);
            }
            UseTree::Rename(name) => {
                self.imported(name.rename.to_string(), &after(&name.ident), listed);
            }
            UseTree::Glob(_) => self.name_path(before, listed),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before, listed);
                }
            }
        }
    }

    fn imported(&mut self, called: String, path: &[String], listed: bool) {
        // Of another crate, or a child by its bare name.
        let child = path.len() == 1 && self.children.contains(&path[0]);
        if let Some(path) = self.absolute(path).filter(|_| !child) {
            self.module.named.push(Named {
                path: path.clone(),
                listed,
            });
            self.module.imports.insert(called, path);
        }
    }

    fn in_macro(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        // `pub(super)` names who may see it.
        let is_visibility =
            matches!(&path[..], [only] if ["crate", "super"].contains(&only.as_str()));
        if !is_visibility {
            self.name_path(&path, false);
        }
    }

    /// Macros are read as what they are written with.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.in_macro(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    let joined = colons == 0 && punct.spacing() == Spacing::Joint || colons == 1;
                    colons = if joined { colons + 1 } else { 0 };
                }
                TokenTree::Group(group) => {
                    self.in_macro(&mut path);
                    colons = 0;
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.in_macro(&mut path);
                    colons = 0;
                }
            }
        }
        self.in_macro(&mut path);
    }
}

struct InPass<'a> {
    reader: &'a mut Reader,
    pass: Pass,
}

impl<'ast> Visit<'ast> for InPass<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !item_attributes(item).iter().any(only_in_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Fn(item) => &item.attrs[..],
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        if !attributes.iter().any(only_in_tests) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if self.pass == Pass::Imports {
            let listed = !matches!(item.vis, Visibility::Inherited);
            self.reader.import(&item.tree, &[], listed);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if self.pass == Pass::Paths {
            let written: Vec<String> = path
                .segments
                .iter()
                .map(|it| it.ident.to_string())
                .collect();
            self.reader.name_path(&written, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(in crate::…)` names who may see it, not what it needs.
    }

    fn visit_macro(&mut self, macro_: &'ast syn::Macro) {
        if self.pass == Pass::Paths {
            self.reader.tokens(macro_.tokens.clone());
        }
        visit::visit_macro(self, macro_);
    }
}

pub fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The groups of two and more that need each other, each sorted.
pub fn circles(needs: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = needs
        .keys()
        .map(|from| (from.as_str(), reached_from(needs, from)))
        .collect();
    let mut found = BTreeSet::new();
    for (from, reach) in &reached {
        let circle: Vec<String> = reach
            .iter()
            .filter(|to| reached.get(*to).is_some_and(|back| back.contains(from)))
            .map(|to| (*to).to_owned())
            .collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

fn reached_from<'a>(
    needs: &'a BTreeMap<String, BTreeSet<String>>,
    from: &'a str,
) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for next in needs.get(at).into_iter().flatten() {
            if reached.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    reached
}
