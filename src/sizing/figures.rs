//! The table of figures: each with where it was measured. A test holds those of `benches/RESULTS.md`
//! against that file, so that a new measurement changes the model.

/// Where a figure is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A cell of `benches/RESULTS.md`: its section, how its row begins, and its column from 0 on.
    Results {
        section: &'static str,
        row: &'static str,
        column: usize,
    },
    /// This repository's code or configuration.
    Code(&'static str),
}

/// One number that the model computes with.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub what: &'static str,
    pub value: f64,
    pub unit: &'static str,
    pub source: Source,
}

const fn measured(
    what: &'static str,
    value: f64,
    unit: &'static str,
    (section, row, column): (&'static str, &'static str, usize),
) -> Figure {
    let source = Source::Results {
        section,
        row,
        column,
    };
    Figure {
        what,
        value,
        unit,
        source,
    }
}

const fn code(what: &'static str, value: f64, unit: &'static str, source: &'static str) -> Figure {
    let source = Source::Code(source);
    Figure {
        what,
        value,
        unit,
        source,
    }
}

const GIB: &str = "CPU s a GiB";
const MICROS: &str = "CPU µs";
const KIB: &str = "KiB";
const MIB: &str = "MiB";
const MILLIS: &str = "CPU ms";
const OURS: &str = "Harbormouth";
const WORKERS: &str = "One worker and two";
const PUSHES: &str = "PUT of layers, all at once, TLS (AES-128, ECDSA) | Harbormouth";
const PULLS: &str = "GET of layers, all at once, TLS (AES-128, ECDSA) | Harbormouth";
const MEMORY: &str = "Private memory";
const REGISTRIES: &str = "Harbormouth with many registries";

// Over TLS to clients, what counts is many layers at once with two workers, which is dearer than one
// large body; without TLS and with it on both sides only one large body was measured.
pub(super) const UPLOAD_PLAIN: Figure =
    measured("upload, no TLS", 0.51, GIB, ("PUT, plain", OURS, 1));
pub(super) const DOWNLOAD_PLAIN: Figure =
    measured("download, no TLS", 0.51, GIB, ("GET, plain", OURS, 1));
pub(super) const UPLOAD_TLS: Figure =
    measured("upload, TLS to clients", 1.07, GIB, (WORKERS, PUSHES, 4));
pub(super) const DOWNLOAD_TLS: Figure =
    measured("download, TLS to clients", 1.40, GIB, (WORKERS, PULLS, 4));
pub(super) const UPLOAD_BOTH: Figure = measured(
    "upload, TLS on both sides",
    1.55,
    GIB,
    ("PUT, TLS on both sides", OURS, 1),
);
pub(super) const DOWNLOAD_BOTH: Figure = measured(
    "download, TLS on both sides",
    1.61,
    GIB,
    ("GET, TLS on both sides", OURS, 1),
);
pub(super) const REQUEST_PLAIN: Figure = measured(
    "request on a connection of its own, no TLS",
    103.71,
    MICROS,
    ("HEAD, one connection each, plain", OURS, 1),
);
pub(super) const REQUEST_TLS: Figure = measured(
    "request on a connection of its own, TLS (ECDSA)",
    314.44,
    MICROS,
    ("HEAD, one connection each, TLS (AES-128, ECDSA)", OURS, 1),
);
pub(super) const KEPT_TLS: Figure = measured(
    "request on a kept connection, TLS",
    38.37,
    MICROS,
    ("HEAD, 64 at once, TLS (AES-128, ECDSA)", OURS, 1),
);
pub(super) const KEPT_BOTH: Figure = measured(
    "request on a kept connection, TLS on both sides",
    55.49,
    MICROS,
    ("HEAD, 64 at once, TLS on both sides", OURS, 1),
);
pub(super) const IDLE_PLAIN: Figure = measured(
    "idle connection, no TLS",
    7.2,
    KIB,
    (MEMORY, "idle connection, plain", 2),
);
pub(super) const IDLE_TLS: Figure = measured(
    "idle connection, TLS",
    17.4,
    KIB,
    (MEMORY, "idle connection, TLS", 2),
);
pub(super) const SLOW_UPLOAD_PLAIN: Figure = measured(
    "slow upload, no TLS",
    47.1,
    KIB,
    (MEMORY, "slow upload, plain", 2),
);
pub(super) const SLOW_UPLOAD_TLS: Figure = measured(
    "slow upload, TLS",
    59.3,
    KIB,
    (MEMORY, "slow upload, TLS", 2),
);
pub(super) const SLOW_DOWNLOAD_PLAIN: Figure = measured(
    "slow download, no TLS",
    464.9,
    KIB,
    (MEMORY, "slow download, plain", 2),
);
pub(super) const SLOW_DOWNLOAD_TLS: Figure = measured(
    "slow download, TLS",
    504.8,
    KIB,
    (MEMORY, "slow download, TLS", 2),
);
pub(super) const ONE_REGISTRY: Figure =
    measured("process with 1 registry", 24.0, MIB, (REGISTRIES, "1", 1));
pub(super) const MANY_REGISTRIES: Figure = measured(
    "process with 100 registries",
    143.7,
    MIB,
    (REGISTRIES, "100", 1),
);
pub(super) const SCRAPE_ONE: Figure =
    measured("scrape with 1 registry", 3.45, MILLIS, (REGISTRIES, "1", 2));
pub(super) const SCRAPE_MANY: Figure = measured(
    "scrape with 100 registries",
    202.24,
    MILLIS,
    (REGISTRIES, "100", 2),
);
pub(super) const BUSY: Figure = code(
    "share of a core that is used, above which a replica is added",
    70.0,
    "%",
    "deploy/kubernetes/base/horizontalpodautoscaler.yaml",
);
pub(super) const LIMIT: Figure = code(
    "memory limit of a pod, at least",
    1024.0,
    MIB,
    "deploy/kubernetes/base/deployment.yaml",
);
pub(super) const UPLOAD_MEMORY: Figure = code(
    "the most that an upload may hold",
    (crate::proxy::HTTP1_UPLOAD >> 10) as f64,
    KIB,
    "src/proxy/body_memory.rs",
);
pub(super) const DOWNLOAD_MEMORY: Figure = code(
    "the most that a download may hold",
    (crate::proxy::DOWNLOAD >> 10) as f64,
    KIB,
    "src/proxy/body_memory.rs",
);

/// All of them, in the order of docs/scale.md.
pub const FIGURES: &[Figure] = &[
    UPLOAD_PLAIN,
    DOWNLOAD_PLAIN,
    UPLOAD_TLS,
    DOWNLOAD_TLS,
    UPLOAD_BOTH,
    DOWNLOAD_BOTH,
    REQUEST_PLAIN,
    REQUEST_TLS,
    KEPT_TLS,
    KEPT_BOTH,
    IDLE_PLAIN,
    IDLE_TLS,
    SLOW_UPLOAD_PLAIN,
    SLOW_UPLOAD_TLS,
    SLOW_DOWNLOAD_PLAIN,
    SLOW_DOWNLOAD_TLS,
    ONE_REGISTRY,
    MANY_REGISTRIES,
    SCRAPE_ONE,
    SCRAPE_MANY,
    UPLOAD_MEMORY,
    DOWNLOAD_MEMORY,
    LIMIT,
    BUSY,
];
