//! Rows by project, and in each a count by month. Pure, and bounded: so many projects, a year of months.

use super::month::Month;
use crate::oci::operation::Action;
use serde::Serialize;
use std::collections::{HashMap, VecDeque};

/// A year ago is the same month.
const MONTHS: usize = 12;

/// The name under which all projects are counted that have no row of their own. No project of Harbor's begins
/// so.
pub(crate) const REST: &str = "_other";

/// Harbor's own limit of a project's name.
const LONGEST: usize = 255;

/// One request, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProjectTraffic {
    pub(crate) action: Action,
    /// Body bytes from the client.
    pub(crate) received: u64,
    /// Body bytes to the client.
    pub(crate) sent: u64,
    /// The client was sent to object storage for the rest.
    pub(crate) is_redirected: bool,
}

/// What a project did in a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ProjectMonth {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) pulls: u64,
    pub(crate) pushes: u64,
    pub(crate) deletes: u64,
    pub(crate) redirects: u64,
}

/// A month of all projects, those with most bytes first.
pub(crate) type MonthOfProjects = Vec<(String, ProjectMonth)>;

/// The projects of a registry; `S` is what counts a project beside its months.
pub(super) struct ProjectTable<S> {
    rows: HashMap<Box<str>, ProjectRow<S>>,
}

/// One project.
pub(super) struct ProjectRow<S> {
    pub(super) series: S,
    /// The latest last.
    months: VecDeque<(Month, ProjectMonth)>,
}

impl<S> Default for ProjectTable<S> {
    fn default() -> Self {
        ProjectTable {
            rows: HashMap::new(),
        }
    }
}

impl<S> ProjectTable<S> {
    /// The row of a project. Whoever comes first has one; later ones share the rest's.
    pub(super) fn row(
        &mut self,
        project: &str,
        most: usize,
        series: impl FnOnce(&str) -> S,
    ) -> &mut ProjectRow<S> {
        let own = self.rows.len() - usize::from(self.rows.contains_key(REST));
        let has_row = self.rows.contains_key(project);
        let is_new = own < most && !project.is_empty() && project.len() <= LONGEST;
        let name = if has_row || is_new { project } else { REST };
        self.rows.entry(name.into()).or_insert_with(|| ProjectRow {
            series: series(name),
            months: VecDeque::new(),
        })
    }

    pub(super) fn month(&self, month: Month) -> MonthOfProjects {
        let counted = self.rows.iter().filter_map(|(project, row)| {
            let (_, counted) = row.months.iter().find(|(of, _)| *of == month)?;
            Some((project.to_string(), *counted))
        });
        let mut projects: MonthOfProjects = counted.collect();
        let bytes = |month: &ProjectMonth| month.received.saturating_add(month.sent);
        projects.sort_by(|(one, a), (other, b)| bytes(b).cmp(&bytes(a)).then(one.cmp(other)));
        projects
    }
}

impl<S> ProjectRow<S> {
    pub(super) fn count(&mut self, traffic: &ProjectTraffic, month: Month) {
        // A clock that was set back goes on in the month that it knows.
        let is_new = self.months.back().is_none_or(|(last, _)| *last < month);
        if is_new {
            self.months.push_back((month, ProjectMonth::default()));
            if self.months.len() > MONTHS {
                self.months.pop_front();
            }
        }
        if let Some((_, counted)) = self.months.back_mut() {
            counted.count(traffic);
        }
    }
}

impl ProjectMonth {
    fn count(&mut self, traffic: &ProjectTraffic) {
        let requests = match traffic.action {
            Action::Pull => &mut self.pulls,
            Action::Push => &mut self.pushes,
            Action::Delete => &mut self.deletes,
        };
        *requests += 1;
        self.received = self.received.saturating_add(traffic.received);
        self.sent = self.sent.saturating_add(traffic.sent);
        self.redirects += u64::from(traffic.is_redirected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulled(sent: u64) -> ProjectTraffic {
        ProjectTraffic {
            action: Action::Pull,
            received: 1,
            sent,
            is_redirected: false,
        }
    }

    fn month(text: &str) -> Month {
        Month::parse(text).unwrap()
    }

    #[test]
    fn projects_beyond_the_bound_share_a_row() {
        let mut table: ProjectTable<String> = ProjectTable::default();
        let november = month("2026-11");
        let mut count = |project: &str, most, sent| {
            let row = table.row(project, most, str::to_owned);
            row.count(&pulled(sent), november);
            row.series.clone()
        };
        for (project, most, name) in [
            ("lab", 2, "lab"),
            ("shop", 2, "shop"),
            ("third", 2, REST),
            ("fourth", 2, REST),
            ("lab", 2, "lab"),
            // A reload that allows fewer takes no row away, one that allows more gives one.
            ("shop", 1, "shop"),
            ("third", 3, "third"),
            ("", 10, REST),
            (&"x".repeat(256), 10, REST),
        ] {
            assert_eq!(count(project, most, 10), name, "{project}");
        }
        let counted = table.month(november);
        let told: Vec<_> = counted
            .iter()
            .map(|(name, it)| (name.as_str(), it.pulls))
            .collect();
        assert_eq!(told, [(REST, 4), ("lab", 2), ("shop", 2), ("third", 1)]);
        assert!(table.month(month("2026-10")).is_empty());
    }

    #[test]
    fn a_row_has_a_year_of_months() {
        let mut table: ProjectTable<()> = ProjectTable::default();
        let mut of = month("2025-12");
        for number in 0..14 {
            let row = table.row("lab", 1, |_| ());
            row.count(&pulled(number), of);
            of = of.next();
        }
        assert_eq!(table.rows["lab"].months.len(), 12);
        assert!(table.month(month("2026-01")).is_empty());
        assert_eq!(table.month(month("2026-02"))[0].1.sent, 2);
        assert_eq!(table.month(month("2027-01"))[0].1.sent, 13);
        // Of a clock that is set back nothing gets lost.
        table
            .row("lab", 1, |_| ())
            .count(&pulled(100), month("2026-06"));
        assert_eq!(table.month(month("2027-01"))[0].1.sent, 113);
        assert_eq!(table.month(month("2026-06"))[0].1.sent, 6);
    }

    #[test]
    fn each_kind_of_request_has_its_count() {
        let mut counted = ProjectMonth::default();
        for (action, is_redirected) in [
            (Action::Pull, true),
            (Action::Pull, false),
            (Action::Push, false),
            (Action::Delete, false),
        ] {
            counted.count(&ProjectTraffic {
                action,
                received: 10,
                sent: u64::MAX,
                is_redirected,
            });
        }
        let expected = ProjectMonth {
            received: 40,
            sent: u64::MAX,
            pulls: 2,
            pushes: 1,
            deletes: 1,
            redirects: 1,
        };
        assert_eq!(counted, expected);
    }
}
