//! The command `harbormouth`: parses the arguments, and calls the function for each subcommand.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli;

use cli::args::{CheckAction, CliAction};
use harbormouth::config::{self, Config};
use harbormouth::runtime::{probes, route_table, rules};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

/// Measured cheaper for each GiB than the system's allocator, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    match cli::args::read() {
        CliAction::Serve(source) => match source.load() {
            Ok(config) => {
                let server = harbormouth::Server::new(config);
                server.read_again_by(move || source.load()).run()?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => Ok(refuse(&error)),
        },
        CliAction::Check(source, action) => match (source.load(), action) {
            (Ok(config), CheckAction::Show) => show(&config),
            (Ok(config), CheckAction::Probe) => tell(probes::probes(&config)),
            (Ok(config), CheckAction::Route(question)) => {
                tell(route_table::route(&config, &question))
            }
            (Ok(config), CheckAction::Explain(question, asker)) => tell(rules::explain(
                &config,
                &question,
                &asker,
                SystemTime::now(),
            )),
            (Err(error), _) => Ok(refuse(&error)),
        },
        #[cfg(feature = "demo")]
        CliAction::Demo(stay) => demo(&stay),
        #[cfg(feature = "doctor")]
        CliAction::Doctor(action) => Ok(cli::doctor::run(action)),
        CliAction::Keygen(file) => keygen(&file),
        CliAction::Schema => schema(),
    }
}

fn refuse(error: &config::ConfigError) -> ExitCode {
    eprintln!("{error}");
    if let config::ConfigError::Problems { .. } = error {
        eprintln!("every setting is explained in {}", config::page());
    }
    ExitCode::FAILURE
}

fn show(config: &Config) -> anyhow::Result<ExitCode> {
    let expired = config.expired_certificates(SystemTime::now());
    // What a service of this user would have: it raises its own limit as far as it may.
    let (_, most) = rlimit::getrlimit(rlimit::Resource::NOFILE)?;
    let too_few = harbormouth::system::file_descriptors::too_few(
        config.limits.connections,
        config.in_flight(),
        most,
    );
    let warnings = config.placed_warnings();
    for warning in warnings.chain(expired).chain(too_few) {
        eprintln!("warning: {warning}");
    }
    let mut out = std::io::stdout().lock();
    out.write_all(config.to_yaml()?.as_bytes())?;
    if let Some(table) = route_table::table(config) {
        // Comments, so that the whole is still a configuration file.
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

fn schema() -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string_pretty(&config::schema())?)?;
    Ok(ExitCode::SUCCESS)
}

fn keygen(file: &Path) -> anyhow::Result<ExitCode> {
    let id = cli::keygen::write_new(file)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "sealing key {id} is in {}", file.display())?;
    writeln!(
        out,
        "next: give every replica this file and name it in reattach.keys.current; if another key \
         is in use, name it first in reattach.keys.previous (harbormouth keygen --help)"
    )?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "demo")]
fn demo(stay: &cli::args::AfterDemo) -> anyhow::Result<ExitCode> {
    let options = harbormouth::testing::demo::DemoOptions {
        once: match stay {
            cli::args::AfterDemo::Exit => true,
            cli::args::AfterDemo::KeepServing => false,
        },
        gateway: std::env::current_exe()?,
    };
    tokio::runtime::Runtime::new()?.block_on(harbormouth::testing::demo::run(options))?;
    Ok(ExitCode::SUCCESS)
}
