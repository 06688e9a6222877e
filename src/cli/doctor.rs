//! `harbormouth doctor`: credentials, one examination, and the exit status.

use crate::cli::args::doctor::{Examination, LoginSource};
use harbormouth::doctor::credentials::{
    Credentials, CredentialsError, Environment, FoundCredentials,
};
use harbormouth::net::origin::Origin;
use std::process::ExitCode;

/// What keeps the doctor from examining anything is told apart from what it finds.
pub fn run(examination: Examination) -> ExitCode {
    let examine = async {
        let Examination {
            options,
            login,
            format,
        } = examination;
        let options = harbormouth::doctor::Options {
            credentials: credentials(&login, &options.target).await?,
            ..options
        };
        Ok(harbormouth::doctor::run(options, format).await?)
    };
    let examined: anyhow::Result<u8> = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(examine));
    examined.map_or_else(
        |error| {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        },
        ExitCode::from,
    )
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
