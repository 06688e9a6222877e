//! Threads, each with its own runtime: the work of one doesn't hold up the others.

use std::io;
use std::thread;
use tokio::runtime::{Builder, Handle, Runtime};

/// A thread that runs tasks until the process ends.
#[derive(Clone)]
pub(crate) struct Thread(Handle);

impl Thread {
    /// Starts it. It has few threads for what blocks (at most `blocking`): a file that is read, an
    /// answer that takes the processor for a while.
    ///
    /// # Errors
    /// When the system gives no thread or no reactor.
    pub(crate) fn start(name: &str, blocking: usize) -> io::Result<Thread> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(blocking)
            .thread_name(format!("{name}-blocking"))
            .build()?;
        let handle = runtime.handle().clone();
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(move || for_ever(&runtime))?;
        Ok(Thread(handle))
    }

    /// Runs a task there.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.0.spawn(task)
    }
}

fn for_ever(runtime: &Runtime) {
    runtime.block_on(std::future::pending::<()>());
}
