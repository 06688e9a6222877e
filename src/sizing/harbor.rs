//! What is published of Harbor's own ceilings, each with its source. What isn't published is said to be
//! unknown, and how to measure it.

use super::model::Sizing;

/// At so many pulls at once one user's registry restarted.
const PULLS_AT_ONCE: f64 = 1200.0;

/// Of its database's connections a core pod takes so many at most.
const DATABASE_CONNECTIONS: f64 = 900.0;

/// Seconds for which no request of a Harbor that is well holds one.
const LONG: f64 = 60.0;

/// One of Harbor's own ceilings.
pub struct Ceiling {
    pub what: &'static str,
    pub known: &'static str,
    pub source: &'static str,
}

const REGISTRY: Ceiling = Ceiling {
    what: "layers read at once from one registry instance",
    known: "1200 restarted one, with CPU and memory at its limits",
    source: "a user's report, goharbor/harbor#20523",
};

const DATABASE: Ceiling = Ceiling {
    what: "requests at once that use the database",
    known: "900 connections for each core pod; 1024 in all of the PostgreSQL that the chart brings",
    source: "goharbor/harbor-helm, values.yaml, database.maxOpenConns",
};

/// What limits a Harbor.
pub const CEILINGS: &[Ceiling] = &[
    REGISTRY,
    DATABASE,
    Ceiling {
        what: "tokens in a second",
        known: "unknown",
        source: "nothing published; goharbor/perf has the scripts to measure it",
    },
    Ceiling {
        what: "bytes in a second through one registry instance",
        known: "unknown",
        source: "goharbor/perf#52 asks for it and has no number",
    },
    Ceiling {
        what: "garbage collection beside pushes",
        known: "unknown; an outage where core had 80 pods",
        source: "a user's report, goharbor/harbor#20000",
    },
];

/// Which of them comes first, as far as there are numbers.
pub(super) fn first(sizing: &Sizing) -> String {
    let registries = sizing.downloading / PULLS_AT_ONCE;
    if registries > 1.0 {
        return format!(
            "{}: {:.0}, {registries:.0} times as many as restarted one ({})",
            REGISTRY.what, sizing.downloading, REGISTRY.source
        );
    }
    let held = DATABASE_CONNECTIONS / sizing.requests;
    if held > LONG {
        return "none of those with a number".to_owned();
    }
    format!(
        "{}: a core pod has none left when each of {:.1} requests/s holds one for {held:.1} s ({})",
        DATABASE.what, sizing.requests, DATABASE.source
    )
}
