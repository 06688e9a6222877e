//! What of a page is made from the code: held, or written anew by `make tables`.

use std::fs;
use std::path::Path;

pub fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// Holds the part of a page that is made from the code; `make tables` writes it.
pub fn hold(file: &str, name: &str, expected: &str) {
    let begin = format!("<!-- generated: {name} -->\n\n");
    let end = format!("\n\n<!-- end: {name} -->");
    hold_lines(file, &begin, &end, expected);
}

/// The same between two texts that stand there.
pub fn hold_lines(file: &str, begin: &str, end: &str, expected: &str) {
    let text = read(file);
    let parts = text
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) = parts.unwrap_or_else(|| panic!("{file} has no part {begin}"));
    hold_page(file, &format!("{before}{begin}{expected}{end}{after}"));
}

/// Holds a whole page.
pub fn hold_page(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("WRITE_TABLES").is_some() {
        fs::write(path, expected).unwrap();
        return;
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        text, expected,
        "{file} isn't as the code is: `make tables` writes it anew"
    );
}

pub fn table<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    let row = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        row(&header.map(str::to_owned)),
        format!("|{}", "---|".repeat(COLUMNS)),
    ];
    lines.extend(rows.map(|cells| row(&cells)));
    lines.join("\n")
}
