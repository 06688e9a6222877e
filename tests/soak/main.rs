//! The soak: the real binary under work and chaos for as long as one likes.
//!
//! Eight clients push and pull without a pause while Harbor's parts are killed, its wires are cut,
//! slowed and stopped, the configuration is reloaded well and badly, a replica is replaced again
//! and again, logs can't be written, and a stranger attacks from another network. Judged: no wrong
//! byte, no lost commit, no manifest that was taken without its audit line, no failure that the chaos of
//! that moment doesn't explain, no more memory
//! at the end than at minute two, a clean end.
//!
//!   make soak MINUTES=60 SEED=7

#[path = "../common/mod.rs"]
mod common;

mod attack;
mod book;
mod chaos;
mod client;
mod load;
mod random;
mod replica;
mod stage;
mod wire;

use attack::Target;
use book::Book;
use clap::Parser;
use client::Protocol;
use random::Random;
use stage::Stage;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::{JoinSet, block_in_place};

#[derive(Parser)]
struct Arguments {
    /// How long, without the checks at the end
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// What decides everything that is random; without one, the clock
    #[arg(long)]
    seed: Option<u64>,
}

/// For the checks and the end.
const MORE_MINUTES: u32 = 10;
const CLIENTS: u64 = 8;
/// Before memory is read nothing happens for so long but work.
const CALM: Duration = Duration::from_secs(10);
/// How much more there may be at the end.
const GROWTH: f64 = 1.10;
const END_LIMIT: Duration = Duration::from_secs(75);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = arguments
        .seed
        .unwrap_or_else(|| now.map_or(1, |now| now.as_secs()));
    let minutes = arguments.minutes;
    println!("soak: {minutes} minutes with SEED={seed}");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let limit = Duration::from_secs(60) * (minutes + MORE_MINUTES);
    let judged = runtime.block_on(async { tokio::time::timeout(limit, soak(minutes, seed)).await });
    let good = judged.unwrap_or_else(|_| {
        println!("soak: not over in {limit:?}");
        false
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What was read of the first replica's memory.
struct Memory {
    early: u64,
    late: u64,
    peak: u64,
}

async fn soak(minutes: u32, seed: u64) -> bool {
    let mut random = Random::new(seed);
    let mut stage = Stage::start().await;
    let book = Arc::new(Book::default());
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let protocol = match number % 2 {
            0 => Protocol::Http1,
            _ => Protocol::Http2,
        };
        let (doors, book, stop) = (stage.doors.clone(), book.clone(), stop.clone());
        clients.spawn(load::work(doors, book, random.fork(), protocol, stop));
    }
    let all = Duration::from_secs(60) * minutes;
    let begun = Instant::now();
    // Minute two, or half of a run that is shorter than four.
    let early = Duration::from_secs(120).min(all / 2);
    rage(&mut stage, &book, &mut random, begun + early - CALM).await;
    let early = calm_memory(&stage).await;
    println!("soak: {early} KiB in calm");
    rage(&mut stage, &book, &mut random, begun + all - CALM).await;
    let memory = Memory {
        early,
        late: calm_memory(&stage).await,
        peak: stage.first.peak_kib(),
    };
    stop.store(true, Ordering::Relaxed);
    while clients.join_next().await.is_some() {}
    let checking = Instant::now();
    load::verify(&stage.doors, &book, &mut random).await;
    println!("soak: checked every commit in {:.1?}", checking.elapsed());
    nothing_is_left(&mut stage, &book).await;
    if !book.wrongs().is_empty() {
        println!(
            "soak: the end of the first replica's log:\n{}",
            stage.first.said()
        );
    }
    let ended = Instant::now();
    block_in_place(|| end(&mut stage, &book));
    is_audited(&stage, &book);
    judge(&book, &memory, ended.elapsed())
}

/// Chaos and attacks until `until`.
async fn rage(stage: &mut Stage, book: &Arc<Book>, random: &mut Random, until: Instant) {
    let target = Target {
        tls: stage.first.tls,
        plain: stage.first.plain,
        trust: Arc::new(stage.doors.trust.clone()),
    };
    let (mut mine, mut theirs) = (random.fork(), random.fork());
    tokio::join!(
        chaos::rage(stage, book, &mut mine, until),
        attack::rage(&target, book, &mut theirs, until),
    );
}

/// What the first replica holds while only the clients are at work: the median of the second half of
/// the calm.
async fn calm_memory(stage: &Stage) -> u64 {
    tokio::time::sleep(CALM / 2).await;
    let mut read = Vec::new();
    for _ in 0..20 {
        tokio::time::sleep(CALM / 40).await;
        read.push(stage.first.memory_kib());
    }
    read.sort_unstable();
    read[read.len() / 2]
}

/// No place is held by anybody when nobody is there.
async fn nothing_is_left(stage: &mut Stage, book: &Book) {
    let start = Instant::now();
    loop {
        if let Some(status) = stage.first.ended() {
            return book.wrong(format!("the first replica ended with {status}"));
        }
        let family = "harbormouth_requests_in_flight";
        let left = block_in_place(|| stage.first.metric(family));
        if left == 0.0 {
            return;
        }
        if start.elapsed() > Duration::from_secs(30) {
            return book.wrong(format!("{family} is {left} with no client left"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn end(stage: &mut Stage, book: &Book) {
    let second = stage.second.as_mut();
    for replica in [Some(&mut stage.first), second].into_iter().flatten() {
        let status = replica.terminate(END_LIMIT);
        if !status.success() {
            book.wrong(format!("a replica ended with {status}"));
        }
    }
}

/// Every manifest that a client was told is kept has its audit line, whatever happened meanwhile. No replica
/// is killed: each had its last lines.
fn is_audited(stage: &Stage, book: &Book) {
    let mut pushed = BTreeSet::new();
    let lines = stage.audited();
    for line in &lines {
        match serde_json::from_str::<serde_json::Value>(line) {
            Ok(line) if line["event"] == "push" && line["result"] == "ok" => {
                pushed.extend(line["digest"].as_str().map(str::to_owned));
            }
            Ok(_) => {}
            Err(error) => book.wrong(format!("an audit line is torn: {error}: {line}")),
        }
    }
    let commits = book.commits().into_iter();
    let manifests = commits.filter(|commit| commit.path.starts_with("manifests/"));
    let missing = manifests.filter(|commit| !pushed.contains(&commit.digest));
    let missing: Vec<_> = missing.map(|commit| commit.digest).collect();
    if !missing.is_empty() {
        book.wrong(format!("pushes without an audit line: {missing:?}"));
    }
    println!(
        "soak: {} audit lines, {} pushes among them",
        lines.len(),
        pushed.len()
    );
}

fn judge(book: &Book, memory: &Memory, ending: Duration) -> bool {
    let unexplained = book.unexplained();
    for failure in unexplained.iter().take(50) {
        let on = book.on_during(failure.from, failure.until);
        let (what, trouble) = (&failure.what, failure.trouble);
        let took = failure.until - failure.from;
        println!("UNEXPLAINED: {what}: {trouble:?} after {took:.1?}, while {on:?}");
    }
    let growth = memory.late as f64 / memory.early as f64;
    let has_grown = growth > GROWTH;
    if has_grown {
        println!("GROWN: {} KiB, then {} KiB", memory.early, memory.late);
    }
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let wrongs = book.wrongs();
    println!("soak: chaos {:?}", book.chaos());
    println!(
        "soak: {} pushes, {} pulls, {} MiB; {} requests failed, {} of them unexplained; {} commits \
         checked, {} wrong or lost; memory {} KiB at minute two, {} KiB at the end ({:+.1} %), at \
         most {} KiB; ended in {ending:.1?}",
        count(&book.pushes),
        count(&book.pulls),
        count(&book.bytes) >> 20,
        book.failures(),
        unexplained.len(),
        book.commits().len(),
        wrongs.len(),
        memory.early,
        memory.late,
        (growth - 1.0) * 100.0,
        memory.peak,
    );
    // Without work, nothing would be shown.
    let worked = count(&book.pushes) > 0 && count(&book.pulls) > 0;
    wrongs.is_empty() && unexplained.is_empty() && !has_grown && worked
}
