//! The report: medians, ratios and their spread, and the targets with whether each is met.

use crate::measure::Usage;
use crate::proxies::Kind;
use crate::{Measured, Memory, Sizes, Work};
use anyhow::Result;
use std::fmt::Write;
use std::process::Command;

/// The whole file.
pub fn text(
    sizes: &Sizes,
    measured: &[Measured],
    memory: &[Memory],
    versions: &[String],
) -> Result<String> {
    let mut out = String::new();
    writeln!(out, "# Results\n")?;
    writeln!(
        out,
        "Made by `cargo bench --bench system` on {}: {} interleaved rounds on",
        command("date", &["-I"]),
        sizes.rounds
    )?;
    writeln!(out, "{}.", machine())?;
    writeln!(out, "{}.\n", versions.join(" · "))?;
    writeln!(
        out,
        "CPU time is that of the proxy's own processes; a ratio compares the medians, its spread is the"
    )?;
    writeln!(
        out,
        "least and the greatest ratio within one round. Wall time says little: client, origin and proxy"
    )?;
    writeln!(out, "share the machine.\n")?;
    for work in Work::ALL {
        table(&mut out, sizes, work, measured)?;
    }
    memory_table(&mut out, sizes, memory)?;
    targets(&mut out, measured, memory)?;
    Ok(out)
}

fn title(work: Work) -> &'static str {
    match work {
        Work::PutHttp1 => "PUT over TLS, HTTP/1.1",
        Work::GetHttp1 => "GET over TLS, HTTP/1.1",
        Work::PutHttp2 => "PUT over TLS, HTTP/2",
        Work::Head => "HEAD over TLS, HTTP/1.1, 64 connections",
    }
}

fn table(out: &mut String, sizes: &Sizes, work: Work, measured: &[Measured]) -> Result<()> {
    let (unit, scale) = match work {
        Work::PutHttp1 | Work::GetHttp1 | Work::PutHttp2 => {
            ("CPU s per GiB", (1u64 << 30) as f64 / sizes.body as f64)
        }
        Work::Head => ("CPU µs per request", 1e6 / sizes.heads as f64),
    };
    writeln!(out, "## {}\n", title(work))?;
    writeln!(
        out,
        "| | {unit} | to nginx (spread) | wall s |\n|---|---|---|---|"
    )?;
    for row in measured.iter().filter(|row| row.work == work) {
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
    writeln!(out, "## Peak memory\n")?;
    writeln!(
        out,
        "| | idle | one upload of {} MiB | {} slow uploads at once | for each |\n|---|---|---|---|---|",
        sizes.large_body >> 20,
        sizes.slow_uploads
    )?;
    for row in memory {
        let each = row.slow_uploads.saturating_sub(row.idle) / sizes.slow_uploads as u64;
        let mib = |kib: u64| kib / 1024;
        writeln!(
            out,
            "| {} | {} MiB | {} MiB | {} MiB | {each} KiB |",
            row.kind.name(),
            mib(row.idle),
            mib(row.large_upload),
            mib(row.slow_uploads)
        )?;
    }
    writeln!(
        out,
        "\nA slow upload sends 16 KiB every 2 s. Memory is the sum of the processes' VmHWM.\n"
    )?;
    Ok(())
}

fn targets(out: &mut String, measured: &[Measured], memory: &[Memory]) -> Result<()> {
    writeln!(out, "## Targets\n\n| Target | Measured | |\n|---|---|---|")?;
    let mut line = |what: &str, limit: f64, value: f64, unit: &str| {
        let verdict = if value <= limit { "met" } else { "**missed**" };
        writeln!(
            out,
            "| {what}: at most {limit}{unit} | {value:.2}{unit} | {verdict} |"
        )
    };
    for (work, other, limit) in [
        (Work::PutHttp1, Kind::Nginx, 0.95),
        (Work::GetHttp1, Kind::Nginx, 0.95),
        (Work::PutHttp1, Kind::Haproxy, 0.85),
        (Work::GetHttp1, Kind::Haproxy, 0.85),
        (Work::PutHttp2, Kind::Nginx, 1.1),
        (Work::Head, Kind::Nginx, 1.5),
    ] {
        let what = format!("{}, CPU to {}'s", title(work), other.name());
        line(
            &what,
            limit,
            ratio(measured, work, Kind::Harbormouth, other).median,
            "×",
        )?;
    }
    if let Some(ours) = memory.iter().find(|row| row.kind == Kind::Harbormouth) {
        line(
            "Peak memory, one large upload",
            64.0,
            ours.large_upload as f64 / 1024.0,
            " MiB",
        )?;
        line(
            "Peak memory, slow uploads",
            250.0,
            ours.slow_uploads as f64 / 1024.0,
            " MiB",
        )?;
    }
    Ok(())
}

struct Ratio {
    median: f64,
    least: f64,
    greatest: f64,
}

fn ratio(measured: &[Measured], work: Work, of: Kind, to: Kind) -> Ratio {
    let usage = |kind| -> &[Usage] {
        measured
            .iter()
            .find(|row| row.work == work && row.kind == kind)
            .map_or(&[], |row| &row.usage)
    };
    let within = usage(of)
        .iter()
        .zip(usage(to))
        .map(|(of, to)| of.cpu / to.cpu);
    let within: Vec<f64> = within.collect();
    Ratio {
        median: median(usage(of).iter().map(|usage| usage.cpu))
            / median(usage(to).iter().map(|usage| usage.cpu)),
        least: within.iter().copied().fold(f64::INFINITY, f64::min),
        greatest: within.iter().copied().fold(0.0, f64::max),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{} ({cores} cores), Linux {}",
        model.map_or("an unknown CPU", |(_, name)| name),
        command("uname", &["-r"])
    )
}

fn command(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
