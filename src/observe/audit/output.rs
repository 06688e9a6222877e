//! Where an audit log's lines go, and how far the oldest of them have come. What couldn't be written is
//! kept, and goes on where it was cut.

use crate::config::AuditTarget;
use crate::observe::logging::{self, Sink};
use parking_lot::Mutex;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// Only who runs the gateway reads who did what.
const MODE: u32 = 0o600;

/// What lines are written to.
pub(super) struct Opened {
    sink: Arc<Mutex<Sink>>,
    /// Others write there, too.
    is_shared: bool,
}

/// The lines that are being written.
pub(super) struct Output {
    to: Opened,
    piece: Vec<u8>,
    written: usize,
    /// The last write failed, and nobody else wrote since.
    is_cut: bool,
}

impl Opened {
    /// # Errors
    /// When the file can't be opened or made.
    pub(super) fn open(target: &AuditTarget) -> io::Result<Opened> {
        Ok(match target {
            AuditTarget::Stderr => Opened {
                sink: logging::stderr(),
                is_shared: true,
            },
            AuditTarget::File(file) => Opened::alone(open(file)?),
        })
    }

    fn alone(sink: Sink) -> Opened {
        Opened {
            sink: Arc::new(Mutex::new(sink)),
            is_shared: false,
        }
    }
}

/// Opened for reading as well: to see whether its last line is whole, and so that a named pipe that nobody
/// reads yet keeps lines instead of the start.
fn open(file: &Path) -> io::Result<Sink> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(MODE);
    let mut file = options.open(file)?;
    let is_torn = is_torn(&mut file)?;
    Ok(Sink::new(Box::new(file), is_torn))
}

/// Whether a process ended before it had written its last line.
fn is_torn(file: &mut File) -> io::Result<bool> {
    let about = file.metadata()?;
    if !about.is_file() || about.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

impl Output {
    pub(super) fn new(to: Opened) -> Output {
        Output {
            to,
            piece: Vec::new(),
            written: 0,
            is_cut: false,
        }
    }

    /// Lines go there from now on; one that was cut goes there as a whole.
    pub(super) fn go_to(&mut self, to: Opened) {
        self.to = to;
        self.is_cut = false;
    }

    pub(super) fn take(&mut self, piece: Vec<u8>) {
        self.piece = piece;
        self.written = 0;
    }

    pub(super) fn is_done(&self) -> bool {
        self.written == self.piece.len()
    }

    /// Writes what was taken; how many lines and bytes that were.
    ///
    /// # Errors
    /// When not all of it could be written. The rest stays for another try.
    pub(super) fn write(&mut self) -> io::Result<(u64, usize)> {
        let mut sink = self.to.sink.lock();
        let (more, result) = if self.is_cut && !self.to.is_shared {
            sink.write_rest(&self.piece[self.written..])
        } else {
            self.written = line_begins(&self.piece, self.written);
            sink.write_lines(&self.piece[self.written..])
        };
        drop(sink);
        self.written += more;
        self.is_cut = result.is_err();
        result?;
        let lines = memchr::memchr_iter(b'\n', &self.piece).count() as u64;
        Ok((lines, self.piece.len()))
    }
}

/// Where the line begins that this offset is in.
fn line_begins(lines: &[u8], offset: usize) -> usize {
    let before = &lines[..offset.min(lines.len())];
    memchr::memrchr(b'\n', before).map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::logging::disk::Disk;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_cut_goes_on_in_the_same_file_and_begins_again_in_another() {
        let (disk, other) = (Disk::default(), Disk::default());
        let mut output = Output::new(Opened::alone(disk.sink()));
        output.take(b"first\nsecond\nthird\n".to_vec());
        disk.has_room(8);
        assert!(output.write().is_err());
        disk.has_room(7);
        assert!(output.write().is_err() && !output.is_done());
        assert_eq!(disk.content(), "first\nsecond\nth");
        other.has_room(100);
        output.go_to(Opened::alone(other.sink()));
        assert_eq!(output.write().unwrap(), (3, 19));
        assert!(output.is_done());
        assert_eq!(other.content(), "third\n");
    }

    #[test]
    fn where_others_write_too_a_line_that_was_cut_is_written_again() {
        let disk = Disk::default();
        let sink = Arc::new(Mutex::new(disk.sink()));
        let mut output = Output::new(Opened {
            sink: Arc::clone(&sink),
            is_shared: true,
        });
        output.take(b"first\nsecond\n".to_vec());
        disk.has_room(8);
        assert!(output.write().is_err());
        disk.has_room(100);
        sink.lock().write_lines(b"a message\n").1.unwrap();
        output.write().unwrap();
        assert_eq!(disk.content(), "first\nse\na message\nsecond\n");
    }

    #[test]
    fn a_file_is_made_for_its_owner_and_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.jsonl");
        for (line, content) in [
            ("one\n", "one\n"),
            ("two", "one\ntwo"),
            // Whoever wrote the line before didn't come to its end.
            ("three\n", "one\ntwo\nthree\n"),
        ] {
            let opened = Opened::open(&AuditTarget::File(file.clone())).unwrap();
            let mut output = Output::new(opened);
            output.take(line.as_bytes().to_vec());
            output.write().unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
        }
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let nowhere = AuditTarget::File(folder.path().join("none/audit.jsonl"));
        assert!(Opened::open(&nowhere).is_err());
        let directory = AuditTarget::File(folder.path().to_owned());
        assert!(Opened::open(&directory).is_err());
    }
}
