//! A month as CSV (RFC 4180), for spreadsheets. Pure.

use super::month::Month;
use super::table::ProjectMonth;
use std::fmt::Write;
use std::time::SystemTime;

const HEADER: &str = "month,replica,registry,project,bytes_in,bytes_out,pulls,pushes,deletes,redirects,counted_from,counted_until";

/// One line.
pub(crate) struct CsvRow<'a> {
    pub(crate) registry: &'a str,
    pub(crate) project: &'a str,
    pub(crate) counted: ProjectMonth,
    /// Since when the registry is counted.
    pub(crate) since: SystemTime,
}

/// The file: who counted, what, and within which time. It ends now, unless the month is over.
pub(crate) fn csv(month: Month, replica: &str, rows: &[CsvRow<'_>], now: SystemTime) -> String {
    let mut text = format!("{HEADER}\r\n");
    let second = |time| humantime::format_rfc3339_seconds(time);
    let until = second(now.min(month.next().begins()));
    for row in rows {
        let ProjectMonth {
            received,
            sent,
            pulls,
            pushes,
            deletes,
            redirects,
        } = row.counted;
        let from = second(row.since.max(month.begins()));
        let (replica, registry, project) = (cell(replica), cell(row.registry), cell(row.project));
        // Writing to a String never fails.
        let _ = write!(
            text,
            "{month},{replica},{registry},{project},{received},{sent},{pulls},{pushes},{deletes},{redirects},{from},{until}\r\n"
        );
    }
    text
}

/// A text that no spreadsheet takes for a formula, quoted where it has to be.
fn cell(text: &str) -> String {
    // What begins so is calculated, whether it is quoted or not (OWASP: CSV injection).
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    let guarded = format!("{guard}{text}");
    if guarded.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_says_who_counted_and_since_when() {
        let time = |text| humantime::parse_rfc3339(text).unwrap();
        let counted = ProjectMonth {
            received: 1,
            sent: 2,
            pulls: 3,
            pushes: 4,
            deletes: 5,
            redirects: 6,
        };
        let row = |project, since| CsvRow {
            registry: "hq",
            project,
            counted,
            since: time(since),
        };
        let rows = [
            row("lab", "2026-10-02T03:04:05Z"),
            row("_other", "2026-11-02T03:04:05Z"),
        ];
        let month = Month::parse("2026-11").unwrap();
        let text = csv(month, "gw-1", &rows, time("2026-11-29T12:00:00.5Z"));
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines,
            [
                HEADER,
                "2026-11,gw-1,hq,lab,1,2,3,4,5,6,2026-11-01T00:00:00Z,2026-11-29T12:00:00Z",
                "2026-11,gw-1,hq,_other,1,2,3,4,5,6,2026-11-02T03:04:05Z,2026-11-29T12:00:00Z",
                "",
            ]
        );
        let later = csv(month, "gw-1", &rows[..1], time("2027-02-01T00:00:00Z"));
        assert!(
            later.ends_with(",2026-11-01T00:00:00Z,2026-12-01T00:00:00Z\r\n"),
            "{later}"
        );
    }

    #[test]
    fn a_cell_is_neither_two_nor_a_formula() {
        for (text, expected) in [
            ("lab", "lab"),
            ("ml-research", "ml-research"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            (
                "=HYPERLINK(\"http://evil\",\"x\")",
                "\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\"",
            ),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
