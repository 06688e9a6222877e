//! Texts from the data files, with values where `<something>` stands in them. Unknown here: what the
//! texts are about.

/// The text with each place filled that there is a value for. A value that looks like a place itself,
/// as anything from outside may, stays as it is.
pub(super) fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        filled.push_str(before);
        let place = behind.split_once('>');
        match place.and_then(|(name, after)| Some((value(name)?, after))) {
            Some((value, after)) => {
                filled.push_str(&value);
                rest = after;
            }
            None => {
                filled.push('<');
                rest = behind;
            }
        }
    }
    filled + rest
}

/// The places of a text.
#[cfg(test)]
pub(super) fn places(text: &str) -> std::collections::BTreeSet<&str> {
    let parts = text.split('<').skip(1);
    parts
        .filter_map(|part| Some(part.split_once('>')?.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once() {
        let value = |name: &str| match name {
            "host" => Some("a <port>".to_owned()),
            "port" => Some("443".to_owned()),
            _ => None,
        };
        for (text, expected) in [
            ("", ""),
            ("<host>:<port>", "a <port>:443"),
            ("<html> at <port>", "<html> at 443"),
            ("a < b, <port", "a < b, <port"),
            ("<<port>>", "<443>"),
        ] {
            assert_eq!(filled(text, value), expected, "{text}");
        }
    }
}
