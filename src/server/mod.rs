//! The gateway as a program runs it: a configuration and filters; it serves until a signal ends it.

pub mod admin;
mod assembly;
mod lifecycle;
pub mod reload;
mod tracing;
mod upgrade;
mod watchdog;

use crate::config::{self, Config, Warning};
use crate::filter::{Filter, Filters, NameError};
use crate::observe::logging;
use crate::server::reload::Loader;
use crate::system::file_descriptors;
use crate::system::predecessor::is_passed_on;
use anyhow::Context;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use upgrade::Inherited;

/// The gateway, ready to run.
///
/// One process runs one: its metrics, its log and its signal handlers are the process's. Memory is
/// taken from the global allocator; the command `harbormouth` has mimalloc for it, which gives memory
/// back.
pub struct Server {
    config: Config,
    read: Loader,
    filters: Vec<Box<dyn Filter>>,
}

/// Why a server didn't run. Its debug form is made for people as well: what a `main` that returns it
/// shows.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration can't be read, or something is wrong in it.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// A filter's name.
    #[error(transparent)]
    Filter(#[from] NameError),
    /// A listener can't be opened, or the system gives no thread. Nothing was served.
    #[error(transparent)]
    Start(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl Server {
    /// A server with this configuration. A reload reads the file again that it was read from; where
    /// there is none, it stays as it is.
    pub fn new(config: Config) -> Server {
        let read: Loader = match config.file.clone() {
            Some(file) => Arc::new(move || config::load_file(&file)),
            None => {
                let config = config.clone();
                Arc::new(move || Ok(config.clone()))
            }
        };
        Server {
            config,
            read,
            filters: Vec::new(),
        }
    }

    /// A server with the configuration that stands in a file; relative names in it start at its
    /// folder. One Harbor takes no more than this (`conf/harbormouth.yaml` explains every key):
    ///
    /// ```yaml
    #[cfg_attr(doc, doc = include_str!("../../conf/one-harbor.yaml"))]
    /// ```
    ///
    /// # Errors
    /// Every problem of the file at once.
    pub fn from_file(file: impl AsRef<Path>) -> Result<Server, Error> {
        Ok(Server::new(config::load_file(file.as_ref())?))
    }

    /// Reads the configuration anew by this at each reload, instead of from its file.
    #[must_use]
    pub fn read_again_by(
        mut self,
        read: impl Fn() -> Result<Config, config::ConfigError> + Send + Sync + 'static,
    ) -> Server {
        self.read = Arc::new(read);
        self
    }

    /// Asks this filter, too, about every request, after those that were given before it.
    #[must_use]
    pub fn filter(mut self, filter: impl Filter) -> Server {
        self.filters.push(Box::new(filter));
        self
    }

    /// Serves until a signal ends it: SIGTERM or SIGQUIT drain, SIGINT drains at once, and a second one
    /// ends everything. SIGHUP, or a change of a file that the configuration names, makes it read its
    /// configuration again. At SIGUSR2 the program is started anew, with the same arguments, and takes over:
    /// its sockets, and what comes from then on. What it listens on is said on standard output, then `ready`; it logs to
    /// standard error as `RUST_LOG` says, unless the program has installed a logger of its own.
    ///
    /// Blocks, and is not to be called from within an async runtime.
    ///
    /// # Errors
    /// When two filters have one name or one has none that can be a metric's label, a listener can't be
    /// opened or a thread not started: nothing has been served then.
    pub fn run(self) -> Result<(), Error> {
        let filters = Filters::new(self.filters)?;
        run(self.config, self.read, filters).map_err(|error| Error::Start(error.into()))
    }
}

fn run(config: Config, read: Loader, filters: Filters) -> anyhow::Result<()> {
    if is_passed_on().context("the program can't be started")? {
        return Ok(());
    }
    let inherited = Inherited::of_environment()?;
    logging::init(config.log.format).context("the log's thread")?;
    // Two descriptors for each request; the soft limit of a service is 1,024 by default.
    let most = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(most) => most,
        Err(error) => {
            log::warn!("the limit of open files stays as it is: {error}");
            rlimit::getrlimit(rlimit::Resource::NOFILE)?.0
        }
    };
    let config = looked_over(config, most);
    let read: Loader = Arc::new(move || read().map(|config| looked_over(config, most)));
    // An error means that somebody installed one already, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(assembly::serve(config, read, filters, inherited));
    log::logger().flush();
    // Doesn't wait for a thread that reads a file of a file system that hangs.
    runtime.shutdown_background();
    result
}

/// Warns of certificates that have ended, and takes no more clients than there are descriptors for:
/// for one that was accepted and can't be served, nothing is left but an error.
fn looked_over(mut config: Config, most: u64) -> Config {
    let expired = config.expired_certificates(SystemTime::now());
    config
        .warnings
        .extend(expired.into_iter().map(Warning::from));
    let in_flight = config.in_flight();
    if let Some(warning) = file_descriptors::too_few(config.limits.connections, in_flight, most) {
        config.warnings.push(warning.into());
        config.limits.connections = file_descriptors::connections_for(most, in_flight);
    }
    config
}
