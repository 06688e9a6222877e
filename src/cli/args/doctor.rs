//! The doctor's command line.

use super::target::{Target, inner, target};
use bytesize::ByteSize;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, Subcommand, ValueEnum};
use harbormouth::doctor;
use harbormouth::doctor::language::Language;
use harbormouth::doctor::report::Format;
use harbormouth::net::origin::{Host, Origin};
use harbormouth::oci::repository::RepositoryName;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the doctor is asked for.
pub enum DoctorAction {
    Examine(Box<Examination>),
    /// Of a proxy's configuration file.
    File(PathBuf, Format, Language),
    /// What an error comes from; none: it is on standard input.
    Explain(Option<String>, Language),
}

/// What the doctor is to look at.
pub struct Examination {
    /// Without credentials and proxies.
    pub options: doctor::Options,
    pub login: LoginSource,
    pub proxies: ProxySource,
    pub format: Format,
}

/// Which proxies the doctor goes through.
pub enum ProxySource {
    /// Those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
    Environment,
    Nothing,
}

/// Whose credentials the doctor uses.
pub enum LoginSource {
    /// This user's, with the password on standard input.
    User(String),
    /// Those that docker has for this registry.
    Docker,
}

#[derive(Subcommand)]
enum DoctorCommand {
    /// Say what an error of a registry client may come from
    ///
    /// The text is what docker, podman or another client printed, or a log with it on standard input.
    /// Nothing is contacted.
    Explain {
        /// The error, in quotes; without it, standard input
        text: Option<String>,
        #[command(flatten)]
        language: LanguageArgs,
    },
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct DoctorArgs {
    #[command(subcommand)]
    command: Option<DoctorCommand>,
    #[command(flatten)]
    examine: ExamineArgs,
}

#[derive(Args)]
struct ExamineArgs {
    /// What clients type: https://host[:port]; without a scheme https. Or a proxy's configuration file
    /// (file:PATH where it isn't there by that name)
    #[arg(value_name = "URL|FILE", value_parser = subject, required = true)]
    subject: Option<Subject>,
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
    /// Push an artifact under a tag of its own, pull it back and remove it
    #[arg(long, requires = "repository")]
    push: bool,
    /// How large a body to try; over 1 MiB finds what nginx refuses where nobody told it otherwise
    #[arg(long, value_name = "SIZE", default_value = "2MiB", value_parser = size)]
    body: u64,
    /// Pause for this long in the middle of a body: what cuts it?
    #[arg(long, value_name = "TIME", requires = "repository", value_parser = pause)]
    idle: Option<Duration>,
    /// Send a body slowly, for this long, and read a layer as slowly where --push is given: what cuts it
    /// although its bytes flow?
    #[arg(long, value_name = "TIME", requires = "repository", value_parser = pause)]
    duration: Option<Duration>,
    /// Commit a blob of --body bytes: how long is the registry silent, and what cuts that?
    #[arg(long, requires = "repository")]
    commit_wait: bool,
    /// Walk from this inner hop as well: http(s)://address[:port]; repeatable, the outermost first
    #[arg(long, value_name = "URL", value_parser = inner)]
    via: Vec<Origin>,
    /// Go without the proxies that HTTP_PROXY and HTTPS_PROXY name
    #[arg(long)]
    no_proxy: bool,
    /// Authorities (PEM) to trust beside this machine's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Send the password although the certificate isn't trusted, and look past that: whoever stands
    /// there gets it. The certificate stays a finding
    #[arg(long)]
    insecure: bool,
    /// What one client meets, and nothing else: docker, docker-classic, podman, crane, helm, …
    #[arg(long, value_name = "NAME", value_parser = client)]
    client: Option<doctor::Client>,
    /// Would a layer of this size, sent at --rate, get through? From the limits that were measured
    #[arg(long, value_name = "SIZE", requires = "rate", value_parser = layer)]
    layer: Option<u64>,
    /// How fast that layer is sent, such as 20Mbit/s
    #[arg(long, value_name = "RATE", requires = "layer", value_parser = rate)]
    rate: Option<u64>,
    /// Every step, all that shows a finding, and the lines for every product
    #[arg(long, conflicts_with = "json")]
    all: bool,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
    /// A document instead of text: markdown or html for a ticket or an issue, junit for a continuous
    /// integration
    #[arg(long, value_name = "FORMAT", value_parser = formats(), conflicts_with_all = ["json", "all"])]
    report: Option<Format>,
    /// Exit with 2 unless this was examined, too: for scripts that must not take "as far as examined"
    /// for healthy
    #[arg(long, value_name = "WHAT", value_enum)]
    require: Option<Required>,
    #[command(flatten)]
    language: LanguageArgs,
}

#[derive(Args)]
struct LanguageArgs {
    /// What people read: en, zh [default: the locale's]; JSON and JUnit are always in English
    #[arg(long, value_name = "LANG", value_enum)]
    lang: Option<SpokenLanguage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SpokenLanguage {
    #[value(name = "en")]
    English,
    #[value(name = "zh")]
    Chinese,
}

impl LanguageArgs {
    fn language(&self) -> Language {
        match self.lang {
            Some(SpokenLanguage::English) => Language::English,
            Some(SpokenLanguage::Chinese) => Language::Chinese,
            None => Language::of_locale(|name| std::env::var(name).ok()),
        }
    }
}

/// What is examined.
#[derive(Clone, Debug)]
enum Subject {
    Chain(Target),
    File(PathBuf),
}

/// What has to be seen for a chain to be healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Required {
    /// An upload.
    Uploads,
}

impl DoctorArgs {
    /// # Errors
    /// What clap doesn't see: that there is nothing to examine, or that a file is to be examined by what
    /// only a walk can.
    pub fn action(self) -> Result<DoctorAction, (ErrorKind, &'static str)> {
        if let Some(DoctorCommand::Explain { text, language }) = self.command {
            return Ok(DoctorAction::Explain(text, language.language()));
        }
        match self.examine.subject.clone() {
            None => Err((ErrorKind::MissingRequiredArgument, "URL is missing")),
            Some(Subject::Chain(target)) => {
                let examination = Box::new(self.examine.examination(target));
                Ok(DoctorAction::Examine(examination))
            }
            Some(Subject::File(_)) if self.examine.asks_for_a_walk() => Err((
                ErrorKind::ArgumentConflict,
                "of a file, only --all, --json and --lang can be asked for: nothing is contacted",
            )),
            Some(Subject::File(file)) => Ok(DoctorAction::File(
                file,
                self.examine.format(),
                self.examine.language.language(),
            )),
        }
    }
}

impl ExamineArgs {
    /// Whether anything is said that has a meaning only where something is contacted.
    fn asks_for_a_walk(&self) -> bool {
        let is_asked = [
            self.repository.is_some(),
            self.user.is_some(),
            !self.realm_host.is_empty(),
            !self.via.is_empty(),
            self.ca.is_some(),
            self.insecure,
            self.client.is_some(),
            self.layer.is_some(),
            self.require.is_some(),
        ];
        is_asked.contains(&true)
    }

    fn format(&self) -> Format {
        match (self.report, self.json, self.all) {
            (Some(format), _, _) => format,
            (None, true, _) => Format::Json,
            (None, false, true) => Format::All,
            (None, false, false) => Format::Text,
        }
    }

    fn examination(self, target: Target) -> Examination {
        let format = self.format();
        Examination {
            options: doctor::Options {
                target: target.origin,
                port_is_typed: target.port_is_typed,
                repository: self.repository,
                credentials: None,
                realm_hosts: self.realm_host,
                push: self.push,
                body: self.body,
                idle: self.idle,
                duration: self.duration,
                commit_wait: self.commit_wait,
                via: self.via,
                proxies: doctor::proxies::Proxies::default(),
                authorities: self.ca,
                certificate_directories: CERTIFICATE_DIRECTORIES.map(PathBuf::from).into(),
                user_agent: concat!("harbormouth-doctor/", env!("CARGO_PKG_VERSION")).to_owned(),
                artifact: doctor::Artifact::from_seed(uuid::Uuid::new_v4().as_u64_pair().0),
                extent: doctor::Extent::Whole,
                language: self.language.language(),
                requires_uploads: self.require == Some(Required::Uploads),
                client: self.client,
                insecure: self.insecure,
                layer: self
                    .layer
                    .zip(self.rate)
                    .map(|(bytes, bits_per_second)| doctor::Layer {
                        bytes,
                        bits_per_second,
                    }),
            },
            proxies: if self.no_proxy {
                ProxySource::Nothing
            } else {
                ProxySource::Environment
            },
            login: self.user.map_or(LoginSource::Docker, LoginSource::User),
            format,
        }
    }
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::WORDS).try_map(|word| {
        let named = Format::ALL.into_iter().find(|one| one.as_str() == word);
        named.ok_or("no format")
    })
}

/// A file where there is one of that name: no host's name has a file beside it.
fn subject(typed: &str) -> Result<Subject, String> {
    if let Some(file) = typed.strip_prefix("file:") {
        return Ok(Subject::File(PathBuf::from(file)));
    }
    if Path::new(typed).is_file() {
        return Ok(Subject::File(PathBuf::from(typed)));
    }
    target(typed)
        .map(Subject::Chain)
        .map_err(|error| format!("{error}, or the name of a file that exists"))
}

/// Where docker and podman look for the authorities of one registry (containers-certs.d(5)).
const CERTIFICATE_DIRECTORIES: [&str; 2] = ["/etc/docker/certs.d", "/etc/containers/certs.d"];

fn host(typed: &str) -> Result<Host, String> {
    Host::parse(typed).map_err(|error| {
        format!("{error}; accepted is a host without scheme and port, such as auth.example.com")
    })
}

fn repository(typed: &str) -> Result<RepositoryName, String> {
    let name = RepositoryName::parse(typed);
    name.ok_or_else(|| format!("accepted is {}", RepositoryName::ACCEPTED))
}

fn client(typed: &str) -> Result<doctor::Client, String> {
    let named = doctor::Client::named(&typed.to_ascii_lowercase());
    named.ok_or_else(|| format!("accepted are {}", doctor::Client::names().join(", ")))
}

/// Beyond any registry's limit, and far from what can't be computed with.
const MOST_LAYER: ByteSize = ByteSize::tib(100);

fn layer(typed: &str) -> Result<u64, String> {
    match typed.parse::<ByteSize>() {
        Ok(size) if size > ByteSize::b(0) && size <= MOST_LAYER => Ok(size.as_u64()),
        Ok(_) | Err(_) => {
            Err("accepted is a number with its unit, such as 10GB, up to 100TiB".to_owned())
        }
    }
}

/// In bits a second.
fn rate(typed: &str) -> Result<u64, String> {
    let refused = || "accepted is a number with its unit, such as 20Mbit/s or 2Gbit/s".to_owned();
    let typed = typed.to_ascii_lowercase();
    let count = typed.strip_suffix("bit/s").ok_or_else(refused)?.trim_end();
    let (count, unit) = [("k", 1000), ("m", 1_000_000), ("g", 1_000_000_000)]
        .into_iter()
        .find_map(|(letter, unit)| Some((count.strip_suffix(letter)?, unit)))
        .unwrap_or((count, 1));
    let count: u64 = count.trim().parse().map_err(|_| refused())?;
    let rate = count.checked_mul(unit).ok_or_else(refused)?;
    if rate > 0 { Ok(rate) } else { Err(refused()) }
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

pub const DOCTOR_USAGE: &str = "\
harbormouth doctor URL [--repository NAME] [--user NAME --password-stdin] [OPTIONS]
       harbormouth doctor FILE [--all | --json]
       harbormouth doctor explain [TEXT]";

pub const DOCTOR_EXAMPLES: &str = include_str!("doctor.txt").trim_ascii_end();

#[cfg(test)]
mod tests {
    use super::super::{Command, Typed};
    use super::*;
    use clap::Parser;

    #[test]
    fn rates_are_bits_a_second() {
        for (typed, meant) in [
            ("20Mbit/s", Some(20_000_000)),
            ("20 mbit/s", Some(20_000_000)),
            ("2Gbit/s", Some(2_000_000_000)),
            ("64kbit/s", Some(64_000)),
            ("9600bit/s", Some(9600)),
            ("20MB/s", None),
            ("99999999999999999Gbit/s", None),
            ("-1Mbit/s", None),
        ] {
            assert_eq!(rate(typed).ok(), meant, "{typed}");
        }
    }

    #[test]
    fn a_client_that_is_unknown_lists_the_known_ones() {
        let refusal = client("netscape").err().unwrap_or_default();
        for name in ["docker, ", "docker-classic", "kaniko", "helm", "regctl"] {
            assert!(refusal.contains(name), "{name}: {refusal}");
        }
    }

    #[test]
    fn a_repository_is_refused_in_the_words_of_the_configuration() {
        let typed = ["harbormouth", "doctor", "h", "--repository", "lab/a..b"];
        let read = Typed::try_parse_from(typed).map(drop);
        let refusal = read.map_err(|error| error.to_string());
        let says = |words: &String| words.contains(RepositoryName::ACCEPTED);
        assert!(refusal.as_ref().is_err_and(says), "{refusal:?}");
    }

    #[test]
    fn a_file_is_told_from_a_name() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for (typed, is_file) in [
            (file, true),
            ("file:nginx.conf", true),
            ("hub.example.com", false),
            ("https://hub.example.com", false),
        ] {
            let read = subject(typed);
            let told = matches!(read, Ok(Subject::File(_)));
            assert!(read.is_ok() && told == is_file, "{typed}: {read:?}");
        }
        let refusal = subject("/etc/nginx/none.conf").map(|_| ());
        let says = |words: &String| words.contains("a file that exists");
        assert!(refusal.as_ref().is_err_and(says), "{refusal:?}");
    }

    #[test]
    fn of_a_file_nothing_is_asked_that_takes_a_walk() {
        for (typed, accepted) in [
            ("doctor file:nginx.conf", true),
            ("doctor file:nginx.conf --json", true),
            ("doctor file:nginx.conf --all", true),
            ("doctor file:nginx.conf --repository lab/app", false),
            ("doctor file:nginx.conf --via http://10.0.0.5", false),
            ("doctor file:nginx.conf --client podman", false),
            ("doctor file:nginx.conf --require uploads", false),
            ("doctor hub.example.com --repository lab/app", true),
        ] {
            let typed = format!("harbormouth {typed}");
            let read = Typed::try_parse_from(typed.split_whitespace());
            let is_accepted = |typed: Typed| match typed.command {
                Command::Doctor(read) => read.action().is_ok(),
                _ => false,
            };
            assert_eq!(read.is_ok_and(is_accepted), accepted, "{typed}");
        }
    }

    #[test]
    fn what_the_doctor_is_told_is_whole() {
        for (typed, accepted) in [
            ("doctor hub.example.com", true),
            ("doctor http://10.0.0.5:8080/ --json", true),
            (
                "doctor https://h --repository lab/app --push --body 150MiB --idle 90s --duration 70s --commit-wait --via http://a --via https://b:8443 --ca ca.pem",
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
            ("doctor h --repository a --duration 2h", false),
            ("doctor h --duration 70s", false),
            ("doctor h --via h2", false),
            ("doctor h --all --require uploads", true),
            ("doctor h --no-proxy", true),
            ("doctor explain unauthorized", true),
            ("doctor explain", true),
            ("doctor explain unauthorized --all", false),
            ("doctor --all", false),
            ("doctor h --all --json", false),
            ("doctor h --require everything", false),
            ("doctor h --insecure --client Helm", true),
            ("doctor h --client netscape", false),
            ("doctor h --layer 10GB --rate 20Mbit/s", true),
            ("doctor h --layer 10GB", false),
            ("doctor h --rate 1Gbit/s", false),
            ("doctor h --layer 10GB --rate 20", false),
            ("doctor h --layer 10GB --rate 0Mbit/s", false),
            ("doctor h --layer 0 --rate 20Mbit/s", false),
            ("doctor h --report html", true),
            ("doctor h --report pdf", false),
            ("doctor h --report markdown --json", false),
            ("doctor h --report junit --all", false),
        ] {
            let typed = format!("harbormouth {typed}");
            let read = Typed::try_parse_from(typed.split_whitespace());
            assert_eq!(read.is_ok(), accepted, "{typed}");
        }
    }
}
