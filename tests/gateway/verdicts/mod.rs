//! Every reason that a request can end for, caused on the wire, and what an operator and the
//! client are told of it: counters, access record, the list of failures, the answer.
//!
//! A row is one request. `answers` has those that Harbor, or the gateway itself, answers; `client`
//! and `upstream` those that one side breaks off, `early` those that are answered before their
//! body is complete, `limits` those that a limit refuses, `memory` those that need a Harbor that remembers, `end` those that the
//! gateway's own end cuts.

/// A table of rows; each is caused by the function of its name, in a test of that name.
macro_rules! rows {
    ($($name:ident $operation:ident $status:literal $reason:ident;)*) => {
        const ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            registry: "hq",
            operation: harbormouth::oci::operation::Operation::$operation,
            status: $status,
            reason: harbormouth::oci::reason::Reason::$reason,
        }),*];

        pub fn rows() -> std::slice::Iter<'static, Row> {
            ROWS.iter()
        }

        mod caused {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let row = super::rows().find(|row| row.name == stringify!($name));
                super::$name(row.expect("its row")).await;
            })*
        }
    };
}

mod answers;
mod client;
mod early;
mod end;
mod limits;
mod memory;
mod proof;
mod scene;
mod upstream;

use harbormouth::oci::operation::Operation;
use harbormouth::oci::reason::Reason;

/// How one request ends.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its beginning is the request id, too.
    pub name: &'static str,
    pub registry: &'static str,
    pub operation: Operation,
    /// 0 where the client got none.
    pub status: u16,
    pub reason: Reason,
}

/// Reasons that nothing outside the process can cause, and why.
const OUT_OF_REACH: &[(Reason, &str)] = &[
    (
        Reason::Internal,
        "only a defect of the gateway, or of a filter (see `filters`), ends a request so, and it has no switch for defects; from \
         Pingora's error to the reason the way is held by the unit tests of `proxy::classify_error` and \
         `oci::verdict`",
    ),
    (
        Reason::UnknownSource,
        "it takes several mirrors, which `mirrors` has",
    ),
    (
        Reason::Storage,
        "it takes object storage, which `storage` has",
    ),
    (Reason::Filter, "it takes a filter, which `filters` has"),
    (
        Reason::AuditFull,
        "it takes a full audit log, which `audit` has",
    ),
    (Reason::Rule, "it takes a rule, which `rules` has"),
    (
        Reason::IdentityRefused,
        "it takes an identity, which `identities` has",
    ),
    (
        Reason::IssuerUnreachable,
        "it takes an identity, which `identities` has",
    ),
    (
        Reason::RobotRefused,
        "it takes an identity, which `identities` has",
    ),
    (
        Reason::NoSocket,
        "it takes a process with few descriptors, which `stall::descriptors` has",
    ),
    (
        Reason::Canary,
        "no request ends so: it is what the canary tells of a whole run",
    ),
];

#[test]
fn every_reason_is_produced() {
    let broken = || client::rows().chain(upstream::rows()).chain(early::rows());
    let rows = || {
        let rest = memory::rows().chain(end::rows()).chain(limits::rows());
        answers::rows().chain(broken()).chain(rest)
    };
    for reason in Reason::ALL.iter().copied() {
        let produced = rows().any(|row| row.reason == reason);
        let excused = OUT_OF_REACH.iter().find(|(other, _)| *other == reason);
        assert!(
            produced != excused.is_some(),
            "{reason}: produced {produced}, {excused:?}"
        );
    }
    for row in rows() {
        assert!(row.reason.can_end(row.operation), "{row:?}");
        let same = rows().filter(|other| other.name == row.name);
        assert_eq!(same.count(), 1, "{row:?}");
    }
}
