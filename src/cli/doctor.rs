//! `harbormouth doctor`: credentials, one examination, and the exit status.

use crate::cli::args::doctor::{DoctorAction, Examination, LoginSource, ProxySource};
use harbormouth::doctor::credentials::{
    Credentials, CredentialsError, Environment, FoundCredentials,
};
use harbormouth::doctor::language::Language;
use harbormouth::doctor::proxies::{Proxies, ProxyError};
use harbormouth::net::origin::Origin;
use std::io::Read;
use std::process::ExitCode;

pub fn run(action: DoctorAction) -> ExitCode {
    match action {
        DoctorAction::Examine(examination) => examine(*examination),
        DoctorAction::Explain(text, language) => explain(text, language),
        DoctorAction::File(file, format, language) => {
            let status = harbormouth::doctor::run_on_file(&file, format, language);
            concluded(status.map_err(Into::into))
        }
    }
}

/// A log of a day is not read: the lines around the error are enough.
const MOST_TEXT: u64 = 1 << 20;

/// 0 where something is known of it, 1 where nothing is, 2 where there is no text.
fn explain(text: Option<String>, language: Language) -> ExitCode {
    let text = text.map_or_else(read_text, Ok);
    match text.map(|text| harbormouth::doctor::explain(&text, language)) {
        Ok(Some(explained)) => {
            print!("{explained}");
            ExitCode::SUCCESS
        }
        Ok(None) => {
            println!("{}", harbormouth::doctor::unexplained(language));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: standard input can't be read: {error}");
            ExitCode::from(2)
        }
    }
}

fn read_text() -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin().take(MOST_TEXT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What keeps the doctor from examining anything is told apart from what it finds.
fn examine(examination: Examination) -> ExitCode {
    let examine = async {
        let Examination {
            options,
            login,
            proxies,
            format,
        } = examination;
        let options = harbormouth::doctor::Options {
            credentials: credentials(&login, &options.target).await?,
            proxies: self::proxies(&proxies, &options.target)?,
            ..options
        };
        Ok(harbormouth::doctor::run(options, format).await?)
    };
    let examined: anyhow::Result<u8> = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(examine));
    concluded(examined)
}

fn concluded(examined: anyhow::Result<u8>) -> ExitCode {
    examined.map_or_else(
        |error| {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        },
        ExitCode::from,
    )
}

fn proxies(source: &ProxySource, target: &Origin) -> Result<Proxies, ProxyError> {
    match source {
        ProxySource::Environment => {
            Proxies::of_environment(|name| std::env::var(name).ok(), target)
        }
        ProxySource::Nothing => Ok(Proxies::default()),
    }
}

async fn credentials(
    login: &LoginSource,
    target: &Origin,
) -> Result<Option<Credentials>, CredentialsError> {
    match login {
        LoginSource::User(user) => Credentials::typed(user, std::io::stdin()).map(Some),
        LoginSource::Docker => {
            match Credentials::find(target, &Environment::of_this_process()).await? {
                FoundCredentials::Credentials(credentials) => Ok(Some(credentials)),
                FoundCredentials::Token { source } => {
                    eprintln!(
                        "note: {source} has an identity token, which the doctor doesn't use; give it \
                     --user NAME --password-stdin"
                    );
                    Ok(None)
                }
                FoundCredentials::Nothing => Ok(None),
            }
        }
    }
}
