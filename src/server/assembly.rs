//! Assembly: from a configuration to a process that serves. `lifecycle` does the rest until the process ends.

use super::lifecycle::{AcceptThreads, Lifecycle, ShutdownNotices, until_the_end};
use crate::config::Config;
use crate::doctor::canary;
use crate::filter::Filters;
use crate::listener::{BoundListener, Shutdown, Workers, keep_only_short_timers};
use crate::observe::logging;
use crate::proxy::{Gateway, MAX_TRIES};
use crate::runtime::heartbeat::Heartbeats;
use crate::runtime::upstream;
use crate::runtime::{CurrentSnapshot, Process, Snapshot};
use crate::server::admin::{AdminListener, Sources};
use crate::server::reload::{Loader, Reloader};
use crate::server::watchdog::Watchdog;
use crate::system::signals::Signals;
use crate::system::systemd;
use crate::system::threads::Thread;
use anyhow::Context;
use futures_util::future::join_all;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Idle connections to Harbor that each worker keeps.
const IDLE_UPSTREAM_CONNECTIONS: usize = 64;

/// Harbors' names are looked up before anybody is told that we are ready. A name server that is silent
/// keeps nobody from starting: the probes go on asking, and requests say what is missing.
const FIRST_LOOK_UP: Duration = Duration::from_secs(1);

/// Threads beside those that read files: an answer of the operator's listener, and one whose file
/// system hangs.
const BLOCKING: usize = 2;

/// Serves until a signal ends the process.
///
/// # Errors
/// When a listener can't be opened or a thread not started: nothing has been served then.
pub(super) async fn serve(config: Config, read: Loader, filters: Filters) -> anyhow::Result<()> {
    keep_only_short_timers();
    let config = Arc::new(config);
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
    let process = Arc::new(Process::new(&config, canary::labels(), filters).context("metrics")?);
    logging::counted_by(process.metrics.process.log_dropped.clone());
    let current = Arc::new(first(&config, &process)?);
    let notices = ShutdownNotices::new();
    let threads = AcceptThreads {
        accept: Thread::start("accept", BLOCKING).context("the thread that accepts")?,
        admin: Thread::start("admin", BLOCKING).context("the operator's thread")?,
    };
    let hearts = hearts(&current, &threads);
    let (listeners, mut announced) = bind(&config, &threads).await?;
    let certificates = listeners.iter().map(BoundListener::certificates).collect();
    let mut reloader = Reloader::new(read, Arc::clone(&current), certificates);
    let canaries = Arc::default();
    let sources = Sources {
        current: Arc::clone(&current),
        canaries: Arc::clone(&canaries),
        phase: notices.phase.subscribe(),
        reload: reloader.state(),
        hearts: Arc::clone(&hearts),
        started: SystemTime::now(),
    };
    announced.push(admit(config.admin.address, sources, &threads).await?);
    let ending = Shutdown {
        draining: notices.drain.subscribe(),
        closed: notices.close.subscribe(),
    };
    let proxy = || proxy(&current, &ending.draining);
    let workers = Workers::start(config.threads, proxy, &current, &hearts, &ending);
    let workers = Arc::new(workers.context("worker threads")?);
    hearts.shown_by(&process.metrics.process.responsive);
    let mut signals = Signals::new()?;
    let watchdog = Watchdog {
        current: Arc::clone(&current),
        hearts: Arc::clone(&hearts),
        workers: Arc::clone(&workers),
    };
    watchdog.start().context("the watchdog's thread")?;
    resolve_first(&current).await;
    let mut life = Lifecycle::begin(
        current, canaries, workers, notices, listeners, &reloader, &threads,
    );
    announced.push("ready".to_owned());
    announce(announced).context("the thread that says where we listen")?;
    systemd::ready();
    let signal = until_the_end(&mut signals, &mut reloader).await;
    life.end(signal, &mut signals).await;
    // What is still under way ends now, and each says so in its record.
    hearts.end();
    process.cut();
    life.workers.cut().await;
    process.audits.flush(logging::LAST_LINES);
    Ok(())
}

/// What the first requests begin with.
///
/// # Errors
/// When the audit log can't be opened, or as [`Snapshot::new`].
fn first(config: &Arc<Config>, process: &Arc<Process>) -> anyhow::Result<CurrentSnapshot> {
    let audit = process.audits.open(config.audit.as_ref(), None)?;
    let shared = Snapshot::new(Arc::clone(config), Arc::clone(process), audit, None)?;
    Ok(CurrentSnapshot::new(shared))
}

/// Watches this thread and those that accept connections; workers join when they start.
fn hearts(current: &Arc<CurrentSnapshot>, threads: &AcceptThreads) -> Arc<Heartbeats> {
    let hearts = Arc::new(Heartbeats::default());
    let beat = |name| hearts.join(name).beat(Arc::clone(current));
    tokio::spawn(beat("main"));
    threads.accept.spawn(beat("accept"));
    threads.admin.spawn(beat("admin"));
    hearts
}

/// Opens the listeners; returns them with what is to be said of them.
async fn bind(
    config: &Arc<Config>,
    threads: &AcceptThreads,
) -> anyhow::Result<(Vec<BoundListener>, Vec<String>)> {
    let mut announced = Vec::new();
    let mut listeners = Vec::new();
    for index in 0..config.listeners.len() {
        let config = Arc::clone(config);
        let bind = async move { BoundListener::bind(index, &config.listeners[index]).await };
        let listener = threads.accept.spawn(bind).await??;
        let address = listener.address()?;
        announced.push(format!("listening {} {address}", listener.scheme()));
        listeners.push(listener);
    }
    Ok((listeners, announced))
}

/// Opens the operator's listener, which serves from now on; returns what is to be said of it.
async fn admit(
    address: SocketAddr,
    sources: Sources,
    threads: &AcceptThreads,
) -> anyhow::Result<String> {
    let admin = threads
        .admin
        .spawn(AdminListener::bind(address, sources))
        .await?;
    let admin = admin.with_context(|| format!("admin.address: can't listen on {address}"))?;
    let announced = format!("admin http {}", admin.address()?);
    threads.admin.spawn(admin.run());
    Ok(announced)
}

/// So that the first requests find Harbor.
async fn resolve_first(current: &CurrentSnapshot) {
    let shared = current.load();
    let pools = shared.harbors.iter().map(|harbor| &*harbor.pool);
    let resolved = join_all(pools.map(upstream::resolve));
    let _ = tokio::time::timeout(FIRST_LOOK_UP, resolved).await;
}

/// One proxy for each worker, so that a worker's upstream connections are its own.
fn proxy(current: &Arc<CurrentSnapshot>, draining: &watch::Receiver<bool>) -> HttpProxy<Gateway> {
    let conf = ServerConf {
        threads: 1,
        max_retries: MAX_TRIES,
        upstream_keepalive_pool_size: IDLE_UPSTREAM_CONNECTIONS,
        ..ServerConf::default()
    };
    http_proxy(
        &Arc::new(conf),
        Gateway::new(Arc::clone(current), draining.clone()),
    )
}

/// Says on standard output where we listen: for people, and for tests that let the system choose
/// the ports. From a thread of its own, because nobody may be reading.
///
/// # Errors
/// When the system gives no thread.
fn announce(lines: Vec<String>) -> std::io::Result<()> {
    let speaker = std::thread::Builder::new().name("announce".to_owned());
    speaker.spawn(move || {
        let mut out = std::io::stdout().lock();
        for line in lines {
            // Nobody may be there to hear it.
            let _ = writeln!(out, "{line}");
        }
        let _ = out.flush();
    })?;
    Ok(())
}
