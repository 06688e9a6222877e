//! Lists: tags, the catalog, referrers. Core answers these itself, with relative `Link`s.

use super::answer::{Answer, Voice, error, plain, set, text};
use super::core::{Core, Exchange};
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

const JSON: &str = "application/json; charset=utf-8";

impl Core {
    pub(super) fn tags(&self, exchange: &Exchange, repository: &str) -> Answer {
        if exchange.method != Method::GET {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let mut answer = plain(status, Voice::Registry, "Method not allowed");
            set(&mut answer, "allow", "GET");
            return answer;
        }
        let store = self.store();
        let Some(known) = store.repository(repository) else {
            let message = format!("repository {repository} not found");
            return error(StatusCode::NOT_FOUND, Voice::Core, "NOT_FOUND", &message);
        };
        let tags: Vec<&str> = known.tags.keys().map(String::as_str).collect();
        paged(
            exchange,
            &format!("/v2/{repository}/tags/list"),
            &tags,
            |page| {
                format!(
                    "{{\"name\":{},\"tags\":{}}}\n",
                    json!(repository),
                    json!(page)
                )
            },
        )
    }

    pub(super) fn catalog(&self, exchange: &Exchange) -> Answer {
        let store = self.store();
        let names: Vec<&str> = store.known_repositories().collect();
        paged(exchange, "/v2/_catalog", &names, |page| {
            format!("{{\"repositories\":{}}}\n", json!(page))
        })
    }

    pub(super) fn referrers(&self, exchange: &Exchange, repository: &str, digest: &str) -> Answer {
        let store = self.store();
        let wanted = exchange.query.get("artifactType");
        let mut found = Vec::new();
        let mut total = 0;
        for (own, manifest) in store
            .repository(repository)
            .iter()
            .flat_map(|r| &r.manifests)
        {
            if manifest.subject.as_deref() != Some(digest) {
                continue;
            }
            total += 1;
            if wanted.is_none_or(|wanted| wanted == manifest.artifact_type) {
                found.push(format!(
                    "{{\"mediaType\":{},\"digest\":\"{own}\",\"size\":{},\"artifactType\":{}}}",
                    json!(manifest.media_type),
                    manifest.body.len(),
                    json!(manifest.artifact_type)
                ));
            }
        }
        // An unknown subject has no list at all, an empty one has an empty list.
        let body = match total {
            0 => "{}\n".to_owned(),
            _ => format!(
                "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\
                 \"manifests\":[{}]}}\n",
                found.join(",")
            ),
        };
        let mut answer = text(StatusCode::OK, Voice::Core, JSON, body);
        set(&mut answer, "x-total-count", &total.to_string());
        if wanted.is_some() {
            set(&mut answer, "oci-filters-applied", "artifactType");
        }
        answer
    }
}

/// One page of a sorted list, and the Link to the next.
fn paged(
    exchange: &Exchange,
    path: &str,
    items: &[&str],
    body: impl Fn(&[&str]) -> String,
) -> Answer {
    let count = match exchange.query.get("n").map(str::parse::<usize>) {
        None => None,
        Some(Ok(count)) => Some(count),
        Some(Err(_)) => {
            let message = "the N must be a positive int type";
            return error(StatusCode::BAD_REQUEST, Voice::Core, "BAD_REQUEST", message);
        }
    };
    let last = exchange.query.get("last").unwrap_or_default();
    let rest = &items[items.partition_point(|item| *item <= last)..];
    let page = &rest[..count.map_or(rest.len(), |count| count.min(rest.len()))];
    let mut answer = text(StatusCode::OK, Voice::Core, JSON, body(page));
    if let (Some(count), Some(end)) = (count, page.last())
        && page.len() < rest.len()
    {
        let end = utf8_percent_encode(end, NON_ALPHANUMERIC).to_string();
        // Go leaves the unreserved characters as they are.
        let end = end
            .replace("%2D", "-")
            .replace("%2E", ".")
            .replace("%5F", "_");
        set(
            &mut answer,
            "link",
            &format!("<{path}?last={end}&n={count}>; rel=\"next\""),
        );
    }
    answer
}
