//! What the admin listener shows of the accounting: the largest projects of this month on the page, all of a
//! month as CSV.

use super::response::{AdminResponse, text, with_type};
use super::sources::{Sources, replica};
use crate::epoch::since_epoch;
use crate::net::query;
use crate::observe::accounting::{CsvRow, Month, MonthOfProjects, ProjectMonth, csv};
use crate::runtime::RegistryRuntime;
use bytes::Bytes;
use http::header::CONTENT_DISPOSITION;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use std::time::SystemTime;

/// As many as are read at a glance.
const SHOWN: usize = 10;

/// A registry's month so far.
#[derive(Serialize)]
pub(super) struct AccountView {
    month: String,
    /// Since when it is counted.
    since: f64,
    projects: Vec<ProjectView>,
    /// How many have less traffic than these.
    more: usize,
    /// Of all of them: layers that clients were sent to object storage for.
    redirects: u64,
}

#[derive(Serialize)]
struct ProjectView {
    project: String,
    #[serde(flatten)]
    counted: ProjectMonth,
}

/// A registry's account as the page shows it; none where nothing is counted.
pub(super) fn view(harbor: &RegistryRuntime, now: SystemTime) -> Option<AccountView> {
    let account = harbor.account.as_ref()?;
    let month = Month::of(now);
    let projects = account.month(month);
    let since = account.since().max(month.begins());
    Some(AccountView {
        month: month.to_string(),
        since: since_epoch(since).as_secs_f64(),
        more: projects.len().saturating_sub(SHOWN),
        redirects: projects.iter().map(|(_, counted)| counted.redirects).sum(),
        projects: largest(projects),
    })
}

fn largest(projects: MonthOfProjects) -> Vec<ProjectView> {
    let projects = projects.into_iter().take(SHOWN);
    projects
        .map(|(project, counted)| ProjectView { project, counted })
        .collect()
}

/// `/accounting.csv`: the month that `month` names, or this one.
pub(super) fn respond(query: &str, sources: &Sources, now: SystemTime) -> AdminResponse {
    let month = match month(query, now) {
        Ok(month) => month,
        Err(complaint) => return text(StatusCode::BAD_REQUEST, complaint),
    };
    let shared = sources.current.load();
    if shared.config.accounting.is_none() {
        let off = "nothing is counted by project: set accounting in the configuration\n";
        return text(StatusCode::NOT_FOUND, off.to_owned());
    }
    let months: Vec<_> = shared
        .harbors
        .iter()
        .filter_map(|harbor| {
            let account = harbor.account.as_ref()?;
            let name = harbor.registry.name.as_str();
            Some((name, account.since(), account.month(month)))
        })
        .collect();
    let rows = months.iter().flat_map(|(registry, since, projects)| {
        projects.iter().map(|(project, counted)| CsvRow {
            registry,
            project,
            counted: *counted,
            since: *since,
        })
    });
    let rows: Vec<CsvRow<'_>> = rows.collect();
    let body = csv(month, replica(), &rows, now);
    let content_type = "text/csv; charset=utf-8; header=present";
    let mut answer = with_type(StatusCode::OK, content_type, Bytes::from(body));
    let name = format!("attachment; filename=\"harbormouth-{month}.csv\"");
    if let Ok(name) = HeaderValue::try_from(name) {
        answer.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    answer
}

fn month(query: &str, now: SystemTime) -> Result<Month, String> {
    let mut month = None;
    for (name, value) in query::decoded_pairs(query) {
        if name != "month" {
            return Err(format!(
                "unknown parameter {name:?}: only month is accepted here\n"
            ));
        }
        let parsed = Month::parse(&value);
        let parsed = parsed.ok_or(format!("month: {value:?} is not {}\n", Month::ACCEPTED))?;
        if month.replace(parsed).is_some() {
            return Err("month stands there twice\n".to_owned());
        }
    }
    Ok(month.unwrap_or_else(|| Month::of(now)))
}
