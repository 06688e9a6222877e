//! A registry's objective: the share of push requests that have to be good.

use std::fmt;

/// A share of good requests, in thousandths of a percent: what a page over 30 days can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Objective(u32);

const WHOLE: u32 = 100_000;

impl Objective {
    /// One bad request in two hundred.
    pub(crate) const DEFAULT: Objective = Objective(99_500);

    /// Reads a percentage; `None` where it is none that is accepted.
    pub(super) fn parse(text: &str) -> Option<Objective> {
        let number = text.strip_suffix('%')?.trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || whole.len() > 2 || decimals.len() > 3 {
            return None;
        }
        let thousandths: u32 = format!("{whole}{decimals:0<3}").parse().ok()?;
        (WHOLE / 2..WHOLE)
            .contains(&thousandths)
            .then_some(Objective(thousandths))
    }

    /// The share, from 0 to 1.
    pub(crate) fn ratio(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_and_shown() {
        for (text, shown, ratio) in [
            ("99.5%", "99.5%", 0.995),
            ("99%", "99%", 0.99),
            ("99.90 %", "99.9%", 0.999),
            ("50%", "50%", 0.5),
            ("99.999%", "99.999%", 0.99999),
            ("90.05%", "90.05%", 0.9005),
        ] {
            let objective = Objective::parse(text).unwrap();
            assert_eq!(objective.to_string(), shown);
            assert!((objective.ratio() - ratio).abs() < 1e-9, "{text}");
        }
        for text in [
            "", "%", "99.5", "100%", "49.9%", "99.9999%", "-99%", "99,5%", "0.995", "1e1%", "99.%",
            ".5%", "999%", "099%",
        ] {
            assert_eq!(Objective::parse(text), None, "{text}");
        }
    }
}
