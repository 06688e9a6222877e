//! Reasons: why a request ended, as one word, and everything that depends only on this word: the
//! outcome, whose fault it was, whether it counts for the objective, what it means and what to do.
//!
//! This file deliberately doesn't know how a reason is found (see `verdict`) or counted.

use super::operation::Operation;
use crate::str_enum::str_enum;

str_enum! {
    /// How a request ended for the client.
    #[derive(Hash)]
    pub enum Outcome {
        /// As the client wanted, or as every client expects: a challenge, a blob that isn't there yet.
        Ok "ok",
        /// Somebody said no, and meant it.
        Refused "refused",
        /// It could have been done, and was not.
        Failed "failed",
        /// The client's side ended it.
        Aborted "aborted",
    }
}

str_enum! {
    /// Where to look for the cause.
    #[derive(Hash)]
    pub enum Fault {
        /// Nothing went wrong.
        None "none",
        /// The person or program that asked, or what its account may do.
        Client "client",
        /// Something between the client and this gateway.
        Network "network",
        /// This gateway, or what its operator has set or lacks.
        Gateway "gateway",
        /// Harbor, or the way from here to it.
        Upstream "upstream",
    }
}

str_enum! {
    /// What a request of a push is for the registry's objective: the share of good among good and bad.
    #[derive(Hash)]
    pub enum Quality {
        Good "good",
        /// A service that works would have done it.
        Bad "bad",
        /// Says nothing about the service: refusals that are right, and clients that leave.
        Excluded "excluded",
    }
}

/// Whether a request is one of somebody who holds a credential of this Harbor's, or had held one: only
/// those say something about the service. Anybody can send the others.
///
/// Proof is an answer of Harbor's that takes an account (a write that was done), a credential that
/// Harbor accepted through this gateway lately, an upload that this gateway saw Harbor open, or a
/// ticket that this gateway's keys sealed for this very step, even one whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    Proven,
    Unproven,
}

/// At which operations a reason can be found. Metrics have no series for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FoundAt {
    Every,
    /// What goes to the registry or the token service.
    Registry,
    Token,
    /// What writes to the registry.
    Write,
    /// An upload that is under way.
    Upload,
    /// What Harbor may take long to answer, and the client waits for.
    Commit,
    Manifest,
    /// No request: what the canary tells of a whole run.
    Run,
}

macro_rules! reasons {
    ($($reason:ident $word:literal $outcome:ident $fault:ident $at:ident
        $meaning:literal $advice:literal;)*) => {
        str_enum! {
            /// How a request ended.
            #[derive(Hash)]
            pub enum Reason { $(#[doc = $meaning] $reason $word,)* }
        }

        impl Reason {
            pub fn outcome(self) -> Outcome {
                match self { $(Reason::$reason => Outcome::$outcome),* }
            }

            pub fn fault(self) -> Fault {
                match self { $(Reason::$reason => Fault::$fault),* }
            }

            /// What it means, as a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$reason => $meaning),* }
            }

            /// What an operator can do about it; empty where nothing is to be done.
            pub fn advice(self) -> &'static str {
                match self { $(Reason::$reason => $advice),* }
            }

            fn at(self) -> FoundAt {
                match self { $(Reason::$reason => FoundAt::$at),* }
            }
        }
    };
}

reasons! {
    Success "success" Ok None Every
        "It was done." "";
    Challenge "challenge" Ok None Every
        "Harbor asked for credentials, or for fresh ones: every push begins this way." "";
    Absent "absent" Ok None Every
        "A HEAD found nothing: clients ask this way what they have to send." "";
    NotFound "not_found" Refused Client Every
        "The requested object doesn't exist." "The name, tag or digest in the client's reference.";
    Denied "denied" Refused Client Every
        "The account may not do this, its password is wrong, or an upload's token is older than its project."
        "The project's members and roles, the robot's permissions, the password. Was the project deleted and made again?";
    Quota "quota" Refused Client Write
        "The project's storage quota would be exceeded."
        "The project's quota, a retention policy, garbage collection.";
    ImmutableTag "immutable_tag" Refused Client Manifest
        "The tag exists and a rule makes it immutable." "Another tag, or the project's tag immutability rules.";
    Policy "policy" Refused Client Registry
        "A project policy forbids it: vulnerabilities, signatures, a proxy-cache project."
        "The project's configuration in Harbor; the message names the policy.";
    ReadOnly "read_only" Refused Upstream Write
        "Harbor is in read-only mode." "Read-only mode in Harbor's system settings; during a maintenance, wait for its end.";
    ManifestInvalid "manifest_invalid" Refused Client Manifest
        "Harbor considers the manifest broken, of an unknown type, or too large (over 4 MiB, from Harbor 2.16 on)." "The tool that wrote it, and its version.";
    ManifestBlobUnknown "manifest_blob_unknown" Refused Client Manifest
        "The manifest names blobs that the repository doesn't have." "The client: it pushed a manifest before its layers.";
    BlobLost "blob_lost" Failed Upstream Manifest
        "The manifest names a blob that Harbor accepted through this gateway shortly before and no longer knows."
        "Registry replicas behind Harbor that don't share storage, or a garbage collection during the push.";
    NameInvalid "name_invalid" Refused Client Registry
        "The repository's name is not allowed." "The name: lower case, and a project in front.";
    DigestInvalid "digest_invalid" Refused Client Write
        "The received content doesn't match its digest." "A hop that alters bodies, a faulty disk or memory at the client.";
    SizeInvalid "size_invalid" Refused Client Write
        "The received content doesn't have the announced length." "A hop that cuts or alters bodies.";
    BodyTooLarge "body_too_large" Failed Upstream Write
        "A proxy behind the gateway limits the size of bodies: Harbor itself doesn't."
        "nginx's client_max_body_size (0 is no limit) and the like between the gateway and Harbor.";
    RangeInvalid "range_invalid" Refused Client Registry
        "A chunk or a range doesn't fit the bytes that Harbor already has." "A client that resumed at the wrong offset; it has to start the upload again.";
    UploadUnknown "upload_unknown" Failed Upstream Upload
        "Harbor doesn't know the upload that it had opened."
        "Registry replicas without shared storage, two Harbors behind one name, an upload purged after a week.";
    Rejected "rejected" Refused Client Every
        "Harbor refused with a 4xx for which this list has no other reason." "The client's message, and Harbor's core log under the request id.";
    ClientGone "client_gone" Aborted Client Every
        "The client closed the connection or reset its stream." "Ctrl-C, a dying network, or a balancer in front that cut the connection: if many end at the same age, it was a balancer.";
    ClientGoneWaiting "client_gone_waiting" Aborted Upstream Every
        "The client left after it had waited five seconds and more for Harbor's answer."
        "Harbor's storage: the commit wait. containerd from 2.3 and Docker from 29.7 give up at 30 s.";
    ClientStalled "client_stalled" Aborted Network Every
        "The client sent or took nothing, or next to nothing, for `between_bytes`, or left its answer unread for `limits.unread_answer`." "The client's network, or a hop before the gateway that stopped reading.";
    GaveWay "gave_way" Refused Client Every
        "The request stood still while `max_in_flight` was full and its client's network held the most places; another network's request got its place."
        "The clients' addresses in the log show who holds the places. Otherwise a larger `max_in_flight`, or `limits.stands_still`.";
    AuthorizationLost "authorization_lost" Failed Network Write
        "A write arrived without its Authorization, which no client leaves out on its own."
        "Every hop in front: one removes Authorization, or changes Location's host, port or scheme. The log line of the request says which one connected and which Host it sent.";
    AuthorizationMissing "authorization_missing" Refused Client Write
        "A write without Authorization, from a client that the gateway never saw with one."
        "Scanners send such requests. If real pushes fail with this reason, a hop in front removes Authorization from all requests, or from manifests whose layers went through another replica: compare `harbormouth_unproven_failures_total` with the pushes, and run `harbormouth doctor`. Clients never log in, either, where something behind the gateway answers GET /v2/ with 200 to nobody.";
    AuthorizationRemoved "authorization_removed" Failed Upstream Registry
        "Harbor asked for Authorization, although the gateway sent the request with one. While that goes on, a token for nobody in exchange for a password counts as well."
        "The hops between the gateway and Harbor: one removes Authorization. Passwords and roles are not the cause.";
    TokenExpired "token_expired" Failed Upstream Upload
        "The token expired while its upload was under way." "Harbor's token expiration: longer than the slowest layer takes.";
    TokenUnproven "token_unproven" Refused Client Upload
        "An expired token, and nothing proves that Harbor ever issued it."
        "Anybody can invent such a token. If real pushes fail with this reason, the token expired while its upload was under way at another replica: Harbor's token expiration.";
    EmptyGrant "empty_grant" Refused Client Token
        "A token that grants nothing of what was asked: to the client it looks like success."
        "A wrong password or a missing role: Harbor answers both alike.";
    LoginLimited "login_limited" Refused Client Every
        "Too many wrong passwords of one account from one address." "The right password, after `Retry-After`; `login_limit`.";
    IdentityRefused "identity_refused" Refused Client Token
        "The ID token of a job was not accepted, or is not for what the job asked."
        "The message in the job's log says which step failed; `identities`, and the token's claims.";
    IssuerUnreachable "issuer_unreachable" Failed Gateway Token
        "The keys of an ID token's issuer could not be had, so the token could not be verified."
        "The way from the gateway to the issuer, its certificate and DNS; the gateway's log says what failed.";
    RobotRefused "robot_refused" Failed Gateway Token
        "Harbor refused the robot account that stands in for an identity."
        "The identity's `credentials`: the robot's secret, whether it is disabled, and when it ends.";
    Unresolved "unresolved" Failed Upstream Every
        "No endpoint's name has an address." "DNS, and `upstream.endpoints`.";
    Connect "connect" Failed Upstream Every
        "Harbor refused the connection, or there is no route to it." "Is Harbor up, and its address right?";
    ConnectTimeout "connect_timeout" Failed Upstream Every
        "Harbor didn't accept a connection within `timeouts.connect`." "Harbor's load, a firewall between.";
    Tls "tls" Failed Upstream Every
        "No trusted TLS connection to Harbor could be made." "The name, chain and expiry of Harbor's certificate; `upstream.tls`.";
    Reset "reset" Failed Upstream Every
        "The connection to Harbor broke before its answer was complete." "A Harbor that was restarted, or a proxy in front of Harbor that cuts connections.";
    ResponseTimeout "response_timeout" Failed Upstream Every
        "Harbor said nothing for `timeouts.between_bytes`." "Harbor's load, its database and storage.";
    CommitTimeout "commit_timeout" Failed Upstream Commit
        "Harbor was silent for `timeouts.commit` after a layer's last byte." "Harbor's storage: it moves or hashes the layer then.";
    BodyTimeout "body_timeout" Failed Upstream Every
        "Harbor stopped taking in the body." "Harbor's storage, a full disk.";
    Protocol "protocol" Failed Upstream Every
        "Harbor's answer is not valid HTTP." "What answers at `upstream.endpoints`: plain HTTP on a TLS port, or another service.";
    Storage "storage" Failed Upstream Every
        "The object storage that Harbor redirects to could not be reached, or refused, where the gateway follows redirects."
        "The storage at `storage.hosts`: its address, certificate and clock; a log line says which name could not be used.";
    Upstream5xx "upstream_5xx" Failed Upstream Every
        "Harbor, or a proxy in front of it, answered with a 5xx."
        "Harbor's core and registry logs under the request id; if they know nothing of it, the proxy's.";
    HopTimeout "hop_timeout" Failed Upstream Registry
        "A proxy between the gateway and Harbor ended the request by its own timeout: 408, or Traefik's 499."
        "That proxy's timeouts: Traefik's `respondingTimeouts.readTimeout` (60 s for a whole request), Apache's `Timeout` and `RequestReadTimeout`, nginx's `client_body_timeout`.";
    UpstreamLimited "upstream_limited" Failed Upstream Every
        "Harbor answered 429, or the remote registry of a proxy-cache project did." "Harbor's limits; for a proxy cache, the account at the remote registry.";
    UnknownHost "unknown_host" Refused Client Every
        "No registry has this host name." "Add the name to `public`, or correct the client's.";
    UnknownSource "unknown_source" Refused Client Every
        "A mirror was asked for another registry's images: containerd names the registry in `ns`." "The client's list of mirrors, or `ns` of the mirror.";
    BadHost "bad_host" Refused Client Every
        "The request names no host, several hosts, or an invalid one." "If a real client sends it, report it.";
    BadPath "bad_path" Refused Client Every
        "The path could mean two things: encoded slashes, `..`." "If a real client sends it, report it.";
    BadRequest "bad_request" Refused Client Every
        "The request violates HTTP in another way." "If a real client sends it, report it.";
    HeaderTooLarge "header_too_large" Refused Client Every
        "The request's header has too many fields or bytes." "`limits.header_fields`, `limits.header_bytes`; a browser's cookies of other services under the same domain.";
    Overloaded "overloaded" Failed Gateway Every
        "The registry had as many requests of this class under way as `max_in_flight` allows, or the bodies of this client filled its share of `limits.body_memory`."
        "The commit wait and the time to the first byte show whether Harbor is slow. Otherwise a larger `max_in_flight` (`harbormouth_in_flight_limit`) or more memory (`harbormouth_body_memory_bytes`), or another replica.";
    AuditFull "audit_full" Failed Gateway Every
        "The audit log took no more lines, and `audit.on_full` is `block`: what would be audited doesn't go to Harbor."
        "The disk of `audit.file`, or who reads it; the log and `/readyz` say what is wrong. `on_full: drop` serves without a complete audit log.";
    Maintenance "maintenance" Refused Gateway Every
        "The registry is closed, or closed to pushes, by the operator's `maintenance`." "`maintenance: off` when the work is done.";
    RefusedByPolicy "refused_by_policy" Refused Gateway Every
        "The path is never public, or `expose` doesn't include it." "`expose`.";
    Filter "filter" Refused Client Every
        "One of the operator's own filters denied the request." "The message that the client got. The record names the filter, and `harbormouth_filter_decisions_total` counts its decisions.";
    Rule "rule" Refused Client Every
        "A rule of this gateway's configuration denied the request, or it came too often for one." "The message that the client got, which names the rule unless the rule has its own. The record names it always; `check --explain` tells why it holds, and `harbormouth_rule_decisions_total` counts its decisions.";
    NoSocket "no_socket" Failed Gateway Every
        "The gateway could open no connection to Harbor: it had no descriptor, port or memory left."
        "The gateway's limit of open files (LimitNOFILE) compared with `limits.connections`; the clients that hold so many connections; another replica.";
    Drained "drained" Failed Gateway Every
        "The gateway cut the request when `drain.timeout` ended." "A longer `drain.timeout`, and a longer grace period around it.";
    Canary "canary" Failed Network Run
        "The canary couldn't push and pull through the public origin as clients do."
        "`harbormouth doctor` with the canary's repository: it names the hop and the fix.";
    Internal "internal" Failed Gateway Every
        "The gateway failed." "Its log under the request id; report it.";
}

impl Reason {
    /// What a request is for the objective.
    pub fn counts(self, proof: Proof) -> Quality {
        match proof {
            Proof::Proven => self.quality(),
            Proof::Unproven => Quality::Excluded,
        }
    }

    /// What it is for the objective where the request is proven to be a credential holder's.
    pub(crate) fn quality(self) -> Quality {
        match (self, self.outcome()) {
            (Reason::Success, _) => Quality::Good,
            (_, Outcome::Failed) => Quality::Bad,
            (_, Outcome::Ok | Outcome::Refused | Outcome::Aborted) => Quality::Excluded,
        }
    }

    /// Whether it says of itself that nothing proves the request: it is never counted as a failure.
    pub fn is_unproven(self) -> bool {
        matches!(self, Reason::AuthorizationMissing | Reason::TokenUnproven)
    }

    /// Whether a request of this operation can end so.
    pub fn can_end(self, operation: Operation) -> bool {
        match self.at() {
            FoundAt::Every => true,
            FoundAt::Registry => operation.is_registry(),
            FoundAt::Token => operation == Operation::Token,
            FoundAt::Write => Operation::PUSH.contains(&operation),
            FoundAt::Upload => Operation::TICKETED.contains(&operation),
            FoundAt::Commit => operation.is_commit(),
            FoundAt::Manifest => operation == Operation::ManifestPut,
            FoundAt::Run => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        for reason in Reason::ALL {
            let same = Reason::ALL
                .iter()
                .filter(|other| other.as_str() == reason.as_str());
            assert_eq!(same.count(), 1, "{reason}");
            let is_ok = reason.outcome() == Outcome::Ok;
            assert_eq!(is_ok, reason.fault() == Fault::None, "{reason}");
            assert_eq!(is_ok, reason.advice().is_empty(), "{reason}");
            assert!(reason.meaning().ends_with('.'), "{reason}");
            let can_end = Operation::ALL
                .iter()
                .any(|operation| reason.can_end(*operation));
            assert_eq!(can_end, reason != Reason::Canary, "{reason}");
        }
    }

    #[test]
    fn only_what_is_proven_counts() {
        for (reason, quality) in [
            (Reason::Success, Quality::Good),
            (Reason::Upstream5xx, Quality::Bad),
            (Reason::Challenge, Quality::Excluded),
            (Reason::Denied, Quality::Excluded),
            (Reason::ClientGone, Quality::Excluded),
        ] {
            assert_eq!(reason.counts(Proof::Proven), quality, "{reason}");
            let unproven = reason.counts(Proof::Unproven);
            assert_eq!(unproven, Quality::Excluded, "{reason}");
        }
        let unproven = Reason::ALL.into_iter().filter(|it| it.is_unproven());
        assert_eq!(
            unproven.map(Reason::as_str).collect::<Vec<_>>(),
            ["authorization_missing", "token_unproven"]
        );
    }

    #[test]
    fn a_reason_ends_only_what_it_can() {
        use Operation::{Api, BlobGet, ManifestGet, ManifestPut, Token};
        use Operation::{UploadChunk, UploadCommit, UploadStart, UploadStatus};
        for (reason, can, can_not) in [
            (Reason::Policy, BlobGet, Api),
            (Reason::EmptyGrant, Token, ManifestGet),
            (Reason::Quota, UploadStart, UploadStatus),
            (Reason::UploadUnknown, UploadStatus, UploadStart),
            (Reason::CommitTimeout, UploadCommit, UploadChunk),
            (Reason::ImmutableTag, ManifestPut, ManifestGet),
        ] {
            assert!(reason.can_end(can), "{reason} {can}");
            assert!(!reason.can_end(can_not), "{reason} {can_not}");
        }
    }
}
