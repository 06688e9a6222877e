//! The command `harbormouth-doctor`: the doctor alone, for machines that run no gateway. It is the
//! command `harbormouth doctor`, and the linker leaves everything else out.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[expect(dead_code, reason = "the gateway's commands are in it, too")]
mod cli;

use clap::{CommandFactory, Parser};
use cli::args::doctor::{DOCTOR_EXAMPLES, DoctorArgs};
use std::process::ExitCode;

/// Say what is wrong with a registry's chain of proxies, which hop did it, and what to change
///
/// Walks through the chain as registry clients do, and says last what is wrong. Works with any Harbor
/// and any OCI registry, behind anything; nothing has to be installed there.
#[derive(Parser)]
#[command(name = "harbormouth-doctor", version, after_help = examples())]
struct Typed {
    #[command(flatten)]
    doctor: DoctorArgs,
}

fn examples() -> String {
    DOCTOR_EXAMPLES.replace("harbormouth doctor", "harbormouth-doctor")
}

fn main() -> ExitCode {
    match Typed::parse().doctor.action() {
        Ok(action) => cli::doctor::run(action),
        Err((kind, why)) => Typed::command().error(kind, why).exit(),
    }
}
