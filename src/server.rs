//! Assembly and life cycle: from a configuration to a process that serves, drains and ends.

use crate::admin::{Admin, Phase, Sources};
use crate::canary::{self, Canaries};
use crate::config::Config;
use crate::gateway::{Gateway, MAX_TRIES};
use crate::guardian::Guardian;
use crate::listener::{Ending, Listener, Workers};
use crate::live::{Current, Process, Shared};
use crate::pulse::Hearts;
use crate::reload::{self, Read, Reloader};
use crate::signals::{Signal, Signals};
use crate::threads::Thread;
use crate::{descriptors, logging, systemd, upstream};
use anyhow::Context;
use futures_util::future::join_all;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Idle connections to Harbor that each worker keeps.
const IDLE_UPSTREAM_CONNECTIONS: usize = 64;

/// Harbors' names are looked up before anybody is told that we are ready. A name server that is silent
/// keeps nobody from starting: the probes go on asking, and requests say what is missing.
const FIRST_LOOK_UP: Duration = Duration::from_secs(1);

/// How often a drain looks whether it is done.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// Connections without a request may still be saying goodbye when a drain is done, or have been
/// accepted a moment ago.
const GOODBYE: Duration = Duration::from_millis(750);

/// How often uploads are looked over: finer than Prometheus asks.
const SWEEP: Duration = Duration::from_secs(1);

/// Threads beside those that read files: an answer of the operator's listener, and one whose file
/// system hangs.
const BLOCKING: usize = 2;

/// Serves until a signal ends it. SIGHUP, or a change of a file that the configuration names, makes
/// it `read` its configuration again.
///
/// # Errors
/// When a listener can't be opened or a thread not started: nothing has been served then.
pub fn run(config: Config, read: Read) -> anyhow::Result<()> {
    logging::init(config.log.format).context("the log's thread")?;
    // Two descriptors for each request; the soft limit of a service is 1,024 by default.
    let most = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(most) => most,
        Err(error) => {
            log::warn!("the limit of open files stays as it is: {error}");
            rlimit::getrlimit(rlimit::Resource::NOFILE)?.0
        }
    };
    let config = fitting(config, most);
    let read: Read = Arc::new(move || read().map(|config| fitting(config, most)));
    // An error means that somebody installed one already, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve(config, read));
    log::logger().flush();
    // Doesn't wait for a thread that reads a file of a file system that hangs.
    runtime.shutdown_background();
    result
}

/// Takes no more clients than there are descriptors for: for one that was accepted and can't be
/// served, nothing is left but an error.
fn fitting(mut config: Config, most: u64) -> Config {
    let in_flight = config.in_flight();
    if let Some(warning) = descriptors::too_few(config.limits.connections, in_flight, most) {
        config.warnings.push(warning);
        config.limits.connections = descriptors::connections_for(most, in_flight);
    }
    config
}

/// What the process tells all of its parts about its end.
struct Orders {
    /// From the first signal on answers ask to close.
    drain: watch::Sender<bool>,
    /// After the delay nothing new is taken.
    close: watch::Sender<bool>,
    phase: watch::Sender<Phase>,
}

/// The threads that take connections, so that what one of them does holds up no other: clients' and
/// the operator's.
struct Doors {
    accept: Thread,
    admin: Thread,
}

async fn serve(config: Config, read: Read) -> anyhow::Result<()> {
    let config = Arc::new(config);
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
    let process = Arc::new(Process::new(&config, canary::labels()).context("metrics")?);
    logging::counted_by(process.metrics.process.log_lines_dropped());
    let shared = Shared::new(Arc::clone(&config), Arc::clone(&process), None)?;
    let current = Arc::new(Current::new(shared));
    let orders = Orders {
        drain: watch::Sender::new(false),
        close: watch::Sender::new(false),
        phase: watch::Sender::new(Phase::Starting),
    };
    let doors = Doors {
        accept: Thread::start("accept", BLOCKING).context("the thread that accepts")?,
        admin: Thread::start("admin", BLOCKING).context("the operator's thread")?,
    };
    let hearts = hearts(&current, &doors);
    let (listeners, mut announced) = bind(&config, &doors).await?;
    let certificates = listeners.iter().map(Listener::certificates).collect();
    let mut reloader = Reloader::new(read, Arc::clone(&current), certificates);
    let canaries = Arc::default();
    let sources = Sources {
        current: Arc::clone(&current),
        canaries: Arc::clone(&canaries),
        phase: orders.phase.subscribe(),
        reload: reloader.state(),
        hearts: Arc::clone(&hearts),
        started: SystemTime::now(),
    };
    announced.push(admit(config.admin.address, sources, &doors).await?);
    let ending = Ending {
        draining: orders.drain.subscribe(),
        closed: orders.close.subscribe(),
    };
    let proxy = || proxy(&current, &ending.draining);
    let workers = Workers::start(config.threads, proxy, &current, &hearts, &ending);
    let workers = Arc::new(workers.context("worker threads")?);
    hearts.shown_by(&process.metrics.process.responsive);
    let mut signals = Signals::new()?;
    let guardian = Guardian {
        current: Arc::clone(&current),
        hearts: Arc::clone(&hearts),
        workers: Arc::clone(&workers),
    };
    guardian.start().context("the guardian's thread")?;
    resolve_first(&current).await;
    let mut life = Life::begin(
        current, canaries, workers, orders, listeners, &reloader, &doors,
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
    Ok(())
}

/// Watches this thread and the doors'; workers join when they start.
fn hearts(current: &Arc<Current>, doors: &Doors) -> Arc<Hearts> {
    let hearts = Arc::new(Hearts::default());
    let beat = |name| hearts.join(name).beat(Arc::clone(current));
    tokio::spawn(beat("main"));
    doors.accept.spawn(beat("accept"));
    doors.admin.spawn(beat("admin"));
    hearts
}

/// Opens the listeners; returns them with what is to be said of them.
async fn bind(config: &Arc<Config>, doors: &Doors) -> anyhow::Result<(Vec<Listener>, Vec<String>)> {
    let mut announced = Vec::new();
    let mut listeners = Vec::new();
    for index in 0..config.listeners.len() {
        let config = Arc::clone(config);
        let bind = async move { Listener::bind(index, &config.listeners[index]).await };
        let listener = doors.accept.spawn(bind).await??;
        let address = listener.address()?;
        announced.push(format!("listening {} {address}", listener.scheme()));
        listeners.push(listener);
    }
    Ok((listeners, announced))
}

/// Opens the operator's listener, which serves from now on; returns what is to be said of it.
async fn admit(address: SocketAddr, sources: Sources, doors: &Doors) -> anyhow::Result<String> {
    let admin = doors.admin.spawn(Admin::bind(address, sources)).await?;
    let admin = admin.with_context(|| format!("admin.address: can't listen on {address}"))?;
    let announced = format!("admin http {}", admin.address()?);
    doors.admin.spawn(admin.run());
    Ok(announced)
}

/// Reads the configuration again as often as there is a reason to, until a signal ends it.
async fn until_the_end(signals: &mut Signals, reloader: &mut Reloader) -> Signal {
    loop {
        let why = tokio::select! {
            signal = signals.next() => match signal {
                Signal::Hangup => "SIGHUP",
                signal @ (Signal::Terminate | Signal::Quit | Signal::Interrupt) => return signal,
            },
            () = reloader.changed() => "a file has changed",
        };
        // A file system or a resolver may hang: that keeps nobody from ending the process.
        tokio::select! {
            () = read_again(reloader, why) => {}
            signal = signals.ending() => return signal,
        }
    }
}

/// What goes on until the process ends.
struct Life {
    current: Arc<Current>,
    workers: Arc<Workers>,
    accepting: Vec<JoinHandle<()>>,
    canaries: JoinHandle<()>,
    orders: Orders,
}

/// So that the first requests find Harbor.
async fn resolve_first(current: &Current) {
    let shared = current.load();
    let pools = shared.harbors.iter().map(|harbor| &*harbor.pool);
    let resolved = join_all(pools.map(upstream::resolve));
    let _ = tokio::time::timeout(FIRST_LOOK_UP, resolved).await;
}

impl Life {
    /// From now on clients are served.
    fn begin(
        current: Arc<Current>,
        canaries: Arc<Canaries>,
        workers: Arc<Workers>,
        orders: Orders,
        listeners: Vec<Listener>,
        reloader: &Reloader,
        doors: &Doors,
    ) -> Life {
        tokio::spawn(sweep(Arc::clone(&current)));
        reload::watch_endpoints(&current.load(), None);
        let canaries = canary::supervise(
            Arc::clone(&current),
            canaries,
            reloader.state(),
            orders.drain.subscribe(),
            canary::Doctor,
        );
        let accept = |listener: Listener| {
            let accepting = listener.run(Arc::clone(&workers), orders.close.subscribe());
            doors.accept.spawn(accepting)
        };
        let accepting = listeners.into_iter().map(accept).collect();
        orders.phase.send_replace(Phase::Serving);
        Life {
            canaries: tokio::spawn(canaries),
            accepting,
            current,
            workers,
            orders,
        }
    }

    /// The orderly end, or a short one where a second signal comes.
    async fn end(&mut self, signal: Signal, signals: &mut Signals) {
        log::info!("{signal}: draining");
        self.orders.phase.send_replace(Phase::Draining);
        systemd::stopping();
        self.orders.drain.send_replace(true);
        let shared = self.current.load();
        let limits = shared.config.drain;
        let delay = match signal {
            Signal::Terminate | Signal::Quit => limits.delay,
            Signal::Interrupt | Signal::Hangup => Duration::ZERO,
        };
        let drained = async {
            // A canary that is under way cleans up through our own listeners, perhaps.
            let (_, ()) = tokio::join!(&mut self.canaries, tokio::time::sleep(delay));
            self.orders.close.send_replace(true);
            let accepting = std::mem::take(&mut self.accepting);
            finish(accepting, &self.workers, &shared.process, limits.timeout).await;
        };
        tokio::select! {
            () = drained => {}
            signal = end(signals) => log::warn!("{signal} again: ending at once"),
        }
    }
}

/// Reads the configuration again, which systemd is told of.
async fn read_again(reloader: &mut Reloader, why: &str) {
    systemd::reloading();
    reloader.reload(why).await;
    systemd::ready();
}

/// Ends uploads of which nothing was heard any more, and shows those that are open.
async fn sweep(current: Arc<Current>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let now = SystemTime::now();
        let shared = current.load();
        let pushes = &shared.process.pushes;
        for swept in pushes.sweep(now) {
            if let Some(harbor) = shared.numbered(swept.registry) {
                harbor.metrics.push.uploads_ended(swept.end, swept.count);
            }
        }
        for (number, gauge) in pushes.gauges(now).into_iter().enumerate() {
            if let Some(harbor) = shared.numbered(number) {
                let metrics = &harbor.metrics.push;
                metrics.show_uploads(gauge.uploads_open, gauge.silence);
            }
        }
    }
}

/// One proxy for each worker, so that a worker's upstream connections are its own.
fn proxy(current: &Arc<Current>, draining: &watch::Receiver<bool>) -> HttpProxy<Gateway> {
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

/// Waits until nothing new is taken and what is in flight is done, at most for `timeout`; no longer
/// than that takes.
async fn finish(
    accepting: Vec<JoinHandle<()>>,
    workers: &Workers,
    process: &Process,
    timeout: Duration,
) {
    for listener in accepting {
        // It ends by itself; an error would be a panic of its own.
        let _ = listener.await;
    }
    let began = Instant::now();
    let mut idle_since = None;
    loop {
        let in_flight = process.in_flight();
        if in_flight > 0 {
            idle_since = None;
        }
        let idle_for = idle_since.get_or_insert_with(Instant::now).elapsed();
        if in_flight == 0 && (workers.open_connections() == 0 || idle_for >= GOODBYE) {
            log::info!("drained in {:.1} s", began.elapsed().as_secs_f64());
            return;
        }
        if began.elapsed() >= timeout {
            log::warn!(
                "drain.timeout: {in_flight} requests are cut after {} s",
                timeout.as_secs()
            );
            return;
        }
        tokio::time::sleep(DRAIN_POLL).await;
    }
}

/// The next signal that ends the process, during a drain.
async fn end(signals: &mut Signals) -> Signal {
    loop {
        match signals.next().await {
            Signal::Hangup => log::info!("SIGHUP: nothing is read again while draining"),
            signal @ (Signal::Terminate | Signal::Quit | Signal::Interrupt) => return signal,
        }
    }
}
