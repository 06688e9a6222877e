//! `harbormouth check`: what a configuration says, what is wrong with it, and what it would change.

use super::args::{CheckAction, CheckFormat, ConfigSource};
use harbormouth::config::{self, Config, ConfigError, Report};
use harbormouth::runtime::{probes, route_table, rules};
use harbormouth::server::reload::{self, NOTHING_HAS_CHANGED, ReloadEffect};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

pub fn run(source: &ConfigSource, action: CheckAction) -> anyhow::Result<ExitCode> {
    let loaded = source.load();
    let config = match (loaded, &action) {
        (Ok(config), _) => config,
        (
            Err(error),
            CheckAction::Report {
                format: CheckFormat::Json,
                ..
            },
        ) => return tell_json(&Report::of_error(&error), ExitCode::FAILURE),
        (Err(error), _) => return Ok(refuse(&error)),
    };
    match action {
        CheckAction::Show => show(&config),
        CheckAction::Probe => tell(probes::probes(&config)),
        CheckAction::Report { format, against } => report(config, &format, against.as_deref()),
        CheckAction::Route(question) => tell(route_table::route(&config, &question)),
        CheckAction::Explain(question, asker) => {
            let now = SystemTime::now();
            tell(rules::explain(&config, &question, &asker, now))
        }
    }
}

/// Says why there is no configuration.
pub fn refuse(error: &ConfigError) -> ExitCode {
    eprintln!("{error}");
    if let ConfigError::Problems { .. } = error {
        eprintln!("every setting is explained in {}", config::page());
    }
    ExitCode::FAILURE
}

fn show(config: &Config) -> anyhow::Result<ExitCode> {
    warn(config)?;
    let mut out = std::io::stdout().lock();
    out.write_all(config.to_yaml()?.as_bytes())?;
    // Comments, so that the whole is still a configuration file.
    for file in config.included_files() {
        writeln!(out, "# Included: {}", file.display())?;
    }
    if let Some(table) = route_table::table(config) {
        writeln!(
            out,
            "# Where requests go; `check --route URL` tells it of one:"
        )?;
        for line in table {
            writeln!(out, "#   {line}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn warn(config: &Config) -> anyhow::Result<()> {
    let warnings = config.placed_warnings();
    for warning in warnings.chain(warnings_of_this_moment(config)?) {
        eprintln!("warning: {warning}");
    }
    Ok(())
}

/// Those that no file says: of the time and of the machine.
fn warnings_of_this_moment(config: &Config) -> anyhow::Result<Vec<String>> {
    let mut warnings = config.expired_certificates(SystemTime::now());
    // What a service of this user would have: it raises its own limit as far as it may.
    let (_, most) = rlimit::getrlimit(rlimit::Resource::NOFILE)?;
    warnings.extend(harbormouth::system::file_descriptors::too_few(
        config.limits.connections,
        config.in_flight(),
        most,
    ));
    Ok(warnings)
}

fn report(
    config: Config,
    format: &CheckFormat,
    against: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let old = match against.map(config::load_file).transpose() {
        Ok(old) => old,
        Err(error) => {
            eprintln!("what it is compared with:");
            return Ok(refuse(&error));
        }
    };
    match format {
        CheckFormat::Json => {
            let mut report = Report::of(&config, warnings_of_this_moment(&config)?);
            let effect = old.map(|old| reload::effect(&old, config));
            report.reload = effect.map(serde_json::to_value).transpose()?;
            tell_json(&report, ExitCode::SUCCESS)
        }
        CheckFormat::People => {
            warn(&config)?;
            let effect = old.map(|old| reload::effect(&old, config));
            tell(Ok(effect.iter().flat_map(lines).collect()))
        }
    }
}

fn lines(effect: &ReloadEffect) -> Vec<String> {
    let mut lines = effect.changes.clone();
    if !effect.restart_required.is_empty() {
        let keys = effect.restart_required.join(", ");
        lines.push(format!("these changes need a restart: {keys}"));
    }
    if lines.is_empty() {
        lines.push(NOTHING_HAS_CHANGED.to_owned());
    }
    lines
}

/// 1 where the request goes nowhere, or is denied.
fn tell(told: Result<Vec<String>, Vec<String>>) -> anyhow::Result<ExitCode> {
    let (lines, code) = match told {
        Ok(lines) => (lines, ExitCode::SUCCESS),
        Err(lines) => (lines, ExitCode::FAILURE),
    };
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(code)
}

fn tell_json(report: &Report, code: ExitCode) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
    Ok(code)
}
