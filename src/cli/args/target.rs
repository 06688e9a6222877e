//! The registry as people type it, and the origins of inner hops.

use harbormouth::net::origin::Origin;

/// What clients type, read.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) origin: Origin,
    pub(super) port_is_typed: bool,
}

/// What people type, who leave out https:// and put a slash at the end.
pub(super) fn target(typed: &str) -> Result<Target, String> {
    let origin = if typed.contains("://") {
        inner(typed)
    } else {
        inner(&format!("https://{typed}"))
    }?;
    let port = format!(":{}", origin.port);
    Ok(Target {
        port_is_typed: typed.trim_end_matches('/').ends_with(&port),
        origin,
    })
}

pub(super) fn inner(typed: &str) -> Result<Origin, String> {
    let typed = typed.strip_suffix('/').unwrap_or(typed);
    Origin::parse(typed).map_err(|error| {
        format!("{error}; accepted is scheme://host[:port], such as https://hub.example.com (a repository goes to --repository)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_an_origin() {
        for (typed, meant) in [
            ("hub.example.com", ("https://hub.example.com", false)),
            ("Hub.Example.com/", ("https://hub.example.com", false)),
            ("hub.example.com:443/", ("https://hub.example.com", true)),
            (
                "hub.example.com:8443",
                ("https://hub.example.com:8443", true),
            ),
            ("http://10.0.0.5", ("http://10.0.0.5", false)),
            ("http://[::80]", ("http://[::80]", false)),
        ] {
            let read = target(typed).map(|read| (read.origin.to_string(), read.port_is_typed));
            assert_eq!(read, Ok((meant.0.to_owned(), meant.1)), "{typed}");
        }
    }
}
