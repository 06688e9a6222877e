use super::demand::{Demand, DemandError, Rate, Speed, Tls};
use super::figures::{
    DOWNLOAD_MEMORY, FIGURES, IDLE_PLAIN, IDLE_TLS, KEPT_TLS, SCRAPE_MANY, SCRAPE_ONE, Source,
    UPLOAD_MEMORY,
};
use super::model::{
    Bounds, DecidedBy, Sizing, between, per_gib, per_request, process, with_a_zone_lost,
};
use super::series::{Series, defaults, samples, text};
use crate::config::{self, MetricDetail};
use std::fs;
use std::path::Path;

fn results() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md");
    fs::read_to_string(file).unwrap()
}

/// A cell of a section's table.
fn measured(section: &str, row: &str, column: usize) -> f64 {
    let results = results();
    let (_, text) = results.split_once(&format!("\n## {section}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap();
    let begin = format!("| {row} |");
    let found = text.lines().find(|line| line.starts_with(&begin));
    let found = found.unwrap_or_else(|| panic!("{section}: no row {row}"));
    let cell = found
        .trim_matches(['|', ' '])
        .split(" | ")
        .nth(column)
        .unwrap();
    cell.parse()
        .unwrap_or_else(|_| panic!("{section}, {row}: {cell}"))
}

#[test]
fn the_figures_are_those_that_were_measured() {
    let mut compared = 0;
    for figure in FIGURES {
        match figure.source {
            Source::Results {
                section,
                row,
                column,
            } => {
                let (is, was) = (figure.value, measured(section, row, column));
                assert!(
                    (is - was).abs() < 1e-9,
                    "{}: {is}, measured {was}",
                    figure.what
                );
                compared += 1;
            }
            Source::Code(file) => {
                let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
                assert!(file.exists(), "{}", file.display());
            }
        }
    }
    assert!(compared > 15, "only {compared}");
}

#[test]
fn pods_are_added_where_the_model_says() {
    let scaler = "deploy/kubernetes/base/horizontalpodautoscaler.yaml";
    let scaler = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(scaler)).unwrap();
    let busy = super::figures::BUSY.value;
    assert!(
        scaler.contains(&format!("averageUtilization: {busy} ")),
        "{busy}"
    );
}

/// Points that no figure of the model is of: within so much of what was measured.
#[test]
fn the_model_agrees_with_what_it_was_not_made_from() {
    // 100 layers of 10 MB, each on a connection of its own.
    let gib = 100.0 * 10_000_000.0 / f64::from(1 << 30);
    let layers = per_gib(Tls::Clients).1 + 100.0 * per_request(Tls::Clients) / gib;
    let pulls = "GET of layers, all at once, TLS (AES-128, ECDSA)";
    let pushes = "PUT of layers, all at once, TLS (AES-128, ECDSA)";
    let heads = "HEAD, 64 at once, TLS (AES-128, ECDSA)";
    let workers = |row: &str, column| {
        measured(
            "One worker and two",
            &format!("{row} | Harbormouth"),
            column,
        )
    };
    let registries = |column| measured("Harbormouth with many registries", "10", column);
    let held = [
        (
            "CPU s a GiB of layers pulled",
            layers,
            measured(pulls, "Harbormouth", 1),
        ),
        (
            "CPU s a GiB of layers pushed, one worker",
            per_gib(Tls::Clients).0,
            workers(pushes, 3),
        ),
        (
            "CPU µs of a HEAD, kept connection, two workers",
            KEPT_TLS.value,
            workers(heads, 4),
        ),
        (
            "MiB of a process with ten registries",
            process(10),
            registries(1),
        ),
        (
            "CPU ms of a scrape with ten registries",
            between(SCRAPE_ONE.value, SCRAPE_MANY.value, 10),
            registries(2),
        ),
    ];
    for (what, model, measured) in held {
        let off = model / measured - 1.0;
        println!(
            "{what}: model {model:.2}, measured {measured}, {:+.0} %",
            off * 100.0
        );
        assert!(
            off.abs() < 0.17,
            "{what}: model {model}, measured {measured}"
        );
    }
}

/// The limit that it asks for is enough for the worst loads that were measured, and not twice as much.
#[test]
fn the_memory_limit_covers_the_worst_that_was_measured() {
    for (row, connection, body) in [
        (
            "upload to a registry that doesn't read, plain",
            IDLE_PLAIN,
            UPLOAD_MEMORY,
        ),
        (
            "upload to a registry that doesn't read, TLS",
            IDLE_TLS,
            UPLOAD_MEMORY,
        ),
        ("slow download, plain", IDLE_PLAIN, DOWNLOAD_MEMORY),
        ("slow download, TLS", IDLE_TLS, DOWNLOAD_MEMORY),
    ] {
        let measured = measured("Private memory", row, 2);
        let model = connection.value + body.value;
        println!("KiB at most, {row}: model {model:.1}, measured {measured}");
        assert!(
            measured <= model && model < 2.2 * measured,
            "{row}: {model}, {measured}"
        );
    }
}

const DEMAND: Demand = Demand {
    pushes: 0.0,
    pulls: 0.0,
    nodes: 0,
    within: 600.0,
    layers: 1,
    layer: 1 << 30,
    speed: 16.0 * 1024.0 * 1024.0,
    tls: Tls::Clients,
    redirects: false,
    registries: 1,
    cores: 2,
    zones: 3,
};

fn size(demand: &Demand) -> Sizing {
    demand.check().unwrap();
    let bounds = Bounds::of(&defaults().unwrap());
    Sizing::of(demand, bounds, Series::count(MetricDetail::Full).unwrap())
}

/// By hand: a GiB of push a second.
#[test]
fn a_push_of_a_gib_every_second() {
    let sizing = size(&Demand {
        pushes: 1.0,
        cores: 1,
        ..DEMAND
    });
    let requests = 3.0 * 2.0 + 4.0;
    let busy = 1.07 + requests * 314.44e-6;
    assert!(
        (sizing.busy_cores - busy).abs() < 1e-9,
        "{}",
        sizing.busy_cores
    );
    assert!((sizing.uploading - 64.0).abs() < 1e-9, "a layer takes 64 s");
    assert_eq!(sizing.decided_by, DecidedBy::Cpu);
    assert_eq!((sizing.needed, sizing.replicas), (2, 3));
}

#[test]
fn what_decides_is_found() {
    let many = 50_000.0;
    for (demand, by) in [
        (
            Demand {
                pulls: 1e-4,
                ..DEMAND
            },
            DecidedBy::Least,
        ),
        (
            Demand {
                nodes: 100_000,
                layers: 3,
                layer: 1 << 20,
                ..DEMAND
            },
            DecidedBy::Other,
        ),
        (
            Demand {
                nodes: 100_000,
                redirects: true,
                layer: 1 << 20,
                ..DEMAND
            },
            DecidedBy::Connections,
        ),
        (
            Demand {
                pushes: 1.0,
                speed: 1e5,
                layer: 1 << 30,
                ..DEMAND
            },
            DecidedBy::Uploads,
        ),
        (
            Demand {
                pulls: many,
                layer: 1 << 20,
                redirects: true,
                cores: 1,
                ..DEMAND
            },
            DecidedBy::Connections,
        ),
        (
            Demand {
                pulls: 100.0,
                ..DEMAND
            },
            DecidedBy::Cpu,
        ),
    ] {
        assert_eq!(size(&demand).decided_by, by, "{demand:?}");
    }
}

/// Layers that come from storage cost a request each, and no byte.
#[test]
fn redirects_take_the_bytes_away() {
    let demand = Demand {
        nodes: 1000,
        ..DEMAND
    };
    let (through, beside) = (
        size(&demand),
        size(&Demand {
            redirects: true,
            ..demand
        }),
    );
    assert!(through.down > 1.6 && beside.down == 0.0);
    assert!((through.requests - beside.requests).abs() < 1e-9);
    assert!(through.busy_cores > 100.0 * beside.busy_cores);
}

#[test]
fn a_zone_may_be_lost() {
    for (needed, zones, replicas) in [
        (1, 1, 2),
        (1, 2, 2),
        (1, 3, 2),
        (2, 3, 3),
        (2, 2, 4),
        (10, 3, 15),
        (10, 1, 10),
    ] {
        let found = with_a_zone_lost(needed, zones);
        assert_eq!(found, replicas, "{needed} in {zones}");
        let left = found
            - if zones == 1 {
                0
            } else {
                found.div_ceil(zones.into())
            };
        assert!(left >= needed);
    }
}

#[test]
fn what_cannot_be_sized_is_refused() {
    assert_eq!(DEMAND.check(), Err(DemandError::Nothing));
    let wrong = Demand {
        pushes: 1.0,
        layers: 0,
        ..DEMAND
    };
    let said = wrong.check().unwrap_err().to_string();
    assert_eq!(said, "--layers is 0; accepted: 1 to 1000");
    for (text, rate) in [
        ("200/s", Some(200.0)),
        ("30/m", Some(0.5)),
        ("86400/d", Some(1.0)),
        ("3600/h", Some(1.0)),
        ("200", None),
        ("-1/s", None),
        ("0/s", None),
        ("nan/s", None),
        ("inf/s", None),
        ("1/w", None),
    ] {
        assert_eq!(text.parse::<Rate>().ok().map(|rate| rate.0), rate, "{text}");
    }
    assert_eq!("12MiB/s".parse(), Ok(Speed(12.0 * 1024.0 * 1024.0)));
    assert!("12MiB".parse::<Speed>().is_err() && "0B/s".parse::<Speed>().is_err());
}

/// The sum of a process's and a registry's series is what a real configuration makes.
#[test]
fn series_are_counted_from_the_code() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("harbormouth.yaml");
    let registries: String = (0..20)
        .map(|n| {
            format!(
                "  - {{ name: r{n}, public: [http://r{n}.example.com], upstream: {{ endpoints: [http://h{n}.example.com] }} }}\n"
            )
        })
        .collect();
    for detail in MetricDetail::ALL {
        let config = format!(
            "metrics: {{ detail: {detail} }}\nlisteners:\n  - address: 0.0.0.0:80\nregistries:\n{registries}"
        );
        fs::write(&file, config).unwrap();
        let twenty = text(&config::load_file(&file).unwrap()).unwrap();
        // Those of the endpoints begin with their first probe.
        let counted = samples(&twenty).count() as u64 + 20;
        assert_eq!(Series::count(detail).unwrap().of(20), counted, "{detail}");
    }
}
