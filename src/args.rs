//! The command line: as typed (clap's shapes) and as usable ([`Action`]). It knows no
//! configuration beyond where to read it from.

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand};
use harbormouth::config::{self, Config, Flags};
use harbormouth::doctor;
use harbormouth::doctor::report::Format;
use harbormouth::edge::origin::{Host, Origin};
use harbormouth::registry::repository::RepositoryName;
use std::path::PathBuf;
use std::time::Duration;

/// What the command line asks for.
pub enum Action {
    Serve(Source),
    Check(Source),
    #[cfg(feature = "demo")]
    Demo(Stay),
    Doctor(Box<Examination>),
    /// Writes a sealing key to a new file.
    Keygen(PathBuf),
    /// Prints what a configuration file may hold, for editors.
    Schema,
}

/// Where the configuration is.
pub enum Source {
    File(PathBuf),
    Flags(Flags),
}

/// What the doctor is to look at.
pub struct Examination {
    /// Without credentials.
    pub options: doctor::Options,
    pub login: Login,
    pub format: Format,
}

/// Whose credentials the doctor uses.
pub enum Login {
    /// This user's, with the password on standard input.
    User(String),
    /// Those that docker has for this registry.
    Docker,
}

/// What the demo does when its story is told.
#[cfg(feature = "demo")]
pub enum Stay {
    /// Keeps serving until it is ended.
    Serving,
    Exit,
}

/// Reads the command line; ends the process with help or a usage error where there is nothing to
/// do.
pub fn read() -> Action {
    match Typed::parse().command {
        Command::Serve(typed) => Action::Serve(typed.source()),
        Command::Check(typed) => Action::Check(typed.source()),
        #[cfg(feature = "demo")]
        Command::Demo { once: true } => Action::Demo(Stay::Exit),
        #[cfg(feature = "demo")]
        Command::Demo { once: false } => Action::Demo(Stay::Serving),
        Command::Doctor(typed) => Action::Doctor(Box::new(typed.examination())),
        Command::Keygen { file } => Action::Keygen(file),
        Command::Schema => Action::Schema,
    }
}

impl Source {
    /// Loads the configuration.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn load(&self) -> Result<Config, config::Error> {
        match self {
            Source::File(file) => config::load_file(file),
            Source::Flags(flags) => config::from_flags(flags),
        }
    }
}

/// The public edge for Harbor container registries: makes docker push and pull work through
/// whatever stands between the clients and Harbor.
#[derive(Parser)]
#[command(name = "harbormouth", version, after_help = examples())]
struct Typed {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve one or several Harbors until SIGTERM
    #[command(override_usage = SERVE_USAGE, after_help = SERVE_EXAMPLES)]
    Serve(ConfigArgs),
    /// Show every problem of a configuration, or the configuration with every default
    ///
    /// Prints all problems, each on a line with its key, and exits with 1; or prints the effective
    /// configuration as YAML and exits with 0. Warnings go to standard error. Nothing is contacted
    /// and no port is opened. With flags, the output is the configuration file that says the same.
    #[command(override_usage = CHECK_USAGE, after_help = CHECK_EXAMPLES)]
    Check(ConfigArgs),
    /// Show on this machine what breaks a push behind a second proxy, and what mends it
    ///
    /// Starts a stand-in for Harbor, a broken proxy and Harbormouth on free loopback ports, pushes
    /// and pulls an image both ways, tells each step, and then keeps serving.
    #[cfg(feature = "demo")]
    Demo {
        /// Exit when the story is told; the exit code says whether it went as it should
        #[arg(long)]
        once: bool,
    },
    /// Say what is wrong with a registry's chain of proxies, which hop did it, and what to change
    ///
    /// Walks through the chain as registry clients do, and shows each step. Works with any Harbor
    /// and any OCI registry, behind anything; nothing has to be installed there. What it opens it
    /// cancels, and what it pushes it removes; what can't be removed is listed. Secrets are never
    /// printed.
    ///
    /// Exit status: 0 where nothing was found that breaks a client, 1 where something was, 2 where the
    /// chain could not be examined.
    #[command(override_usage = DOCTOR_USAGE, after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
    /// Write a new key that seals upload tickets, for all replicas to share
    ///
    /// Creates FILE, readable by its owner alone, with a random key, and prints the key's id, which
    /// is no secret. A file that exists is never touched. Without configured keys every process
    /// makes its own when it starts, and the tickets of one are worth nothing to another.
    #[command(after_help = KEYGEN_EXAMPLES)]
    Keygen {
        /// File to create
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the JSON Schema of a configuration file, by which editors complete and check it
    ///
    /// Every key with what it means, what is accepted and its default. A first line
    /// `# yaml-language-server: $schema=harbormouth.schema.json` of a file points editors at a copy
    /// beside it. What the schema can't say (files, addresses, rules between keys) `check` does.
    Schema,
}

#[derive(Args)]
struct ConfigArgs {
    /// Configuration file (YAML); relative names in it start at its directory
    #[arg(long, short, value_name = "FILE", required_unless_present_any = ["public", "upstream"])]
    config: Option<PathBuf>,
    /// What clients type: http(s)://host[:port]; repeat for more names of this Harbor
    #[arg(
        long,
        value_name = "URL",
        requires = "upstream",
        conflicts_with = "config"
    )]
    public: Vec<String>,
    /// Where Harbor is: http(s)://host[:port]; repeat for replicas of the same Harbor
    #[arg(
        long,
        value_name = "URL",
        requires = "public",
        conflicts_with = "config"
    )]
    upstream: Vec<String>,
    /// Address to listen on; repeatable [default: 0.0.0.0:443 with --tls-cert, else 0.0.0.0:80]
    #[arg(long, value_name = "ADDR", conflicts_with = "config")]
    listen: Vec<String>,
    /// Certificate chain (PEM), the server's own first; every --listen then serves HTTPS
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        conflicts_with = "config"
    )]
    tls_cert: Vec<String>,
    /// Private key (PEM) of the --tls-cert at the same place; repeat both for more names
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        conflicts_with = "config"
    )]
    tls_key: Vec<String>,
    /// Address of /livez, /readyz and /metrics [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR", conflicts_with = "config")]
    admin: Option<String>,
}

#[derive(Args)]
struct DoctorArgs {
    /// What clients type: https://host[:port]; without a scheme https
    #[arg(value_name = "URL", value_parser = target)]
    url: Origin,
    /// Repository that uploads are tried on, as project/name; without it they aren't
    #[arg(long, value_name = "NAME", value_parser = repository)]
    repository: Option<RepositoryName>,
    /// Whose password is on standard input [default: the credentials that docker has for URL]
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    user: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "user")]
    password_stdin: bool,
    /// Host that the password may go to where the token realm is there; repeatable. URL's own may
    #[arg(long, value_name = "HOST", value_parser = host)]
    realm_host: Vec<Host>,
    /// Push a tiny artifact under a tag of its own, pull it back and remove it
    #[arg(long, requires = "repository")]
    push: bool,
    /// How large a body to try; over 1 MiB finds what nginx refuses where nobody told it otherwise
    #[arg(long, value_name = "SIZE", default_value = "2MiB", value_parser = size)]
    body: u64,
    /// Pause for this long in the middle of a body: what cuts it?
    #[arg(long, value_name = "TIME", requires = "repository", value_parser = pause)]
    idle: Option<Duration>,
    /// Commit a blob of --body bytes: how long is the registry silent, and what cuts that?
    #[arg(long, requires = "repository")]
    commit_wait: bool,
    /// Walk from this inner hop as well: http(s)://address[:port]; repeatable, the outermost first
    #[arg(long, value_name = "URL", value_parser = inner)]
    via: Vec<Origin>,
    /// Authorities (PEM) to trust beside this machine's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

impl DoctorArgs {
    fn examination(self) -> Examination {
        Examination {
            options: doctor::Options {
                target: self.url,
                repository: self.repository.map(|name| name.to_string()),
                credentials: None,
                realm_hosts: self.realm_host,
                push: self.push,
                body: self.body,
                idle: self.idle,
                commit_wait: self.commit_wait,
                via: self.via,
                authorities: self.ca,
                user_agent: concat!("harbormouth-doctor/", env!("CARGO_PKG_VERSION")).to_owned(),
                artifact: doctor::Artifact::of_its_own(),
                extent: doctor::Extent::Whole,
            },
            login: self.user.map_or(Login::Docker, Login::User),
            format: if self.json {
                Format::Json
            } else {
                Format::Text
            },
        }
    }
}

/// What people type, who leave out https:// and put a slash at the end.
fn target(typed: &str) -> Result<Origin, String> {
    if typed.contains("://") {
        inner(typed)
    } else {
        inner(&format!("https://{typed}"))
    }
}

fn host(typed: &str) -> Result<Host, String> {
    Host::parse(typed).map_err(|error| {
        format!("{error}; accepted is a host without scheme and port, such as auth.example.com")
    })
}

fn inner(typed: &str) -> Result<Origin, String> {
    let typed = typed.strip_suffix('/').unwrap_or(typed);
    Origin::parse(typed).map_err(|error| {
        format!("{error}; accepted is scheme://host[:port], such as https://hub.example.com (a repository goes to --repository)")
    })
}

fn repository(typed: &str) -> Result<RepositoryName, String> {
    let name = RepositoryName::parse(typed);
    name.ok_or_else(|| "accepted is project/name, in lower case, without a tag".to_owned())
}

/// The largest layers are of some GiB; more than this only takes time.
const MOST_BODY: ByteSize = ByteSize::gib(100);

fn size(typed: &str) -> Result<u64, String> {
    let size: ByteSize = typed.parse().map_err(|_| SIZE.to_owned())?;
    if size > ByteSize::b(0) && size <= MOST_BODY {
        Ok(size.as_u64())
    } else {
        Err(SIZE.to_owned())
    }
}

const SIZE: &str = "accepted is a number with its unit, such as 150MiB, up to 100GiB";

fn pause(typed: &str) -> Result<Duration, String> {
    match humantime::parse_duration(typed) {
        Ok(pause) if (1..=3600).contains(&pause.as_secs()) => Ok(pause),
        Ok(_) | Err(_) => {
            Err("accepted is a number with its unit, such as 90s, from 1s to 1h".to_owned())
        }
    }
}

impl ConfigArgs {
    fn source(self) -> Source {
        match self.config {
            Some(file) => Source::File(file),
            None => Source::Flags(Flags {
                public: self.public,
                upstream: self.upstream,
                listen: self.listen,
                tls_cert: self.tls_cert,
                tls_key: self.tls_key,
                admin: self.admin,
            }),
        }
    }
}

/// Without the demo where this binary has none.
fn examples() -> String {
    let demo = if cfg!(feature = "demo") {
        "  harbormouth demo\n"
    } else {
        ""
    };
    format!(
        "Examples:
{demo}  harbormouth doctor hub.example.com --repository library/app
  harbormouth check --config harbormouth.yaml
  harbormouth serve --config harbormouth.yaml
  harbormouth serve --public https://hub.example.com --upstream http://10.0.0.5 \\
      --tls-cert hub.crt --tls-key hub.key"
    )
}

const SERVE_USAGE: &str = "\
harbormouth serve --config FILE
       harbormouth serve --public URL... --upstream URL... [OPTIONS]";

const CHECK_USAGE: &str = "\
harbormouth check --config FILE
       harbormouth check --public URL... --upstream URL... [OPTIONS]";

const SERVE_EXAMPLES: &str = "\
Examples:
  One Harbor, TLS ended here:
    harbormouth serve --public https://hub.example.com --upstream http://10.0.0.5 \\
        --tls-cert hub.crt --tls-key hub.key
  One Harbor, TLS ended by a balancer in front:
    harbormouth serve --public https://hub.example.com --upstream http://10.0.0.5 \\
        --listen 0.0.0.0:8080
  Everything else (several Harbors, redirects, a private CA, timeouts):
    harbormouth serve --config harbormouth.yaml

Bound addresses and then `ready` are printed on standard output; logs and access records go to
standard error. RUST_LOG sets the level (default: info). SIGTERM finishes what is in flight.";

const CHECK_EXAMPLES: &str = "\
Examples:
  harbormouth check --config harbormouth.yaml
  harbormouth check --public https://hub.example.com --upstream http://10.0.0.5 > harbormouth.yaml";

const DOCTOR_USAGE: &str = "\
harbormouth doctor URL [--repository NAME] [--user NAME --password-stdin] [OPTIONS]";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  What can be seen without a password:
    harbormouth doctor hub.example.com
  What a push meets, with docker's own credentials (docker login hub.example.com):
    harbormouth doctor hub.example.com --repository library/app
  The same with a robot's, up to the end, with a layer of 150 MiB that pauses for a minute and a half:
    harbormouth doctor hub.example.com --repository library/app --push \\
        --user 'robot$ci' --password-stdin --body 150MiB --idle 90s < password
  Which of two hops it is:
    harbormouth doctor hub.example.com --repository library/app \\
        --via http://10.0.0.5 --via http://10.0.0.9:8080";

const KEYGEN_EXAMPLES: &str = "\
Examples:
  The first key, the same file for every replica:
    harbormouth keygen keys/2026-11.key
        reattach: { keys: { current: keys/2026-11.key } }

  A new key, without one upload failing. Every replica takes a step (SIGHUP, or a restart) before
  the first takes the next:
    harbormouth keygen keys/2026-12.key
    1. Accept:  keys: { current: keys/2026-11.key, previous: [keys/2026-12.key] }
    2. Promote: keys: { current: keys/2026-12.key, previous: [keys/2026-11.key] }
    3. Drop:    keys: { current: keys/2026-12.key }
  Before step 3, wait for as long as Harbor's tokens live: older tickets are worth nothing anyway.

The metrics harbormouth_sealing_key_info and harbormouth_opening_key_info show each replica's keys.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Typed::command().debug_assert();
    }

    #[test]
    fn what_people_type_is_an_origin() {
        for (typed, meant) in [
            ("hub.example.com", "https://hub.example.com"),
            ("Hub.Example.com/", "https://hub.example.com"),
            ("hub.example.com:8443", "https://hub.example.com:8443"),
            ("http://10.0.0.5", "http://10.0.0.5"),
        ] {
            let read = target(typed).map(|origin| origin.to_string());
            assert_eq!(read.as_deref(), Ok(meant), "{typed}");
        }
    }

    #[test]
    fn file_and_flags_exclude_each_other() {
        for (typed, accepted) in [
            ("serve --config a.yaml", true),
            ("serve --public https://h --upstream http://u", true),
            (
                "serve --public https://h --public http://h --upstream http://u --upstream http://v --listen 127.0.0.1:0 --listen [::1]:0",
                true,
            ),
            (
                "serve --public https://h --upstream http://u --tls-cert c --tls-key k --admin 127.0.0.1:0",
                true,
            ),
            ("check --config a.yaml", true),
            ("demo --once", cfg!(feature = "demo")),
            ("keygen a.key", true),
            ("schema", true),
            ("schema a.yaml", false),
            ("doctor hub.example.com", true),
            ("doctor http://10.0.0.5:8080/ --json", true),
            (
                "doctor https://h --repository lab/app --push --body 150MiB --idle 90s --commit-wait --via http://a --via https://b:8443 --ca ca.pem",
                true,
            ),
            (
                "doctor h --repository lab/app --user alice --password-stdin",
                true,
            ),
            ("doctor h --realm-host auth.h2 --realm-host 10.0.0.1", true),
            ("doctor h --realm-host https://auth.h2", false),
            ("doctor", false),
            ("doctor h --user alice", false),
            ("doctor h --password-stdin", false),
            ("doctor h --push", false),
            ("doctor h --repository Lab/app", false),
            ("doctor h --repository lab/app:v1", false),
            ("doctor h --repository lab/a..b", false),
            ("doctor https://h/lab/app", false),
            ("doctor ftp://h", false),
            ("doctor h --body 0", false),
            ("doctor h --body 101GiB", false),
            ("doctor h --repository a --idle 2h", false),
            ("doctor h --via h2", false),
            ("keygen", false),
            ("keygen a.key b.key", false),
            ("serve", false),
            ("serve --public https://h", false),
            ("serve --upstream http://u", false),
            ("serve --listen 127.0.0.1:0", false),
            (
                "serve --config a.yaml --public https://h --upstream http://u",
                false,
            ),
            ("serve --config a.yaml --listen 127.0.0.1:0", false),
            ("serve --config a.yaml --admin 127.0.0.1:0", false),
            ("serve --config a.yaml --tls-cert c --tls-key k", false),
            (
                "serve --public https://h --upstream http://u --tls-cert c",
                false,
            ),
            (
                "serve --public https://h --upstream http://u --tls-key k",
                false,
            ),
            ("", false),
        ] {
            let typed = format!("harbormouth {typed}");
            let read = Typed::try_parse_from(typed.split_whitespace());
            assert_eq!(read.is_ok(), accepted, "{typed}");
        }
    }
}
