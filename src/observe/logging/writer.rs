//! The thread that writes log lines: only this thread is held up by a slow reader, a full disk or a
//! closed pipe.

use super::line::format_line;
use super::queue::{Batch, LineCounts, LineKind, Queue};
use super::sink::Sink;
use crate::config::LogFormat;
use log::{Level, Record};
use parking_lot::{Condvar, Mutex};
use prometheus::IntCounter;
use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime};

/// Lines are held back until there is this much, or for [`FLUSH_EVERY`]: one system call for each
/// request is a measurable part of a small request's cost.
const BATCH: usize = 32 * 1024;

/// What a crash can lose of the access log at most.
const FLUSH_EVERY: Duration = Duration::from_millis(250);

/// What those who log share with the thread that writes.
#[derive(Default)]
pub(super) struct SharedQueue {
    state: Mutex<QueueState>,
    due: Condvar,
    written: Condvar,
    counters: OnceLock<[IntCounter; LineKind::ALL.len()]>,
}

#[derive(Default)]
struct QueueState {
    queue: Queue,
    /// There is enough to write, or a caller waits for a flush.
    is_due: bool,
    is_writing: bool,
}

impl SharedQueue {
    /// Hands a line to the thread; never waits for it.
    pub(super) fn push(&self, kind: LineKind, line: &[u8]) {
        let mut state = self.state.lock();
        let is_taken = state.queue.push(kind, line);
        let is_due = kind == LineKind::Message || state.queue.len() >= BATCH;
        let wake = is_due && !state.is_due;
        state.is_due |= is_due;
        drop(state);
        if wake {
            self.due.notify_one();
        }
        if !is_taken {
            self.count(kind, 1);
        }
    }

    /// Waits until all that was pushed is written, but no longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let mut state = self.state.lock();
        state.is_due = true;
        self.due.notify_one();
        let is_under_way = |state: &mut QueueState| state.is_writing || state.queue.len() > 0;
        // The result says only whether it was in time, which changes nothing now.
        self.written.wait_while_for(&mut state, is_under_way, limit);
    }

    /// Dropped lines are counted on these from now on.
    pub(super) fn counted_by(&self, counters: [IntCounter; LineKind::ALL.len()]) {
        // The first ones stay: there is one log.
        let _ = self.counters.set(counters);
    }

    fn count(&self, kind: LineKind, lines: u64) {
        if let Some(counters) = self.counters.get() {
            counters[kind as usize].inc_by(lines);
        }
    }

    /// Waits for something to write.
    fn next(&self, batch: &mut Batch) -> LineCounts {
        let mut state = self.state.lock();
        state.is_writing = false;
        loop {
            if state.queue.len() == 0 {
                self.written.notify_all();
            }
            let is_idle = |state: &mut QueueState| !state.is_due;
            self.due.wait_while_for(&mut state, is_idle, FLUSH_EVERY);
            state.is_due = false;
            if state.queue.len() > 0 {
                state.is_writing = true;
                return state.queue.swap(batch);
            }
        }
    }
}

/// Starts the thread.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn start(
    format: LogFormat,
    out: Arc<Mutex<Sink>>,
    shared: Arc<SharedQueue>,
) -> io::Result<()> {
    let writer = Writer::new(format, out);
    let builder = thread::Builder::new().name("log".to_owned());
    builder.spawn(move || run(writer, &shared))?;
    Ok(())
}

fn run(mut writer: Writer, shared: &SharedQueue) {
    let mut batch = Batch::default();
    loop {
        let dropped = shared.next(&mut batch);
        let failed = writer.write(&batch, dropped);
        for kind in LineKind::ALL {
            shared.count(kind, failed[kind as usize]);
        }
        batch.clear();
    }
}

/// Writes batches, and tells of the lines that are missing once it can.
struct Writer {
    format: LogFormat,
    out: Arc<Mutex<Sink>>,
    untold: LineCounts,
    /// Why writing failed the last time, as long as that isn't told.
    error: Option<io::Error>,
}

impl Writer {
    fn new(format: LogFormat, out: Arc<Mutex<Sink>>) -> Writer {
        Writer {
            format,
            out,
            untold: LineCounts::default(),
            error: None,
        }
    }

    /// Writes a batch after which lines were dropped; returns how many of its lines got lost.
    fn write(&mut self, batch: &Batch, dropped: LineCounts) -> LineCounts {
        for (untold, dropped) in self.untold.iter_mut().zip(dropped) {
            *untold += dropped;
        }
        let mut failed = LineCounts::default();
        let (written, result) = self.out.lock().write_lines(&batch.bytes);
        if let Err(error) = result {
            failed = batch.lines_from(written);
            for (untold, failed) in self.untold.iter_mut().zip(failed) {
                *untold += failed;
            }
            self.error = Some(error);
        } else if self.untold != LineCounts::default() {
            self.tell();
        }
        failed
    }

    /// One line about the lines that are missing here.
    fn tell(&mut self) {
        let [access, failure, message] = self.untold;
        let why = match &self.error {
            Some(error) => format!("standard error could not be written to: {error}"),
            None => "the reader of standard error was too slow".to_owned(),
        };
        let mut line = Vec::new();
        format_line(
            self.format,
            SystemTime::now(),
            &Record::builder()
                .level(Level::Warn)
                .target(module_path!())
                .args(format_args!(
                    "log lines are missing here: {access} access records of requests that ended \
                     well, {failure} of others, {message} messages; {why}"
                ))
                .build(),
            &mut line,
        );
        if self.out.lock().write_lines(&line).1.is_ok() {
            (self.untold, self.error) = (LineCounts::default(), None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::logging::disk::Disk;

    fn batch(lines: &[(LineKind, &str)]) -> Batch {
        let (mut queue, mut batch) = (Queue::default(), Batch::default());
        for (kind, line) in lines {
            assert!(queue.push(*kind, line.as_bytes()));
        }
        queue.swap(&mut batch);
        batch
    }

    #[test]
    fn a_full_disk_loses_lines_that_are_counted_and_told() {
        let disk = Disk::default();
        let mut writer = Writer::new(LogFormat::Text, Arc::new(Mutex::new(disk.sink())));
        let lines = batch(&[
            (LineKind::Access, "first\n"),
            (LineKind::Message, "second\n"),
        ]);
        assert_eq!(writer.write(&lines, [0, 0, 0]), [1, 0, 1]);
        disk.has_room(8);
        assert_eq!(writer.write(&lines, [0, 0, 0]), [0, 0, 1]);
        disk.has_room(1000);
        assert_eq!(writer.write(&lines, [0, 3, 0]), [0, 0, 0]);
        assert_eq!(writer.write(&lines, [0, 0, 0]), [0, 0, 0]);
        let content = disk.content();
        let (before, told) = content.split_once("first\nse\nfirst\nsecond\n").unwrap();
        assert_eq!(before, "");
        let (told, after) = told.split_once('\n').unwrap();
        for word in [
            "warn",
            "missing here: 1 access",
            "3 of others",
            "2 messages; standard error could not be written to: ",
        ] {
            assert!(told.contains(word), "{told}");
        }
        assert_eq!(after, "first\nsecond\n");
    }
}
