//! How much memory this process may use: what its control group allows it, or what the machine has.
//! Pure: the files are read by an argument.

use std::io;
use std::path::Path;

/// Where nothing is known.
const UNKNOWN: u64 = 1 << 30;

/// Version 1 writes "no limit" as the largest multiple of a page.
const NO_LIMIT: u64 = 1 << 60;

type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// Bytes: the smallest of all limits that hold for it.
pub(super) fn of_process(read: ReadFile<'_>) -> u64 {
    let text = |path: &str| {
        let bytes = read(Path::new(path)).ok()?;
        String::from_utf8(bytes).ok()
    };
    let groups = text("/proc/self/cgroup").unwrap_or_default();
    let limits = groups
        .lines()
        .flat_map(files)
        .filter_map(|file| text(&file)?.trim().parse().ok());
    let machine = text("/proc/meminfo").and_then(|info| total(&info));
    limits
        .filter(|limit| *limit < NO_LIMIT)
        .chain(machine)
        .min()
        .unwrap_or(UNKNOWN)
}

/// The files with the limits of a group and of those above it, by its line in `/proc/self/cgroup`
/// (cgroups(7)). In a container the group's own name often doesn't exist, and the root is its.
fn files(line: &str) -> Vec<String> {
    let mut fields = line.splitn(3, ':');
    let (Some(_), Some(controllers), Some(group)) = (fields.next(), fields.next(), fields.next())
    else {
        return Vec::new();
    };
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|one| one == "memory") => {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return Vec::new(),
    };
    let group = Path::new(group).strip_prefix("/").unwrap_or(Path::new(""));
    let root = Path::new(root);
    let of = |group: &Path| root.join(group).join(file).to_string_lossy().into_owned();
    group.ancestors().map(of).collect()
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn total(info: &str) -> Option<u64> {
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(files: &[(&str, &str)]) -> u64 {
        of_process(&|path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            let found = found.map(|(_, text)| text.as_bytes().to_vec());
            found.ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    #[test]
    fn the_smallest_limit_holds() {
        let machine = ("/proc/meminfo", "MemTotal:       8000 kB\nMemFree: 1 kB\n");
        let machine_bytes = 8000 * 1024;
        for (name, files, expected) in [
            ("nothing known", vec![], 1_073_741_824),
            ("no group", vec![machine], machine_bytes),
            (
                "a container, version 2",
                vec![
                    machine,
                    ("/proc/self/cgroup", "0::/\n"),
                    ("/sys/fs/cgroup/memory.max", "4096000\n"),
                ],
                4_096_000,
            ),
            (
                "the group above has less",
                vec![
                    machine,
                    ("/proc/self/cgroup", "0::/system.slice/gate.service\n"),
                    (
                        "/sys/fs/cgroup/system.slice/gate.service/memory.max",
                        "max\n",
                    ),
                    ("/sys/fs/cgroup/system.slice/memory.max", "2048000\n"),
                ],
                2_048_000,
            ),
            (
                "version 1",
                vec![
                    machine,
                    (
                        "/proc/self/cgroup",
                        "9:cpu,cpuacct:/x\n4:memory:/docker/ab\n0::/x\n",
                    ),
                    ("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1000\n"),
                    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1024000\n"),
                ],
                1_024_000,
            ),
            (
                "version 1 without a limit",
                vec![
                    machine,
                    ("/proc/self/cgroup", "4:memory:/\n"),
                    (
                        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                        "9223372036854771712\n",
                    ),
                ],
                machine_bytes,
            ),
            (
                "as much as nobody has",
                vec![
                    ("/proc/self/cgroup", "0::/\n"),
                    ("/sys/fs/cgroup/memory.max", "1152921504606846976\n"),
                ],
                1_073_741_824,
            ),
            (
                "more than there is",
                vec![
                    machine,
                    ("/proc/self/cgroup", "0::/\n"),
                    ("/sys/fs/cgroup/memory.max", "9999999999\n"),
                ],
                machine_bytes,
            ),
        ] {
            assert_eq!(process(&files), expected, "{name}");
        }
    }
}
