//! Assembly: from a configuration to a process that serves. `lifecycle` does the rest until the process ends.

use super::lifecycle::{AcceptThreads, Lifecycle, ShutdownNotices};
use super::tracing;
use super::upgrade::{Estate, Inherited};
use crate::acme::{self, TlsChallenges};
use crate::config::Config;
use crate::doctor::canary;
use crate::filter::Filters;
use crate::listener::{BoundListener, Shutdown, Workers, keep_only_short_timers};
use crate::observe::logging;
use crate::proxy::{Gateway, MAX_TRIES};
use crate::runtime::heartbeat::Heartbeats;
use crate::runtime::sealing_keys::RandomKey;
use crate::runtime::upstream;
use crate::runtime::{CurrentSnapshot, Process, Snapshot};
use crate::server::admin::{AdminListener, Phase, Sources};
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
use std::net::TcpListener;
use std::os::fd::OwnedFd;
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
pub(super) async fn serve(
    config: Config,
    read: Loader,
    filters: Filters,
    mut inherited: Inherited,
) -> anyhow::Result<()> {
    keep_only_short_timers();
    let config = Arc::new(config);
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
    let open = inherited.deal(&config);
    let (process, current) = first(&config, filters, inherited.random_key)?;
    tracing::start(&process).await;
    let notices = ShutdownNotices::new();
    let threads = AcceptThreads {
        accept: Thread::start("accept", BLOCKING).context("the thread that accepts")?,
        admin: Thread::start("admin", BLOCKING).context("the operator's thread")?,
    };
    let hearts = hearts(&current, &threads);
    let upkeep = acme::Upkeep::default();
    let mut bound = bind(&config, open.listeners, &upkeep.challenges, &threads).await?;
    let certificates = bound.listeners.iter().map(BoundListener::certificates);
    let mut reloader = Reloader::new(read, Arc::clone(&current), certificates.collect());
    let canaries = Arc::default();
    let sources = Sources {
        current: Arc::clone(&current),
        canaries: Arc::clone(&canaries),
        renewals: Arc::clone(&upkeep.renewals),
        phase: notices.phase.subscribe(),
        reload: reloader.state(),
        hearts: Arc::clone(&hearts),
        started: SystemTime::now(),
    };
    let leads_at_once = inherited.predecessor.is_none();
    let (admin, socket) = admit(&config, open.admin, sources, leads_at_once, &threads).await?;
    bound.announced.extend([admin, "ready".to_owned()]);
    bound.sockets.push(socket);
    let ending = notices.shutdown();
    let workers = work(&current, &hearts, &ending, &notices)?;
    let mut signals = Signals::new()?;
    resolve_first(&current).await;
    tokio::spawn(upkeep.keep(Arc::clone(&current), notices.drain.subscribe()));
    let (listeners, sockets) = (bound.listeners, bound.sockets);
    let estate = Estate { sockets, current };
    let mut life = Lifecycle::begin(
        estate, canaries, workers, notices, listeners, &reloader, &threads,
    );
    announce(bound.announced).context("the thread that says where we listen")?;
    match inherited.predecessor {
        Some(predecessor) => predecessor.take_over().await,
        None => systemd::ready(),
    }
    systemd::store(life.sockets());
    let ending = life.until_the_end(&mut signals, &mut reloader).await;
    life.end(ending, &mut signals).await;
    hearts.end();
    cut(&process, &life.workers).await;
    Ok(())
}

/// What is still under way ends now, and each says so in its record.
async fn cut(process: &Process, workers: &Workers) {
    process.cut();
    workers.cut().await;
    process.audits.flush(logging::LAST_LINES);
    tracing::flush(process).await;
}

/// What the first requests begin with.
///
/// # Errors
/// When the audit log can't be opened, or as [`Process::new`] and [`Snapshot::new`].
fn first(
    config: &Arc<Config>,
    filters: Filters,
    random_key: RandomKey,
) -> anyhow::Result<(Arc<Process>, Arc<CurrentSnapshot>)> {
    let process = Process::new(config, canary::labels(), filters, random_key);
    let process = Arc::new(process.context("metrics")?);
    logging::counted_by(process.metrics.process.log_dropped.clone());
    let audit = process.audits.open(config.audit.as_ref(), None)?;
    let shared = Snapshot::new(Arc::clone(config), Arc::clone(&process), audit, None)?;
    Ok((process, Arc::new(CurrentSnapshot::new(shared))))
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

/// Starts the workers, and the watchdog that looks after them.
fn work(
    current: &Arc<CurrentSnapshot>,
    hearts: &Arc<Heartbeats>,
    ending: &Shutdown,
    notices: &ShutdownNotices,
) -> anyhow::Result<Arc<Workers>> {
    let shared = current.load();
    let proxy = || proxy(current, &ending.draining);
    let workers = Workers::start(shared.config.threads, proxy, current, hearts, ending);
    let workers = Arc::new(workers.context("worker threads")?);
    hearts.shown_by(&shared.process.metrics.process.responsive);
    let watchdog = Watchdog {
        current: Arc::clone(current),
        hearts: Arc::clone(hearts),
        workers: Arc::clone(&workers),
        phase: notices.phase.subscribe(),
    };
    watchdog.start().context("the watchdog's thread")?;
    Ok(workers)
}

/// The listeners, opened.
struct Bound {
    listeners: Vec<BoundListener>,
    /// For a process that takes over.
    sockets: Vec<OwnedFd>,
    /// What is to be said of them.
    announced: Vec<String>,
}

/// Opens the listeners that aren't open.
async fn bind(
    config: &Arc<Config>,
    open: Vec<Option<TcpListener>>,
    challenges: &Arc<TlsChallenges>,
    threads: &AcceptThreads,
) -> anyhow::Result<Bound> {
    let mut bound = Bound {
        listeners: Vec::new(),
        sockets: Vec::new(),
        announced: Vec::new(),
    };
    for (index, socket) in open.into_iter().enumerate() {
        let (config, challenges) = (Arc::clone(config), Arc::clone(challenges));
        let bind = async move {
            let listener = &config.listeners[index];
            BoundListener::bind(index, listener, socket, &challenges).await
        };
        let listener = threads.accept.spawn(bind).await??;
        let (scheme, address) = (listener.scheme(), listener.address()?);
        bound
            .announced
            .push(format!("listening {scheme} {address}"));
        bound.sockets.push(listener.socket()?);
        bound.listeners.push(listener);
    }
    Ok(bound)
}

/// Opens the operator's listener, which serves from now on, or as soon as this process leads; returns what
/// is to be said of it, and its socket.
async fn admit(
    config: &Config,
    open: Option<TcpListener>,
    sources: Sources,
    leads_at_once: bool,
    threads: &AcceptThreads,
) -> anyhow::Result<(String, OwnedFd)> {
    let address = config.admin.address;
    let mut phase = sources.phase.clone();
    let bind = AdminListener::bind(address, open, sources);
    let admin = threads.admin.spawn(bind).await?;
    let admin = admin.with_context(|| format!("admin.address: can't listen on {address}"))?;
    let announced = format!("admin {} {}", config.admin.scheme(), admin.address()?);
    let announced = (announced, admin.socket()?);
    threads.admin.spawn(async move {
        if !leads_at_once {
            // An error is the process's end.
            let _ = phase.wait_for(|phase| *phase == Phase::Serving).await;
        }
        admin.run(phase).await;
    });
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
