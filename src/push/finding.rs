//! Findings: causes that the tracker can name with evidence, beyond what the reason says.
//!
//! What this file deliberately doesn't know: the sentences about them (see `diagnosis`).

use std::fmt;

/// A cause that evidence points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finding {
    /// A write came bare under another Host than its POST: a hop in front changed Location.
    LocationRewritten,
    /// A write came bare under the same Host: a hop in front removes Authorization.
    AuthorizationStripped,
    /// The client left about 30 s into a silent commit: containerd's limit.
    ImpatientClient,
    /// Uploads break off after one silence, or at one age: a balancer's limit.
    IdleCut,
    /// Harbor doesn't know what it took moments before.
    UnsharedStorage,
    /// The token lives shorter than the upload took.
    ShortToken,
    /// A CDN in front cut the body at its limit.
    CdnLimit,
    /// The token carries no push on this repository.
    NoPushGranted,
    /// A trusted proxy says that the client came by http, where the public origin is https.
    InsecureClientSide,
}

impl Finding {
    pub const ALL: [Finding; 9] = [
        Finding::LocationRewritten,
        Finding::AuthorizationStripped,
        Finding::ImpatientClient,
        Finding::IdleCut,
        Finding::UnsharedStorage,
        Finding::ShortToken,
        Finding::CdnLimit,
        Finding::NoPushGranted,
        Finding::InsecureClientSide,
    ];

    /// The word in metrics and on the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Finding::LocationRewritten => "location_rewritten",
            Finding::AuthorizationStripped => "authorization_stripped",
            Finding::ImpatientClient => "impatient_client",
            Finding::IdleCut => "idle_cut",
            Finding::UnsharedStorage => "unshared_storage",
            Finding::ShortToken => "short_token",
            Finding::CdnLimit => "cdn_limit",
            Finding::NoPushGranted => "no_push_granted",
            Finding::InsecureClientSide => "insecure_client_side",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
