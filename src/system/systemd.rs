//! Notifications to a service manager that asks for them (systemd's `Type=notify`): that the process
//! serves, reloads, stops, and is alive. It also keeps the listening sockets open from one process to the
//! next. Without such a manager every call does nothing.
//!
//! It doesn't know what ready means; its callers do.

use sd_notify::NotifyState;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// What the listening sockets are called in the manager's descriptor store, and when they come back.
pub(crate) const STORED: &str = "harbormouth";

/// Every listener accepts, or a reload is over, well or not.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The manager keeps these sockets open until the service is stopped, and passes them to the process that
/// follows: connections wait for it, after a crash as well. Those of an earlier process are kept no more.
/// It needs `FileDescriptorStoreMax` and hears the main process only.
pub(crate) fn store(sockets: &[OwnedFd]) {
    let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
    tell(&[NotifyState::FdStoreRemove, NotifyState::FdName(STORED)]);
    said(sd_notify::notify_with_fds(
        &[NotifyState::FdStore, NotifyState::FdName(STORED)],
        &sockets,
    ));
}

/// The configuration is read again, until [`ready`] is called.
pub(crate) fn reloading() {
    // systemd from 253 on tells this reload from an earlier one by the time.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => log::warn!("systemd could not be notified of the reload: {error}"),
    }
}

/// The drain has begun.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Another process is the service's main one from now on, and this one is heard no more. It is as alive
/// as this one was, and says so itself from then on.
pub(crate) fn replaced_by(pid: u32) {
    tell(&[NotifyState::MainPid(pid), NotifyState::Watchdog]);
}

/// Says that we are alive as often as the service manager wants to hear it (`WatchdogSec`), as long
/// as we are.
pub(crate) async fn keep_alive(is_alive: impl Fn() -> bool) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    // Half of the limit, as sd_watchdog_enabled(3) advises. Zero would be asked for by nobody, and
    // makes `interval` panic.
    let mut beats = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        beats.tick().await;
        if is_alive() {
            // A service manager that doesn't read makes it wait, and nobody who asks.
            let told = tokio::task::spawn_blocking(|| tell(&[NotifyState::Watchdog]));
            // It fails only when the process ends.
            let _ = told.await;
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    said(sd_notify::notify(states));
}

fn said(told: io::Result<()>) {
    if let Err(error) = told {
        log::warn!("systemd could not be notified: {error}");
    }
}
