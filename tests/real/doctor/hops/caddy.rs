//! Caddy, its Caddyfile as blocks whose lines can be changed as people change them.

use super::{Manner, Setting, packages};
use crate::common::process::Process;
use crate::world::World;

/// What stands in the global options, in the site and in its `reverse_proxy`, beside what has to: each
/// directive with its block.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    pub global: Block,
    pub site: Block,
    pub proxy: Block,
}

#[derive(Clone, Debug, Default)]
pub struct Block(Vec<String>);

impl Block {
    /// Puts each directive in the place of the one that sets the same, or at the end. Remarks are left
    /// out.
    pub fn paste(&mut self, lines: &str) {
        for directive in directives(lines) {
            match self.0.iter_mut().find(|old| key(old) == key(&directive)) {
                Some(old) => *old = directive,
                None => self.0.push(directive),
            }
        }
    }

    fn text(&self) -> String {
        self.0.concat()
    }
}

/// The directives of a text, each up to the line that closes its block.
fn directives(lines: &str) -> Vec<String> {
    let (mut all, mut one, mut depth) = (Vec::new(), String::new(), 0);
    for line in lines.lines().filter(|line| !line.trim().starts_with('#')) {
        one.push_str(line);
        one.push('\n');
        depth += line.matches('{').count();
        depth -= line.matches('}').count();
        if depth == 0 {
            all.push(std::mem::take(&mut one));
        }
    }
    all
}

/// What a directive sets: most stand once, headers once for each name.
fn key(directive: &str) -> (Option<&str>, Option<&str>) {
    let mut words = directive.split_whitespace();
    let name = words.next();
    match name {
        Some("header_up") => (name, words.next()),
        _ => (name, None),
    }
}

pub fn blocks(manner: Manner) -> Blocks {
    let mut blocks = Blocks::default();
    match manner {
        Manner::Defaults => {}
        Manner::Sound => blocks.proxy.paste(
            "flush_interval -1\nheader_up X-Forwarded-Proto https\ntransport http {\n  \
             response_header_timeout 900s\n  read_timeout 900s\n  write_timeout 900s\n}\n",
        ),
    }
    blocks
}

pub fn start(world: &World, setting: &Setting<'_>, blocks: &Blocks) -> Process {
    let (address, next) = (setting.address(), setting.next);
    let scheme = setting.files().map_or("http", |_| "https");
    let tls = setting.if_tls(|cert, key| format!("  tls {cert} {key}\n"));
    let text = format!(
        "{{\n  admin off\n  auto_https off\n  persist_config off\n{}}}\n\
         {scheme}://{}:{} {{\n  bind {}\n{tls}{}  reverse_proxy {next} {{\n{}  }}\n}}\n",
        blocks.global.text(),
        setting.name,
        address.port(),
        address.ip(),
        blocks.site.text(),
        blocks.proxy.text(),
    );
    let file = setting.write("Caddyfile", &text);
    let program = packages::program("caddy");
    let mut command = world.command(&program.display().to_string(), setting.home);
    command.args(["run", "--adapter", "caddyfile", "--config"]);
    command.arg(file);
    Process::start("caddy", command)
}
