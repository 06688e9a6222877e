//! CPU time and private memory of a proxy's processes, from /proc.

use anyhow::Result;
use std::fs;
use std::future::Future;
use std::time::Instant;

/// Seconds.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub cpu: f64,
    pub wall: f64,
}

/// Does the work and tells what it cost the process and its children.
pub async fn of(pid: u32, work: impl Future<Output = Result<()>>) -> Result<Usage> {
    let (cpu, began) = (cpu_seconds(pid), Instant::now());
    work.await?;
    Ok(Usage {
        cpu: cpu_seconds(pid) - cpu,
        wall: began.elapsed().as_secs_f64(),
    })
}

/// Memory that nobody shares, in KiB, over the process and its children.
pub fn private_memory(pid: u32) -> u64 {
    let of_one = |pid: &u32| -> u64 {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let private = rollup.lines().filter(|line| line.starts_with("Private_"));
        private
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .sum()
    };
    tree(pid).iter().map(of_one).sum()
}

/// CPU time in nanoseconds from the scheduler's own accounting, which has no ticks to round to.
fn cpu_seconds(pid: u32) -> f64 {
    let threads = |pid: &u32| {
        fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten()
    };
    let nanoseconds: u64 = tree(pid)
        .iter()
        .flat_map(threads)
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .sum();
    nanoseconds as f64 / 1e9
}

/// The process and everything below it.
pub fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let pid = found[next];
        next += 1;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|child| child.parse::<u32>().ok()),
            );
        }
    }
    found
}
