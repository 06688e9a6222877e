//! Where log lines go: to standard error, as text or as one JSON object a line.
//!
//! `RUST_LOG` filters as usual (`info` unless set). Access records have the target [`ACCESS`] or
//! [`FAILED`]; they come formatted already and are written in batches, everything else at once.
//!
//! A log call only puts a line into a bounded queue; a thread writes it, and no request waits. If
//! nobody reads the pipe or the disk is full, lines are lost, counted and reported, but no request is
//! affected.

mod line;
mod queue;
mod sink;
mod writer;

pub(crate) use queue::LineKind;
pub(crate) use sink::Sink;
#[cfg(test)]
pub(crate) use sink::disk;

use crate::config::LogFormat;
use line::format_line;
use log::{LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;
use prometheus::IntCounter;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};
use writer::SharedQueue;

/// The log target of access records of requests that ended well.
pub(crate) const ACCESS: &str = "access";

/// That of the others. A filter for [`ACCESS`] means both.
pub(crate) const FAILED: &str = "access::failed";

/// How long the process's end waits for its last lines: they are there within milliseconds, unless
/// nobody reads them.
pub(crate) const LAST_LINES: Duration = Duration::from_secs(2);

/// Pingora reports every aborted transfer as an error of its own; the access record says the same
/// with the registry's words. Its warnings of this kind stay out unless asked for.
const QUIET: [&str; 2] = ["pingora_proxy", "pingora_core"];

/// What a thread keeps for its next line; hardly a line is longer.
const LINE: usize = 4 * 1024;

/// There is one log, as there is one standard error.
static SHARED: LazyLock<Arc<SharedQueue>> = LazyLock::new(Arc::default);

/// Whoever writes to standard error has it for as long as a line takes.
static STDERR: LazyLock<Arc<Mutex<Sink>>> = LazyLock::new(|| Arc::new(Mutex::new(Sink::stderr())));

thread_local! {
    /// Lines are made before the queue is locked.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lets a line through that would come with every connection or request: the first, and then one
/// in each interval.
pub(crate) struct RateLimited {
    interval: Duration,
    last: Mutex<Option<Instant>>,
}

impl RateLimited {
    pub(crate) fn every(interval: Duration) -> RateLimited {
        RateLimited {
            interval,
            last: Mutex::new(None),
        }
    }

    /// Whether the line is to be written now.
    pub(crate) fn is_due(&self) -> bool {
        let mut last = self.last.lock();
        let is_due = last.is_none_or(|last| last.elapsed() >= self.interval);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

struct Logger {
    format: LogFormat,
    filter: env_filter::Filter,
    shared: Arc<SharedQueue>,
}

/// Installs the logger, the thread that writes, and that panics are logged as well. Later calls
/// change nothing.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn init(format: LogFormat) -> io::Result<()> {
    let mut builder = env_filter::Builder::new();
    match std::env::var("RUST_LOG") {
        Ok(directives) if !directives.is_empty() => {
            builder.parse(&directives);
        }
        _ => {
            builder.filter_level(LevelFilter::Info);
            for target in QUIET {
                builder.filter_module(target, LevelFilter::Off);
            }
        }
    }
    let filter = builder.build();
    let level = filter.filter();
    let logger = Logger {
        format,
        filter,
        shared: Arc::clone(&SHARED),
    };
    if log::set_boxed_logger(Box::new(logger)).is_err() {
        return Ok(());
    }
    log::set_max_level(level);
    writer::start(format, stderr(), Arc::clone(&SHARED))?;
    // The usual hook writes to standard error itself, and waits for its reader.
    std::panic::set_hook(Box::new(|panic| {
        let trace = Backtrace::capture();
        match trace.status() {
            BacktraceStatus::Captured => log::error!("{panic}\n{trace}"),
            _ => log::error!("{panic}"),
        }
    }));
    Ok(())
}

/// Standard error, for whole lines beside the log's.
pub(crate) fn stderr() -> Arc<Mutex<Sink>> {
    Arc::clone(&STDERR)
}

/// Lines that are dropped count on these from now on, one for each of [`LineKind::ALL`].
pub(crate) fn counted_by(counters: [IntCounter; LineKind::ALL.len()]) {
    SHARED.counted_by(counters);
}

impl Logger {
    fn write(&self, record: &Record<'_>, line: &mut Vec<u8>) {
        line.clear();
        let kind = match record.target() {
            ACCESS => LineKind::Access,
            FAILED => LineKind::Failure,
            _ => LineKind::Message,
        };
        match kind {
            LineKind::Access | LineKind::Failure => {
                let _ = writeln!(line, "{}", record.args());
            }
            LineKind::Message => format_line(self.format, SystemTime::now(), record, line),
        }
        self.shared.push(kind, line);
        line.shrink_to(LINE);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.filter.matches(record) {
            return;
        }
        SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
            Ok(mut line) => self.write(record, &mut line),
            // What is being logged logs itself, or panics.
            Err(_) => self.write(record, &mut Vec::new()),
        });
    }

    /// Waits until all is written, at most for [`LAST_LINES`].
    fn flush(&self) {
        self.shared.flush(LAST_LINES);
    }
}
