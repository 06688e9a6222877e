//! The words of other proxies' configurations, and what has their place here: said where one of them
//! stands as a key, by `harbormouth import`, and in `docs/import.md`. They stand in `foreign_words.txt`;
//! here they are looked up.

use std::fmt;

const WORDS: &str = include_str!("foreign_words.txt");

/// What becomes of a word, as `foreign_words.txt` says it: `ours: KEY; …`, `not needed: …`, `can't: …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fate(&'static str);

impl Fate {
    /// The setting of ours, where it needs no remark.
    pub(crate) fn plainly_ours(self) -> Option<&'static str> {
        let ours = self.0.strip_prefix("ours: ")?;
        (!ours.contains(';')).then_some(ours)
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Words with one fate.
struct Row {
    /// Whose they are.
    speaker: &'static str,
    words: &'static str,
    fate: Fate,
}

impl Row {
    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.words.split(", ")
    }

    fn has(&self, word: &str) -> bool {
        let begins = |known: &str| known.ends_with(['.', '/']) && word.starts_with(known);
        self.words().any(|known| known == word || begins(known))
    }
}

/// All of them, in the order of the file.
fn rows() -> impl Iterator<Item = Row> {
    let lines = WORDS.lines().filter(|line| !line.starts_with('#'));
    lines
        .scan("", |speaker, line| {
            let section = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'));
            *speaker = section.unwrap_or(speaker);
            Some((*speaker, line))
        })
        .filter_map(|(speaker, line)| {
            let (words, fate) = line.split_once(" | ")?;
            let fate = Fate(fate);
            Some(Row {
                speaker,
                words,
                fate,
            })
        })
}

/// Whose word it is, and what becomes of it.
pub(crate) fn find(word: &str) -> Option<(&'static str, Fate)> {
    let row = rows().find(|row| row.has(word))?;
    Some((row.speaker, row.fate))
}

/// The same, of one product's words.
pub(crate) fn find_of(speaker: &str, word: &str) -> Option<Fate> {
    let mut of_it = rows().filter(|row| row.speaker == speaker);
    Some(of_it.find(|row| row.has(word))?.fate)
}

/// The rows of `docs/import.md`: whose words, the words, and what becomes of them.
pub fn foreign_words() -> Vec<[String; 3]> {
    let row = |row: Row| {
        let words: Vec<String> = row.words().map(|word| format!("`{word}`")).collect();
        [
            row.speaker.to_owned(),
            words.join(" "),
            row.fate.to_string(),
        ]
    };
    rows().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_word_has_one_fate_and_ours_are_settings() {
        let mut seen = BTreeSet::new();
        for row in rows() {
            for word in row.words() {
                assert!(seen.insert((row.speaker, word)), "{}: {word}", row.speaker);
            }
            let fate = row.fate.to_string();
            if let Some(ours) = fate.strip_prefix("ours: ") {
                let key = ours.split(';').next().unwrap();
                let page = super::super::report::page_of(key);
                assert!(page.ends_with(&format!("#{key}")), "{key}: {page}");
            } else {
                let known = ["not needed: ", "can't: "];
                assert!(known.iter().any(|begin| fate.starts_with(begin)), "{fate}");
            }
        }
        let lines = WORDS
            .lines()
            .filter(|line| !line.starts_with(['#', '[']) && !line.is_empty());
        assert_eq!(rows().count(), lines.count());
        let speakers: BTreeSet<&str> = rows().map(|row| row.speaker).collect();
        let known = [
            "HAProxy",
            "Harbor's chart",
            "Traefik",
            "ingress-nginx",
            "nginx",
        ];
        assert_eq!(Vec::from_iter(speakers), known);
    }

    #[test]
    fn a_word_is_found_by_itself_or_by_its_beginning() {
        for (word, speaker, told) in [
            (
                "client_max_body_size",
                "nginx",
                "not needed: bodies have no limit here",
            ),
            (
                "proxy-body-size",
                "ingress-nginx",
                "not needed: bodies have no limit here",
            ),
            (
                "expose.ingress.className",
                "Harbor's chart",
                "not needed: the chart's own Service is enough where expose.type is clusterIP",
            ),
            (
                "expose.ingress.hosts.core",
                "Harbor's chart",
                "ours: registries.public",
            ),
        ] {
            let found = find(word).map(|(speaker, fate)| (speaker, fate.to_string()));
            assert_eq!(found, Some((speaker, told.to_owned())), "{word}");
        }
        assert_eq!(find("endpoint"), None);
        assert_eq!(find("expose"), None);
    }
}
