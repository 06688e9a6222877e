//! The command line: as typed (clap's shapes) and as usable ([`CliAction`]). It knows no
//! configuration beyond where to read it from.

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use harbormouth::config::{self, Config, Flags};
use harbormouth::runtime::route_table::Question;
use harbormouth::runtime::rules::ExplainedAs;
use std::net::IpAddr;
use std::path::PathBuf;

#[cfg(feature = "doctor")]
pub mod doctor;
pub mod size;
#[cfg(feature = "doctor")]
mod target;

#[cfg(feature = "doctor")]
use doctor::{DOCTOR_EXAMPLES, DOCTOR_USAGE, DoctorAction, DoctorArgs};
use size::{SIZE_EXAMPLES, SizeAction, SizeArgs};

/// What the command line asks for.
pub enum CliAction {
    Serve(ConfigSource),
    Check(ConfigSource, CheckAction),
    #[cfg(feature = "demo")]
    Demo(AfterDemo),
    #[cfg(feature = "doctor")]
    Doctor(DoctorAction),
    /// Writes a sealing key to a new file.
    Keygen(PathBuf),
    /// Prints what a configuration file may hold, for editors.
    Schema,
    /// Makes a configuration of another proxy's.
    #[cfg(feature = "doctor")]
    Import(PathBuf),
    /// Says how many replicas a demand takes.
    Size(SizeAction),
    Completions(Shell),
    /// The page of a command, or of all.
    Man(Box<clap::Command>),
}

/// What is told of a configuration.
pub enum CheckAction {
    /// All of it.
    Show,
    /// What health probes find.
    Probe,
    /// What is wrong with it, and what a reload from another one to it would do.
    Report {
        format: CheckFormat,
        against: Option<PathBuf>,
    },
    /// Where a request goes.
    Route(Question),
    /// What the rules say to a request.
    Explain(Question, ExplainedAs),
}

/// For whom a configuration's errors and warnings are written.
pub enum CheckFormat {
    People,
    Json,
}

/// Where the configuration is.
pub enum ConfigSource {
    File(PathBuf),
    Flags(Flags),
}

/// What the demo does when its story is told.
#[cfg(feature = "demo")]
pub enum AfterDemo {
    /// Keeps serving until it is ended.
    KeepServing,
    Exit,
}

/// Reads the command line; ends the process with help or a usage error where there is nothing to
/// do.
pub fn read() -> CliAction {
    match Typed::parse().command {
        Command::Serve(typed) => CliAction::Serve(typed.source()),
        Command::Check(typed) => typed.action(),
        #[cfg(feature = "demo")]
        Command::Demo { once: true } => CliAction::Demo(AfterDemo::Exit),
        #[cfg(feature = "demo")]
        Command::Demo { once: false } => CliAction::Demo(AfterDemo::KeepServing),
        #[cfg(feature = "doctor")]
        Command::Doctor(typed) => match typed.action() {
            Ok(action) => CliAction::Doctor(action),
            Err((kind, why)) => Typed::command().error(kind, why).exit(),
        },
        Command::Keygen { file } => CliAction::Keygen(file),
        Command::Schema => CliAction::Schema,
        #[cfg(feature = "doctor")]
        Command::Import { file } => CliAction::Import(file),
        Command::Size(typed) => match typed.action() {
            Ok(action) => CliAction::Size(action),
            Err(error) => Typed::command()
                .error(ErrorKind::ValueValidation, error)
                .exit(),
        },
        Command::Completions { shell } => CliAction::Completions(shell),
        Command::Man { command } => CliAction::Man(Box::new(page_of(command.as_deref()))),
    }
}

/// The command line, as clap knows it.
pub fn command() -> clap::Command {
    Typed::command()
}

/// Of a command, called as it is typed; ends the process with a usage error where there is none.
fn page_of(name: Option<&str>) -> clap::Command {
    let mut whole = command();
    whole.build();
    let Some(name) = name else {
        return whole;
    };
    match whole.find_subcommand(name).cloned() {
        Some(command) => command,
        None => {
            let known: Vec<&str> = whole
                .get_subcommands()
                .map(clap::Command::get_name)
                .collect();
            let why = format!(
                "there is no command {name:?}; accepted: {}",
                known.join(", ")
            );
            whole.error(ErrorKind::InvalidValue, why).exit()
        }
    }
}

impl ConfigSource {
    /// Loads the configuration.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn load(&self) -> Result<Config, config::ConfigError> {
        match self {
            ConfigSource::File(file) => config::load_file(file),
            ConfigSource::Flags(flags) => config::from_flags(flags),
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
    /// configuration as YAML and exits with 0. Warnings go to standard error. Unless asked to, it
    /// contacts nothing, and no port is opened. With flags, the output is the configuration file that says the same.
    ///
    /// With --probe it asks each endpoint once, as the gateway's health probes do, says what the answers
    /// mean, and exits with 1 where a registry has an endpoint that isn't healthy.
    ///
    /// With --route it says of one URL instead what Harbor would be asked, and exits with 0; or why it
    /// goes nowhere and what a client would be told, and exits with 1.
    ///
    /// With --against it says what a reload would do that finds this configuration where OLD is served: in
    /// the words of the log, and which keys wait for a restart. With --json errors and warnings are one
    /// JSON document on standard output, each with file, line, column, key, message and page.
    ///
    /// With --explain it says of one request what each rule says to it and which one decides, and exits
    /// with 1 where the request would be denied. No service is asked.
    #[command(override_usage = CHECK_USAGE, after_help = CHECK_EXAMPLES)]
    Check(Box<CheckArgs>),
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
    /// Walks through the chain as registry clients do, and says last what is wrong. Works with any
    /// Harbor and any OCI registry, behind anything; nothing has to be installed there. What it opens it
    /// cancels, and what it pushes it removes; what can't be removed is listed. Secrets are never
    /// printed.
    ///
    /// Of a FILE (nginx, HAProxy, Caddy, Traefik, Envoy, Apache, an Ingress, the values of Harbor's chart)
    /// it says which lines break which client, and contacts nothing.
    ///
    /// Exit status: 0 where nothing was found that breaks a client, 1 where something was, 2 where the
    /// chain could not be examined.
    #[cfg(feature = "doctor")]
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
    /// Make a configuration of another proxy's: an nginx.conf, an Ingress, the values of Harbor's chart
    ///
    /// Writes the configuration to standard output, and to standard error what became of each line: our
    /// key, why it isn't needed, or why it can't be and what to do instead. Nothing is contacted, and no
    /// file that it includes is read: give it what `nginx -T` prints.
    #[cfg(feature = "doctor")]
    #[command(after_help = IMPORT_EXAMPLES)]
    Import {
        /// File to import
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Say how many replicas a demand takes, with their CPU, memory, series and log, and what Harbor has to take
    ///
    /// A model of figures that were measured: what they are, and what it leaves out, is in docs/scale.md.
    /// Nothing is contacted.
    #[command(after_help = SIZE_EXAMPLES)]
    Size(SizeArgs),
    /// Print the completion script of a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Whose script it is
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the manual page, of one command or of all
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Command that the page is about; all of them unless given
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

#[derive(Args)]
struct CheckArgs {
    #[command(flatten)]
    typed: ConfigArgs,
    /// What health probes of the endpoints find, instead of the configuration
    #[arg(long, conflicts_with_all = ["route", "explain", "json", "against"])]
    probe: bool,
    /// Errors and warnings as one JSON document, instead of the configuration (docs/check.schema.json)
    #[arg(long, conflicts_with_all = ["route", "explain"])]
    json: bool,
    /// What a reload does that finds this configuration where OLD is served, and what needs a restart
    #[arg(long, value_name = "OLD", conflicts_with_all = ["route", "explain"])]
    against: Option<PathBuf>,
    /// Where a request goes, instead of the configuration
    #[arg(long, value_name = "URL")]
    route: Option<Question>,
    /// What the rules say to a request, and why, instead of the configuration
    #[arg(long, value_name = "METHOD URL", value_parser = Question::with_method, conflicts_with = "route")]
    explain: Option<Question>,
    /// With --explain: the account that the request's credential names
    #[arg(long = "as", value_name = "ACCOUNT", requires = "explain")]
    account: Option<String>,
    /// With --explain: the client's address
    #[arg(long = "from", value_name = "ADDRESS", requires = "explain")]
    client: Option<IpAddr>,
}

impl CheckArgs {
    fn action(self) -> CliAction {
        let asker = ExplainedAs {
            account: self.account,
            client: self.client,
        };
        let action = match (self.route, self.explain, self.json, self.against) {
            (Some(question), ..) => CheckAction::Route(question),
            (None, Some(question), ..) => CheckAction::Explain(question, asker),
            (None, None, ..) if self.probe => CheckAction::Probe,
            (None, None, false, None) => CheckAction::Show,
            (None, None, json, against) => CheckAction::Report {
                format: if json {
                    CheckFormat::Json
                } else {
                    CheckFormat::People
                },
                against,
            },
        };
        CliAction::Check(self.typed.source(), action)
    }
}

#[derive(Args)]
struct ConfigArgs {
    /// Configuration file (YAML); relative names in it start at its directory
    #[arg(long, short, value_name = "FILE", required_unless_present_any = ["public", "upstream"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

impl ConfigArgs {
    fn source(self) -> ConfigSource {
        match self.config {
            Some(file) => ConfigSource::File(file),
            None => ConfigSource::Flags(self.flags),
        }
    }
}

/// Of what this binary has.
fn examples() -> String {
    let where_built = |is_built: bool, line: &'static str| if is_built { line } else { "" };
    let demo = where_built(cfg!(feature = "demo"), "  harbormouth demo\n");
    let doctor = where_built(
        cfg!(feature = "doctor"),
        "  harbormouth doctor hub.example.com --repository library/app\n",
    );
    format!(
        "Examples:
{demo}{doctor}  harbormouth check --config harbormouth.yaml
  harbormouth serve --config harbormouth.yaml
  harbormouth serve --public https://hub.example.com --upstream http://10.0.0.5 \\
      --tls-cert hub.crt --tls-key hub.key"
    )
}

const SERVE_USAGE: &str = "\
harbormouth serve --config FILE
       harbormouth serve --public URL... --upstream URL... [OPTIONS]";

const CHECK_USAGE: &str = "\
harbormouth check --config FILE [--probe | [--json] [--against OLD]]
       harbormouth check --config FILE [--route URL | --explain 'METHOD URL' [--as ACCOUNT] [--from ADDRESS]]
       harbormouth check --public URL... --upstream URL... [OPTIONS]";

const SERVE_EXAMPLES: &str = include_str!("args/serve.txt").trim_ascii_end();

const CHECK_EXAMPLES: &str = include_str!("args/check.txt").trim_ascii_end();

#[cfg(feature = "doctor")]
const IMPORT_EXAMPLES: &str = "\
Examples:
  harbormouth import /etc/nginx/nginx.conf > harbormouth.yaml
  nginx -T > all.conf && harbormouth import all.conf > harbormouth.yaml
  harbormouth check --config harbormouth.yaml";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  harbormouth completions bash > /usr/share/bash-completion/completions/harbormouth";

const MAN_EXAMPLES: &str = "\
Examples:
  harbormouth man > /usr/local/share/man/man1/harbormouth.1
  harbormouth man check > /usr/local/share/man/man1/harbormouth-check.1";

const KEYGEN_EXAMPLES: &str = include_str!("args/keygen.txt").trim_ascii_end();

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Typed::command().debug_assert();
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
            ("check --config a.yaml --route https://h/v2/", true),
            ("check --config a.yaml --route hub.example.com/v2/", true),
            ("check --config a.yaml --route ftp://h/v2/", false),
            ("serve --config a.yaml --route https://h/v2/", false),
            ("demo --once", cfg!(feature = "demo")),
            ("keygen a.key", true),
            ("check --config a.yaml --json --against b.yaml", true),
            ("check --config a.yaml --json --route https://h/v2/", false),
            ("schema", true),
            ("import nginx.conf", cfg!(feature = "doctor")),
            ("import", false),
            ("completions bash", true),
            ("completions elvish", true),
            ("completions nosh", false),
            ("man", true),
            ("man check", true),
            ("schema a.yaml", false),
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
