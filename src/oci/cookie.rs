//! Set-Cookie (RFC 6265, 4.1): `Secure` for cookies that leave over https.
//!
//! Harbor behind plain HTTP doesn't know that its client came over https. What this file
//! deliberately doesn't know: which cookies may leave at all.

/// The field value with `Secure` added; none if it has it.
pub fn secure_cookie(value: &str) -> Option<String> {
    let mut attributes = value.split(';').skip(1);
    let is_secure = attributes.any(|attribute| {
        let name = attribute.split('=').next().unwrap_or("");
        name.trim().eq_ignore_ascii_case("secure")
    });
    if is_secure {
        return None;
    }
    let kept = value.trim_end_matches([' ', '\t', ';']);
    Some(format!("{kept}; Secure"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secure_is_added_once() {
        for (value, expected) in [
            (
                "sid=a01f; Path=/; HttpOnly",
                Some("sid=a01f; Path=/; HttpOnly; Secure"),
            ),
            ("sid=a01f", Some("sid=a01f; Secure")),
            ("sid=a01f; Path=/; ", Some("sid=a01f; Path=/; Secure")),
            ("secure=1; Path=/", Some("secure=1; Path=/; Secure")),
            ("sid=secure", Some("sid=secure; Secure")),
            ("sid=a; Path=/secure", Some("sid=a; Path=/secure; Secure")),
            ("sid=; Path=/; Secure; Max-Age=0; HttpOnly", None),
            (
                "_gorilla_csrf=x; Path=/; HttpOnly; Secure; SameSite=Strict",
                None,
            ),
            ("sid=a;SECURE", None),
            ("sid=a; secure=", None),
        ] {
            assert_eq!(secure_cookie(value).as_deref(), expected, "{value}");
        }
    }
}
