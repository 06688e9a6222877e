//! The page for people: its files, which are part of the binary, and the policy that they are
//! served under.
//!
//! The page is plain HTML, CSS and JavaScript without a build step. It gets all its data from this
//! listener. The data comes from outside (repositories, clients, Harbor's messages), so the policy
//! allows only our own files to run, and allows requests to this listener only.

use super::response::{AdminResponse, with_type};
use bytes::Bytes;
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, StatusCode};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// One file of the page.
pub struct Asset {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! assets {
    ($($path:literal $content_type:ident $file:literal;)*) => {
        static ASSETS: &[Asset] = &[$(Asset {
            path: $path,
            content_type: $content_type,
            content: include_str!(concat!("page/", $file)),
        }),*];
    };
}

assets! {
    "/" HTML "index.html";
    "/page.css" CSS "page.css";
    "/page.js" SCRIPT "page.js";
    "/page/accounting.js" SCRIPT "accounting.js";
    "/page/chart.js" SCRIPT "chart.js";
    "/page/dom.js" SCRIPT "dom.js";
    "/page/failures.js" SCRIPT "failures.js";
    "/page/filter.js" SCRIPT "filter.js";
    "/page/fleet.js" SCRIPT "fleet.js";
    "/page/format.js" SCRIPT "format.js";
    "/page/links.js" SCRIPT "links.js";
    "/page/live.js" SCRIPT "live.js";
    "/page/registries.js" SCRIPT "registries.js";
    "/page/rows.js" SCRIPT "rows.js";
    "/page/trend.js" SCRIPT "trend.js";
    "/page/verdict.js" SCRIPT "verdict.js";
}

/// The file at a path.
pub fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    /// The file as it is served.
    pub fn answer(&self) -> AdminResponse {
        let body = Bytes::from_static(self.content.as_bytes());
        let mut answer = with_type(StatusCode::OK, self.content_type, body);
        let policy = HeaderValue::from_static(POLICY);
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        answer
    }
}
