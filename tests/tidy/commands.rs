//! The commands that pages tell to type are understood, and those of the quick start do what they say.

use crate::pages::{PAGES, page};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_harbormouth");

/// Each command of a page with its arguments: a line of a block, or a piece of code in the text.
fn commands(page: &crate::pages::Page) -> Vec<Vec<String>> {
    let is_shell = |language: &str| ["", "sh", "console"].contains(&language);
    let sections = page.sections.iter();
    let lines = sections.flat_map(|section| {
        let blocks = section.blocks.iter();
        let blocks = blocks.filter(|(language, _)| is_shell(language));
        let lines = blocks.flat_map(|(_, text)| {
            let text = text.replace("\\\n", " ");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        });
        lines
            .chain(section.code.iter().cloned())
            .collect::<Vec<_>>()
    });
    lines.flat_map(|line| simple_commands(&line)).collect()
}

/// The commands of a line, without comments and redirections. Quotes keep a word together; there is
/// nothing else of a shell's in what is read here.
fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut quote = None;
    let mut word = String::new();
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ' | ';') => {
                let said = std::mem::take(&mut word);
                match said.as_str() {
                    "" => {}
                    "&&" | "|" | "||" => commands.push(Vec::new()),
                    _ => commands.last_mut().unwrap().push(said),
                }
                if c == ';' {
                    commands.push(Vec::new());
                }
            }
            (_, c) => word.push(c),
        }
    }
    for command in &mut commands {
        let ends = ["#", "<", ">", ">>", "2>&1"];
        let end = command
            .iter()
            .position(|word| ends.contains(&word.as_str()));
        command.truncate(end.unwrap_or(command.len()));
    }
    commands.retain(|command| !command.is_empty());
    commands
}

#[test]
fn a_line_of_a_shell_is_read() {
    let read = simple_commands("cd x && a/b --user 'robot$ci' -c \"x y\" < file  # why; not");
    let expected: [&[&str]; 3] = [
        &["cd", "x"],
        &["a/b", "--user", "robot$ci", "-c", "x y"],
        &["not"],
    ];
    assert_eq!(read, expected);
}

/// Those of our own program, with what follows its name. `FILE` and `CANARYS_USER` stand for one.
fn ours(command: &[String]) -> Option<Vec<String>> {
    let (program, arguments) = command.split_first()?;
    let is_ours = program == "harbormouth" || program.ends_with("/harbormouth");
    // `[OPTIONS]`, `…` and the like stand for several.
    let is_whole = |word: &String| word.is_ascii() && !word.starts_with('[');
    let is_told = is_ours && !arguments.is_empty() && arguments.iter().all(is_whole);
    let stands_for_one = |word: &str| word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let one = |word: &String| match stands_for_one(word) {
        true => word.to_lowercase(),
        false => word.clone(),
    };
    is_told.then(|| arguments.iter().map(one).collect())
}

#[test]
fn every_command_of_ours_is_understood() {
    let mut told = BTreeSet::new();
    for (name, page) in &*PAGES {
        for command in commands(page) {
            told.extend(ours(&command).map(|arguments| (arguments, name)));
        }
    }
    assert!(told.len() > 10, "{told:#?}");
    for (arguments, page) in told {
        // What stands before --help is read, and refused where it isn't known.
        let output = Command::new(BINARY).args(&arguments).arg("--help").output();
        let output = output.unwrap();
        assert!(
            output.status.success(),
            "{}: harbormouth {}\n{}",
            page.display(),
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// `make` knows each goal, cargo each test, bench and example that a page names.
#[test]
fn what_make_and_cargo_are_asked_for_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    let is_goal = |goal: &str| makefile.lines().any(|l| l.starts_with(&format!("{goal}:")));
    let is_there = |kind: &str, name: &str| {
        let folder = root.join(kind);
        let of = |what: &str| folder.join(what).exists();
        of(&format!("{name}.rs")) || of(&format!("{name}/main.rs"))
    };
    let mut checked = 0;
    for (page, command) in PAGES
        .iter()
        .flat_map(|(name, page)| commands(page).into_iter().map(move |it| (name, it)))
    {
        let said = format!("{}: {}", page.display(), command.join(" "));
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["make", goals @ ..] => {
                let goals = goals.iter().filter(|goal| !goal.contains(['=', '…']));
                for goal in goals {
                    assert!(is_goal(goal), "{said}");
                    checked += 1;
                }
            }
            ["cargo", ..] => {
                for (option, folder) in [
                    ("--test", "tests"),
                    ("--bench", "benches"),
                    ("--example", "examples"),
                ] {
                    let at = words.iter().position(|word| *word == option);
                    let name = at.and_then(|at| words.get(at + 1));
                    if let Some(name) = name {
                        assert!(is_there(folder, name), "{said}");
                        checked += 1;
                    }
                }
            }
            _ => {}
        }
    }
    assert!(checked > 15, "only {checked}");
}

/// Ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The command of the quick start serves, with no other change than its ports.
#[test]
fn the_quick_start_serves() {
    let quick = page("README.md").sections.iter();
    let mut quick = quick.filter(|section| section.heading.starts_with("Quick start"));
    let section = quick.next().expect("a quick start");
    let text = section.blocks.iter().map(|(_, text)| text.as_str());
    let text = text.collect::<String>().replace("\\\n", " ");
    let commands = text.lines().flat_map(simple_commands);
    let serve = commands
        .filter_map(|command| ours(&command))
        .find(|arguments| arguments[0] == "serve")
        .expect("a command that serves");
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "hub");
    let mut command = Command::new(BINARY);
    command.args(&serve).current_dir(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut running = Running(child.unwrap());
    let lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    // The lines end with the process, which a usage error ends at once.
    let is_ready = lines.map_while(Result::ok).any(|line| line == "ready");
    assert!(is_ready, "harbormouth {}", serve.join(" "));
}

/// A certificate for the names of the examples, and its key.
fn certificate(folder: &Path, name: &str) {
    let names = ["hub.example.com", "hub.lan.example"].map(str::to_owned);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    fs::write(folder.join(format!("{name}.crt")), cert.pem()).unwrap();
    let key = folder.join(format!("{name}.key"));
    fs::write(key, signing_key.serialize_pem()).unwrap();
}

/// A block of a page that is a whole configuration is a good one.
#[test]
fn configurations_in_pages_pass_the_check() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tls")).unwrap();
    certificate(&folder.path().join("tls"), "hub");
    let file = folder.path().join("harbormouth.yaml");
    let mut checked = 0;
    for (name, page) in &*PAGES {
        let blocks = page.sections.iter().flat_map(|section| &section.blocks);
        let whole =
            blocks.filter(|(language, text)| language == "yaml" && text.contains("registries:\n"));
        for (_, text) in whole {
            fs::write(&file, text).unwrap();
            let mut check = Command::new(BINARY);
            let output = check.args(["check", "--config"]).arg(&file).output();
            let output = output.unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{}: {said}\n{text}",
                name.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 0, "no page has a configuration");
}
