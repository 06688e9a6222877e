//! Apache reads each line where it says that it belongs.

use super::{accepted, every_fix};
use crate::common::ca::CertFiles;
use crate::world::World;
use harbormouth::doctor::fixes::Fix;
use harbormouth::doctor::product::Product;
use std::collections::BTreeSet;

/// Beside those that every proxy with TLS has: what people load where the lines are for.
const MODULES: [&str; 11] = [
    "mpm_event",
    "alias",
    "authn_core",
    "authz_core",
    "cache",
    "env",
    "headers",
    "proxy",
    "proxy_http",
    "reqtimeout",
    "ssl",
];

pub fn takes_every_line(world: &World) {
    let home = world.directory("remedies-apache");
    let files = world.ca.issue(&["remedies.example.com"]);
    let file = home.path().join("apache.conf");
    let mut read = BTreeSet::new();
    for (kind, fix) in every_fix(Product::Apache) {
        // Most findings share their lines.
        if !read.insert((fix.key, fix.lines.clone())) {
            continue;
        }
        std::fs::write(&file, apache_with(&fix, &files)).expect("apache.conf");
        let mut command = world.command("apache2", home.path());
        command.args(["-t", "-f"]).arg(&file);
        accepted(kind, &fix, command);
    }
}

/// A hop as its documentation has it, with the lines in their place.
fn apache_with(fix: &Fix, files: &CertFiles) -> String {
    let renamed = |line: &String| match line.split_whitespace().next() {
        Some("SSLCertificateFile") => format!("SSLCertificateFile {}\n", files.cert.display()),
        Some("SSLCertificateKeyFile") => format!("SSLCertificateKeyFile {}\n", files.key.display()),
        Some(_) | None => format!("{line}\n"),
    };
    let lines: String = fix.lines.iter().map(renamed).collect();
    let (mut server, mut host, mut plain) = (String::new(), String::new(), String::new());
    match fix.key {
        "apache server" => server = lines,
        "apache host" | "apache paths" => host = lines,
        "apache plain host" => plain = lines,
        "apache locations" => {
            let section = |path: &str| format!("<Location \"{path}\">\n{lines}</Location>\n");
            host = section("/v2/") + &section("/service/");
        }
        other => panic!("Apache has no place {other:?}"),
    }
    let modules = MODULES
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    format!(
        "{modules}ErrorLog /dev/stderr\nServerName remedies.example.com\nListen 127.0.0.1:8080\nListen 127.0.0.1:8443\n\
         {server}<VirtualHost 127.0.0.1:8080>\n{plain}</VirtualHost>\n<VirtualHost 127.0.0.1:8443>\n\
         {host}ProxyPass / http://127.0.0.1:9/\nProxyPassReverse / http://127.0.0.1:9/\n</VirtualHost>\n"
    )
}
