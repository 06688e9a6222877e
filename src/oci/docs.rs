//! Where each reason, finding and setting is explained: the addresses that messages end with.

/// The address of a page, with `{page}` for its name. In the repository it is relative; a build for
/// somebody's users sets `HARBORMOUTH_DOCS`, such as `https://docs.example.com/{page}.html`.
const PAGE: &str = match option_env!("HARBORMOUTH_DOCS") {
    Some(page) => page,
    None => "docs/{page}.md",
};

/// The address of a page: `docs/configuration.md`.
pub(crate) fn page(name: &str) -> String {
    PAGE.replace("{page}", name)
}

/// The address of a word on a page: `docs/reasons.md#overloaded`.
pub(crate) fn address(page_name: &str, word: &str) -> String {
    format!("{}#{word}", page(page_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_ends_with_its_word() {
        let address = address("reasons", "overloaded");
        assert!(address.ends_with("#overloaded"), "{address}");
        assert!(
            address.contains("reasons") && !address.contains('{'),
            "{address}"
        );
    }
}
