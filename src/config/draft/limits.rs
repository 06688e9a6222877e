//! What the document says about limits: what clients may take, how many requests a registry is given
//! at once, what of it is closed for a while, and how long a drain lasts.

use super::super::document::{Node, Table};
use super::super::problem::Problems;
use super::super::scalar;
use super::super::types::Maintenance;
use super::super::yaml::{Shape, Value};
use super::duration;
use std::ops::RangeInclusive;
use std::time::Duration;

#[derive(Default)]
pub(in super::super) struct DraftLimits {
    pub(crate) connections: Option<usize>,
    pub(crate) connections_per_client: Option<usize>,
    pub(crate) header_time: Option<Duration>,
    pub(crate) header_fields: Option<usize>,
    pub(crate) header_bytes: Option<u64>,
    pub(crate) keepalive_idle: Option<Duration>,
    pub(crate) keepalive_requests: Option<u32>,
    pub(crate) http2_streams: Option<u32>,
    pub(crate) body_memory: Option<u64>,
    pub(crate) upload_progress: Option<u64>,
    pub(crate) unread_answer: Option<Duration>,
    pub(crate) download_progress: Option<u64>,
    pub(crate) stands_still: Option<Duration>,
}

#[derive(Default)]
pub(in super::super) struct DraftMaxInFlight {
    pub(crate) uploads: Option<usize>,
    pub(crate) other: Option<usize>,
}

#[derive(Default)]
pub(in super::super) struct DraftDrain {
    pub(crate) delay: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
}

/// A number's bounds, and the words for them.
type Bounds = (RangeInclusive<u64>, &'static str);

/// A descriptor each, and Linux gives a process a million at most unless told otherwise.
const CONNECTIONS: Bounds = (1..=1_000_000, "a whole number from 1 to 1000000");
/// docker sends about ten; Pingora refuses more than 256 by itself.
const HEADER_FIELDS: Bounds = (16..=256, "a whole number from 16 to 256");
/// A token of a user with many projects takes several KiB; Pingora refuses more than 1 MiB by itself.
const HEADER_BYTES: Bounds = (4 << 10..=1 << 20, "a size from 4KiB to 1MiB");
const REQUESTS: Bounds = (1..=1_000_000_000, "a whole number from 1 to 1000000000");
const STREAMS: Bounds = (1..=1024, "a whole number from 1 to 1024");
/// A few uploads at least.
const BODY_MEMORY: Bounds = (16 << 20..=1 << 40, "a size from 16MiB to 1TiB");
const PROGRESS: Bounds = (
    0..=1 << 30,
    "a size from 0 to 1GiB; 0 asks for no more than one byte",
);

/// Reads the table `limits`.
pub(super) fn limits(table: &Table<'_>, problems: &mut Problems) -> DraftLimits {
    const NAMES: &[&str] = &[
        "connections",
        "connections_per_client",
        "header_time",
        "header_fields",
        "header_bytes",
        "keepalive_idle",
        "keepalive_requests",
        "http2_streams",
        "body_memory",
        "upload_progress",
        "unread_answer",
        "download_progress",
        "stands_still",
    ];
    let table = table
        .get("limits")
        .and_then(|node| node.table(NAMES, "a table of limits", problems));
    let Some(table) = table else {
        return DraftLimits::default();
    };
    DraftLimits {
        connections: whole(&table, "connections", &CONNECTIONS, problems),
        connections_per_client: whole(&table, "connections_per_client", &CONNECTIONS, problems),
        header_time: duration(&table, "header_time", &scalar::HEADER_TIME, problems),
        header_fields: whole(&table, "header_fields", &HEADER_FIELDS, problems),
        header_bytes: size(&table, "header_bytes", &HEADER_BYTES, problems),
        keepalive_idle: duration(&table, "keepalive_idle", &scalar::KEEPALIVE, problems),
        keepalive_requests: whole(&table, "keepalive_requests", &REQUESTS, problems),
        http2_streams: whole(&table, "http2_streams", &STREAMS, problems),
        body_memory: size(&table, "body_memory", &BODY_MEMORY, problems),
        upload_progress: size(&table, "upload_progress", &PROGRESS, problems),
        unread_answer: duration(&table, "unread_answer", &scalar::UNREAD, problems),
        download_progress: size(&table, "download_progress", &PROGRESS, problems),
        stands_still: duration(&table, "stands_still", &scalar::STANDS_STILL, problems),
    }
}

/// Reads a registry's table `max_in_flight`.
pub(super) fn max_in_flight(table: &Table<'_>, problems: &mut Problems) -> DraftMaxInFlight {
    let table = table.get("max_in_flight").and_then(|node| {
        node.table(
            &["uploads", "other"],
            "a table with uploads, other",
            problems,
        )
    });
    let Some(table) = table else {
        return DraftMaxInFlight::default();
    };
    DraftMaxInFlight {
        uploads: whole(&table, "uploads", &CONNECTIONS, problems),
        other: whole(&table, "other", &CONNECTIONS, problems),
    }
}

/// Reads the table `drain`.
pub(super) fn drain(table: &Table<'_>, problems: &mut Problems) -> DraftDrain {
    let table = table.get("drain").and_then(|node| {
        node.table(
            &["delay", "timeout"],
            "a table with delay, timeout",
            problems,
        )
    });
    let Some(table) = table else {
        return DraftDrain::default();
    };
    DraftDrain {
        delay: duration(&table, "delay", &scalar::DRAIN, problems),
        timeout: duration(&table, "timeout", &scalar::DRAIN, problems),
    }
}

/// Reads the table `liveness`.
pub(super) fn silence(table: &Table<'_>, problems: &mut Problems) -> Option<Duration> {
    let node = table.get("liveness")?;
    let table = node.table(&["silence"], "a table with silence", problems)?;
    duration(&table, "silence", &scalar::LIVENESS, problems)
}

/// Reads a registry's `maintenance`.
pub(super) fn maintenance(table: &Table<'_>, problems: &mut Problems) -> Option<Maintenance> {
    let node = table.get("maintenance")?;
    switch(&node, scalar::MAINTENANCE, problems, |word| match word {
        "off" => Some(Maintenance::Off),
        "pushes" => Some(Maintenance::Pushes),
        "all" => Some(Maintenance::All),
        _ => None,
    })
}

/// Reads one of several words, of which one is off.
pub(super) fn switch<T>(
    node: &Node<'_>,
    accepted: &'static str,
    problems: &mut Problems,
    meaning: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let read = |word: &str| meaning(word).ok_or_else(|| scalar::value(word, accepted));
    // What tools that speak YAML 1.1 make of the word off.
    if let Shape::Bool(false) = node.value.shape {
        return meaning("off");
    }
    node.parse(accepted, problems, read)
        .map(|keyed| keyed.value)
}

/// Reads `threads`.
pub(super) fn threads(table: &Table<'_>, problems: &mut Problems) -> Option<usize> {
    whole(table, "threads", &(1..=1024, scalar::THREADS), problems)
}

/// Reads `login_limit.failures`.
pub(super) fn failures(table: &Table<'_>, problems: &mut Problems) -> Option<u32> {
    let bounds = (0..=10_000, scalar::FAILURES);
    whole(table, "failures", &bounds, problems)
}

fn whole<T: TryFrom<u64>>(
    table: &Table<'_>,
    name: &str,
    (bounds, accepted): &Bounds,
    problems: &mut Problems,
) -> Option<T> {
    number(table, name, accepted, problems, |value| {
        scalar::whole(value, bounds.clone())
    })
}

fn size(
    table: &Table<'_>,
    name: &str,
    (bounds, accepted): &Bounds,
    problems: &mut Problems,
) -> Option<u64> {
    number(table, name, accepted, problems, |value| {
        scalar::size(value, bounds.clone())
    })
}

fn number<T>(
    table: &Table<'_>,
    name: &str,
    accepted: &'static str,
    problems: &mut Problems,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Option<T> {
    let node = table.get(name)?;
    let number = read(node.value);
    if number.is_none() {
        node.wrong_type(accepted, problems);
    }
    number
}
