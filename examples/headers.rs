//! Response headers: which edge answered, and what a browser may do with Harbor's portal.
//!
//! ```sh
//! cargo run --example headers -- harbormouth.yaml edge-1
//! ```

use harbormouth::filter::{Filter, HeaderError, Operation, Request, Response, async_trait};

struct Headers {
    edge: String,
}

impl Headers {
    fn edit(&self, request: &Request, response: &mut Response) -> Result<(), HeaderError> {
        response.set("X-Served-By", &self.edge)?;
        response.remove("Server")?;
        if request.operation() == Operation::Ui {
            response.set("X-Content-Type-Options", "nosniff")?;
            response.set("Referrer-Policy", "same-origin")?;
        }
        Ok(())
    }
}

#[async_trait]
impl Filter for Headers {
    fn name(&self) -> &str {
        "headers"
    }

    async fn response(&self, request: &Request, response: &mut Response) {
        // Only a header of the gateway's own, or none at all, is an error: none of these is.
        if let Err(error) = self.edit(request, response) {
            log::error!("{error}");
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, edge] = arguments.as_slice() else {
        return Err("usage: headers CONFIG EDGE".into());
    };
    let headers = Headers { edge: edge.clone() };
    harbormouth::Server::from_file(config)?
        .filter(headers)
        .run()?;
    Ok(())
}
