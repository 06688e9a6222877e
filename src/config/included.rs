//! What included files say, added to the draft of the file that includes them: lists grow, in the order
//! of the files. Each file's keys are its own, so that what is wrong is said with file, line and column.
//!
//! Only what several owners would each bring may stand there: Harbors, their mirrors, identities and
//! canaries, networks and rules. What there is once for the whole gateway (listeners, limits, trusted
//! proxies, logs, `include` itself) stays with the one who runs it, in one file.

use super::canary::{CANARIES, Canary};
use super::document::{Node, YamlTable};
use super::files::{self, Machine};
use super::identity::{IDENTITIES, Identity};
use super::include::{Included, is_of, joined, parts};
use super::mirror::{MIRRORS, Mirror};
use super::networks::{NamedNetworks, Networks, NetworksRule};
use super::problem::{Complaint, Key, Keyed, Problem, Problems, Shown, Source};
use super::registry::{REGISTRIES, Registry};
use super::root::{Config, DraftConfig};
use super::rules::{RULES, RequestRule};
use super::table::read_key;
use super::warning::Warning;
use super::yaml::{self, ValuesLeft};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Declares what may stand in an included file, a key in a row: the field of the draft that it adds to, its
/// type and its rule.
macro_rules! may_be_included {
    ($($key:literal adds to $field:ident: $type:ty = $rule:expr;)*) => {
        pub(super) const KEYS: &[&str] = &[$($key),*];
        // Between two of them stands a comma.
        const ACCEPTED: &str = concat!("a table of " $(, $key,)", "*);

        fn add_keys(table: &YamlTable<'_>, draft: &mut DraftConfig, problems: &mut Problems) {
            $(
                let more = read_key::<$type>(table, $key, &$rule, false, problems);
                append(&mut draft.$field, more);
            )*
        }
    };
}

may_be_included! {
    "registries" adds to registries: Vec<Arc<Registry>> = REGISTRIES;
    "mirrors" adds to mirrors: Vec<Mirror> = MIRRORS;
    "identities" adds to identities: Vec<Arc<Identity>> = IDENTITIES;
    "canary" adds to canaries: Vec<Canary> = CANARIES;
    "networks" adds to networks: Networks = NetworksRule;
    "rules" adds to rules: Vec<RequestRule> = RULES;
}

/// One owner has one file, and a gateway has no thousand owners.
const MOST_FILES: usize = 500;
const EACH_IS_WATCHED: &str = "each of them is looked at every second";

/// So much text holds about as many values as a configuration may have.
const MOST_BYTES: u64 = 4 * files::MAX_BYTES;
const ALL_ARE_READ: &str = "each reload reads all of them";

/// A file that is to be read.
struct Found {
    /// Its absolute name.
    path: PathBuf,
    source: Source,
}

/// Reads the files that a draft names, and adds what they say to it.
pub(super) fn add(
    draft: &mut Keyed<DraftConfig>,
    values: &ValuesLeft,
    around: &Machine<'_>,
    problems: &mut Problems,
) -> Included {
    let mut reader = Reader {
        around,
        values,
        problems,
        included: Included::default(),
        bytes_left: MOST_BYTES,
    };
    let patterns = draft.value.include.take();
    for pattern in patterns.iter().flat_map(|list| &list.value) {
        for found in reader.find(pattern, &draft.key) {
            if !reader.included.files.contains(&found.path) {
                reader.read(&found, &pattern.key, &mut draft.value);
            }
        }
    }
    reader.included
}

struct Reader<'r, 'm> {
    around: &'r Machine<'m>,
    values: &'r ValuesLeft,
    problems: &'r mut Problems,
    included: Included,
    bytes_left: u64,
}

impl Reader<'_, '_> {
    /// The files that a pattern is of, sorted.
    fn find(&mut self, pattern: &Keyed<String>, main: &Key) -> Vec<Found> {
        let (below, names) = parts(&pattern.value);
        let directory = self.around.directory.join(below);
        let shown = main.file().and_then(Path::parent).unwrap_or(Path::new(""));
        let found = |name: &str| Found {
            path: directory.join(name),
            source: Source {
                file: joined(shown, below, name),
                directory: directory.clone(),
            },
        };
        if !names.contains('*') {
            return vec![found(names)];
        }
        if !self.included.directories.contains(&directory) {
            self.included.directories.push(directory.clone());
        }
        let listed = match (self.around.list)(&directory) {
            Ok(listed) => listed,
            Err(error) => {
                let (file, error) = (Shown::new(&pattern.value), error.to_string());
                let complaint = Complaint::Unreadable { file, error };
                self.problems.add(&pattern.key, complaint);
                return Vec::new();
            }
        };
        let own = main.file().and_then(Path::file_name);
        let own = own.filter(|_| below.is_empty());
        let others = listed.iter().filter(|name| Some(name.as_os_str()) != own);
        let others = others.filter_map(|name| name.to_str());
        let mut all: Vec<&str> = others.filter(|name| is_of(names, name)).collect();
        all.sort_unstable();
        if all.is_empty() {
            let text = format!("no file is called {}", pattern.value);
            let warning = Warning::new(&pattern.key, text);
            self.included.warnings.push(warning);
        }
        all.into_iter().map(found).collect()
    }

    /// Adds what a file says to the draft; `key` is that of its name.
    fn read(&mut self, found: &Found, key: &Key, draft: &mut DraftConfig) {
        let file = || Shown::new(&found.source.file.to_string_lossy());
        if self.included.files.len() == MOST_FILES {
            let (file, most, reason) = (file(), MOST_FILES, EACH_IS_WATCHED);
            let complaint = Complaint::TooManyFiles { file, most, reason };
            return self.problems.add(key, complaint);
        }
        self.included.files.push(found.path.clone());
        let bytes = match (self.around.read)(&found.path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let (file, error) = (file(), error.to_string());
                return self
                    .problems
                    .add(key, Complaint::Unreadable { file, error });
            }
        };
        let size = u64::try_from(bytes.len()).ok();
        let Some(left) = size.and_then(|size| self.bytes_left.checked_sub(size)) else {
            let most = bytesize::ByteSize(MOST_BYTES).display().iec().to_string();
            let (file, reason) = (file(), ALL_ARE_READ);
            let complaint = Complaint::TooLargeTogether { file, most, reason };
            return self.problems.add(key, complaint);
        };
        self.bytes_left = left;
        let root = Key::of_source(found.source.clone());
        match yaml::parse(&bytes, self.values) {
            Ok(document) => {
                let node = Node::root(root, &document);
                add_document(&node, draft, self.problems);
            }
            Err(flaw) => {
                let root = root.placed(flaw.at);
                let flaw = flaw.message;
                self.problems.add(&root, Complaint::NoDocument { flaw });
            }
        }
    }
}

/// Reads what may stand in an included file. An empty one says nothing: its owner has nothing yet.
fn add_document(node: &Node<'_>, draft: &mut DraftConfig, problems: &mut Problems) {
    if node.is_empty() {
        return;
    }
    let mut found = Problems::default();
    let table = node.table(KEYS, ACCEPTED, &mut found);
    problems.0.extend(found.0.into_iter().map(of_the_main_file));
    let Some(table) = table else {
        return;
    };
    let known = draft.networks.as_ref().map_or(0, |all| all.value.len());
    add_keys(&table, draft, problems);
    if let Some(networks) = &draft.networks {
        let (known, more) = networks.value.split_at(known);
        named_twice(known, more, problems);
    }
}

/// A key that the including file may have is no unknown one.
fn of_the_main_file(problem: Problem) -> Problem {
    let name = problem.key.bare().to_owned();
    match problem.complaint {
        Complaint::UnknownKey { accepted, .. } if Config::has(&name) => Problem {
            complaint: Complaint::NotInIncluded { accepted },
            ..problem
        },
        _ => problem,
    }
}

fn append<T>(into: &mut Option<Keyed<Vec<T>>>, more: Option<Keyed<Vec<T>>>) {
    match (into, more) {
        (Some(into), Some(more)) => into.value.extend(more.value),
        (into @ None, more) => *into = more,
        (Some(_), None) => {}
    }
}

/// What a reader of one file can't see: the name stands in another.
fn named_twice(known: &[NamedNetworks], more: &[NamedNetworks], problems: &mut Problems) {
    for (name, networks) in more {
        if let Some((_, first)) = known.iter().find(|(known, _)| known == name) {
            let (value, first) = (Shown::new(name), first.key.clone());
            problems.add(&networks.key, Complaint::Twice { value, first });
        }
    }
}
