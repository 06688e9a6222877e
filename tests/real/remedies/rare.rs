//! Squid, lighttpd and Varnish read each line where it says that it belongs. nghttpx reads no file without
//! serving it: `doctor::pasted` has all of its lines.

use super::every_fix;
use crate::common::process;
use crate::world::World;
use harbormouth::doctor::product::Product;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub fn squid(world: &World) {
    let base = "http_port 127.0.0.1:8080 accel defaultsite=remedies.example.com\nhttp_access allow all\nvisible_hostname remedies.example.com\n";
    read_by(world, Product::Squid, |home, place, lines| {
        let peer = match place {
            "squid peer" => lines.replace(" harbor ", " 127.0.0.1 "),
            "squid file" => format!("cache_peer 127.0.0.1 parent 80 0 originserver\n{lines}"),
            other => panic!("Squid has no place {other:?}"),
        };
        let file = home.join("squid.conf");
        std::fs::write(&file, format!("{base}{peer}\n")).expect("squid.conf");
        let mut command = world.command("squid", home);
        command.args(["-k", "parse", "-f"]).arg(file);
        command
    });
}

pub fn lighttpd(world: &World) {
    read_by(world, Product::Lighttpd, |home, place, lines| {
        assert_eq!(place, "lighttpd file");
        let file = home.join("lighttpd.conf");
        let home_line = format!("server.document-root = \"{}\"\n", home.display());
        std::fs::write(&file, home_line + lines + "\n").expect("lighttpd.conf");
        let mut command = world.command("lighttpd", home);
        command.args(["-tt", "-f"]).arg(file);
        command
    });
}

pub fn varnish(world: &World) {
    read_by(world, Product::Varnish, |home, place, lines| {
        let (backend, rules) = match place {
            "varnish backend" => (lines, ""),
            "varnish file" => ("", lines),
            other => panic!("Varnish has no place {other:?}"),
        };
        let file = home.join("default.vcl");
        let text = format!(
            "vcl 4.1;\nbackend default {{\n.host = \"127.0.0.1\";\n{backend}\n}}\n{rules}\n\
             sub vcl_recv {{ return (pass); }}\n"
        );
        std::fs::write(&file, text).expect("default.vcl");
        let mut command = world.command("varnishd", home);
        command
            .arg("-C")
            .arg("-n")
            .arg(home.join("n"))
            .arg("-f")
            .arg(file);
        command
    });
}

/// Each place's lines are read by a run of the program that complains of nothing.
fn read_by(
    world: &World,
    product: Product,
    reading: impl Fn(&Path, &'static str, &str) -> Command,
) {
    let home = world.directory("remedies-rare");
    let mut read = BTreeSet::new();
    for (kind, fix) in every_fix(product) {
        // Most findings share their lines.
        if !read.insert((fix.key, fix.lines.clone())) {
            continue;
        }
        let command = reading(home.path(), fix.key, &fix.lines.join("\n"));
        let said = process::run(command, Duration::from_secs(60));
        // varnishd prints what it made of the file, in C.
        let words = ["ERROR:", "WARNING:", "FATAL:", "unknown config-key"];
        let said_lines = || said.stderr.lines();
        let complaint = said_lines().find(|line| words.iter().any(|word| line.contains(word)));
        assert!(
            said.succeeded() && complaint.is_none(),
            "{kind}: {fix:#?}\n{complaint:?}\n{:#?}",
            said_lines().take(10).collect::<Vec<&str>>()
        );
    }
}
