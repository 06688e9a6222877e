//! Credentials: typed, or as docker finds them (`docker/cli`, `cli/config`): `DOCKER_AUTH_CONFIG`,
//! docker's `config.json` with its helpers, and last podman's `auth.json`, which has the same form.
//!
//! What it deliberately doesn't know: how to use a token. An identity token is a login of another
//! kind; it is said to be there, and nothing more.

mod config;
mod error;
mod helper;
#[cfg(test)]
mod tests;

pub use error::CredentialsError;

use crate::net::origin::Origin;
use config::{DockerConfig, DockerLogin, Keys};
use error::MOST_PASSWORD;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A file with hundreds of registries is of some 100 KiB.
const MOST_CONFIG: u64 = 4 << 20;
/// Docker Hub's key, from its first days.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A user and a password.
#[derive(Clone)]
pub struct Credentials {
    pub user: String,
    pub password: Zeroizing<String>,
    /// Where they came from, for people.
    pub source: String,
}

/// What was found for a registry.
#[derive(Clone, Debug)]
pub enum FoundCredentials {
    Credentials(Credentials),
    /// A token in place of a password, which the doctor doesn't use.
    Token {
        source: String,
    },
    Nothing,
}

/// Where credentials are looked for: the environment variables that docker and podman read.
#[derive(Clone, Default)]
pub struct Environment {
    /// `DOCKER_AUTH_CONFIG`: content, not a place.
    pub(crate) docker_auth_config: Option<Zeroizing<String>>,
    /// `DOCKER_CONFIG`: a directory.
    pub(crate) docker_config: Option<PathBuf>,
    /// `HOME`
    pub(crate) home: Option<PathBuf>,
    /// `PATH`, for helpers.
    pub(crate) path: Option<OsString>,
    /// `REGISTRY_AUTH_FILE`
    pub(crate) registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`
    pub(crate) runtime_directory: Option<PathBuf>,
}

impl Credentials {
    /// The user of `--user` with the password that stands on `input`, less the line's end.
    ///
    /// # Errors
    /// When one of the two is no such thing.
    pub fn typed(user: &str, input: impl Read) -> Result<Credentials, CredentialsError> {
        if user.is_empty() {
            return Err(CredentialsError::NoUser);
        }
        if user.contains(':') {
            return Err(CredentialsError::UserWithColon);
        }
        let mut password = Zeroizing::new(String::new());
        input
            .take(MOST_PASSWORD + 1)
            .read_to_string(&mut password)
            .map_err(CredentialsError::Input)?;
        if password.len() as u64 > MOST_PASSWORD {
            return Err(CredentialsError::LongPassword);
        }
        if password.ends_with('\n') {
            password.pop();
            if password.ends_with('\r') {
                password.pop();
            }
        }
        if password.is_empty() {
            return Err(CredentialsError::NoPassword);
        }
        Ok(Credentials {
            user: user.to_owned(),
            password,
            source: "--user".to_owned(),
        })
    }

    /// What docker would use for a registry; where docker has nothing, what podman would.
    ///
    /// # Errors
    /// When what there is for it can't be read, or its helper fails.
    pub async fn find(
        registry: &Origin,
        environment: &Environment,
    ) -> Result<FoundCredentials, CredentialsError> {
        let key = key(registry);
        if let Some(text) = &environment.docker_auth_config
            && !text.is_empty()
        {
            let config = DockerConfig::parse("DOCKER_AUTH_CONFIG", text.as_bytes())?;
            // Of the variable docker takes logins only, under the very key, and an empty one ends the
            // search.
            if let Some((entry, login)) = config.login(&key, Keys::Exact)? {
                return Ok(found(login, config.place(&entry)));
            }
        }
        for file in environment.files() {
            let Some(content) = read(&file)? else {
                continue;
            };
            let config = DockerConfig::parse(&file.display().to_string(), &content)?;
            match in_file(&config, &key, environment).await? {
                FoundCredentials::Nothing => {}
                found @ (FoundCredentials::Credentials(_) | FoundCredentials::Token { .. }) => {
                    return Ok(found);
                }
            }
        }
        Ok(FoundCredentials::Nothing)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// This process's.
    pub fn of_this_process() -> Environment {
        // An empty variable is one that isn't set, to docker as well.
        let value = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let path = |name| value(name).map(PathBuf::from);
        Environment {
            docker_auth_config: value("DOCKER_AUTH_CONFIG")
                .and_then(|text| text.into_string().ok())
                .map(Zeroizing::new),
            docker_config: path("DOCKER_CONFIG"),
            home: path("HOME"),
            path: value("PATH"),
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            runtime_directory: path("XDG_RUNTIME_DIR"),
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let docker = match (&self.docker_config, &self.home) {
            (Some(directory), _) => Some(directory.join("config.json")),
            (None, Some(home)) => Some(home.join(".docker/config.json")),
            (None, None) => None,
        };
        let podman = match (&self.registry_auth_file, &self.runtime_directory) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(directory)) => Some(directory.join("containers/auth.json")),
            (None, None) => None,
        };
        docker.into_iter().chain(podman).collect()
    }
}

/// The name under which docker keeps a registry's login.
fn key(registry: &Origin) -> String {
    match registry.host.as_str() {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB.to_owned(),
        _ => registry.authority(),
    }
}

/// None where there is no such file.
fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, CredentialsError> {
    let unreadable = |reason: String| CredentialsError::Unreadable {
        file: path.display().to_string(),
        reason,
    };
    let file = match crate::system::small_file::open(path) {
        Ok(file) => file,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(unreadable(error.to_string())),
            };
        }
    };
    let mut content = Zeroizing::new(Vec::new());
    file.take(MOST_CONFIG + 1)
        .read_to_end(&mut content)
        .map_err(|error| unreadable(error.to_string()))?;
    if content.len() as u64 > MOST_CONFIG {
        return Err(unreadable(format!("it is longer than {MOST_CONFIG} bytes")));
    }
    Ok(Some(content))
}

async fn in_file(
    config: &DockerConfig,
    key: &str,
    environment: &Environment,
) -> Result<FoundCredentials, CredentialsError> {
    let Some((name, entry)) = config.helper(key)? else {
        let login = config.login(key, Keys::Urls)?;
        let found = login.map(|(entry, login)| found(login, config.place(&entry)));
        return Ok(found.unwrap_or(FoundCredentials::Nothing));
    };
    let source = format!("docker-credential-{name} ({entry} in {})", config.file);
    let asked = helper::ask(&name, key, environment.path.as_deref(), helper::PATIENCE);
    let login = asked.await.map_err(|trouble| CredentialsError::Helper {
        helper: format!("docker-credential-{name}"),
        entry,
        file: config.file.clone(),
        trouble,
    })?;
    Ok(found(login, source))
}

fn found(login: DockerLogin, source: String) -> FoundCredentials {
    match login {
        DockerLogin::Password { user, password } => FoundCredentials::Credentials(Credentials {
            user,
            password,
            source,
        }),
        DockerLogin::Token => FoundCredentials::Token { source },
        DockerLogin::None => FoundCredentials::Nothing,
    }
}
