//! Where log lines go: to standard error, as text or as one JSON object a line.
//!
//! `RUST_LOG` filters as usual (`info` unless set). Access records have the target [`ACCESS`];
//! they come formatted already and are written in batches, since one system call per request is a
//! measurable part of a small request's cost. Everything else is written at once.

use crate::config::LogFormat;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The log target of access records.
pub const ACCESS: &str = "access";

/// Lines are held back until there is this much, or for [`FLUSH_EVERY`].
const BATCH: usize = 32 * 1024;

/// What a crash can lose of the access log at most.
const FLUSH_EVERY: Duration = Duration::from_millis(250);

/// Pingora reports every aborted transfer as an error of its own; the access record says the same
/// with the registry's words. Its warnings of this kind stay out unless asked for.
const QUIET: [&str; 2] = ["pingora_proxy", "pingora_core"];

/// Lets a line through that would come with every connection or request: the first, and then one
/// in each interval.
pub struct Seldom {
    interval: Duration,
    last: Mutex<Option<Instant>>,
}

impl Seldom {
    pub fn every(interval: Duration) -> Seldom {
        Seldom {
            interval,
            last: Mutex::new(None),
        }
    }

    /// Whether the line is to be written now.
    pub fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
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
    pending: Mutex<Vec<u8>>,
}

/// Installs the logger and the thread that flushes it. Later calls change nothing.
pub fn init(format: LogFormat) {
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
        pending: Mutex::new(Vec::with_capacity(BATCH * 2)),
    };
    if log::set_boxed_logger(Box::new(logger)).is_err() {
        return;
    }
    log::set_max_level(level);
    let flusher = std::thread::Builder::new().name("log".to_owned());
    let spawned = flusher.spawn(|| {
        loop {
            std::thread::sleep(FLUSH_EVERY);
            log::logger().flush();
        }
    });
    if let Err(error) = spawned {
        log::warn!("access records are written only in batches: {error}");
    }
}

impl Logger {
    fn pending(&self) -> MutexGuard<'_, Vec<u8>> {
        // A panic while a line was being formatted leaves half a line, not a broken log.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing can be reported when standard error is gone.
fn write_out(pending: &mut Vec<u8>) {
    let _ = std::io::stderr().lock().write_all(pending);
    pending.clear();
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.filter.matches(record) {
            return;
        }
        let mut pending = self.pending();
        if record.target() == ACCESS {
            let _ = writeln!(pending, "{}", record.args());
            if pending.len() >= BATCH {
                write_out(&mut pending);
            }
        } else {
            format_line(self.format, SystemTime::now(), record, &mut pending);
            write_out(&mut pending);
        }
    }

    fn flush(&self) {
        let mut pending = self.pending();
        if !pending.is_empty() {
            write_out(&mut pending);
        }
    }
}

fn format_line(format: LogFormat, now: SystemTime, record: &Record<'_>, out: &mut Vec<u8>) {
    let time = humantime::format_rfc3339_millis(now);
    let level = match record.level() {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    match format {
        LogFormat::Text => {
            let message = record.args().to_string();
            // One record, one line, whatever a peer managed to get into an error's text.
            let _ = writeln!(out, "{time} {level:5} {}", escape_controls(&message));
        }
        LogFormat::Json => {
            let line = serde_json::json!({
                "time": time.to_string(),
                "level": level,
                "target": record.target(),
                "message": record.args().to_string(),
            });
            let _ = writeln!(out, "{line}");
        }
    }
}

fn escape_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat, message: &str) -> String {
        let mut out = Vec::new();
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        format_line(
            format,
            at,
            &Record::builder()
                .level(Level::Warn)
                .target("t")
                .args(format_args!("{message}"))
                .build(),
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(
            line(LogFormat::Text, "a\r\nb\x1b[31m"),
            "1970-01-01T00:00:01.500Z warn  a\\r\\nb\\u{1b}[31m\n"
        );
        assert_eq!(
            line(LogFormat::Json, "a\n\"b\""),
            "{\"level\":\"warn\",\"message\":\"a\\n\\\"b\\\"\",\"target\":\"t\",\"time\":\"1970-01-01T00:00:01.500Z\"}\n"
        );
    }
}
