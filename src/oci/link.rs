//! Link (RFC 8288): the next page of tags, of the catalog or of the API, made path-absolute.
//!
//! Each target is judged like a Location; parameters and everything else stay byte for byte.

use super::location::{LocationContext, LocationRepair, repair_location};
use super::routing::Naming;

/// A Link field with its targets made relative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRepair<'v> {
    pub value: String,
    /// The first authority that nobody configured.
    pub(crate) unknown: Option<&'v str>,
}

/// Repairs every link in one field value; none if all are right or the value can't be read.
pub fn repair_link<'v>(value: &'v str, reply: &LocationContext<'_>) -> Option<LinkRepair<'v>> {
    // A link is a place, not a redirect: it is judged as if the answer were 200.
    let reply = LocationContext {
        status: 200,
        ..*reply
    };
    let mut repaired = String::new();
    let mut unknown_authority = None;
    let mut copied = 0;
    for (start, end) in targets(value)? {
        let verdict = repair_location(&value.as_bytes()[start..end], &reply);
        if let LocationRepair::Relative {
            value: relative,
            unknown,
            ..
        } = verdict
        {
            repaired.push_str(&value[copied..start]);
            repaired.push_str(&relative);
            copied = end;
            unknown_authority = unknown_authority.or(unknown);
        }
    }
    if copied == 0 {
        return None;
    }
    repaired.push_str(&value[copied..]);
    Some(LinkRepair {
        value: repaired,
        unknown: unknown_authority,
    })
}

/// The field with the targets of its links in the names of a mirror, where they are other ones.
pub(crate) fn rename_link(value: &str, naming: &Naming) -> Option<String> {
    let mut renamed = String::new();
    let mut copied = 0;
    for (start, end) in targets(value)? {
        if let Some(here) = naming.path_here(&value[start..end]) {
            renamed.push_str(&value[copied..start]);
            renamed.push_str(&here);
            copied = end;
        }
    }
    if copied == 0 {
        return None;
    }
    renamed.push_str(&value[copied..]);
    Some(renamed)
}

/// Where the texts between `<` and `>` stand, outside quoted parameters.
fn targets(value: &str) -> Option<Vec<(usize, usize)>> {
    let bytes = value.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'<' => {
                let end = at + 1 + bytes[at + 1..].iter().position(|&b| b == b'>')?;
                found.push((at + 1, end));
                at = end;
            }
            b'"' => at = quoted_end(bytes, at)?,
            _ => at += 1,
        }
    }
    Some(found)
}

/// The position behind the quoted string that begins at `start` (RFC 9110, 5.6.4).
pub(super) fn quoted_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::origin::Origin;
    use crate::oci::authorities::KnownAuthorities;
    use crate::oci::operation::Operation;

    fn repair(value: &str, operation: Operation) -> Option<(String, Option<&str>)> {
        repair_of(200, value, operation)
    }

    fn repair_of(status: u16, value: &str, operation: Operation) -> Option<(String, Option<&str>)> {
        let origins = ["https://hub.example.com", "http://harbor.internal"]
            .map(|text| Origin::parse(text).unwrap());
        let known = KnownAuthorities::new(&origins);
        let reply = LocationContext {
            operation,
            status,
            public: &origins[0],
            known: &known,
        };
        repair_link(value, &reply).map(|link| (link.value, link.unknown))
    }

    #[test]
    fn links_become_relative() {
        for (value, expected, unknown) in [
            (
                r#"<http://harbor.internal/v2/_catalog?last=b%2Fx&n=1>; rel="next""#,
                r#"</v2/_catalog?last=b%2Fx&n=1>; rel="next""#,
                None,
            ),
            (
                r#"<https://hub.example.com:443/v2/a>; title="<x, \"y>"; rel=next, <http://b.test/v2/b>;rel="prev""#,
                r#"</v2/a>; title="<x, \"y>"; rel=next, </v2/b>;rel="prev""#,
                Some("b.test"),
            ),
            (
                r#"</v2/a>, <http://harbor.internal/v2/b>"#,
                r#"</v2/a>, </v2/b>"#,
                None,
            ),
            (
                r#"<http://harbor.internal/v2/a">; rel="next""#,
                r#"</v2/a">; rel="next""#,
                None,
            ),
        ] {
            let found = repair(value, Operation::Catalog);
            assert_eq!(found, Some((expected.to_owned(), unknown)), "{value}");
        }
        for (value, expected) in [
            (
                "<http://harbor.internal/api/v2.0/projects?page=2>",
                "</api/v2.0/projects?page=2>",
            ),
            ("<http://harbor.internal>", "</>"),
        ] {
            let found = repair(value, Operation::Api);
            assert_eq!(found, Some((expected.to_owned(), None)), "{value}");
        }
    }

    #[test]
    fn a_link_beside_a_redirect_is_no_redirect() {
        let value = "<http://b.test/v2/b>; rel=next";
        for status in [200, 302, 307] {
            let found = repair_of(status, value, Operation::Tags);
            let expected = ("</v2/b>; rel=next".to_owned(), Some("b.test"));
            assert_eq!(found, Some(expected), "{status}");
        }
    }

    #[test]
    fn what_is_right_or_unreadable_stays() {
        for (value, operation) in [
            (
                r#"</v2/lab/rec-c/tags/list?last=idx&n=1>; rel="next""#,
                Operation::Tags,
            ),
            (
                r#"<https://docs.example.com/x>; rel="help""#,
                Operation::Api,
            ),
            ("", Operation::Tags),
            ("<http://harbor.internal/v2/a", Operation::Tags),
            (
                r#"<http://harbor.internal/v2/a>; rel="next"#,
                Operation::Tags,
            ),
            (r#"x="\"#, Operation::Tags),
        ] {
            assert_eq!(repair(value, operation), None, "{value}");
        }
    }
}
