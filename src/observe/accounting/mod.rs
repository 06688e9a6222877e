//! The accounting: traffic by registry, project and month, in bounded memory. It is this process's own, since
//! its start; Prometheus has the history, and all replicas together.
//!
//! Only what Harbor accepted counts, so that no stranger fills the table with projects that aren't there.
//! What this module deliberately doesn't know: requests, and bytes that clients get from object storage.

mod csv;
mod month;
mod table;

pub(crate) use csv::{CsvRow, csv};
pub(crate) use month::Month;
pub(crate) use table::{MonthOfProjects, ProjectMonth, ProjectTraffic};

use crate::config::{Accounting, Config};
use crate::observe::metrics::{ProjectSeries, RegistryMetrics};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use table::ProjectTable;

/// The accounts of a process, by registry.
#[derive(Default)]
pub(crate) struct Accounts(Mutex<BTreeMap<String, Arc<RegistryAccount>>>);

/// One registry's account, which goes on over reloads.
pub(crate) struct RegistryAccount {
    since: SystemTime,
    metrics: Arc<RegistryMetrics>,
    projects: Mutex<ProjectTable<ProjectSeries>>,
}

impl Accounts {
    /// Forgets what a configuration no longer counts.
    pub(crate) fn configured(&self, config: &Config) {
        let mut accounts = self.0.lock();
        let is_counted = |name: &String| {
            let mut registries = config.registries.iter();
            config.accounting.is_some() && registries.any(|registry| registry.name == *name)
        };
        accounts.retain(|name, account| {
            let is_counted = is_counted(name);
            if !is_counted {
                account.metrics.forget_projects();
            }
            is_counted
        });
    }

    /// The account of a registry: the one that it has, or one that begins now. None where nothing is
    /// counted.
    pub(crate) fn of(
        &self,
        registry: &str,
        metrics: &Arc<RegistryMetrics>,
        accounting: Option<Accounting>,
        now: SystemTime,
    ) -> Option<Arc<RegistryAccount>> {
        accounting?;
        let mut accounts = self.0.lock();
        let account = accounts.entry(registry.to_owned()).or_insert_with(|| {
            Arc::new(RegistryAccount {
                since: now,
                metrics: Arc::clone(metrics),
                projects: Mutex::default(),
            })
        });
        Some(Arc::clone(account))
    }
}

impl RegistryAccount {
    /// Counts a request of a project; `most` is how many projects have rows of their own.
    pub(crate) fn count(
        &self,
        project: &str,
        most: usize,
        traffic: &ProjectTraffic,
        now: SystemTime,
    ) {
        let series = |project: &str| self.metrics.project(project);
        let mut projects = self.projects.lock();
        let row = projects.row(project, most, series);
        row.count(traffic, Month::of(now));
        row.series
            .count(traffic.action, traffic.received, traffic.sent);
    }

    /// A month of all projects.
    pub(crate) fn month(&self, month: Month) -> MonthOfProjects {
        self.projects.lock().month(month)
    }

    /// Since when it counts.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }
}
