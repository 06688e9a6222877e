//! Assembly and life cycle: from a configuration to a process that serves, drains and ends.

use crate::admin::{Admin, Phase, Sources};
use crate::config::{self, Config};
use crate::gateway::{Gateway, MAX_TRIES, Shared};
use crate::listener::{Listener, Workers};
use crate::metrics::Metrics;
use crate::{logging, sealing, upstream};
use anyhow::Context;
use pingora::apps::HttpServerOptions;
use pingora::protocols::http::v2::server::default_h2_options;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::watch;
use tokio::time::Instant;

/// How much of an upload may be on its way over HTTP/2. The default of 64 KiB allows 0.6 MiB/s at
/// 100 ms of round trip; this allows 40 MiB/s.
const H2_STREAM_WINDOW: u32 = 4 << 20;
const H2_CONNECTION_WINDOW: u32 = 16 << 20;
/// Large frames cost less for each byte; a frame is buffered whole.
const H2_FRAME: u32 = 1 << 20;

/// Idle connections to Harbor that each worker keeps.
const IDLE_UPSTREAM_CONNECTIONS: usize = 64;

/// A client that opens an HTTP/2 connection and then asks for nothing.
const H2_IDLE: Duration = Duration::from_secs(75);

/// How often a drain looks whether it is done.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// Connections without a request that may still be saying goodbye when a drain is done.
const GOODBYE: Duration = Duration::from_millis(250);

/// How often uploads are looked over: finer than Prometheus asks.
const SWEEP: Duration = Duration::from_secs(1);

/// Records of requests that are cut are written within milliseconds.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// Reads the configuration once more.
pub type Reload<'s> = dyn Fn() -> Result<Config, config::Error> + 's;

/// Serves until a signal ends it; SIGHUP makes it read its sealing keys again.
///
/// # Errors
/// When a listener can't be opened or a thread not started: nothing has been served then.
pub fn run(config: Config, reload: &Reload<'_>) -> anyhow::Result<()> {
    logging::init(config.log.format);
    // Two descriptors for each request; the soft limit of a service is 1,024 by default.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::warn!("the limit of open files stays as it is: {error}");
    }
    // An error means that somebody installed one already, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve(Arc::new(config), reload));
    log::logger().flush();
    result
}

async fn serve(config: Arc<Config>, reload: &Reload<'_>) -> anyhow::Result<()> {
    let started = SystemTime::now();
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
    let metrics = Arc::new(Metrics::new(&config).context("metrics")?);
    let shared =
        Arc::new(Shared::new(Arc::clone(&config), Arc::clone(&metrics)).context("public names")?);
    sealing::start(&shared)?;
    let (stop, stopping) = watch::channel(false);
    let (set_phase, phase) = watch::channel(Phase::Starting);

    let mut announced = Vec::new();
    let mut listeners = Vec::new();
    for (index, listener) in config.listeners.iter().enumerate() {
        let listener = Listener::bind(index, listener).await?;
        announced.push(format!(
            "listening {} {}",
            listener.scheme(),
            listener.address()?
        ));
        listeners.push(listener);
    }
    let sources = Sources {
        config: Arc::clone(&config),
        metrics: Arc::clone(&metrics),
        pushes: Arc::clone(&shared.pushes),
        phase,
        started,
    };
    let admin = Admin::bind(config.admin.address, sources).await;
    let admin = admin
        .with_context(|| format!("admin.address: can't listen on {}", config.admin.address))?;
    announced.push(format!("admin http {}", admin.address()?));

    let proxy = || proxy(&shared, &stopping);
    let workers =
        Workers::start(config.threads, proxy, &metrics, &stopping).context("worker threads")?;
    let workers = Arc::new(workers);
    tokio::spawn(admin.run());
    tokio::spawn(sweep(Arc::clone(&shared)));
    for (index, harbor) in shared.harbors.iter().enumerate() {
        for endpoint in 0..harbor.pool.endpoints.len() {
            if let Some(healthy) = metrics
                .registry(Some(index))
                .healthy(&harbor.pool.endpoints[endpoint].name)
            {
                tokio::spawn(upstream::watch(
                    Arc::clone(&harbor.pool),
                    endpoint,
                    healthy.clone(),
                ));
            }
        }
    }
    let mut signals = Signals::new()?;
    for listener in listeners {
        tokio::spawn(listener.run(Arc::clone(&workers), stopping.clone()));
    }
    set_phase.send_replace(Phase::Serving);
    announced.push("ready".to_owned());
    announce(&announced);

    let signal = loop {
        match signals.next().await {
            Signal::Hangup => sealing::reload(&shared, reload),
            signal => break signal,
        }
    };
    log::info!("{signal}: draining");
    set_phase.send_replace(Phase::Draining);
    stop.send_replace(true);
    tokio::select! {
        () = drain(&workers, &metrics, config.drain.timeout) => {}
        signal = signals.end() => log::warn!("{signal} again: ending at once"),
    }
    // What is still under way ends now, and each says so in its record.
    shared.cut();
    workers.cut(LAST_RECORDS).await;
    Ok(())
}

/// Ends uploads of which nothing was heard any more, and shows those that are open.
async fn sweep(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let now = SystemTime::now();
        for swept in shared.pushes.sweep(now) {
            let metrics = &shared.metrics.registry(Some(swept.registry)).push;
            metrics.uploads_ended(swept.end, swept.count);
        }
        for (registry, gauge) in shared.pushes.gauges(now).into_iter().enumerate() {
            let metrics = &shared.metrics.registry(Some(registry)).push;
            metrics.show_uploads(gauge.uploads_open, gauge.silence);
        }
    }
}

/// One proxy for each worker, so that a worker's upstream connections are its own.
fn proxy(shared: &Arc<Shared>, stopping: &watch::Receiver<bool>) -> HttpProxy<Gateway> {
    let conf = ServerConf {
        threads: 1,
        max_retries: MAX_TRIES,
        upstream_keepalive_pool_size: IDLE_UPSTREAM_CONNECTIONS,
        ..ServerConf::default()
    };
    let mut proxy = http_proxy(
        &Arc::new(conf),
        Gateway::new(Arc::clone(shared), stopping.clone()),
    );
    let mut h2 = default_h2_options();
    h2.initial_window_size(H2_STREAM_WINDOW);
    h2.initial_connection_window_size(H2_CONNECTION_WINDOW);
    h2.max_frame_size(H2_FRAME);
    proxy.h2_options = Some(h2);
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(H2_IDLE);
    proxy.server_options = Some(options);
    proxy
}

/// Says on standard output where we listen: for people, and for tests that let the system choose
/// the ports.
fn announce(lines: &[String]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        // Nobody may be reading.
        let _ = writeln!(out, "{line}");
    }
    let _ = out.flush();
}

/// Waits for what is in flight, at most for `timeout`; at once when nothing is.
async fn drain(workers: &Workers, metrics: &Metrics, timeout: Duration) {
    workers.close_idle().await;
    let began = Instant::now();
    let mut idle_since = None;
    loop {
        let in_flight = metrics.in_flight();
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

    /// The next signal that ends the process.
    async fn end(&mut self) -> Signal {
        loop {
            match self.next().await {
                Signal::Hangup => log::info!("SIGHUP: nothing is read again while draining"),
                signal => return signal,
            }
        }
    }
}
