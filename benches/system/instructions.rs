//! Counts the cost of one request and of one MiB: instructions in user space (Valgrind's callgrind) and
//! system calls (strace). They don't depend on how busy the machine is, so they can be compared with
//! earlier counts.
//!
//! Each figure is the difference between two runs that differ only in the amount of work.

use crate::client::Client;
use crate::proxies::{Proxy, Setting};
use crate::work::Way;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How much more than was recorded is a regression: two runs differ by a quarter of a percent.
const TOLERANCE: f64 = 1.02;

/// The same for the instructions of a body, and for system calls: a task wakes as often as it has to wait
/// for the other side, so the same program counts 1.40 or 1.54 million instructions for a MiB of GET.
const WAITS_TOLERANCE: f64 = 1.25;

#[derive(Clone, Copy, Debug)]
enum Counted {
    Head(Way),
    /// A HEAD that ten rules are asked about.
    RuledHead,
    /// A token request with a password, by what is audited.
    Login(Audit),
    Put(Way),
    Get(Way),
}

#[derive(Clone, Copy, Debug)]
enum Audit {
    Off,
    On,
}

const TEN_RULES: &str = include_str!("rules.yaml");

impl Counted {
    const ALL: [Counted; 9] = [
        Counted::Head(Way::Plain),
        Counted::Head(Way::Tls),
        Counted::RuledHead,
        Counted::Login(Audit::Off),
        Counted::Login(Audit::On),
        Counted::Put(Way::Plain),
        Counted::Put(Way::Tls),
        Counted::Get(Way::Plain),
        Counted::Get(Way::Tls),
    ];

    fn name(self) -> String {
        let (what, way) = match self {
            Counted::RuledHead => return "HEAD, plain, with ten rules".to_owned(),
            Counted::Login(Audit::Off) => return "login, plain".to_owned(),
            Counted::Login(Audit::On) => return "login, plain, audited".to_owned(),
            Counted::Head(way) => ("HEAD", way),
            Counted::Put(way) => ("MiB of PUT", way),
            Counted::Get(way) => ("MiB of GET", way),
        };
        let way = match way {
            Way::Plain => "plain",
            Way::Tls | Way::TlsAes256 | Way::TlsRsa | Way::Http2 | Way::TlsBothSides => "TLS",
        };
        format!("{what}, {way}")
    }

    /// Two amounts, far enough apart that what happens once a second is small beside the difference.
    fn amounts(self) -> [u64; 2] {
        match self {
            Counted::Head(_) | Counted::RuledHead | Counted::Login(_) => [150, 450],
            Counted::Put(_) | Counted::Get(_) => [8, 56],
        }
    }

    /// What the configuration has beside the registry.
    fn settings(self, setting: &Setting) -> String {
        match self {
            Counted::RuledHead => TEN_RULES.to_owned(),
            Counted::Login(Audit::On) => {
                let file = setting.directory.join("audit.jsonl");
                format!("audit: {{ file: {} }}\n", file.display())
            }
            Counted::Login(Audit::Off) | Counted::Head(_) | Counted::Put(_) | Counted::Get(_) => {
                String::new()
            }
        }
    }

    async fn do_so_much(self, client: &Client, proxy: &Proxy, amount: u64) -> Result<()> {
        match self {
            Counted::Head(way) => client.heads_in_a_row(way, proxy.to, amount).await,
            Counted::RuledHead => client.heads_in_a_row(Way::Plain, proxy.to, amount).await,
            Counted::Login(_) => client.logins_in_a_row(proxy.to, amount).await,
            Counted::Put(way) => client.put(way, proxy.to, amount << 20).await,
            Counted::Get(way) => client.get(way, proxy.to, amount << 20).await,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Callgrind,
    Strace,
}

impl Tool {
    fn unit(self) -> &'static str {
        match self {
            Tool::Callgrind => "instructions",
            Tool::Strace => "system calls",
        }
    }

    fn command(self, counts: &Path) -> Vec<String> {
        let counts = counts.display();
        let words = match self {
            Tool::Callgrind => format!(
                "valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file={counts}"
            ),
            Tool::Strace => format!("strace -f -c -o {counts}"),
        };
        words.split(' ').map(str::to_owned).collect()
    }

    /// What it wrote when the process had ended.
    fn read(self, counts: &Path) -> Result<f64> {
        let text = fs::read_to_string(counts)?;
        let word = match self {
            Tool::Callgrind => text
                .lines()
                .find_map(|line| line.split_once("Collected : "))
                .map(|(_, count)| count.trim()),
            // "100.00  0.012  10  1200  3 total": the errors may be missing.
            Tool::Strace => text
                .lines()
                .find(|line| line.ends_with("total"))
                .and_then(|line| line.split_whitespace().nth(3)),
        };
        let word = word.with_context(|| format!("no count in {text}"))?;
        Ok(word.parse()?)
    }
}

/// One line of what was counted.
struct Count {
    name: String,
    value: f64,
    most: f64,
}

/// Counts, and holds it against `file`; with `record` it is written there instead.
pub async fn run(setting: &Setting, client: &Client, file: &Path, record: bool) -> Result<()> {
    let mut counts = Vec::new();
    for tool in [Tool::Callgrind, Tool::Strace] {
        for counted in Counted::ALL {
            let [few, many] = counted.amounts();
            let less = once(setting, client, tool, counted, few).await?;
            let more = once(setting, client, tool, counted, many).await?;
            let value = (more - less) / (many - few) as f64;
            let tolerance = match (tool, counted) {
                (Tool::Callgrind, Counted::Head(_) | Counted::RuledHead | Counted::Login(_)) => {
                    TOLERANCE
                }
                (Tool::Callgrind, Counted::Put(_) | Counted::Get(_)) | (Tool::Strace, _) => {
                    WAITS_TOLERANCE
                }
            };
            let most = value * tolerance;
            let name = format!("{} for a {}", tool.unit(), counted.name());
            println!("{name}: {value:.1}");
            counts.push(Count { name, value, most });
        }
    }
    if record {
        fs::write(file, written(&compiler()?, &counts))?;
        println!("recorded in {}", file.display());
        return Ok(());
    }
    let (recorded, compiler) = (fs::read_to_string(file)?, compiler()?);
    if !recorded.lines().any(|line| line == compiler) {
        println!(
            "NOT HELD: another compiler made this than what is recorded; {compiler} counts otherwise. \
             `make instructions RECORD=yes` records it."
        );
        return Ok(());
    }
    hold(&recorded, &counts)
}

async fn once(
    setting: &Setting,
    client: &Client,
    tool: Tool,
    counted: Counted,
    amount: u64,
) -> Result<f64> {
    let counts: PathBuf = setting.directory.join("counts");
    let settings = counted.settings(setting);
    let proxy = Proxy::counted(setting, &tool.command(&counts), &settings).await?;
    counted.do_so_much(client, &proxy, amount).await?;
    proxy.end()?;
    tool.read(&counts)
}

/// As a line of the file: each compiler makes other instructions of the same source.
fn compiler() -> Result<String> {
    let told = Command::new("rustc").arg("--version").output()?;
    Ok(format!("# {}", String::from_utf8(told.stdout)?.trim()))
}

fn written(compiler: &str, counts: &[Count]) -> String {
    let mut text = format!(
        "# What `make instructions` counted last, and the most that passes. Who lets it grow says in\n\
         # CHANGELOG.md why. The profile is `quick`, which optimises little: the counts are no release's.\n\
         {compiler}\n"
    );
    for Count { name, value, most } in counts {
        text += &format!("{name}: {value:.1}, at most {most:.1}\n");
    }
    text
}

fn hold(recorded: &str, counts: &[Count]) -> Result<()> {
    let most = |name: &str| -> Option<f64> {
        let line = recorded
            .lines()
            .find(|line| line.starts_with(&format!("{name}: ")))?;
        line.rsplit_once("at most ")?.1.parse().ok()
    };
    let mut more = Vec::new();
    for count in counts {
        let most =
            most(&count.name).with_context(|| format!("nothing recorded: {}", count.name))?;
        if count.value > most {
            more.push(format!(
                "{}: {:.1}, at most {most:.1}",
                count.name, count.value
            ));
        }
    }
    ensure!(recorded.contains("at most"), "nothing is recorded");
    if !more.is_empty() {
        bail!(
            "it costs more than it did:\n{}\nIf that is meant, `make instructions RECORD=yes` records \
             it, and CHANGELOG.md says why.",
            more.join("\n")
        );
    }
    Ok(())
}
