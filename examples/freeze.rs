//! A release freeze: between two moments nobody pushes, and everybody pulls.
//!
//! ```sh
//! cargo run --example freeze -- harbormouth.yaml 2026-12-23T18:00:00Z 2027-01-04T06:00:00Z
//! ```

use harbormouth::filter::{Decision, ErrorCode, Filter, Operation, Request, async_trait};
use std::time::SystemTime;

struct Freeze {
    from: SystemTime,
    until: SystemTime,
}

#[async_trait]
impl Filter for Freeze {
    fn name(&self) -> &str {
        "freeze"
    }

    async fn request(&self, request: &Request) -> Decision {
        let now = SystemTime::now();
        if now < self.from || now >= self.until {
            return Decision::Continue;
        }
        match request.operation() {
            // What begins an upload, and what makes a tag of it. Uploads that are under way may end.
            Operation::UploadStart
            | Operation::UploadMount
            | Operation::UploadMonolithic
            | Operation::ManifestPut
            | Operation::ManifestDelete => {
                let until = humantime::format_rfc3339_seconds(self.until);
                let sentence = format!("nothing is released before {until}; pulls go on");
                Decision::deny(403, ErrorCode::Denied, sentence)
            }
            _ => Decision::Continue,
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, from, until] = arguments.as_slice() else {
        return Err("usage: freeze CONFIG FROM UNTIL (times as 2026-12-23T18:00:00Z)".into());
    };
    let freeze = Freeze {
        from: humantime::parse_rfc3339(from)?,
        until: humantime::parse_rfc3339(until)?,
    };
    harbormouth::Server::from_file(config)?
        .filter(freeze)
        .run()?;
    Ok(())
}
