//! The command `harbormouth`: parses the arguments, and calls the function for each subcommand.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli;

use cli::args::CliAction;
use harbormouth::config;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

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
            Err(error) => Ok(cli::check::refuse(&error)),
        },
        CliAction::Check(source, action) => cli::check::run(&source, action),
        #[cfg(feature = "demo")]
        CliAction::Demo(stay) => demo(&stay),
        #[cfg(feature = "doctor")]
        CliAction::Doctor(action) => Ok(cli::doctor::run(action)),
        CliAction::Keygen(file) => keygen(&file),
        CliAction::Schema => schema(),
        #[cfg(feature = "doctor")]
        CliAction::Import(file) => import(&file),
        CliAction::Size(action) => cli::size::run(&action),
        CliAction::Completions(shell) => completions(shell),
        CliAction::Man(command) => man(*command),
    }
}

/// What became of each line goes to standard error, the configuration to standard output.
#[cfg(feature = "doctor")]
fn import(file: &Path) -> anyhow::Result<ExitCode> {
    let imported = harbormouth::import::import_file(file)?;
    for line in imported.told(&file.display().to_string()) {
        eprintln!("{line}");
    }
    std::io::stdout()
        .lock()
        .write_all(imported.yaml.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    let mut command = cli::args::command();
    clap_complete::generate(shell, &mut command, "harbormouth", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

fn man(command: clap::Command) -> anyhow::Result<ExitCode> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    std::io::stdout().lock().write_all(&page)?;
    Ok(ExitCode::SUCCESS)
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
