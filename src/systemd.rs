//! What a service manager is told, where there is one that asks (systemd's `Type=notify`): that we
//! serve, read our configuration again, stop, and are alive. Elsewhere every call does nothing.
//!
//! It doesn't know what ready means; who calls it does.

use sd_notify::NotifyState;
use std::time::Duration;

/// Every listener accepts, or a reload is over, well or not.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is read again, until [`ready`] is called.
pub fn reloading() {
    // systemd from 253 on tells this reload from an earlier one by the time.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => log::warn!("systemd isn't told of the reload: {error}"),
    }
}

/// The drain has begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says that we are alive as often as the service manager wants to hear it (`WatchdogSec`), for as
/// long as the runtime that this runs on does its work: the one that accepts, drains and answers
/// the admin listener. A worker that hangs isn't noticed by it.
pub async fn keep_alive() {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    // Half of the limit, as sd_watchdog_enabled(3) advises. Zero would be asked for by nobody, and
    // makes `interval` panic.
    let mut beats = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        beats.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("systemd can't be told: {error}");
    }
}
