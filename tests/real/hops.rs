//! The hop that breaks pushes: an nginx between client and Harbor, tuned well for registries in
//! everything but the headers it passes on.

use crate::common::ca::CertFiles;
use crate::common::process::Process;
use crate::common::wait;
use crate::world::World;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;

/// What a hop passes on, of requests to its upstream and of answers to the client.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    pub host: HostHeader,
    pub scheme: SchemeHeader,
    pub forwarded_host: ForwardedHost,
    pub authorization: Authorization,
    pub bodies: Bodies,
    pub locations: Locations,
}

/// The Host that a hop sends.
#[derive(Clone, Copy, Debug)]
pub enum HostHeader {
    /// What the client sent.
    Kept,
    /// The name with `:443`, whatever the client sent.
    WithPort443,
    /// The name without the port that the client sent.
    WithoutPort,
    /// The inner name of the upstream.
    Inner,
}

/// The `X-Forwarded-Proto` that a hop sends.
#[derive(Clone, Copy, Debug)]
pub enum SchemeHeader {
    Right,
    Lost,
}

/// The `X-Forwarded-Host` that a hop sends.
#[derive(Clone, Copy, Debug)]
pub enum ForwardedHost {
    /// As it received it, which is none from a client.
    Kept,
    /// The name with `:443`, whatever the client sent.
    WithPort443,
    /// The inner name of the upstream.
    Inner,
}

/// The requests from which a hop takes the Authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    Kept,
    LostOnUploadPut,
    LostOnUploadPatch,
    LostOnUploadWrites,
    /// Manifests too.
    LostOnEveryPut,
}

/// The Locations that a hop gives to the client.
#[derive(Clone, Copy, Debug)]
pub enum Locations {
    Kept,
    /// Absolute, as `https://name:443/`, whether they came relative or absolute.
    WithPort443,
}

/// The request bodies that a hop lets through.
#[derive(Clone, Copy, Debug)]
pub enum Bodies {
    Any,
    /// Up to 100 KiB; it answers 413 before it has read a larger one.
    Small,
    /// What nginx has when nobody sets it: 1 MiB.
    Default,
}

/// The name by which the inside calls Harbor. It resolves nowhere.
pub const INNER_NAME: &str = "harbor.internal";

/// A hop without faults.
pub const GOOD: Manners = Manners {
    host: HostHeader::Kept,
    scheme: SchemeHeader::Right,
    forwarded_host: ForwardedHost::Kept,
    authorization: Authorization::Kept,
    bodies: Bodies::Any,
    locations: Locations::Kept,
};

/// What a hop listens with.
pub enum Face<'a> {
    /// In front, in TLS. Port 80 of the same address redirects to https, as everywhere.
    Tls(&'a CertFiles),
    /// Behind an edge that has ended TLS, and told the scheme in `X-Forwarded-Proto`.
    Plain,
    /// The same, in TLS once more.
    InnerTls(&'a CertFiles),
}

/// One path prefix and where it goes.
pub struct Route {
    pub prefix: &'static str,
    pub upstream: Upstream,
}

/// What stands behind a hop or a gateway.
#[derive(Clone, Debug)]
pub enum Upstream {
    Http(SocketAddr),
    /// TLS with a certificate of the run's authority for `name`.
    Https {
        address: SocketAddr,
        name: String,
    },
    /// Several alike, taken in turn; where one refuses the connection, the next is asked.
    Pool(Vec<SocketAddr>),
}

/// A running nginx.
pub struct Hop {
    _process: Process,
    home: TempDir,
}

impl Hop {
    /// How many requests it has answered.
    pub fn requests(&self) -> usize {
        let log = std::fs::read_to_string(self.home.path().join("access.log"));
        log.expect("nginx's access log").lines().count()
    }

    pub fn start(
        world: &World,
        listen: SocketAddr,
        face: &Face<'_>,
        manners: Manners,
        routes: &[Route],
    ) -> Hop {
        let home = world.directory("nginx");
        let file = home.path().join("nginx.conf");
        std::fs::write(&file, configuration(world, listen, face, manners, routes))
            .expect("nginx.conf");
        let mut command = world.command("nginx", home.path());
        command
            .arg("-p")
            .arg(home.path())
            .arg("-c")
            .arg(&file)
            .args(["-e", "stderr"]);
        let process = Process::start("nginx", command);
        wait::until_it_accepts(listen, Duration::from_secs(10));
        Hop {
            _process: process,
            home,
        }
    }
}

fn configuration(
    world: &World,
    listen: SocketAddr,
    face: &Face<'_>,
    manners: Manners,
    routes: &[Route],
) -> String {
    let tls = |files: &CertFiles| {
        let (cert, key) = (files.cert.display(), files.key.display());
        format!("listen {listen} ssl; ssl_certificate {cert}; ssl_certificate_key {key};")
    };
    let told = "$http_x_forwarded_proto";
    let (listening, scheme) = match face {
        Face::Tls(files) => (tls(files), "https"),
        Face::Plain => (format!("listen {listen};"), told),
        Face::InnerTls(files) => (tls(files), told),
    };
    let redirect = match face {
        Face::Tls(_) => format!(
            "server {{ listen {}:80; return 301 https://$host$request_uri; }}",
            listen.ip()
        ),
        Face::Plain | Face::InnerTls(_) => String::new(),
    };
    let headers = headers(manners, scheme);
    let (authorization, pools) = (authorization(manners), pools(routes));
    let limit = match manners.bodies {
        Bodies::Any => "0",
        Bodies::Small => "100k",
        Bodies::Default => "1m",
    };
    let locations: String = routes
        .iter()
        .map(|route| {
            let pass = pass(world, route);
            format!("location {} {{ {pass} {headers} }}\n", route.prefix)
        })
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {{}}\nhttp {{\n\
         access_log access.log;\nclient_body_temp_path body;\nproxy_temp_path proxy;\n\
         fastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n\
         client_max_body_size {limit};\nproxy_http_version 1.1;\nproxy_request_buffering off;\n\
         proxy_buffering off;\nproxy_read_timeout 900s;\nproxy_send_timeout 900s;\n\
         {authorization}{pools}{redirect}\nserver {{\n{listening}\n{locations}}}\n}}\n"
    )
}

/// Sets `$passed_authorization`, by method and path.
fn authorization(manners: Manners) -> String {
    let lost = match manners.authorization {
        Authorization::Kept => "",
        Authorization::LostOnUploadPut => r#""~^PUT /v2/.+/blobs/uploads/" "";"#,
        Authorization::LostOnUploadPatch => r#""~^PATCH /v2/.+/blobs/uploads/" "";"#,
        Authorization::LostOnUploadWrites => r#""~^(PUT|PATCH) /v2/.+/blobs/uploads/" "";"#,
        Authorization::LostOnEveryPut => r#""~^PUT " "";"#,
    };
    format!(
        "map \"$request_method $uri\" $passed_authorization {{\n\
         default $http_authorization;\n{lost}\n}}\n"
    )
}

fn pools(routes: &[Route]) -> String {
    let pool = |route: &Route| match &route.upstream {
        Upstream::Http(_) | Upstream::Https { .. } => String::new(),
        Upstream::Pool(addresses) => {
            let servers: String = addresses
                .iter()
                .map(|address| format!("server {address}; "))
                .collect();
            format!("upstream {} {{ {servers}}}\n", pool_name(route))
        }
    };
    routes.iter().map(pool).collect()
}

fn pool_name(route: &Route) -> String {
    format!("pool{}", route.prefix.replace('/', "_"))
}

fn pass(world: &World, route: &Route) -> String {
    match &route.upstream {
        Upstream::Http(address) => format!("proxy_pass http://{address};"),
        Upstream::Https { address, name } => format!(
            "proxy_pass https://{address}; proxy_ssl_server_name on; proxy_ssl_name {name}; \
             proxy_ssl_verify on; proxy_ssl_trusted_certificate {};",
            world.ca.bundle().display()
        ),
        Upstream::Pool(_) => format!("proxy_pass http://{};", pool_name(route)),
    }
}

fn headers(manners: Manners, scheme: &str) -> String {
    let host = match manners.host {
        HostHeader::Kept => "$http_host",
        HostHeader::WithPort443 => "$host:443",
        HostHeader::WithoutPort => "$host",
        HostHeader::Inner => INNER_NAME,
    };
    let scheme = match manners.scheme {
        SchemeHeader::Right => scheme,
        SchemeHeader::Lost => "\"\"",
    };
    let forwarded_host = match manners.forwarded_host {
        ForwardedHost::Kept => String::new(),
        ForwardedHost::WithPort443 => "proxy_set_header X-Forwarded-Host $host:443;".to_owned(),
        ForwardedHost::Inner => format!("proxy_set_header X-Forwarded-Host {INNER_NAME};"),
    };
    let locations = match manners.locations {
        Locations::Kept => "",
        Locations::WithPort443 => {
            "proxy_redirect https://$host/ https://$host:443/; \
             proxy_redirect / https://$host:443/;"
        }
    };
    // An empty value makes nginx send no such header.
    format!(
        "proxy_set_header Host {host}; proxy_set_header X-Forwarded-Proto {scheme}; \
         {forwarded_host} proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
         proxy_set_header Authorization $passed_authorization; {locations}"
    )
}
