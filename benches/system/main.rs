//! The whole-system comparison: the same work through Harbormouth and through other proxies.
//!
//! `cargo bench --bench system` writes `benches/RESULTS.md` and `docs/benchmark.svg`; `-- --quick`
//! runs everything once with small sizes and writes nothing: it proves that the comparison works and
//! measures nothing. `-- --only TEXT` measures the rows whose title contains the text, and writes
//! nothing either. `-- --instructions` counts what a request and a MiB cost, and holds it against
//! `benches/instructions.txt`; `--record` writes that file.
//!
//! Every proxy has two threads (one where a second one is measured), the same certificates, writes an access log, sets the forwarded
//! headers, buffers nothing and keeps its connections to one common origin. The rounds are
//! interleaved, so that what else the machine does falls on all of them. What counts is the CPU time
//! of the proxy's own processes.

mod client;
mod floor;
mod instructions;
mod latency;
mod measure;
mod origin;
mod picture;
mod proxies;
mod report;
mod scrape;
mod work;
mod workers;

use anyhow::{Context, Result, bail};
use client::Client;
use floor::Floor;
use latency::Latency;
use measure::Usage;
use proxies::{Kind, Proxy, Setting};
use scrape::Scrape;
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use work::{FULL, Load, QUICK, Sizes, Way, Work};
use workers::Workers;

/// What one proxy needed for one kind of work, a value a round.
pub struct Measured {
    pub work: Work,
    pub kind: Kind,
    pub usage: Vec<Usage>,
}

/// Private memory of one proxy, in KiB, before a load and under it.
pub struct Memory {
    pub load: Load,
    pub kind: Kind,
    pub idle: u64,
    pub loaded: u64,
}

/// All that a run found out.
#[derive(Default)]
pub struct Found {
    pub versions: Vec<String>,
    pub floors: Vec<Floor>,
    pub measured: Vec<Measured>,
    pub latencies: Vec<Latency>,
    pub memory: Vec<Memory>,
    pub workers: Vec<Workers>,
    pub scrapes: Vec<Scrape>,
    /// A work that was held back by a proxy, and done again: its title and the proxy's name.
    pub stalled: Vec<String>,
}

/// No work takes a tenth of it on a machine that does nothing else.
const STALLED: Duration = Duration::from_secs(120);

/// A proxy that holds a work back as often as that is at fault, and so is the run.
const MOST_TRIES: usize = 3;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let only = arguments.iter().position(|argument| argument == "--only");
    let only = only.and_then(|place| arguments.get(place + 1));
    let sizes = if quick { QUICK } else { FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    // Two descriptors for each slow upload here and two in the proxy, which inherits the limit.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let directory = tempfile::tempdir()?;
    if arguments
        .iter()
        .any(|argument| argument == "--instructions")
    {
        let record = arguments.iter().any(|argument| argument == "--record");
        return runtime.block_on(count(directory.path(), record));
    }
    let found = runtime.block_on(async {
        tokio::select! {
            done = run(&sizes, only.map_or("", String::as_str), directory.path()) => done,
            // The proxies have process groups of their own: only we end them.
            signal = interrupted() => bail!("ended by {}", signal?),
        }
    })?;
    // Each row but those of memory and of scrapes has a floor.
    if found.floors.is_empty() && found.memory.is_empty() && found.scrapes.is_empty() {
        bail!("no row's title has these words");
    }
    let report = report::text(&sizes, &found)?;
    println!("{report}");
    if quick || only.is_some() {
        println!(
            "nothing was written{}",
            if quick {
                ", and these numbers mean nothing"
            } else {
                ""
            }
        );
        return Ok(());
    }
    if report::waited(&found.floors) > floor::MOST_WAITED {
        bail!(
            "the machine was busy with something else: this run is void, and nothing was written"
        );
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::write(root.join("benches/RESULTS.md"), report)?;
    std::fs::write(
        root.join("docs/benchmark.svg"),
        picture::svg(&found.measured),
    )?;
    Ok(())
}

async fn count(directory: &Path, record: bool) -> Result<()> {
    let setting = Setting::new(directory).await?;
    let client = Client::new(setting.authority.clone())?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt");
    instructions::run(&setting, &client, &file, record).await
}

async fn interrupted() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok("SIGINT"),
        _ = terminate.recv() => Ok("SIGTERM"),
    }
}

async fn run(sizes: &Sizes, only: &str, directory: &Path) -> Result<Found> {
    let setting = Setting::new(directory).await?;
    let client = Client::new(setting.authority.clone())?;
    let mut found = Found::default();
    for kind in Kind::ALL {
        found.versions.push(kind.version(&setting)?);
    }
    let running = Proxy::start_all(&setting).await?;
    works(&client, &running, &setting, only, sizes, &mut found).await?;
    if let Some(pace) = latency::half_pace(&found.measured, sizes) {
        found.latencies = latency::measure(&client, &running, &setting, pace, sizes).await?;
    }
    for load in Load::ALL
        .into_iter()
        .filter(|load| load.title().contains(only))
    {
        for proxy in running.iter().filter(|proxy| proxy.kind.holds()) {
            let memory = memory(proxy, load, &setting, &client, sizes).await;
            let memory = memory.with_context(|| format!("{load:?} at {:?}", proxy.kind))?;
            found.memory.push(memory);
        }
    }
    drop(running);
    let by_https = Setting {
        https: true,
        ..setting.clone()
    };
    let running = Proxy::start_all(&by_https).await?;
    works(&client, &running, &by_https, only, sizes, &mut found).await?;
    drop(running);
    if workers::TITLE.contains(only) {
        workers::measure(&client, &setting, sizes, &mut found).await?;
    }
    if scrape::TITLE.contains(only) {
        for registries in scrape::REGISTRIES {
            let scrape = scrape::measure(&setting, registries, sizes.scrapes).await?;
            found.scrapes.push(scrape);
        }
    }
    Ok(found)
}

/// Those that are done with proxies that ask the origin so.
async fn works(
    client: &Client,
    running: &[Proxy],
    setting: &Setting,
    only: &str,
    sizes: &Sizes,
    found: &mut Found,
) -> Result<()> {
    for work in Work::ALL
        .into_iter()
        .filter(|work| work.title().contains(only))
        .filter(|work| (work.way == Way::TlsBothSides) == setting.https)
    {
        found.floors.push(floor::measure().await?);
        let doing: Vec<&Proxy> = running
            .iter()
            .filter(|proxy| proxy.kind.does(work))
            .collect();
        let usages = rounds(work, client, &doing, sizes, &mut found.stalled).await?;
        for (proxy, usage) in doing.iter().zip(usages) {
            let kind = proxy.kind;
            found.measured.push(Measured { work, kind, usage });
        }
    }
    Ok(())
}

/// A value a round, for each proxy.
async fn rounds(
    work: Work,
    client: &Client,
    running: &[&Proxy],
    sizes: &Sizes,
    stalled: &mut Vec<String>,
) -> Result<Vec<Vec<Usage>>> {
    let mut usages = vec![Vec::new(); running.len()];
    // One round beforehand warms connections and buffers up.
    for round in 0..=sizes.rounds {
        for (usages, proxy) in usages.iter_mut().zip(running) {
            let usage = usage(work, client, proxy, sizes, stalled).await;
            let usage = usage.with_context(|| format!("{work:?} through {:?}", proxy.kind))?;
            eprintln!(
                "{} round {round} {} ({}): cpu {:.3} s, wall {:.3} s",
                work.title(),
                proxy.kind.name(),
                proxy.threads,
                usage.cpu,
                usage.wall
            );
            if round > 0 || sizes.rounds == 1 {
                usages.push(usage);
            }
        }
    }
    Ok(usages)
}

/// Of one work; what a proxy holds back for good is done again, and told.
async fn usage(
    work: Work,
    client: &Client,
    proxy: &Proxy,
    sizes: &Sizes,
    stalled: &mut Vec<String>,
) -> Result<Usage> {
    for _ in 0..MOST_TRIES {
        let working = measure::of(proxy.pid(), client.work(work, proxy.to, sizes));
        match tokio::time::timeout(STALLED, working).await {
            Ok(usage) => return usage,
            Err(_) => {
                eprintln!("{} stalled at {}", work.title(), proxy.kind.name());
                stalled.push(format!("{} at {}", work.title(), proxy.kind.name()));
            }
        }
    }
    bail!("it stalled {MOST_TRIES} times")
}

async fn memory(
    running: &Proxy,
    load: Load,
    setting: &Setting,
    client: &Client,
    sizes: &Sizes,
) -> Result<Memory> {
    let kind = running.kind;
    // What is measured is measured of a fresh process.
    let fresh = if sizes.fresh_processes {
        Some(Proxy::start(kind, setting).await?)
    } else {
        None
    };
    let proxy = fresh.as_ref().unwrap_or(running);
    // One request beforehand: what the first one brings about once isn't the load's.
    client.work(work::WARM, proxy.to, &QUICK).await?;
    let idle = measure::private_memory(proxy.pid());
    let mut held = client.hold(load, proxy.to, sizes).await?;
    held.lasts(sizes.held_for).await?;
    let loaded = measure::private_memory(proxy.pid());
    eprintln!(
        "{} at {}: {idle} KiB, then {loaded} KiB",
        load.title(),
        kind.name()
    );
    Ok(Memory {
        load,
        kind,
        idle,
        loaded,
    })
}
