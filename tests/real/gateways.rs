//! Gateways for chains: their command lines and configurations.

use crate::chain::{InnerName, Plan};
use crate::common::ca::CertFiles;
use crate::common::gateway::Gateway;
use crate::hops::{INNER_NAME, Upstream};
use crate::world::World;
use std::net::SocketAddr;

/// What a gateway listens with.
pub enum Listen<'a> {
    /// On a free port.
    Plain,
    Tls(SocketAddr, &'a CertFiles),
}

/// A gateway for one registry: from the command line where that is enough, else from a file.
pub fn gateway(
    world: &World,
    plan: Plan,
    public: &str,
    listen: &Listen<'_>,
    upstream: &Upstream,
) -> Gateway {
    match (plan.inner_name, upstream) {
        (InnerName::Untold, Upstream::Http(address)) if plan.settings.is_empty() => {
            from_flags(public, listen, *address)
        }
        (InnerName::Told | InnerName::Untold, _) => {
            let listener = match listen {
                Listen::Tls(address, files) => tls_listener(*address, &[files]),
                Listen::Plain => "  - address: 127.0.0.1:0\n".to_owned(),
            };
            let registry = registry_yaml(world, "hq", &[public], upstream, plan.inner_name);
            Gateway::with_config(&format!(
                "listeners:\n{listener}{ADMIN}{}registries:\n{registry}",
                plan.settings
            ))
        }
    }
}

/// A gateway from the command line.
pub fn from_flags(public: &str, listen: &Listen<'_>, upstream: SocketAddr) -> Gateway {
    let upstream = format!("http://{upstream}");
    let mut args: Vec<String> = ["--public", public, "--upstream", &upstream]
        .into_iter()
        .chain(["--admin", "127.0.0.1:0"])
        .map(str::to_owned)
        .collect();
    match listen {
        Listen::Plain => args.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]),
        Listen::Tls(address, files) => {
            args.extend(["--listen".to_owned(), address.to_string()]);
            args.extend(["--tls-cert".to_owned(), files.cert.display().to_string()]);
            args.extend(["--tls-key".to_owned(), files.key.display().to_string()]);
        }
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Gateway::with_args(&args)
}

/// The admin listener on a free port.
pub const ADMIN: &str = "admin: { address: 127.0.0.1:0 }\n";

/// An entry of `listeners`, with one certificate for each name.
pub fn tls_listener(address: SocketAddr, certificates: &[&CertFiles]) -> String {
    let pairs: Vec<String> = certificates
        .iter()
        .map(|files| {
            format!(
                "{{ cert: {}, key: {} }}",
                files.cert.display(),
                files.key.display()
            )
        })
        .collect();
    format!(
        "  - address: {address}\n    tls: {{ certificates: [ {} ] }}\n",
        pairs.join(", ")
    )
}

/// An entry of `registries`.
pub fn registry_yaml(
    world: &World,
    name: &str,
    public: &[&str],
    upstream: &Upstream,
    inner_name: InnerName,
) -> String {
    let also_known_as = match inner_name {
        InnerName::Told => {
            format!("      also_known_as: [ http://{INNER_NAME}, https://{INNER_NAME} ]\n")
        }
        InnerName::Untold => String::new(),
    };
    let endpoints = match upstream {
        Upstream::Http(address) => format!("      endpoints: [ http://{address} ]\n"),
        Upstream::Https { address, name } => format!(
            "      endpoints: [ https://{address} ]\n      \
             tls: {{ ca: {}, server_name: {name} }}\n",
            world.ca.bundle().display()
        ),
        Upstream::Pool(addresses) => {
            let endpoints: Vec<String> = addresses.iter().map(|a| format!("http://{a}")).collect();
            format!("      endpoints: [ {} ]\n", endpoints.join(", "))
        }
    };
    let public = public.join(", ");
    format!("  - name: {name}\n    public: [ {public} ]\n    upstream:\n{endpoints}{also_known_as}")
}
