//! Asks a service of your own about every push: `POST` with the facts of the request as JSON. The
//! service allows the push with 204 and denies it with 403 and a message; if the service can't be
//! reached, every push is denied.
//!
//! ```sh
//! cargo run --example ask -- harbormouth.yaml http://127.0.0.1:8000/may-push
//! ```

use bytes::Bytes;
use harbormouth::filter::{Decision, ErrorCode, Filter, Request, async_trait};
use http::{StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A sentence is short.
const LONGEST_ANSWER: usize = 4096;

struct Ask {
    service: Uri,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Ask {
    /// No time limit is needed here: the gateway gives all filters together two seconds.
    async fn ask(&self, request: &Request) -> Result<(StatusCode, String), BoxError> {
        let question = serde_json::json!({
            "operation": request.operation().as_str(),
            "registry": request.registry(),
            "repository": request.repository(),
            "reference": request.reference(),
            "client": request.client(),
            // As the client says it: nothing was verified yet.
            "account": request.account(),
        });
        let question = http::Request::post(self.service.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(question.to_string()))?;
        let answer = self.client.request(question).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER);
        let body = body.collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

#[async_trait]
impl Filter for Ask {
    fn name(&self) -> &str {
        "ask"
    }

    async fn request(&self, request: &Request) -> Decision {
        if !request.operation().is_push() {
            return Decision::Continue;
        }
        match self.ask(request).await {
            Ok((StatusCode::NO_CONTENT, _)) => Decision::Continue,
            Ok((StatusCode::FORBIDDEN, sentence)) => {
                Decision::deny(403, ErrorCode::Denied, sentence)
            }
            Ok(_) | Err(_) => Decision::deny(
                503,
                ErrorCode::Unavailable,
                "nobody can be asked whether this may be pushed; try again later",
            ),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, service] = arguments.as_slice() else {
        return Err("usage: ask CONFIG URL".into());
    };
    let ask = Ask {
        service: service.parse()?,
        client: Client::builder(TokioExecutor::new()).build_http(),
    };
    harbormouth::Server::from_file(config)?.filter(ask).run()?;
    Ok(())
}
