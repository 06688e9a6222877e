//! Words that people type: which known one was meant.

/// The known word that was probably meant, by one rule for keys, names and values: at most two letters
/// off, and less than half of them; neither case nor the kind of dash counts.
pub(crate) fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    let typed = plain(typed);
    let off = |word: &&'k str| (strsim::levenshtein(&typed, &plain(word)), *word);
    let near = known.iter().map(off);
    let near = near.filter(|(off, word)| *off <= 2 && *off < word.len() / 2);
    near.min().map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_the_one_that_was_meant() {
        const KNOWN: &[&str] = &[
            "endpoints",
            "also_known_as",
            "tls",
            "health",
            "ui",
            "startsWith",
        ];
        for (typed, meant) in [
            ("endpoint", Some("endpoints")),
            ("Endpoints", Some("endpoints")),
            ("also-known-as", Some("also_known_as")),
            ("healht", Some("health")),
            ("starts_with", Some("startsWith")),
            ("STARTSWITH", Some("startsWith")),
            ("tsl", None),
            ("ca", None),
            ("un", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, KNOWN), meant, "{typed}");
        }
    }
}
