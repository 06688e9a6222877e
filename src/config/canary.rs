//! Canaries: which registry is pushed to and pulled from, as whom and how often. The password is read
//! here and shown nowhere.

use super::certificates;
use super::draft::DraftCanary;
use super::files::Surroundings;
use super::problem::{Complaint, Keyed, Problems, Shown};
use super::validate::pem;
use crate::edge::origin::Host;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// Four times within the shortest window of the alerts, for some fifteen small requests each.
const INTERVAL: Duration = Duration::from_secs(60);

/// One registry's canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The registry's name.
    pub(crate) registry: String,
    pub(crate) repository: String,
    pub credentials: CanaryCredentials,
    pub interval: Duration,
    /// Authorities that are trusted at the public origin beside the system's.
    pub(crate) ca: Option<PathBuf>,
    /// Hosts beside the public origin's own that the password may be sent to.
    pub(crate) realm_hosts: Vec<Host>,
}

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

/// Builds canaries; the files that they name are read.
pub(super) fn build(
    drafts: Vec<DraftCanary>,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Vec<Canary> {
    let mut canaries = Vec::new();
    for draft in drafts {
        // Every file is read before any ends this: all problems at once.
        let credentials = draft
            .credentials
            .and_then(|file| credentials(&file, surroundings, problems, warnings));
        let ca = draft.ca.and_then(|file| {
            let (path, _) = pem(&file, surroundings, problems, certificates::authorities)?;
            Some(path)
        });
        if let (Some(registry), Some(repository), Some(credentials)) =
            (draft.registry, draft.repository, credentials)
        {
            canaries.push(Canary {
                registry: registry.value,
                repository: repository.value,
                credentials,
                interval: draft.interval.unwrap_or(INTERVAL),
                ca,
                realm_hosts: draft.realm_hosts,
            });
        }
    }
    canaries
}

fn credentials(
    file: &Keyed<String>,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<CanaryCredentials> {
    let (path, content) = surroundings.contents(file, problems)?;
    let content = Zeroizing::new(content);
    let Some((user, password)) = user_and_password(&content) else {
        let file_ = Shown::new(&file.value);
        problems.add(&file.key, Complaint::Credentials { file: file_ });
        return None;
    };
    warnings.extend(surroundings.warning_of_readers(file, &path));
    Some(CanaryCredentials {
        file: path,
        user: user.to_owned(),
        password: Zeroizing::new(password.to_owned()),
    })
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
