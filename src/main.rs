//! The command: arguments, then one match.

mod args;

use args::{Action, Stay};
use harbormouth::config::{self, Config};
use std::io::Write;
use std::process::ExitCode;
use std::time::SystemTime;

/// Measured cheaper for each GiB than the system's allocator, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    match args::read() {
        Action::Serve(source) => match source.load() {
            Ok(mut config) => {
                let expired = config.expired_certificates(SystemTime::now());
                config.warnings.extend(expired);
                harbormouth::server::run(config)?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => Ok(refuse(&error)),
        },
        Action::Check(source) => match source.load() {
            Ok(config) => show(&config),
            Err(error) => Ok(refuse(&error)),
        },
        Action::Demo(stay) => demo(&stay),
    }
}

fn refuse(error: &config::Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn show(config: &Config) -> anyhow::Result<ExitCode> {
    let expired = config.expired_certificates(SystemTime::now());
    for warning in config.warnings.iter().chain(&expired) {
        eprintln!("warning: {warning}");
    }
    std::io::stdout().write_all(config.to_yaml()?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn demo(stay: &Stay) -> anyhow::Result<ExitCode> {
    match stay {
        Stay::Serving | Stay::Exit => anyhow::bail!("the demo is not part of this build yet"),
    }
}
