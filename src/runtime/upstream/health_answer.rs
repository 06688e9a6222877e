//! What the answer to a health probe means, in the words of whoever has to change something. Pure.

use super::endpoint::Endpoint;
use super::fetch::Answer;
use crate::net::origin::Scheme;
use crate::oci::docs;
use http::header::LOCATION;

/// More than an address of Harbor has; what comes is anybody's text, and goes into a log.
const LONGEST_LOCATION: usize = 200;

/// Healthy is any 2xx.
///
/// # Errors
/// What the answer says, and what is probably wrong.
pub(super) fn judge(endpoint: &Endpoint, answer: &Answer) -> Result<(), String> {
    let asked = &endpoint.health.path;
    let host = endpoint.asked_as.authority();
    let is_http = endpoint.origin.scheme == Scheme::Http;
    let status = answer.status().as_u16();
    let said = format!("{asked} answered {status}");
    // It leads from Harbor's Helm chart to the endpoint.
    let page = docs::page("harbor-helm");
    let location = answer.headers().get(LOCATION);
    let location = location.and_then(|it| it.to_str().ok()).map(shown);
    match (status, location) {
        (200..=299, _) => Ok(()),
        (300..=399, Some(to)) if is_http && to.starts_with("https://") => Err(format!(
            "{said} with Location {to}: it wants https, and this endpoint is http. Name the port that \
             speaks https, or let Harbor speak plain HTTP to the gateway ({page})"
        )),
        (300..=399, Some(to)) => Err(format!(
            "{said} with Location {to}: the scheme or port of this endpoint isn't Harbor's own; the \
             gateway follows no redirect ({page})"
        )),
        (404, _) => Err(format!(
            "{said}: an ingress controller, perhaps, that doesn't know the host {host}; or this isn't \
             Harbor ({page})"
        )),
        _ => Err(said),
    }
}

/// Without what may hold a secret, and no longer than an address is.
fn shown(location: &str) -> &str {
    let end = location.find(['?', '#']).unwrap_or(location.len());
    let location = &location[..end];
    location.get(..LONGEST_LOCATION).unwrap_or(location)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Health, Timeouts, Upstream};
    use crate::net::origin::Origin;
    use std::time::Duration;

    fn judged(endpoint: &str, status: u16, location: Option<&str>) -> Result<(), String> {
        let endpoint = Origin::parse(endpoint).unwrap();
        let public = Origin::parse("https://hub.example.com").unwrap();
        let upstream = Upstream {
            endpoints: vec![endpoint.clone()],
            also_known_as: Vec::new(),
            tls: Default::default(),
            health: Health {
                path: "/api/v2.0/ping".into(),
                interval: Duration::from_secs(5),
            },
        };
        let mut answer = Answer::default();
        *answer.status_mut() = status.try_into().unwrap();
        let location = location.map(|location| (LOCATION, location.parse().unwrap()));
        answer.headers_mut().extend(location);
        judge(
            &Endpoint::new(&endpoint, &public, &upstream, &Timeouts::DEFAULT),
            &answer,
        )
    }

    #[test]
    fn an_answer_says_what_to_change() {
        let to_https = Some("https://harbor.internal/api/v2.0/ping?token=secret");
        for (endpoint, status, location, said) in [
            (
                "http://harbor.harbor.svc",
                301,
                to_https,
                "/api/v2.0/ping answered 301 with Location https://harbor.internal/api/v2.0/ping: it \
                 wants https, and this endpoint is http. ",
            ),
            (
                "https://harbor.harbor.svc",
                302,
                Some("/login"),
                "answered 302 with Location /login: the scheme or port of this endpoint",
            ),
            (
                "http://harbor.harbor.svc",
                301,
                None,
                "/api/v2.0/ping answered 301",
            ),
            (
                "https://ingress.svc",
                404,
                None,
                "answered 404: an ingress controller, perhaps, that doesn't know the host \
                 hub.example.com; or",
            ),
            (
                "http://harbor.harbor.svc",
                502,
                None,
                "/api/v2.0/ping answered 502",
            ),
        ] {
            let found = judged(endpoint, status, location).unwrap_err();
            assert!(found.contains(said), "{found}");
            assert!(!found.contains("secret"), "{found}");
        }
        assert_eq!(judged("http://harbor.harbor.svc", 204, to_https), Ok(()));
    }

    #[test]
    fn a_location_is_bounded() {
        let long = format!("https://{}", "a".repeat(5000));
        let said = judged("http://harbor.harbor.svc", 301, Some(&long)).unwrap_err();
        assert!(said.len() < 500, "{said}");
    }
}
