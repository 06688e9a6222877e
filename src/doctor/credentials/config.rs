//! docker's `config.json`, and other files of this form: which entry belongs to a registry, and its
//! content. Only the registry's own entry is read; errors in other entries don't matter here.

use super::error::CredentialsError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// A file that is JSON.
pub(super) struct DockerConfig {
    pub(super) file: String,
    root: Map<String, Value>,
}

/// Which keys of `auths` are a registry's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    Exact,
    /// And URLs of its host, as older files have them.
    Urls,
}

pub(super) enum DockerLogin {
    Password {
        user: String,
        password: Zeroizing<String>,
    },
    /// An identity token, or a registry token.
    Token,
    /// An entry that says nothing, as the stores leave them behind.
    None,
}

impl DockerConfig {
    /// # Errors
    /// When it is no JSON object. An empty file is an empty object, to docker as well.
    pub(super) fn parse(file: &str, content: &[u8]) -> Result<DockerConfig, CredentialsError> {
        let file = file.to_owned();
        if content.trim_ascii().is_empty() {
            return Ok(DockerConfig {
                file,
                root: Map::new(),
            });
        }
        match serde_json::from_slice(content) {
            Ok(Value::Object(root)) => Ok(DockerConfig { file, root }),
            Ok(_) => Err(CredentialsError::Malformed {
                file,
                entry: "the whole file".to_owned(),
                accepted: "an object",
            }),
            Err(error) => Err(CredentialsError::NotJson {
                file,
                line: error.line(),
                column: error.column(),
            }),
        }
    }

    /// An entry of this file, for people.
    pub(super) fn place(&self, entry: &str) -> String {
        format!("{entry} in {}", self.file)
    }

    /// The `<name>` of the `docker-credential-<name>` to be asked, and where the file names it. A
    /// helper of the registry's own comes before the one for all, and an empty one of its own means:
    /// none. Where there is a helper, the entries in the file don't count.
    ///
    /// # Errors
    /// When the file has something for the registry that can't be understood.
    pub(super) fn helper(&self, key: &str) -> Result<Option<(String, String)>, CredentialsError> {
        let accepted =
            "the name of a helper: what follows docker-credential- in its program's name";
        let own = match self.object(&self.root, "credHelpers", "credHelpers")? {
            Some(helpers) => helpers.get(key),
            None => None,
        };
        let (value, entry) = match (own, self.root.get("credsStore")) {
            (Some(value), _) => (value, format!("credHelpers[{key:?}]")),
            (None, Some(value)) => (value, "credsStore".to_owned()),
            (None, None) => return Ok(None),
        };
        match value {
            Value::Null => Ok(None),
            Value::String(name) if name.is_empty() => Ok(None),
            // It becomes part of a program's name, which must not lead elsewhere.
            Value::String(name) if !name.contains(['/', '\\', '\0']) => {
                Ok(Some((name.clone(), entry)))
            }
            _ => Err(self.malformed(entry, accepted)),
        }
    }

    /// The registry's entry in `auths`, and what it says.
    pub(super) fn login(
        &self,
        key: &str,
        keys: Keys,
    ) -> Result<Option<(String, DockerLogin)>, CredentialsError> {
        let Some(auths) = self.object(&self.root, "auths", "auths")? else {
            return Ok(None);
        };
        let exact = auths.get_key_value(key);
        let found = match (exact, keys) {
            (Some(exact), Keys::Exact | Keys::Urls) => Some(exact),
            (None, Keys::Urls) => auths.iter().find(|(name, _)| hostname(name) == key),
            (None, Keys::Exact) => None,
        };
        let Some((name, _)) = found else {
            return Ok(None);
        };
        let entry = format!("auths[{name:?}]");
        let login = match self.object(auths, name, &entry)? {
            Some(fields) => self.read(fields, &entry)?,
            None => DockerLogin::None,
        };
        Ok(Some((entry, login)))
    }

    fn read(
        &self,
        fields: &Map<String, Value>,
        entry: &str,
    ) -> Result<DockerLogin, CredentialsError> {
        for name in ["identitytoken", "registrytoken"] {
            if !self.text(fields, name, entry)?.is_empty() {
                return Ok(DockerLogin::Token);
            }
        }
        let auth = self.text(fields, "auth", entry)?;
        let (user, password) = if auth.is_empty() {
            let user = self.text(fields, "username", entry)?.to_owned();
            let password = self.text(fields, "password", entry)?.to_owned();
            (user, Zeroizing::new(password))
        } else {
            decode(auth).ok_or_else(|| {
                self.malformed(format!("{entry}.auth"), "the base64 of user:password")
            })?
        };
        if user.is_empty() || password.is_empty() {
            return Ok(DockerLogin::None);
        }
        Ok(DockerLogin::Password { user, password })
    }

    fn object<'a>(
        &self,
        fields: &'a Map<String, Value>,
        name: &str,
        entry: &str,
    ) -> Result<Option<&'a Map<String, Value>>, CredentialsError> {
        match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.malformed(entry.to_owned(), "an object")),
        }
    }

    /// Empty if there is none.
    fn text<'a>(
        &self,
        fields: &'a Map<String, Value>,
        name: &str,
        entry: &str,
    ) -> Result<&'a str, CredentialsError> {
        match fields.get(name) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.malformed(format!("{entry}.{name}"), "a text")),
        }
    }

    fn malformed(&self, entry: String, accepted: &'static str) -> CredentialsError {
        CredentialsError::Malformed {
            file: self.file.clone(),
            entry,
            accepted,
        }
    }
}

/// Keys of other days are URLs: docker takes their host, with the port if there is one.
fn hostname(key: &str) -> &str {
    let authority = match key.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
        None => return key.split('/').next().unwrap_or_default(),
    };
    match authority.rsplit_once('@') {
        Some((_, host)) => host,
        None => authority,
    }
}

/// As docker does it: line ends in the base64 are passed over, a user there must be, and zeros at the
/// password's ends are not part of it.
fn decode(auth: &str) -> Option<(String, Zeroizing<String>)> {
    let auth: Zeroizing<String> = Zeroizing::new(auth.replace(['\r', '\n'], ""));
    let decoded = Zeroizing::new(STANDARD.decode(auth.as_bytes()).ok()?);
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let password = password.trim_matches('\0').to_owned();
    (!user.is_empty()).then(|| (user.to_owned(), Zeroizing::new(password)))
}
