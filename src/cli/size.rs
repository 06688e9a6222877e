//! Sizes a demand and tells it.

use super::args::size::SizeAction;
use harbormouth::config::MetricDetail;
use harbormouth::sizing::{Bounds, Series, Sizing, defaults, lines};
use std::io::Write;
use std::process::ExitCode;

/// # Errors
/// When the series can't be counted, or standard output can't be written.
pub fn run(action: &SizeAction) -> anyhow::Result<ExitCode> {
    let demand = &action.demand;
    let sizing = Sizing::of(
        demand,
        Bounds::of(&defaults()?),
        Series::count(MetricDetail::Full)?,
    );
    let mut out = std::io::stdout().lock();
    if action.json {
        let told = serde_json::json!({ "demand": demand, "sizing": sizing });
        writeln!(out, "{told:#}")?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in lines(demand, &sizing) {
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}
