//! The screen: lines that stay, and on a terminal one line that shows what is under way.
//!
//! That line is drawn again and again, because a step may be silent for minutes: the time that it
//! takes is all there is to show then.

use super::super::display::bytes;
use crate::system::terminal::{Style, bar, columns, padded};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

/// Often enough to look alive.
const REDRAW: Duration = Duration::from_millis(100);
/// A step that is done sooner would only flicker.
const FIRST: Duration = Duration::from_millis(150);

pub(super) struct Screen {
    out: Box<dyn Write + Send>,
    /// What is drawn over; none where nothing is.
    live: Option<Live>,
    under_way: Option<ProgressBar>,
    /// The first error of writing; nothing is written after it.
    failed: Option<io::Error>,
}

struct Live {
    target: Box<dyn Fn() -> ProgressDrawTarget + Send>,
    width: usize,
}

impl Screen {
    pub(super) fn of_stdout(style: Style) -> Screen {
        let live = style.is_terminal().then_some(Live {
            target: Box::new(ProgressDrawTarget::stdout),
            width: style.width,
        });
        Screen {
            live,
            ..Screen::plain(Box::new(io::stdout()))
        }
    }

    /// Of lines only.
    pub(super) fn plain(out: Box<dyn Write + Send>) -> Screen {
        Screen {
            out,
            live: None,
            under_way: None,
            failed: None,
        }
    }

    pub(super) fn print(&mut self, text: &str) {
        self.erase();
        if self.failed.is_none() {
            let written = self.out.write_all(text.as_bytes());
            self.failed = written.and_then(|()| self.out.flush()).err();
        }
    }

    pub(super) fn under_way(&mut self, title: &'static str) {
        self.erase();
        let Some(Live { target, width }) = &self.live else {
            return;
        };
        let width = *width;
        let draw = move |state: &ProgressState, line: &mut dyn fmt::Write| {
            let body = state.len().map(|total| (state.pos(), total));
            if state.elapsed() >= FIRST {
                // There is nobody to tell, and the next is drawn soon.
                let _ = line.write_str(&self::line(title, state.elapsed(), body, width));
            }
        };
        let style = ProgressStyle::with_template("{line}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar =
            ProgressBar::with_draw_target(None, target()).with_style(style.with_key("line", draw));
        bar.enable_steady_tick(REDRAW);
        self.under_way = Some(bar);
    }

    pub(super) fn progress(&self, done: u64, total: u64) {
        if let Some(bar) = &self.under_way {
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    /// Nothing is under way any more.
    fn erase(&mut self) {
        if let Some(bar) = self.under_way.take() {
            bar.finish_and_clear();
        }
    }

    /// Nothing more is drawn.
    ///
    /// # Errors
    /// The first error of writing.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.erase();
        self.failed.take().map_or(Ok(()), Err)
    }
}

/// Shorter than the terminal is wide: a line that wraps can't be drawn over.
fn line(title: &str, elapsed: Duration, body: Option<(u64, u64)>, width: usize) -> String {
    let mut line = format!("  ⋯ {} {:.1} s", padded(title, 22), elapsed.as_secs_f64());
    if let Some((done, total)) = body {
        line.push_str(&format!("  {} / {}", bytes(done), bytes(total)));
        let with_bar = format!("{line}  {}", bar(done, total, 12));
        if columns(&with_bar) < width {
            line = with_bar;
        }
    }
    while columns(&line) >= width {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use parking_lot::Mutex;
    use std::sync::Arc;
    use std::time::Instant;

    /// What was written, for a test to read.
    #[derive(Clone, Debug, Default)]
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

    /// A terminal of one line.
    impl TermLike for Written {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(&format!("{line}\n"))
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.clone().write_all(text.as_bytes())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.write_str("\r\x1b[K")
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().clone()).unwrap()
        }
    }

    fn terminal(written: &Written) -> Screen {
        let drawn = written.clone();
        Screen {
            live: Some(Live {
                target: Box::new(move || ProgressDrawTarget::term_like(Box::new(drawn.clone()))),
                width: 80,
            }),
            ..Screen::plain(Box::new(written.clone()))
        }
    }

    #[test]
    fn a_step_that_lasts_is_seen_and_gives_way_to_its_line() {
        let written = Written::default();
        let mut screen = terminal(&written);
        screen.under_way("PATCH, a pause");
        screen.progress(1 << 20, 2 << 20);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !written.text().contains("1 MiB / 2 MiB") {
            assert!(
                Instant::now() < deadline,
                "nothing drawn: {}",
                written.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        screen.print("  ✓ done\n");
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
        let mut screen = Screen::plain(Box::new(written.clone()));
        screen.under_way("PATCH, a pause");
        screen.progress(1, 2);
        std::thread::sleep(2 * FIRST);
        screen.print("one\n");
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
        let mut screen = Screen::plain(Box::new(Full));
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
                "用两列宽的汉字写成的标题，比我们的任何一个标题都要长，也就是说比终端还要长",
                None,
                60,
            ),
            (
                "a title that is longer than any of ours is or will ever be, that is",
                None,
                60,
            ),
        ] {
            let line = line(title, Duration::from_secs(86_400), body, width);
            assert!(columns(&line) < width, "{line}");
        }
    }
}
