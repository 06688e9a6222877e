//! Findings: causes that the tracker can name with evidence, beyond what the reason says.
//!
//! What this file deliberately doesn't know: the sentences about them (see `diagnosis`).

use crate::str_enum::str_enum;

str_enum! {
    /// A cause that evidence points to.
    #[derive(Hash)]
    pub enum PushFinding {
        /// A write came bare under another Host than its POST: a hop in front changed Location.
        LocationRewritten "location_rewritten",
        /// A write came bare under the same Host: a hop in front removes Authorization.
        AuthorizationStripped "authorization_stripped",
        /// The client left about 30 s into a silent commit: containerd's limit.
        ImpatientClient "impatient_client",
        /// Uploads break off after one silence, or at one age: a balancer's limit.
        IdleCut "idle_cut",
        /// Harbor doesn't know what it took moments before.
        UnsharedStorage "unshared_storage",
        /// The token lives shorter than the upload took.
        ShortToken "short_token",
        /// A CDN in front cut the body at its limit.
        CdnLimit "cdn_limit",
        /// The token doesn't allow pushes to this repository.
        NoPushGranted "no_push_granted",
        /// A trusted proxy says that the client came by http, where the public origin is https.
        InsecureClientSide "insecure_client_side",
    }
}
