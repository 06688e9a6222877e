//! The limits of the tracker's tables: how many entries, for how long, and why. `tests/tracker.rs`
//! measures how much memory they use together.

use std::time::Duration;

/// Uploads that are open. An edge with 500 clients at once, each sending six layers (the most that
/// clients send side by side by default), has 3,000.
pub(crate) const UPLOADS: usize = 4096;

/// Requests in flight that are followed: each upload has one at a time.
pub(crate) const FLIGHTS: usize = 4096;

// Where a request that begins is followed, there is room for its upload, or one that is idle.
const _: () = assert!(FLIGHTS <= UPLOADS);

/// Those of them that nobody proves to be a credential holder's yet: what begins an upload, what was
/// opened at another replica, and what is made up. The others have the rest for themselves.
pub(crate) const UNPROVEN_FLIGHTS: usize = 2048;

/// The same of one client network: an office of forty that push six layers each.
pub(crate) const UNPROVEN_FLIGHTS_EACH: usize = 256;

/// Uploads that nobody has proven.
pub(crate) const UNPROVEN_UPLOADS: usize = 1024;

/// The same of one client network.
pub(crate) const UNPROVEN_UPLOADS_EACH: usize = 256;

/// Pushes that are going on: one for each client and repository.
pub(crate) const PUSHES: usize = 1024;

/// Pushes that are over and went well: enough to see that things work.
pub(crate) const PUSHES_WELL: usize = 200;

/// Pushes that are over and didn't go well, apart: a busy registry's good ones don't push them out.
pub(crate) const PUSHES_BADLY: usize = 300;

/// Failures of what writes: a page that a person reads, and an incident's first minutes.
pub(crate) const PUSH_FAILURES: usize = 300;

/// Failures of pushes that nobody proves, apart: made-up ones push no real ones out.
pub(crate) const UNPROVEN_FAILURES: usize = 100;

/// All other failures, apart: a scanner makes thousands an hour.
pub(crate) const OTHER_FAILURES: usize = 200;

/// Bad runs of canaries, apart: in a long night they don't push out what clients met.
pub(crate) const CANARY_FAILURES: usize = 100;

/// Blobs that Harbor took lately: 27 a second for all of `COMMITTED_FOR`.
pub(crate) const COMMITTED: usize = 16_384;

/// A manifest follows its layers within seconds; ten minutes cover the slowest other layer.
pub(crate) const COMMITTED_FOR: Duration = Duration::from_secs(600);

/// Commit waits for a registry's median and 95th percentile: one each 3.5 s for an hour. The count
/// and the longest are of the whole hour.
pub(crate) const WAITS: usize = 1024;

/// Uploads that broke off, for a registry: more than the last hour's do not sharpen a cluster.
pub(crate) const BREAKS: usize = 64;

/// What evidence of the past is good for.
pub(crate) const EVIDENCE_FOR: Duration = Duration::from_secs(3600);

/// Combinations of registry, operation and reason in the history: some thirty occur at a registry
/// in a bad week.
pub(crate) const FAILURE_SERIES: usize = 256;

/// An upload or a push of which nothing was heard for so long is over: clients wait 30 s at most
/// between two tries.
pub(crate) const QUIET: Duration = Duration::from_secs(300);

/// What comes so soon after a manifest belongs to the same push: the other platforms' images, the
/// index, further tags.
pub(crate) const AFTER_MANIFEST: Duration = Duration::from_secs(60);

/// A client that is refused drops its other uploads within this time: that they were aborted is no
/// news about the push.
pub(crate) const CONSEQUENCE: Duration = Duration::from_secs(30);

/// Bytes of a registry's name: it comes from the configuration, and labels metrics.
pub(crate) const NAME: usize = 64;

/// Bytes of a repository's name: Harbor's own limit.
pub(crate) const REPOSITORY: usize = 255;

/// Bytes of a Host: a DNS name's limit, a colon and a port.
pub(crate) const HOST: usize = 261;

/// Bytes of a Host in a sentence: longer ones are no names that people gave.
pub(crate) const HOST_TOLD: usize = 80;

/// Bytes of a request id or an upload's id: a UUID has 36, other makers' ids are longer.
pub(crate) const ID: usize = 64;

/// Bytes of a tag or a digest: the limit of tags, and less than a digest needs.
pub(crate) const REFERENCE: usize = 128;

/// Bytes of an error code: the specification's longest has 21.
pub(crate) const CODE: usize = 40;

/// Characters of Harbor's own words.
pub(crate) const MESSAGE: usize = 200;

/// Characters of an account's name: Harbor's own limit.
pub(crate) const ACCOUNT: usize = 255;

/// As long as the configuration lets it be.
pub(crate) const RULE: usize = 100;

/// Bytes of a diagnosis: two or three sentences.
pub(crate) const DIAGNOSIS: usize = 900;
