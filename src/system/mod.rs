//! What the process has from its machine: descriptors, small files, random bytes, signals, threads, a
//! terminal, a service manager, and the process before or after it. Unknown here: what the gateway does
//! with them.

pub mod file_descriptors;
pub(crate) mod inherited_sockets;
pub(crate) mod predecessor;
pub(crate) mod private_file;
pub(crate) mod random;
pub(crate) mod signals;
pub(crate) mod small_file;
pub(crate) mod successor;
pub(crate) mod systemd;
#[cfg(any(feature = "doctor", feature = "demo"))]
pub mod terminal;
pub(crate) mod threads;
