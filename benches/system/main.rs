//! The whole-system comparison: the same work through Harbormouth, nginx, HAProxy and Caddy.
//!
//! `cargo bench --bench system` writes `benches/RESULTS.md`; `-- --quick` runs everything once with
//! small sizes and writes nothing: it proves that the comparison works and measures nothing.
//!
//! Every proxy ends TLS 1.3 with the same certificate and cipher suite, writes an access log, sets
//! the forwarded headers, buffers nothing and keeps its connections to one common origin. The rounds
//! are interleaved, so that what else the machine does falls on all of them. What counts is the CPU
//! time of the proxy's own processes.

mod client;
mod measure;
mod origin;
mod proxies;
mod report;

use anyhow::{Context, Result, bail};
use client::Client;
use measure::Usage;
use proxies::{Kind, Proxy};
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How much work a run does.
pub struct Sizes {
    pub rounds: usize,
    pub body: u64,
    pub heads: usize,
    pub head_connections: usize,
    pub large_body: u64,
    pub slow_uploads: usize,
    pub slow_for: Duration,
}

const FULL: Sizes = Sizes {
    rounds: 9,
    body: 1 << 30,
    heads: 40_000,
    head_connections: 64,
    large_body: 2 << 30,
    slow_uploads: 1000,
    slow_for: Duration::from_secs(20),
};

const QUICK: Sizes = Sizes {
    rounds: 1,
    body: 16 << 20,
    heads: 640,
    head_connections: 64,
    large_body: 64 << 20,
    slow_uploads: 50,
    slow_for: Duration::from_secs(3),
};

/// One kind of work, measured as CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    PutHttp1,
    GetHttp1,
    PutHttp2,
    Head,
}

impl Work {
    pub const ALL: [Work; 4] = [Work::PutHttp1, Work::GetHttp1, Work::PutHttp2, Work::Head];
}

/// What one proxy needed for one kind of work, a value a round.
pub struct Measured {
    pub work: Work,
    pub kind: Kind,
    pub usage: Vec<Usage>,
}

/// Peak memory of one proxy, in KiB.
pub struct Memory {
    pub kind: Kind,
    pub idle: u64,
    pub large_upload: u64,
    pub slow_uploads: u64,
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let sizes = if quick { QUICK } else { FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    // Two descriptors for each slow upload here and two in the proxy, which inherits the limit.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let directory = tempfile::tempdir()?;
    let (measured, memory, versions) = runtime.block_on(async {
        tokio::select! {
            done = run(&sizes, directory.path()) => done,
            // The proxies have process groups of their own: only we end them.
            signal = interrupted() => bail!("ended by {}", signal?),
        }
    })?;
    let report = report::text(&sizes, &measured, &memory, &versions)?;
    println!("{report}");
    if quick {
        println!("--quick: nothing was written, and these numbers mean nothing");
    } else {
        std::fs::write(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md"),
            report,
        )?;
    }
    Ok(())
}

async fn interrupted() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok("SIGINT"),
        _ = terminate.recv() => Ok("SIGTERM"),
    }
}

async fn run(sizes: &Sizes, directory: &Path) -> Result<(Vec<Measured>, Vec<Memory>, Vec<String>)> {
    let origin = origin::start().await?;
    let setting = proxies::Setting::new(directory, origin)?;
    let client = Client::new(setting.authority())?;
    let mut measured = Vec::new();
    let mut running = Vec::new();
    for kind in Kind::ALL {
        running.push(
            Proxy::start(kind, &setting)
                .await
                .with_context(|| format!("{kind:?}"))?,
        );
    }
    for work in Work::ALL {
        let mut rows: Vec<Measured> = Kind::ALL
            .iter()
            .map(|&kind| Measured {
                work,
                kind,
                usage: Vec::new(),
            })
            .collect();
        // One round beforehand warms connections and buffers up.
        for round in 0..=sizes.rounds {
            for (row, proxy) in rows.iter_mut().zip(&running) {
                let usage = measure::of(proxy.pid(), client.work(work, proxy.address, sizes)).await;
                let usage = usage.with_context(|| format!("{work:?} through {:?}", proxy.kind))?;
                eprintln!(
                    "{work:?} round {round} {:?}: cpu {:.3} s, wall {:.3} s",
                    proxy.kind, usage.cpu, usage.wall
                );
                if round > 0 || sizes.rounds == 1 {
                    row.usage.push(usage);
                }
            }
        }
        measured.append(&mut rows);
    }
    drop(running);
    let mut memory = Vec::new();
    for kind in Kind::ALL {
        memory.push(
            peak_memory(kind, &setting, &client, sizes)
                .await
                .with_context(|| format!("{kind:?}"))?,
        );
    }
    Ok((measured, memory, proxies::versions(&setting)))
}

/// Each figure from a fresh process.
async fn peak_memory(
    kind: Kind,
    setting: &proxies::Setting,
    client: &Client,
    sizes: &Sizes,
) -> Result<Memory> {
    let proxy = Proxy::start(kind, setting).await?;
    let idle = measure::peak_memory(proxy.pid());
    client.put_http1(proxy.address, sizes.large_body).await?;
    let large_upload = measure::peak_memory(proxy.pid());
    drop(proxy);
    let proxy = Proxy::start(kind, setting).await?;
    client
        .slow_uploads(proxy.address, sizes.slow_uploads, sizes.slow_for)
        .await?;
    let slow_uploads = measure::peak_memory(proxy.pid());
    eprintln!(
        "{kind:?}: idle {idle} KiB, large upload {large_upload} KiB, slow uploads {slow_uploads} KiB"
    );
    Ok(Memory {
        kind,
        idle,
        large_upload,
        slow_uploads,
    })
}
