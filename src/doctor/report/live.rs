//! The screen: lines that stay, and on a terminal one line that shows what is under way.
//!
//! That line is drawn by a thread of its own, because a step may be silent for minutes: the time
//! that it takes is all there is to show then.

use super::super::shown::bytes;
use crate::terminal::{Style, bar};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::io::{self, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Often enough to look alive.
const REDRAW: Duration = Duration::from_millis(100);
/// A step that is done sooner would only flicker.
const FIRST: Duration = Duration::from_millis(150);

pub(super) struct Screen {
    shared: Arc<Shared>,
    clock: Option<JoinHandle<()>>,
    is_live: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    out: Box<dyn Write + Send>,
    width: usize,
    step: Option<UnderWay>,
    /// The first error of writing; nothing is written after it.
    failed: Option<io::Error>,
    is_over: bool,
}

struct UnderWay {
    title: &'static str,
    began: Instant,
    body: Option<(u64, u64)>,
    is_drawn: bool,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>, style: Style) -> Screen {
        Screen {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    out,
                    width: style.width,
                    step: None,
                    failed: None,
                    is_over: false,
                }),
                changed: Condvar::new(),
            }),
            clock: None,
            is_live: style.is_terminal(),
        }
    }

    pub(super) fn print(&self, text: &str) {
        self.shared.lock().write(text);
    }

    pub(super) fn under_way(&mut self, title: &'static str) {
        if !self.is_live {
            return;
        }
        self.shared.lock().step = Some(UnderWay {
            title,
            began: Instant::now(),
            body: None,
            is_drawn: false,
        });
        if self.clock.is_none() {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("doctor-clock".to_owned());
            // Without it steps are only not seen to last.
            self.clock = thread.spawn(move || shared.draw_until_over()).ok();
        }
    }

    pub(super) fn progress(&self, done: u64, total: u64) {
        if let Some(step) = &mut self.shared.lock().step {
            step.body = Some((done, total));
        }
    }

    /// The step's own lines, in place of the live one.
    pub(super) fn done(&self, lines: &str) {
        let mut state = self.shared.lock();
        state.erase();
        state.step = None;
        state.write(lines);
    }

    /// Nothing more is drawn.
    ///
    /// # Errors
    /// The first error of writing.
    pub(super) fn end(&mut self) -> io::Result<()> {
        {
            let mut state = self.shared.lock();
            state.erase();
            state.step = None;
            state.is_over = true;
        }
        self.shared.changed.notify_all();
        if let Some(clock) = self.clock.take() {
            // It has nothing to say.
            let _ = clock.join();
        }
        match self.shared.lock().failed.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Told by `end` where anybody listens.
        let _ = self.end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn draw_until_over(&self) {
        let mut state = self.lock();
        while !state.is_over {
            state.draw();
            self.changed.wait_for(&mut state, REDRAW);
        }
    }
}

impl State {
    fn write(&mut self, text: &str) {
        if self.failed.is_some() {
            return;
        }
        let written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        if let Err(error) = written {
            self.failed = Some(error);
        }
    }

    fn draw(&mut self) {
        let Some(step) = &mut self.step else {
            return;
        };
        let elapsed = step.began.elapsed();
        if elapsed < FIRST {
            return;
        }
        step.is_drawn = true;
        let line = line(step.title, elapsed, step.body, self.width);
        self.write(&format!("\r\x1b[K{line}"));
    }

    fn erase(&mut self) {
        if self.step.as_ref().is_some_and(|step| step.is_drawn) {
            self.write("\r\x1b[K");
        }
    }
}

/// Shorter than the terminal is wide: a line that wraps can't be drawn over.
fn line(title: &str, elapsed: Duration, body: Option<(u64, u64)>, width: usize) -> String {
    let mut line = format!("  ⋯ {title:<22} {:.1} s", elapsed.as_secs_f64());
    if let Some((done, total)) = body {
        line.push_str(&format!("  {} of {}", bytes(done), bytes(total)));
        let with_bar = format!("{line}  {}", bar(done, total, 12));
        if with_bar.chars().count() < width {
            line = with_bar;
        }
    }
    line.chars().take(width - 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Output;

    /// What was written, for a test to read.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().clone()).unwrap()
        }
    }

    const TERMINAL: Style = Style {
        output: Output::Terminal,
        width: 80,
    };

    #[test]
    fn a_step_that_lasts_is_seen_and_gives_way_to_its_line() {
        let written = Written::default();
        let mut screen = Screen::new(Box::new(written.clone()), TERMINAL);
        screen.under_way("PATCH, a pause");
        screen.progress(1 << 20, 2 << 20);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !written.text().contains("1 MiB of 2 MiB") {
            assert!(
                Instant::now() < deadline,
                "nothing drawn: {}",
                written.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        screen.done("  ✓ done\n");
        screen.end().unwrap();
        assert!(
            written.text().ends_with("\r\x1b[K  ✓ done\n"),
            "{:?}",
            written.text()
        );
    }

    #[test]
    fn a_pipe_gets_nothing_but_lines() {
        let written = Written::default();
        let mut screen = Screen::new(Box::new(written.clone()), Style::PLAIN);
        screen.under_way("PATCH, a pause");
        screen.progress(1, 2);
        std::thread::sleep(2 * FIRST);
        screen.done("one\n");
        screen.print("two\n");
        screen.end().unwrap();
        assert_eq!(written.text(), "one\ntwo\n");
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_output_that_is_gone_is_told_at_the_end() {
        let mut screen = Screen::new(Box::new(Full), Style::PLAIN);
        screen.print("lost");
        assert_eq!(screen.end().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn the_live_line_never_wraps() {
        for (title, body, width) in [
            ("PATCH", None, 60),
            ("PATCH", Some((u64::MAX / 2, u64::MAX)), 60),
            ("PATCH", Some((u64::MAX / 2, u64::MAX)), 100),
            (
                "a title that is longer than any of ours is or will ever be, that is",
                None,
                60,
            ),
        ] {
            let line = line(title, Duration::from_secs(86_400), body, width);
            assert!(line.chars().count() < width, "{line}");
        }
    }
}
