//! One server that passes `/v2/` on: where to, and what else its lines mean.

use super::lines::{Upstreams, flat, is_redirect, redirects, said};
use crate::config::{Hsts, Limits, human};
use crate::doctor::offline::blocks::Directive;
use crate::doctor::offline::nginx::{Server, located};
use crate::doctor::offline::scope::PATHS;
use crate::doctor::offline::units;
use crate::import::edge::{EdgeRegistry, exposed};
use crate::import::told::Told;
use crate::net::origin::Origin;
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::Duration;

/// A server as a registry, without its names.
pub(super) struct Site {
    pub(super) registry: EdgeRegistry,
    pub(super) told: Vec<Told>,
    pub(super) proxies: Vec<IpNet>,
    pub(super) header: Option<String>,
    pub(super) header_bytes: Option<u64>,
}

/// What is told of each site, wherever it is inherited from.
pub(super) const TAKEN: [&str; 12] = [
    "proxy_connect_timeout",
    "proxy_read_timeout",
    "proxy_send_timeout",
    "send_timeout",
    "client_body_timeout",
    "set_real_ip_from",
    "real_ip_header",
    "large_client_header_buffers",
    "add_header",
    "proxy_set_header",
    "proxy_ssl_trusted_certificate",
    "proxy_ssl_name",
];

impl Site {
    /// None where the server doesn't pass `/v2/` on.
    pub(super) fn of(server: &Server<'_>, upstreams: &Upstreams) -> Option<Site> {
        let pass = passes(server, PATHS[0])?;
        let endpoints = endpoints(server, pass, upstreams);
        let mut site = Site {
            registry: EdgeRegistry::default(),
            told: Vec::new(),
            proxies: Vec::new(),
            header: None,
            header_bytes: None,
        };
        site.registry.expose = exposed(|path| {
            passes(server, path)
                .is_some_and(|pass| self::endpoints(server, pass, upstreams) == endpoints)
        });
        site.registry.endpoints = endpoints;
        if site.registry.endpoints.is_empty() {
            site.placeholder(pass);
        }
        let inherited = server
            .outer
            .iter()
            .filter(|one| TAKEN.contains(&one.name()));
        for one in inherited.chain(flat(server.block)) {
            site.take(one, server, upstreams);
        }
        Some(site)
    }

    fn tell(&mut self, one: &Directive, fate: &str) {
        self.told.push(Told::new(one.line, &said(one), fate));
    }

    fn placeholder(&mut self, pass: &Directive) {
        const NOWHERE: &str = "http://harbor.example.com";
        let fate = format!("can't: no address is read in it; write Harbor's in place of {NOWHERE}");
        self.tell(pass, &fate);
        self.registry.endpoints.extend(Origin::parse(NOWHERE));
    }

    /// One line of the server, or of what it inherits.
    fn take(&mut self, one: &Directive, server: &Server<'_>, upstreams: &Upstreams) {
        let value = one.value(0);
        let fate = match one.name() {
            // Told with the names and addresses.
            "listen" | "server_name" => return,
            "location" => return self.location(one, server, upstreams),
            "if" if redirects(one.children()) => return,
            // Told with the placeholder.
            "proxy_pass" if endpoints(server, one, upstreams).is_empty() => return,
            "proxy_pass" if endpoints(server, one, upstreams) == self.registry.endpoints => {
                "ours: registries.upstream.endpoints".to_owned()
            }
            "proxy_pass" => "can't: a registry's paths all go to one Harbor; give it Harbor's own nginx, which has them all, or leave this part out (`expose`)".to_owned(),
            "ssl_certificate" => "ours: listeners.tls.certificates.cert".to_owned(),
            "ssl_certificate_key" => "ours: listeners.tls.certificates.key".to_owned(),
            "proxy_connect_timeout" => self.registry.timeouts.connect(value),
            "proxy_read_timeout" | "proxy_send_timeout" | "send_timeout" | "client_body_timeout" => {
                self.registry.timeouts.silence(value)
            }
            "set_real_ip_from" => self.proxy(value),
            "real_ip_header" => self.client_header(value),
            "large_client_header_buffers" => self.header_buffers(one),
            "add_header" => self.added(one),
            "proxy_set_header" => sent(one),
            "proxy_ssl_trusted_certificate" => {
                self.registry.ca = Some(value.to_owned());
                "ours: registries.upstream.tls.ca".to_owned()
            }
            "proxy_ssl_name" if !value.contains('$') => {
                self.registry.server_name = Some(value.to_owned());
                "ours: registries.upstream.tls.server_name".to_owned()
            }
            "proxy_ssl_verify" if value == "on" => "not needed: it is always on".to_owned(),
            "return" | "rewrite" if is_redirect(one) => {
                "can't: a listener that redirects does nothing else; give plain HTTP an address of its own".to_owned()
            }
            "return" if matches!(value, "404" | "403" | "444") => {
                "not needed: what is no path of Harbor's is 404 here".to_owned()
            }
            name => {
                let told = Told::by_table(one.line, &said(one), "nginx", name);
                return self.told.push(told);
            }
        };
        self.tell(one, &fate);
    }

    fn location(&mut self, one: &Directive, server: &Server<'_>, upstreams: &Upstreams) {
        let passes = flat(one.children());
        let mut passes = passes.iter().filter(|one| one.name() == "proxy_pass");
        let is_ours =
            |pass: &Directive| endpoints(server, pass, upstreams) == self.registry.endpoints;
        let fate = match passes.next() {
            Some(pass) if is_ours(pass) => "not needed: a registry has all of Harbor's paths",
            Some(_) => "can't: another part of Harbor, or another service, has these paths",
            None if one.children().iter().any(|one| one.name() == "return") => {
                "not needed: only Harbor's paths are served, and its internal ones never"
            }
            None => "can't: only Harbor is served here; keep it where it is",
        };
        self.tell(one, fate);
    }

    fn proxy(&mut self, value: &str) -> String {
        let network = value.parse::<IpNet>().ok();
        let network = network.or_else(|| value.parse::<IpAddr>().ok().map(IpNet::from));
        match network {
            Some(network) => {
                self.proxies.push(network.trunc());
                "ours: trusted_proxies".to_owned()
            }
            None => "can't: no address or network".to_owned(),
        }
    }

    fn client_header(&mut self, value: &str) -> String {
        match value.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => "not needed: it is what trusted_proxies are asked for".to_owned(),
            "proxy_protocol" => "not needed: listeners.proxy_protocol says so".to_owned(),
            _ if http::HeaderName::from_bytes(value.as_bytes()).is_ok() => {
                self.header = Some(value.to_owned());
                "ours: client_address_header".to_owned()
            }
            _ => "can't: no header's name".to_owned(),
        }
    }

    fn header_buffers(&mut self, one: &Directive) -> String {
        let count = one.value(0).parse::<u64>().unwrap_or(1);
        let size = units::size(one.value(1)).unwrap_or_default();
        let bytes = count.saturating_mul(size);
        let ours = Limits::HEADER_BYTES_DEFAULT;
        if bytes <= ours {
            return format!("not needed: a header may have {} here", human(ours));
        }
        self.header_bytes = Some(Limits::HEADER_BYTES.nearest(bytes));
        "ours: limits.header_bytes".to_owned()
    }

    fn added(&mut self, one: &Directive) -> String {
        let name = one.value(0).to_ascii_lowercase();
        if name != "strict-transport-security" {
            return match name.as_str() {
                "docker-distribution-api-version" => "not needed: Harbor sends it".to_owned(),
                _ => "can't: write a filter (docs/filters.md)".to_owned(),
            };
        }
        let mut parts = one.value(1).split(';').map(str::trim);
        let age = parts.find_map(|part| part.strip_prefix("max-age="));
        let age = age.and_then(|age| age.trim_matches('"').parse::<u64>().ok());
        self.registry.hsts = age.map(|age| Hsts::TIME.nearest(Duration::from_secs(age)));
        "ours: registries.hsts, never of subdomains".to_owned()
    }
}

fn sent(one: &Directive) -> String {
    match one.value(0).to_ascii_lowercase().as_str() {
        "host" | "x-real-ip" | "connection" | "upgrade" | "x-request-id" | "forwarded"
        | "accept-encoding" => {}
        name if name.starts_with("x-forwarded-") => {}
        "authorization" => return "not needed: Authorization is passed on as it came".to_owned(),
        _ => return "can't: write a filter (docs/filters.md)".to_owned(),
    }
    if says_https(std::slice::from_ref(one)) {
        return "not needed: Harbor is told what clients typed; name the proxy that ends TLS in trusted_proxies".to_owned();
    }
    "not needed: Harbor gets it as it needs it".to_owned()
}

/// Whether TLS ends at a proxy in front: Harbor is told of https, whatever came.
pub(super) fn says_https(block: &[Directive]) -> bool {
    flat(block).iter().any(|one| {
        one.name() == "proxy_set_header"
            && one.value(0).eq_ignore_ascii_case("x-forwarded-proto")
            && one.value(1) == "https"
    })
}

/// The line that passes a path on.
fn passes<'d>(server: &Server<'d>, path: &str) -> Option<&'d Directive> {
    let (levels, _) = located(vec![server.outer, server.block], None, path);
    let here = levels.last().copied().unwrap_or_default();
    here.iter().rfind(|one| one.name() == "proxy_pass")
}

/// Where a line passes requests on to: the addresses of an `upstream`, or its own.
fn endpoints(server: &Server<'_>, pass: &Directive, upstreams: &Upstreams) -> Vec<Origin> {
    let url = with_variables(pass.value(0), server);
    let Some((scheme, rest)) = url.split_once("://") else {
        return Vec::new();
    };
    let host = rest.split('/').next().unwrap_or_default();
    let own = vec![host.to_owned()];
    let addresses = upstreams.get(host).unwrap_or(&own).iter();
    let origins = addresses.map(|address| Origin::parse(&format!("{scheme}://{address}")));
    let mut endpoints = Vec::new();
    for origin in origins.filter_map(Result::ok) {
        if !endpoints.contains(&origin) {
            endpoints.push(origin);
        }
    }
    endpoints
}

/// With what `set` lines give its variables.
fn with_variables(url: &str, server: &Server<'_>) -> String {
    let sets = flat(server.block);
    let sets = sets
        .iter()
        .filter(|one| one.name() == "set" && one.value(0).starts_with('$'));
    sets.fold(url.to_owned(), |url, one| {
        url.replace(one.value(0), one.value(1))
    })
}
