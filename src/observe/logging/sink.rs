//! Where whole lines are written to, however many bytes of them one write takes. Who writes after a line
//! that was cut begins on a new one.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

/// When a pipe that somebody made non-blocking is full, so often is looked whether it still is.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A file, a pipe or standard error.
pub(crate) struct Sink {
    out: Box<dyn Write + Send>,
    /// The last byte that was written ended no line.
    is_torn: bool,
}

impl Sink {
    /// A sink whose last line is whole, or torn.
    pub(crate) fn new(out: Box<dyn Write + Send>, is_torn: bool) -> Sink {
        Sink { out, is_torn }
    }

    /// Not through the standard library's handle, whose lock a blocked write would hold.
    pub(super) fn stderr() -> Sink {
        let out: Box<dyn Write + Send> = match io::stderr().as_fd().try_clone_to_owned() {
            Ok(descriptor) => Box::new(File::from(descriptor)),
            Err(_) => Box::new(io::stderr()),
        };
        Sink::new(out, false)
    }

    /// Writes whole lines, behind the end of one that was cut; returns how many of their bytes were
    /// written until it failed.
    pub(crate) fn write_lines(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        if self.is_torn {
            if let (_, Err(error)) = write_out(&mut self.out, b"\n") {
                return (0, Err(error));
            }
            self.is_torn = false;
        }
        self.write_rest(lines)
    }

    /// The same with what follows the last byte that was written: the rest of lines that were cut.
    pub(crate) fn write_rest(&mut self, rest: &[u8]) -> (usize, io::Result<()>) {
        let (written, result) = write_out(&mut self.out, rest);
        if let Some(last) = written.checked_sub(1).and_then(|last| rest.get(last)) {
            self.is_torn = *last != b'\n';
        }
        (written, result)
    }
}

/// Writes all bytes, however long it takes; returns how many were written until it failed.
fn write_out(out: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match out.write(&bytes[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(LOOK_AGAIN),
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

/// What tests write to.
#[cfg(test)]
pub(crate) mod disk {
    use super::Sink;
    use parking_lot::Mutex;
    use std::io::{self, ErrorKind, Write};
    use std::sync::Arc;

    /// Takes so many bytes and then fails, until it is given room.
    #[derive(Clone, Default)]
    pub(crate) struct Disk(Arc<Mutex<(usize, Vec<u8>)>>);

    impl Disk {
        pub(crate) fn has_room(&self, bytes: usize) {
            self.0.lock().0 = bytes;
        }

        pub(crate) fn content(&self) -> String {
            String::from_utf8(self.0.lock().1.clone()).unwrap()
        }

        pub(crate) fn sink(&self) -> Sink {
            Sink::new(Box::new(self.clone()), false)
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (room, content) = &mut *self.0.lock();
            let fits = bytes.len().min(*room);
            if fits == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            *room -= fits;
            content.extend(&bytes[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::disk::Disk;

    #[test]
    fn a_line_that_was_cut_goes_on_or_is_left_behind() {
        let disk = Disk::default();
        let mut sink = disk.sink();
        disk.has_room(3);
        let (written, result) = sink.write_lines(b"a\nbcd\n");
        assert!(result.is_err());
        disk.has_room(100);
        sink.write_rest(&b"a\nbcd\n"[written..]).1.unwrap();
        assert_eq!(disk.content(), "a\nbcd\n");
        disk.has_room(1);
        assert_eq!(sink.write_lines(b"ef\n").0, 1);
        disk.has_room(0);
        assert_eq!(sink.write_lines(b"gh\n").0, 0);
        disk.has_room(100);
        sink.write_lines(b"ij\n").1.unwrap();
        sink.write_lines(b"kl\n").1.unwrap();
        assert_eq!(disk.content(), "a\nbcd\ne\nij\nkl\n");
    }
}
