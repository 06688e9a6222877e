//! The report: where we are ahead and where not, then medians, ratios and their spread.

use crate::floor::Floor;
use crate::measure::Usage;
use crate::proxies::Kind;
use crate::work::{Load, Sizes, Work};
use crate::{Found, Measured, Memory, latency, scrape, workers};
use anyhow::Result;
use std::fmt::Write;
use std::process::Command;

/// The whole file.
pub fn text(sizes: &Sizes, found: &Found) -> Result<String> {
    let mut out = String::new();
    head(&mut out, sizes, found)?;
    summary(&mut out, found)?;
    for work in Work::ALL {
        table(&mut out, sizes, work, &found.measured)?;
    }
    latency::table(&mut out, &found.latencies)?;
    memory_table(&mut out, sizes, &found.memory)?;
    workers::table(&mut out, sizes, found)?;
    scrape_table(&mut out, found)?;
    Ok(out)
}

fn head(out: &mut String, sizes: &Sizes, found: &Found) -> Result<()> {
    writeln!(
        out,
        "# Results\n\nMade by `cargo bench --bench system` on {}: {} interleaved rounds on {}.\n",
        command("date", &["-I"]),
        sizes.rounds,
        machine()
    )?;
    for version in &found.versions {
        writeln!(out, "- {version}")?;
    }
    let cpu = found.floors.iter().map(|floor| floor.cpu);
    writeln!(
        out,
        "
They hold for this processor alone. CPU time is that of the proxy's own processes; a ratio compares
the medians, its spread is the least and the greatest ratio within one round. Wall time says little:
client, origin and proxy share the machine. Beside each row a thread sealed a body with AES-128-GCM
and copied it twice, which no proxy can do without: {:.2} CPU s per GiB ({:.2}–{:.2}), for which it
waited {:.2} times as long. A run in which that is over {} is void.
",
        median(cpu.clone()),
        cpu.clone().fold(f64::INFINITY, f64::min),
        cpu.fold(0.0, f64::max),
        waited(&found.floors),
        crate::floor::MOST_WAITED,
    )?;
    if !found.stalled.is_empty() {
        writeln!(
            out,
            "Held back for good, so that it was done again: {}.\n",
            found.stalled.join("; ")
        )?;
    }
    Ok(())
}

/// How much longer than its CPU time the floor took, as the median.
pub fn waited(floors: &[Floor]) -> f64 {
    median(floors.iter().map(|floor| floor.wall / floor.cpu))
}

/// One screen; where we are behind stands first.
fn summary(out: &mut String, found: &Found) -> Result<()> {
    let measured = &found.measured;
    if measured.is_empty() {
        return Ok(());
    }
    let works = Work::ALL
        .into_iter()
        .filter(|work| measured.iter().any(|row| row.work == *work));
    let mut rows: Vec<(Work, f64, f64)> = works
        .map(|work| {
            let to = |other| ratio(measured, work, Kind::Harbormouth, other).median;
            (work, to(Kind::Nginx), to(Kind::Haproxy))
        })
        .collect();
    rows.sort_by(|(_, nginx, haproxy), (_, other_nginx, other_haproxy)| {
        other_nginx
            .max(*other_haproxy)
            .total_cmp(&nginx.max(*haproxy))
    });
    writeln!(
        out,
        "## Ahead and behind\n\nHarbormouth's CPU time to theirs; the rows in which it needs more stand first.\n
| | to nginx | to HAProxy | |\n|---|---|---|---|"
    )?;
    for (work, nginx, haproxy) in rows {
        let verdict = match nginx.max(haproxy) {
            worst if worst <= 1.0 => "ahead of both",
            _ if nginx.min(haproxy) <= 1.0 => "behind one",
            _ => "**behind**",
        };
        writeln!(
            out,
            "| {} | {nginx:.2} | {haproxy:.2} | {verdict} |",
            work.title()
        )?;
    }
    writeln!(out)?;
    Ok(())
}

fn table(out: &mut String, sizes: &Sizes, work: Work, measured: &[Measured]) -> Result<()> {
    let mut rows = measured.iter().filter(|row| row.work == work).peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let (unit, scale) = work.unit(sizes);
    writeln!(
        out,
        "## {}\n\n| | {unit} | to nginx (spread) | wall s |\n|---|---|---|---|",
        work.title()
    )?;
    for row in rows {
        let ratio = ratio(measured, work, row.kind, Kind::Nginx);
        writeln!(
            out,
            "| {} | {:.2} | {:.2} ({:.2}–{:.2}) | {:.2} |",
            row.kind.name(),
            median(row.usage.iter().map(|usage| usage.cpu)) * scale,
            ratio.median,
            ratio.least,
            ratio.greatest,
            median(row.usage.iter().map(|usage| usage.wall)),
        )?;
    }
    writeln!(out)?;
    Ok(())
}

fn memory_table(out: &mut String, sizes: &Sizes, memory: &[Memory]) -> Result<()> {
    if memory.is_empty() {
        return Ok(());
    }
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.holds()).collect();
    writeln!(
        out,
        "## Private memory\n\nKiB, of the process's own pages; for each one of a load, what it adds over the idle process.\n"
    )?;
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    writeln!(out, "| | at once | {} |", names.join(" | "))?;
    writeln!(out, "|---|---|{}", "---|".repeat(kinds.len()))?;
    let idle = kinds.iter().map(|kind| {
        let of = memory.iter().filter(|row| row.kind == *kind);
        format!("{:.0}", median(of.map(|row| row.idle as f64)))
    });
    writeln!(
        out,
        "| idle process | | {} |",
        idle.collect::<Vec<_>>().join(" | ")
    )?;
    for load in Load::ALL {
        let cell = |kind: &Kind| {
            let row = memory
                .iter()
                .find(|row| row.load == load && row.kind == *kind);
            row.map_or_else(String::new, |row| match load {
                Load::LargeUpload => row.loaded.to_string(),
                Load::IdleConnections(_)
                | Load::SlowUploads(_)
                | Load::SlowDownloads(_)
                | Load::StalledUploads(_) => {
                    let more = row.loaded.saturating_sub(row.idle) as f64;
                    format!("{:.1}", more / load.count(sizes) as f64)
                }
            })
        };
        let cells: Vec<String> = kinds.iter().map(cell).collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        writeln!(
            out,
            "| {} | {} | {} |",
            load.title(),
            load.count(sizes),
            cells.join(" | ")
        )?;
    }
    writeln!(out)?;
    Ok(())
}

fn scrape_table(out: &mut String, found: &Found) -> Result<()> {
    if found.scrapes.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "## {}\n\n| registries | private memory, MiB | a scrape's CPU, ms | its size, KiB |\n|---|---|---|---|",
        scrape::TITLE
    )?;
    for scrape in &found.scrapes {
        writeln!(
            out,
            "| {} | {:.1} | {:.2} | {:.0} |",
            scrape.registries,
            scrape.private as f64 / 1024.0,
            scrape.cpu * 1e3,
            scrape.bytes as f64 / 1024.0
        )?;
    }
    Ok(())
}

/// Of medians, with the least and the greatest within one round.
pub struct Ratio {
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Ratio {
    pub fn of(these: &[Usage], those: &[Usage], value: fn(&Usage) -> f64) -> Ratio {
        let rounds = these.iter().zip(those);
        let within: Vec<f64> = rounds
            .map(|(this, that)| value(this) / value(that))
            .collect();
        let middle = |usage: &[Usage]| median(usage.iter().map(value));
        Ratio {
            median: middle(these) / middle(those),
            least: within.iter().copied().fold(f64::INFINITY, f64::min),
            greatest: within.iter().copied().fold(0.0, f64::max),
        }
    }
}

/// Of CPU time.
pub fn ratio(measured: &[Measured], work: Work, of: Kind, to: Kind) -> Ratio {
    let usage = |kind| -> &[Usage] {
        let row = measured
            .iter()
            .find(|row| row.work == work && row.kind == kind);
        row.map_or(&[], |row| &row.usage)
    };
    Ratio::of(usage(of), usage(to), |usage| usage.cpu)
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The processor, with what of it decides about ciphers.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpu.lines().find(|line| line.starts_with(name));
        line.and_then(|line| Some(line.split_once(": ")?.1.to_owned()))
            .unwrap_or_default()
    };
    let flags = field("flags");
    let flags: Vec<&str> = flags
        .split(' ')
        .filter(|flag| ["aes", "vaes", "vpclmulqdq", "avx2", "avx512f", "sha_ni"].contains(flag))
        .collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{} (family {}, model {}; {}; {cores} cores), Linux {}",
        field("model name"),
        field("cpu family"),
        field("model\t"),
        flags.join(" "),
        command("uname", &["-r"])
    )
}

fn command(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
