//! Lists: tags, the catalog, referrers. Core answers these itself, with relative `Link`s.

use super::core::{Core, FakeExchange};
use super::response::{FakeResponse, JSON, ResponseExt, by_core, by_registry};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// Go leaves the unreserved characters as they are.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

impl Core {
    pub(super) fn tags(&self, exchange: &FakeExchange, repository: &str) -> FakeResponse {
        if exchange.method() != Method::GET {
            return by_registry(405)
                .plain("Method not allowed")
                .with("allow", "GET");
        }
        let store = self.store.lock();
        let Some(known) = store.repository(repository) else {
            let message = format!("repository {repository} not found");
            return by_core(404).error("NOT_FOUND", &message);
        };
        let tags: Vec<&str> = known.tags.keys().map(String::as_str).collect();
        let path = format!("/v2/{repository}/tags/list");
        paged(exchange, &path, &tags, |page| {
            let (name, tags) = (json!(repository), json!(page));
            format!("{{\"name\":{name},\"tags\":{tags}}}\n")
        })
    }

    pub(super) fn catalog(&self, exchange: &FakeExchange) -> FakeResponse {
        let store = self.store.lock();
        let names: Vec<&str> = store.known_repositories().collect();
        paged(exchange, "/v2/_catalog", &names, |page| {
            format!("{{\"repositories\":{}}}\n", json!(page))
        })
    }

    pub(super) fn referrers(
        &self,
        exchange: &FakeExchange,
        repository: &str,
        digest: &str,
    ) -> FakeResponse {
        let store = self.store.lock();
        let wanted = exchange.query.get("artifactType");
        let manifests = store.repository(repository).map(|known| &known.manifests);
        let mut found = Vec::new();
        let mut total = 0;
        for (own, manifest) in manifests.into_iter().flatten() {
            if manifest.subject.as_deref() != Some(digest) {
                continue;
            }
            total += 1;
            if wanted.is_none_or(|wanted| wanted == manifest.artifact_type) {
                let (kind, artifact) = (json!(manifest.media_type), json!(manifest.artifact_type));
                let size = manifest.body.len();
                found.push(format!(
                    "{{\"mediaType\":{kind},\"digest\":\"{own}\",\"size\":{size},\
                     \"artifactType\":{artifact}}}"
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
        let answer = by_core(200).text(JSON, body);
        let answer = answer.with("x-total-count", &total.to_string());
        match wanted {
            Some(_) => answer.with("oci-filters-applied", "artifactType"),
            None => answer,
        }
    }
}

/// One page of a sorted list, and the Link to the next.
fn paged(
    exchange: &FakeExchange,
    path: &str,
    items: &[&str],
    body: impl Fn(&[&str]) -> String,
) -> FakeResponse {
    let Ok(count) = exchange.query.get("n").map(str::parse::<usize>).transpose() else {
        return by_core(400).error("BAD_REQUEST", "the N must be a positive int type");
    };
    let last = exchange.query.get("last").unwrap_or_default();
    let rest = &items[items.partition_point(|item| *item <= last)..];
    let page = &rest[..count.map_or(rest.len(), |count| count.min(rest.len()))];
    let answer = by_core(200).text(JSON, body(page));
    match (count, page.last()) {
        (Some(count), Some(end)) if page.len() < rest.len() => {
            let end = utf8_percent_encode(end, RESERVED);
            answer.with(
                "link",
                &format!("<{path}?last={end}&n={count}>; rel=\"next\""),
            )
        }
        _ => answer,
    }
}
