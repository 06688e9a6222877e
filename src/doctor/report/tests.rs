//! The whole report of walks that were made by hand, against `tests/fixtures/doctor/*.txt`.
//!
//! Where an output differs, the test fails and leaves the new one in `target/doctor/`: read it, and
//! copy it to the fixtures if it is what it should be.

use super::*;
use crate::doctor::clients::Client;
use crate::doctor::finding::{Effect, Evidence, Outcome};
use crate::doctor::kind::{Kind, Severity};
use crate::doctor::seen::fixtures::{HUB, Made};
use crate::doctor::seen::{Leftover, Skipped, Trouble, Why};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a report writes while these walks are taken, and at their end.
fn reported(format: Format, walks: &[Judged], judge: fn(&Walk) -> Vec<Finding>) -> String {
    let written = Written::default();
    let screen = Screen::new(Box::new(written.clone()), Style::PLAIN);
    let mut report = Report::new(format, Style::PLAIN, screen, judge);
    for judged in walks {
        for step in Step::ALL {
            let mut walk = judged.walk.clone();
            walk.exchanges.retain(|exchange| exchange.step < step);
            let is_taken = match step {
                Step::Resolve | Step::Connect => true,
                Step::Tls => walk.addresses.iter().any(|one| one.tls.is_some()),
                _ => judged.walk.first(step).is_some(),
            };
            if !is_taken {
                continue;
            }
            report.began(&walk, step);
            report.progress(step, 1, 2);
            let now = judged.walk.all(step).cloned();
            walk.exchanges.extend(now);
            report.ended(&walk, step);
        }
    }
    report.conclude(walks).unwrap();
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn found(kind: Kind, step: Step, summary: &str, line: &str) -> Finding {
    Finding {
        kind,
        severity: kind.severity(),
        step,
        summary: summary.to_owned(),
        evidence: vec![Evidence {
            request: format!("POST {HUB}/v2/lab/app/blobs/uploads/"),
            outcome: "202".to_owned(),
            line: Some(line.to_owned()),
        }],
        cause: Some("A hop sends Host with the port that it listens on.".to_owned()),
        effects: Client::ALL
            .into_iter()
            .map(|client| Effect {
                client,
                outcome: match client {
                    Client::Containerd | Client::Buildkit | Client::Regclient => Outcome::Breaks,
                    Client::DockerClassic
                    | Client::Containers
                    | Client::GoContainerregistry
                    | Client::Oras => Outcome::Works,
                },
                how: "unauthorized to access repository: lab/app, action: push".to_owned(),
            })
            .collect(),
    }
}

fn judged_by_hand(walk: &Walk) -> Vec<Finding> {
    let Some(location) = walk
        .answer(Step::UploadStart)
        .and_then(|one| one.header("location"))
    else {
        return vec![];
    };
    let mut f = vec![];
    if location.contains(":443") {
        f.push(found(Kind::LocationPort, Step::UploadStart, "Location has the default port written out: `hub.example.com:443` where clients typed `hub.example.com`.", &format!("Location: {location}")));
    }
    f
}

#[test]
fn look() {
    let walks = [
        Made::harbor(HUB)
            .locations("https://hub.example.com:443")
            .header(Step::Ping, "server", Some("nginx/1.22.1"))
            .0,
        Made::harbor(HUB)
            .via("http://10.0.0.5")
            .header(Step::Ping, "server", Some("nginx"))
            .0,
    ];
    let walks: Vec<Judged> = walks
        .into_iter()
        .map(|walk| {
            let findings = judged_by_hand(&walk);
            Judged { walk, findings }
        })
        .collect();
    print!("{}", reported(Format::Text, &walks[..1], judged_by_hand));
    println!("==========");
    print!("{}", reported(Format::Text, &walks, judged_by_hand));
    println!("==========");
    print!(
        "{}",
        conclusion::text(
            &walks,
            Style {
                output: Output::Terminal,
                width: 80
            }
        )
    );
}
