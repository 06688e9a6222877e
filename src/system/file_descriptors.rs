//! File descriptors: how many the process may have, how they are divided, and which errors mean that
//! none is left.

use std::fs::File;
use std::io;

/// Sockets that aren't clients' and aren't Harbor's: listeners, the operator's listener with its
/// connections, epoll instances, probes, files while they are read.
const OWN: u64 = 256;

/// EMFILE, ENFILE, ENOBUFS, ENOMEM and EADDRNOTAVAIL: no descriptor, no memory or no port is left
/// for one more socket. Linux' numbers; no crate of ours has names for all of them.
const EXHAUSTED: [i32; 5] = [24, 23, 105, 12, 99];

/// Whether a socket could not be had because *we* have none left, which is nobody else's fault.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|number| EXHAUSTED.contains(&number))
}

/// How many clients may be connected where a process may have `most` descriptors: each has one, and
/// one to Harbor for what it asks, of which there are no more than `max_in_flight` of all registries
/// together.
pub(crate) fn connections_for(most: u64, in_flight: usize) -> usize {
    let left = most.saturating_sub(OWN).max(most / 4);
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    left.saturating_sub(in_flight).max(left / 2).max(1)
}

/// What an operator should know when more clients are allowed than fit; `None` where they do.
pub fn too_few(connections: usize, in_flight: usize, most: u64) -> Option<String> {
    let fit = connections_for(most, in_flight);
    (fit < connections).then(|| {
        let needed = connections.saturating_add(connections.min(in_flight));
        let needed = u64::try_from(needed).unwrap_or(u64::MAX).saturating_add(OWN);
        format!(
            "limits.connections: {connections} clients may need {needed} open files, and this process \
             may have {most}: it takes {fit} clients at most. Raise the limit of open files \
             (LimitNOFILE, ulimit -Hn) or lower limits.connections"
        )
    })
}

/// Descriptors that are held to be given up: when there are none left, one of them is what the
/// operator's listener takes a connection with.
pub(crate) struct ReserveDescriptors {
    files: Vec<File>,
    most: usize,
}

impl ReserveDescriptors {
    pub(crate) fn new(most: usize) -> ReserveDescriptors {
        let mut spares = ReserveDescriptors {
            files: Vec::new(),
            most,
        };
        spares.refill();
        spares
    }

    /// Gives one up; false when none is left.
    pub(crate) fn give_up(&mut self) -> bool {
        self.files.pop().is_some()
    }

    /// Takes as many as are missing, as far as there are some.
    pub(crate) fn refill(&mut self) {
        while self.files.len() < self.most {
            match File::open("/dev/null") {
                Ok(file) => self.files.push(file),
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_into_the_descriptors() {
        for (most, in_flight, fit) in [
            (65_536, 8192, 57_088),
            (20_000, 8192, 11_552),
            (16_000, 8192, 7872),
            (1024, 8192, 384),
            (1024, 100, 668),
            (512, 8192, 128),
            (256, 8192, 32),
            (64, 8192, 8),
            (4, 8192, 1),
            (0, 8192, 1),
        ] {
            assert_eq!(connections_for(most, in_flight), fit, "{most}");
        }
        assert_eq!(too_few(384, 8192, 1024), None);
        let told = too_few(385, 8192, 1024).unwrap();
        for part in [
            "385 clients",
            "1026 open files",
            "may have 1024",
            "384 clients at most",
        ] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn what_is_spare_can_be_given_up_and_had_again() {
        let mut spares = ReserveDescriptors::new(2);
        assert!(spares.give_up() && spares.give_up());
        assert!(!spares.give_up());
        spares.refill();
        assert!(spares.give_up());
    }

    #[test]
    fn only_what_we_lack_ourselves_counts() {
        for (error, is_ours) in [
            (io::Error::from_raw_os_error(24), true),
            (io::Error::from_raw_os_error(99), true),
            (io::Error::from_raw_os_error(111), false),
            (io::ErrorKind::TimedOut.into(), false),
        ] {
            assert_eq!(is_exhausted(&error), is_ours, "{error}");
        }
    }
}
