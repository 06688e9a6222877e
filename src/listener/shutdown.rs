//! The shutdown of the process, as connections see it.

use pingora::server::ShutdownWatch;

/// The two moments of the process's end, as connections see them.
#[derive(Clone)]
pub(crate) struct Shutdown {
    /// Answers ask to close.
    pub(crate) draining: ShutdownWatch,
    /// Nothing new is taken, and connections that wait for a request are closed.
    pub(crate) closed: ShutdownWatch,
}
