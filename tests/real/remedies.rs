//! The doctor's lines, in the products that they are for: each reads all of its own where it says that
//! they belong.

mod apache;
mod caddy;
mod envoy;
mod rare;
mod traefik;

use crate::common::ca::CertFiles;
use crate::world::{World, trial};
use harbormouth::doctor::fixes::{Fix, fixes};
use harbormouth::doctor::kind::Kind;
use harbormouth::doctor::language::Language;
use harbormouth::doctor::product::Product;
use harbormouth::net::origin::Origin;
use libtest_mimic::Trial;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![
        trial(
            world,
            "remedies::nginx_takes_every_line",
            nginx_takes_every_line,
        ),
        trial(
            world,
            "remedies::haproxy_takes_every_line",
            haproxy_takes_every_line,
        ),
        trial(
            world,
            "remedies::envoy_takes_every_line",
            envoy::takes_every_line,
        ),
        trial(
            world,
            "remedies::apache_takes_every_line",
            apache::takes_every_line,
        ),
        trial(
            world,
            "remedies::caddy_takes_every_line",
            caddy::takes_every_line,
        ),
        trial(
            world,
            "remedies::traefik_takes_every_line",
            traefik::takes_every_line,
        ),
        trial(world, "remedies::squid_takes_every_line", rare::squid),
        trial(world, "remedies::lighttpd_takes_every_line", rare::lighttpd),
        trial(world, "remedies::varnish_takes_every_line", rare::varnish),
    ]
}

const TARGETS: [&str; 3] = [
    "https://hub.example.com",
    "https://hub.example.com:8443",
    "http://hub.lan:5000",
];

/// Every fix for a product, with what it is against.
fn every_fix(product: Product) -> Vec<(Kind, Fix)> {
    let fixes: Vec<(Kind, Fix)> = TARGETS
        .iter()
        .map(|target| Origin::parse(target).expect("an origin"))
        .flat_map(|target| {
            Kind::ALL.into_iter().flat_map(move |kind| {
                fixes(kind, &target, Language::English)
                    .into_iter()
                    .map(move |fix| (kind, fix))
            })
        })
        .filter(|(_, fix)| fix.product == product)
        .collect();
    assert!(fixes.len() >= TARGETS.len(), "{product:?}: {}", fixes.len());
    fixes
}

/// A program in a network of its own: some lines name ports, of every address, which others may have.
fn alone(world: &World, program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = world.command("unshare", home);
    command.arg("--net").arg(program);
    command
}

fn nginx_takes_every_line(world: &World) {
    let home = world.directory("remedies-nginx");
    let files = world.ca.issue(&["remedies.example.com"]);
    for (kind, fix) in every_fix(Product::Nginx) {
        let file = home.path().join("nginx.conf");
        std::fs::write(&file, nginx_with(&fix, &files)).expect("nginx.conf");
        let mut command = alone(world, "nginx", home.path());
        command
            .arg("-t")
            .arg("-p")
            .arg(home.path())
            .arg("-c")
            .arg(&file)
            .args(["-e", "stderr"]);
        accepted(kind, &fix, command);
    }
}

/// A hop as many have it, with the lines in their place.
fn nginx_with(fix: &Fix, files: &CertFiles) -> String {
    let lines = with_files(&fix.lines.join("\n"), files);
    let (mut upstream, mut server, mut plain, mut location) =
        (String::new(), String::new(), String::new(), String::new());
    let mut listen = "listen 127.0.0.1:8443;".to_owned();
    match fix.key {
        "nginx location" | "nginx registry locations" => location = lines,
        "nginx server" => {
            if lines.contains("listen ") {
                listen.clear();
            }
            server = lines;
        }
        "nginx plain server" => plain = lines,
        "nginx upstream" => upstream = lines,
        other => panic!("nginx has no place {other:?}"),
    }
    format!(
        "pid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\nclient_body_temp_path body;\n\
         proxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\n\
         scgi_temp_path scgi;\nupstream harbor {{\n{upstream}\nserver 127.0.0.1:9;\n}}\n\
         server {{\nlisten 127.0.0.1:8080;\n{plain}\n}}\n\
         server {{\n{listen}\n{server}\nlocation / {{\nproxy_pass http://harbor;\n{location}\n}}\n\
         }}\n}}\n"
    )
}

fn haproxy_takes_every_line(world: &World) {
    let home = world.directory("remedies-haproxy");
    let files = world.ca.issue(&["remedies.example.com"]);
    let pem = home.path().join("hub.pem");
    let both = [&files.cert, &files.key].map(|file| std::fs::read(file).expect("a PEM file"));
    std::fs::write(&pem, both.concat()).expect("the certificate with its key");
    for (kind, fix) in every_fix(Product::Haproxy) {
        let file = home.path().join("haproxy.cfg");
        std::fs::write(&file, haproxy_with(&fix, &pem)).expect("haproxy.cfg");
        let mut command = alone(world, "haproxy", home.path());
        command.arg("-c").arg("-f").arg(&file);
        accepted(kind, &fix, command);
    }
}

fn haproxy_with(fix: &Fix, pem: &Path) -> String {
    let lines: String = fix
        .lines
        .iter()
        .map(|line| match line.split_once(" crt ") {
            Some((before, _)) => format!("    {before} crt {}\n", pem.display()),
            None => format!("    {line}\n"),
        })
        .collect();
    let (mut global, mut defaults, mut frontend, mut backend) =
        (String::new(), String::new(), String::new(), String::new());
    let mut bind = "    bind 127.0.0.1:8443\n";
    match fix.key {
        "haproxy global" => global = lines,
        "haproxy timeouts" => defaults = lines,
        "haproxy frontend" => frontend = lines,
        "haproxy bind" => {
            bind = "";
            frontend = lines;
        }
        "haproxy backend" => backend = lines,
        other => panic!("HAProxy has no place {other:?}"),
    }
    format!(
        "global\n    log stderr format raw local0\n{global}\ndefaults\n    mode http\n    \
         timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n{defaults}\n\
         frontend public\n{bind}{frontend}    default_backend harbor\n\n\
         backend harbor\n{backend}    server one 127.0.0.1:9\n"
    )
}

/// The certificates' names are examples: here they are files that exist.
fn with_files(lines: &str, files: &CertFiles) -> String {
    let renamed = |line: &str| match line.split_whitespace().next() {
        Some("ssl_certificate") => format!("ssl_certificate {};", files.cert.display()),
        Some("ssl_certificate_key") => format!("ssl_certificate_key {};", files.key.display()),
        Some(_) | None => line.to_owned(),
    };
    lines
        .lines()
        .map(renamed)
        .collect::<Vec<String>>()
        .join("\n")
}

/// Good, and nothing to remark.
fn accepted(kind: Kind, fix: &Fix, mut command: std::process::Command) {
    let output = command.output().expect("the program");
    let said = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| {
            [
                "[warn]",
                "[WARNING]",
                "[emerg]",
                "[ALERT]",
                ":warn]",
                "Syntax error",
            ]
            .iter()
            .any(|word| line.contains(word))
        })
        .collect();
    assert!(
        output.status.success() && complaints.is_empty(),
        "{kind}: {fix:#?}\n{said}"
    );
}
