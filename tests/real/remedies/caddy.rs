//! Caddy: each line in the block where it says that it belongs.

use super::every_fix;
use crate::common::ca::CertFiles;
use crate::common::process;
use crate::doctor::hops::packages;
use crate::world::World;
use harbormouth::doctor::fixes::Fix;
use harbormouth::doctor::product::Product;
use std::collections::BTreeSet;
use std::time::Duration;

pub fn takes_every_line(world: &World) {
    let home = world.directory("remedies-caddy");
    let program = packages::program("caddy").display().to_string();
    let file = home.path().join("Caddyfile");
    let files = world.ca.issue(&["remedies.example.com"]);
    let mut read = BTreeSet::new();
    for (kind, fix) in every_fix(Product::Caddy) {
        let text = caddyfile_with(&fix, &files);
        // Several findings have the same lines.
        if !read.insert(text.clone()) {
            continue;
        }
        std::fs::write(&file, text).expect("the Caddyfile");
        let mut command = world.command(&program, home.path());
        command.args(["adapt", "--validate", "--adapter", "caddyfile"]);
        command.arg("--config").arg(&file);
        let said = process::run(command, Duration::from_secs(30));
        assert!(said.succeeded(), "{kind}: {fix:#?}\n{}", said.stderr);
    }
}

fn caddyfile_with(fix: &Fix, files: &CertFiles) -> String {
    // The certificates' names are examples: here they are files that exist.
    let with_files = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["tls", _, _] => format!("tls {} {}\n", files.cert.display(), files.key.display()),
            _ => format!("{line}\n"),
        }
    };
    let lines: String = fix.lines.iter().map(with_files).collect();
    let (mut global, mut site, mut proxy, mut file) =
        (String::new(), String::new(), String::new(), String::new());
    match fix.key {
        "caddy global" => global = lines,
        "caddy site" => site = lines,
        "caddy proxy" => proxy = lines,
        "caddy file" => file = lines,
        other => panic!("Caddy has no place {other:?}"),
    }
    format!(
        "{{\nadmin off\nauto_https off\n{global}\n}}\n\
         https://remedies.example.com:8443 {{\n{site}\nreverse_proxy http://127.0.0.1:9 {{\n{proxy}\n\
         }}\n}}\n{file}\n"
    )
}
