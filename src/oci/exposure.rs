//! Which part of Harbor a path belongs to, and which parts are never public.
//!
//! Reads normal paths only (see `net::path`). What this file deliberately doesn't know: what an
//! operator exposes, and which operation a path is.

use crate::str_enum::str_enum;

/// A part of Harbor, as far as publicity goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exposure {
    /// `/v2/` and `/service/token`: what registry clients need.
    Registry,
    /// `/api/`.
    Api,
    /// The portal and `/c/`: everything that is nothing else.
    Ui,
    /// Harbor's own business, answered with 404 whatever is configured.
    Never,
}

str_enum! {
    /// The parts of Harbor that can be public.
    #[derive(Hash)]
    pub enum Surface {
        /// What registry clients use: `/v2/` and the token service.
        Registry "registry",
        /// Harbor's API.
        Api "api",
        /// Harbor's portal, and everything that is nothing else.
        Ui "ui",
    }
}

impl Exposure {
    /// None of what is never public.
    pub(crate) fn surface(self) -> Option<Surface> {
        match self {
            Exposure::Registry => Some(Surface::Registry),
            Exposure::Api => Some(Surface::Api),
            Exposure::Ui => Some(Surface::Ui),
            Exposure::Never => None,
        }
    }
}

/// The part of Harbor that a normal path belongs to.
///
/// What is never public is matched without case and up to a path parameter or an escape, though
/// Harbor's own routes are exact: refusing more costs nothing here.
pub fn exposure(path: &str) -> Exposure {
    let mut segments = path.trim_start_matches('/').splitn(3, '/');
    let first = segments.next().unwrap_or("");
    let second = segments.next().unwrap_or("");
    let is_first = |name: &str| plain_part(first).eq_ignore_ascii_case(name);
    if matches!(path, "/service/token" | "/service/token/") {
        return Exposure::Registry;
    }
    if NEVER_FIRST.iter().any(|name| is_first(name)) {
        return Exposure::Never;
    }
    if is_first("api") && is_internal(second) {
        return Exposure::Never;
    }
    match first {
        "v2" => Exposure::Registry,
        "api" => Exposure::Api,
        _ => Exposure::Ui,
    }
}

/// `/service/notifications` and its kin, the registry protocol of 2013, and the paths under which
/// Harbor's components serve metrics and profiles on their own ports.
const NEVER_FIRST: [&str; 4] = ["service", "v1", "metrics", "debug"];

/// No API version needs an escape, so one here is an attempt at being decoded twice.
fn is_internal(segment: &str) -> bool {
    segment.contains('%') || plain_part(segment).eq_ignore_ascii_case("internal")
}

fn plain_part(segment: &str) -> &str {
    segment.split([';', '%']).next().unwrap_or(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_part() {
        for (path, part) in [
            ("/v2/", Exposure::Registry),
            ("/v2/lab/x/tags/list", Exposure::Registry),
            ("/v2/api/internal/tags/list", Exposure::Registry),
            ("/service/token", Exposure::Registry),
            ("/service/token/", Exposure::Registry),
            ("/service", Exposure::Never),
            ("/service/", Exposure::Never),
            ("/service/notifications", Exposure::Never),
            ("/service/notifications/tasks/1", Exposure::Never),
            ("/service/token/x", Exposure::Never),
            ("/service/token;x", Exposure::Never),
            ("/service;x/notifications", Exposure::Never),
            ("/service%3Bx/notifications", Exposure::Never),
            ("/Service/Notifications", Exposure::Never),
            ("/api/internal", Exposure::Never),
            ("/api/internal/configurations", Exposure::Never),
            ("/api/Internal/x", Exposure::Never),
            ("/api/internal;x", Exposure::Never),
            ("/API/internal", Exposure::Never),
            ("/api/%2569nternal", Exposure::Never),
            ("/v1", Exposure::Never),
            ("/v1/_ping", Exposure::Never),
            ("/metrics", Exposure::Never),
            ("/debug/pprof/heap", Exposure::Never),
            ("/api", Exposure::Api),
            ("/api/", Exposure::Api),
            ("/api/version", Exposure::Api),
            ("/api/v2.0/projects", Exposure::Api),
            ("/api/v2.0/internal", Exposure::Api),
            ("/api/internalconfig", Exposure::Api),
            ("/", Exposure::Ui),
            ("/c/login", Exposure::Ui),
            ("/c/oidc/callback", Exposure::Ui),
            ("/devcenter-api-2.0", Exposure::Ui),
            ("/harbor/projects", Exposure::Ui),
            ("/V2/", Exposure::Ui),
            ("/v2anything", Exposure::Ui),
            ("/services", Exposure::Ui),
        ] {
            assert_eq!(exposure(path), part, "{path}");
        }
    }
}
