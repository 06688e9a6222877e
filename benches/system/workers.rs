//! What a second worker brings: the same work through proxies with one worker and with two.
//!
//! Client, origin and proxy share a machine, so by the clock two workers do twice the work only where
//! there are cores for all of them. What is measured everywhere is CPU time: if two workers need as much
//! of it for the same work as one, and none of them waits, they do twice the work.

use crate::client::Client;
use crate::measure::Usage;
use crate::proxies::{Kind, Proxy, Setting};
use crate::report::{self, Ratio};
use crate::work::{Sizes, Work};
use crate::{Found, floor, rounds};
use anyhow::Result;
use std::fmt::Write;

pub const TITLE: &str = "One worker and two";

const KINDS: [Kind; 3] = [Kind::Harbormouth, Kind::Nginx, Kind::Haproxy];

/// Two workers, two threads of the client and the one of the origin.
const CORES: usize = 5;
const CLOCK: &str = "the clock does, in the last column";
const NO_CLOCK: &str =
    "the clock would, on five cores or more: client and origin take the ones that are here";

/// One proxy's work, a value a round.
pub struct Workers {
    work: Work,
    kind: Kind,
    one: Vec<Usage>,
    two: Vec<Usage>,
}

/// In the rounds one worker and two take turns, as the proxies do.
pub async fn measure(
    client: &Client,
    setting: &Setting,
    sizes: &Sizes,
    found: &mut Found,
) -> Result<()> {
    let mut running = Vec::new();
    for kind in KINDS {
        for threads in [1, 2] {
            let setting = Setting {
                threads,
                ..setting.clone()
            };
            running.push(Proxy::start(kind, &setting).await?);
        }
    }
    let running: Vec<&Proxy> = running.iter().collect();
    for work in Work::WORKERS {
        found.floors.push(floor::measure().await?);
        let mut usages = rounds(work, client, &running, sizes, &mut found.stalled)
            .await?
            .into_iter();
        for kind in KINDS {
            let (one, two) = (usages.next(), usages.next());
            found.workers.push(Workers {
                work,
                kind,
                one: one.unwrap_or_default(),
                two: two.unwrap_or_default(),
            });
        }
    }
    Ok(())
}

pub fn table(out: &mut String, sizes: &Sizes, found: &Found) -> Result<()> {
    if found.workers.is_empty() {
        return Ok(());
    }
    let by_clock = std::thread::available_parallelism()?.get() >= CORES;
    writeln!(
        out,
        "## {TITLE}

CPU time for the same work, and how much more of it two workers need (with the spread). Two that are
never idle do so many times the work of one as the next column says. How long they wait for one another
without computing, CPU time can't tell;
{}.\n",
        if by_clock { CLOCK } else { NO_CLOCK },
    )?;
    let head = ["", "", "", "one", "two", "two to one", "work, at most"];
    let more = if by_clock { &["by the clock"][..] } else { &[] };
    let head = [&head[..], more].concat();
    writeln!(out, "| {} |", head.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(head.len()))?;
    for Workers {
        work,
        kind,
        one,
        two,
    } in &found.workers
    {
        let (unit, scale) = work.unit(sizes);
        let cost = |usage: &[Usage]| report::median(usage.iter().map(|usage| usage.cpu)) * scale;
        let cpu = Ratio::of(two, one, |usage| usage.cpu);
        write!(
            out,
            "| {} | {} | {unit} | {:.2} | {:.2} | {:.2} ({:.2}–{:.2}) | {:.2} |",
            work.title(),
            kind.name(),
            cost(one),
            cost(two),
            cpu.median,
            cpu.least,
            cpu.greatest,
            2.0 / cpu.median,
        )?;
        if by_clock {
            let clock = Ratio::of(one, two, |usage| usage.wall);
            write!(out, " {:.2} |", clock.median)?;
        }
        writeln!(out)?;
    }
    writeln!(out)?;
    Ok(())
}
