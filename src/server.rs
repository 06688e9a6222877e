//! Assembly and life cycle: from a configuration to a process that serves, drains and ends.

use crate::admin::{Admin, Phase, Sources};
use crate::canary;
use crate::config::Config;
use crate::gateway::{Gateway, MAX_TRIES};
use crate::listener::{Ending, Listener, Workers};
use crate::live::{Current, Process, Shared};
use crate::reload::{self, Read, Reloader};
use crate::{logging, systemd};
use anyhow::Context;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Idle connections to Harbor that each worker keeps.
const IDLE_UPSTREAM_CONNECTIONS: usize = 64;

/// How often a drain looks whether it is done.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// Connections without a request may still be saying goodbye when a drain is done, or have been
/// accepted a moment ago.
const GOODBYE: Duration = Duration::from_millis(750);

/// How often uploads are looked over: finer than Prometheus asks.
const SWEEP: Duration = Duration::from_secs(1);

/// Records of requests that are cut are written within milliseconds.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// Serves until a signal ends it. SIGHUP, or a change of a file that the configuration names, makes
/// it `read` its configuration again.
///
/// # Errors
/// When a listener can't be opened or a thread not started: nothing has been served then.
pub fn run(config: Config, read: Read) -> anyhow::Result<()> {
    logging::init(config.log.format).context("the log's thread")?;
    // Two descriptors for each request; the soft limit of a service is 1,024 by default.
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(most) if most < descriptors(&config) => log::warn!(
            "limits.connections: {} clients may need {} open files, and this process may have {most}; \
             raise its limit (LimitNOFILE, ulimit -Hn) or lower this one",
            config.limits.connections,
            descriptors(&config)
        ),
        Ok(_) => {}
        Err(error) => log::warn!("the limit of open files stays as it is: {error}"),
    }
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

/// What as many clients as are allowed can make us open.
fn descriptors(config: &Config) -> u64 {
    u64::try_from(config.limits.connections * 2).unwrap_or(u64::MAX)
}

async fn serve(config: Config, read: Read) -> anyhow::Result<()> {
    let config = Arc::new(config);
    let started = SystemTime::now();
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
    let process = Arc::new(Process::new(&config).context("metrics")?);
    logging::counted_by(process.metrics.process.log_lines_dropped());
    let shared = Shared::new(Arc::clone(&config), Arc::clone(&process), None)?;
    let current = Arc::new(Current::new(shared));
    // From the first signal on answers ask to close; after the delay nothing new is taken.
    let (drain, draining) = watch::channel(false);
    let (close, closed) = watch::channel(false);
    let (set_phase, phase) = watch::channel(Phase::Starting);

    let mut announced = Vec::new();
    let mut listeners = Vec::new();
    for (index, listener) in config.listeners.iter().enumerate() {
        let listener = Listener::bind(index, listener).await?;
        let address = listener.address()?;
        announced.push(format!("listening {} {address}", listener.scheme()));
        listeners.push(listener);
    }
    let mut reloader = Reloader::new(
        read,
        Arc::clone(&current),
        listeners.iter().map(Listener::certificates).collect(),
    );
    let reloaded = reloader.state();
    let sources = Sources {
        current: Arc::clone(&current),
        phase,
        reload: reloader.state(),
        started,
    };
    let admin = Admin::bind(config.admin.address, sources).await;
    let admin = admin
        .with_context(|| format!("admin.address: can't listen on {}", config.admin.address))?;
    announced.push(format!("admin http {}", admin.address()?));

    let proxy = || proxy(&current, &draining);
    let ending = Ending {
        draining: draining.clone(),
        closed: closed.clone(),
    };
    let workers = Workers::start(config.threads, proxy, &current, &ending);
    let workers = Arc::new(workers.context("worker threads")?);
    tokio::spawn(admin.run());
    tokio::spawn(sweep(Arc::clone(&current)));
    reload::watch_endpoints(&current.load(), None);
    let mut signals = Signals::new()?;
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(listener.run(Arc::clone(&workers), closed.clone())))
        .collect();
    let canaries = canary::supervise(
        Arc::clone(&current),
        reloaded,
        draining.clone(),
        canary::Doctor,
    );
    let canaries = tokio::spawn(canaries);
    set_phase.send_replace(Phase::Serving);
    announced.push("ready".to_owned());
    announce(announced).context("the thread that says where we listen")?;
    systemd::ready();
    tokio::spawn(systemd::keep_alive());

    let signal = loop {
        let why = tokio::select! {
            signal = signals.next() => match signal {
                Signal::Hangup => "SIGHUP",
                signal => break signal,
            },
            () = reloader.changed() => "a file has changed",
        };
        // A file system or a resolver may hang: that keeps nobody from ending the process.
        tokio::select! {
            () = read_again(&mut reloader, why) => {}
            signal = signals.ending() => break signal,
        }
    };
    log::info!("{signal}: draining");
    set_phase.send_replace(Phase::Draining);
    systemd::stopping();
    drain.send_replace(true);
    let limits = current.load().config.drain;
    let delay = match signal {
        Signal::Terminate => limits.delay,
        Signal::Interrupt | Signal::Hangup => Duration::ZERO,
    };
    let drained = async {
        // A canary that is under way cleans up through our own listeners, perhaps.
        let (_, ()) = tokio::join!(canaries, tokio::time::sleep(delay));
        close.send_replace(true);
        finish(accepting, &workers, &process, limits.timeout).await;
    };
    tokio::select! {
        () = drained => {}
        signal = signals.end() => log::warn!("{signal} again: ending at once"),
    }
    // What is still under way ends now, and each says so in its record.
    process.cut();
    workers.cut(LAST_RECORDS).await;
    Ok(())
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Terminate,
    Interrupt,
    Hangup,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Terminate => "SIGTERM",
            Signal::Interrupt => "SIGINT",
            Signal::Hangup => "SIGHUP",
        })
    }
}

struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.hangup.recv() => Signal::Hangup,
        }
    }

    /// The next signal that ends the process; a SIGHUP stays for [`Signals::next`].
    async fn ending(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }

    /// The next signal that ends the process, during a drain.
    async fn end(&mut self) -> Signal {
        loop {
            match self.next().await {
                Signal::Hangup => log::info!("SIGHUP: nothing is read again while draining"),
                signal => return signal,
            }
        }
    }
}
