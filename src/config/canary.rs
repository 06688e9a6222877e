//! Canaries: which registry is pushed to and pulled from, as whom and how often. The password is read
//! here and shown nowhere.

use super::certificates;
use super::files::{self, Making};
use super::problem::{Complaint, Keyed, Shown};
use super::setting::{Count, List, Made, Setting, made};
use super::table::settings;
use super::text::{CREDENTIALS, FILE, REALM_HOST, REGISTRY, REPOSITORY};
use super::values::{DAY, Time};
use crate::net::origin::Host;
use crate::oci::repository::RepositoryName;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

settings! {
    /// One registry's canary.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Canary as DraftCanary {
        /// The name of the registry that is pushed to.
        pub(crate) registry: String = REGISTRY;
        /// The repository that is pushed to, without the registry.
        pub(crate) repository: RepositoryName = REPOSITORY;
        /// The file that holds the account, as USER:PASSWORD in its first line.
        pub credentials: CanaryCredentials = CREDENTIALS;
        /// How often the canary runs.
        // Four times within the shortest window of the alerts, for some fifteen small requests each.
        pub interval: Duration = Time {
            least: (Duration::from_secs(10), "10s"),
            most: DAY,
            reason: "a shorter interval loads Harbor, a longer one reports failures hours later",
        }, or Duration::from_secs(60);
        /// Certificate authorities (PEM) that are trusted at the public origin beside the system's.
        pub(crate) ca: Option<PathBuf> = FILE;
        /// Hosts that the password may be sent to, beside the public origin's own.
        pub(crate) realm_hosts: Vec<Host> = List {
            accepted: "a list of hosts, such as auth.example.com",
            item: REALM_HOST,
            count: Count::Any,
        };
    }
}

/// One canary, or a list of them.
pub(super) const CANARIES: List<&str> = List {
    accepted: "a table with registry, repository and credentials, or a list of them",
    item: "a table with registry, repository and credentials",
    count: Count::OneOrList("a table with registry, repository and credentials, or a list of them"),
};

/// As whom a canary pushes, and the file that says so.
#[derive(Clone, PartialEq, Eq)]
pub struct CanaryCredentials {
    pub(crate) file: PathBuf,
    pub user: String,
    pub(crate) password: Zeroizing<String>,
}

impl fmt::Debug for CanaryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CanaryCredentials")
            .field("file", &self.file)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

made!(CanaryCredentials);

impl Made for CanaryCredentials {
    type Keys = String;

    fn make(
        _: String,
        draft: &Keyed<String>,
        making: &mut Making<'_, '_>,
    ) -> Option<CanaryCredentials> {
        let (path, content) = making.contents(draft)?;
        let content = Zeroizing::new(content);
        let Some((user, password)) = user_and_password(&content) else {
            let file = Shown::new(&draft.value);
            making
                .problems
                .add(&draft.key, Complaint::Credentials { file });
            return None;
        };
        making.warn_of_readers(draft, &path);
        Some(CanaryCredentials {
            file: path,
            user: user.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        })
    }

    fn keys(&self) -> String {
        files::name(&self.file)
    }
}

made!(PathBuf);

/// A file of authorities, which whoever uses it reads again.
impl Made for PathBuf {
    type Keys = String;

    fn make(_: String, draft: &Keyed<String>, making: &mut Making<'_, '_>) -> Option<PathBuf> {
        let (path, _) = making.pem(draft, certificates::authorities)?;
        Some(path)
    }

    fn keys(&self) -> String {
        files::name(self)
    }
}

/// The first line, up to its first colon and after it. What Basic can't carry is none (RFC 7617,
/// section 2).
fn user_and_password(content: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(content).ok()?;
    let line = text.split('\n').next()?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    let (user, password) = line.split_once(':')?;
    let is_sound = !user.is_empty() && !password.is_empty() && !line.contains(char::is_control);
    is_sound.then_some((user, password))
}
