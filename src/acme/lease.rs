//! Who orders: one process of all that share a folder. It holds a file with a time at which it ends by
//! itself, so that a process that died keeps nobody from ordering.

use crate::system::{private_file, random, small_file};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::epoch::since_epoch;

/// Longer than an order can take, which has a limit of its own (`order::LIMIT`).
const HELD: Duration = Duration::from_secs(6 * 60);

/// An id and a time.
const LONGEST: u64 = 1024;

/// The right to order. Dropping it gives it back.
pub(super) struct Lease {
    file: PathBuf,
    content: String,
}

impl Lease {
    /// Takes it, unless somebody else has it.
    ///
    /// # Errors
    /// When the folder can't be read or written.
    pub(super) fn take(folder: &Path, now: SystemTime) -> io::Result<Option<Lease>> {
        let id = random::number().map_err(io::Error::other)?;
        let until = since_epoch(now + HELD).as_secs();
        let lease = Lease {
            file: folder.join("order.lock"),
            content: format!("{id:016x} {until}\n"),
        };
        if lease.create()? {
            return Ok(Some(lease));
        }
        let Some(held) = read(&lease.file)? else {
            return Ok(None);
        };
        if is_held(&held, &lease.file, now)? || !lease.put_aside(&held, id)? {
            return Ok(None);
        }
        let is_mine = lease.create()?;
        Ok(is_mine.then_some(lease))
    }

    /// Whether there was none before.
    fn create(&self) -> io::Result<bool> {
        match private_file::create(&self.file, self.content.as_bytes()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes one away that has ended. Of several that try, one succeeds; a new one that was taken by
    /// mistake is put back.
    fn put_aside(&self, ended: &[u8], id: u64) -> io::Result<bool> {
        let aside = self.file.with_extension(format!("{id:016x}"));
        match fs::rename(&self.file, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        }
        let is_that = read(&aside)?.as_deref() == Some(ended);
        if !is_that {
            // It fails where somebody has taken it meanwhile, who may then have it.
            fs::hard_link(&aside, &self.file).ok();
        }
        private_file::remove(&aside)?;
        Ok(is_that)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Ok(Some(held)) = read(&self.file)
            && held == self.content.as_bytes()
            && let Err(error) = private_file::remove(&self.file)
        {
            log::warn!("{} stays until it ends: {error}", self.file.display());
        }
    }
}

fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    small_file::read_if_there(file, LONGEST)
}

/// Whether it goes on. One that ends later than any can was written by a clock that is wrong; one without
/// a time by a process that died while it wrote: for both the time of the file counts.
fn is_held(held: &[u8], file: &Path, now: SystemTime) -> io::Result<bool> {
    let until = std::str::from_utf8(held).ok().and_then(|text| {
        let until = text.trim_end().split_once(' ')?.1.parse().ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(until))
    });
    if let Some(until) = until.filter(|until| *until <= now + HELD) {
        return Ok(until > now);
    }
    match fs::metadata(file) {
        Ok(metadata) => Ok(metadata.modified()? + HELD > now),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_until_it_is_given_back_or_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let take = |at| Lease::take(folder.path(), at).unwrap();
        let first = take(now).unwrap();
        assert!(take(now).is_none());
        assert!(take(now + HELD - Duration::from_secs(2)).is_none());
        let second = take(now + HELD + Duration::from_secs(1)).unwrap();
        drop(first);
        assert!(
            take(now + HELD).is_none(),
            "it isn't the first's to give back"
        );
        drop(second);
        assert!(take(now).is_some());
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "nothing is left lying about");
    }

    #[test]
    fn one_that_makes_no_sense_ends_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for content in ["", "x", "0123456789abcdef 99999999999\n"] {
            let file = folder.path().join("order.lock");
            fs::write(&file, content).unwrap();
            assert!(
                Lease::take(folder.path(), now).unwrap().is_none(),
                "{content}"
            );
            let later = now + HELD * 2;
            assert!(
                Lease::take(folder.path(), later).unwrap().is_some(),
                "{content}"
            );
        }
    }
}
