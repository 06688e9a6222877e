//! A month of the calendar, in UTC. Pure.

use crate::epoch::since_epoch;
use std::fmt;
use std::time::{Duration, SystemTime};

const DAY: u64 = 24 * 3600;

/// A month such as 2026-11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Month {
    year: u64,
    /// From 1 to 12.
    month: u64,
}

impl Month {
    /// The form that is accepted, for the error message.
    pub(crate) const ACCEPTED: &str = "a month such as 2026-11";

    pub(crate) fn of(time: SystemTime) -> Month {
        let mut days = since_epoch(time).as_secs() / DAY;
        // Years begin in March, so that a leap day is the last of one; 400 of them have as many days
        // each time (146,097). From 0000-03-01 to 1970-01-01 there are 719,468.
        days += 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (month, turned) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        Month {
            year: era * 400 + year + turned,
            month,
        }
    }

    /// Reads a month; `None` where it is none since 1970.
    pub(crate) fn parse(text: &str) -> Option<Month> {
        let (year, month) = text.split_once('-')?;
        let is_number = |text: &str, digits| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_sound = is_number(year, 4) && is_number(month, 2);
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        (is_sound && year >= 1970 && (1..=12).contains(&month)).then_some(Month { year, month })
    }

    /// Its first moment.
    pub(crate) fn begins(self) -> SystemTime {
        let (year, month) = match self.month {
            1 | 2 => (self.year - 1, self.month + 9),
            month => (self.year, month - 3),
        };
        let (era, year) = (year / 400, year % 400);
        let day = (153 * month + 2) / 5 + 365 * year + year / 4 - year / 100;
        let days = era * 146_097 + day - 719_468;
        SystemTime::UNIX_EPOCH + Duration::from_secs(days * DAY)
    }

    pub(crate) fn next(self) -> Month {
        match self.month {
            12 => Month {
                year: self.year + 1,
                month: 1,
            },
            month => Month {
                month: month + 1,
                ..self
            },
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_where_the_calendar_says() {
        for (time, month) in [
            ("1970-01-01T00:00:00Z", "1970-01"),
            ("2000-02-29T23:59:59Z", "2000-02"),
            ("2024-02-29T12:00:00Z", "2024-02"),
            ("2024-03-01T00:00:00Z", "2024-03"),
            ("2026-11-30T23:59:59Z", "2026-11"),
            ("2026-12-01T00:00:00Z", "2026-12"),
            ("2026-12-31T23:59:59Z", "2026-12"),
            ("2027-01-01T00:00:00Z", "2027-01"),
            ("2100-02-28T23:59:59Z", "2100-02"),
            ("2100-03-01T00:00:00Z", "2100-03"),
        ] {
            let time = humantime::parse_rfc3339(time).unwrap();
            assert_eq!(Month::of(time).to_string(), month);
        }
        // Every month from 1970 to 2199 begins where the one before ends.
        let mut month = Month::of(SystemTime::UNIX_EPOCH);
        for _ in 0..230 * 12 {
            let begins = month.begins();
            let text = humantime::format_rfc3339_seconds(begins).to_string();
            assert_eq!(text, format!("{month}-01T00:00:00Z"));
            assert_eq!(Month::of(begins), month);
            let next = month.next();
            assert_eq!(Month::of(next.begins() - Duration::from_secs(1)), month);
            assert_eq!(Month::parse(&month.to_string()), Some(month));
            month = next;
        }
    }

    #[test]
    fn what_is_no_month_is_none() {
        for text in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "2026-1",
            "26-11",
            "2026-11-01",
            "2026/11",
            "1969-12",
            "+026-11",
            "2026-+1",
            "２０２６-11",
        ] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }
}
