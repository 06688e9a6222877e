//! Which forward proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go's clients
//! read them (golang.org/x/net/http/httpproxy), docker, containerd, podman and crane among them.
//!
//! Only proxies that are spoken to in plain HTTP are known. What this module deliberately doesn't know:
//! whether a proxy is there, and what it says.

use crate::net::origin::{Authority, Host, Origin, Scheme};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// The proxies for the two schemes, and what goes without.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<ForwardProxy>,
    https: Option<ForwardProxy>,
    exceptions: Exceptions,
}

/// A proxy, and who we are to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ForwardProxy {
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) login: Option<ProxyLogin>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProxyLogin {
    pub(crate) user: String,
    pub(crate) password: Zeroizing<String>,
}

/// Why a variable can't be used. Its value is not repeated: it may have a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{variable} names no proxy that the doctor can use; accepted is http://[user:password@]host[:port]; \
     --no-proxy goes without"
)]
pub struct ProxyError {
    variable: &'static str,
}

/// The names of a setting, the one that wins first.
type Names = [&'static str; 2];

const HTTP: Names = ["HTTP_PROXY", "http_proxy"];
const HTTPS: Names = ["HTTPS_PROXY", "https_proxy"];
const NONE: Names = ["NO_PROXY", "no_proxy"];

impl Proxies {
    /// Those that the environment names.
    ///
    /// # Errors
    /// When the variable that decides about the target can't be read. Another is left out.
    pub fn of_environment(
        variable: impl Fn(&str) -> Option<String>,
        target: &Origin,
    ) -> Result<Proxies, ProxyError> {
        let set = |names: Names| {
            let values = names.into_iter().map(|name| (name, variable(name)));
            let mut set = values.filter_map(|(name, value)| Some((name, value?)));
            set.find(|(_, value)| !value.is_empty())
        };
        let read = |names: Names| {
            let (variable, value) = set(names)?;
            Some(ForwardProxy::parse(&value).ok_or(ProxyError { variable }))
        };
        let exceptions = Exceptions::parse(&set(NONE).map(|(_, value)| value).unwrap_or_default());
        let (http, https) = (read(HTTP), read(HTTPS));
        let deciding = match target.scheme {
            Scheme::Http => &http,
            Scheme::Https => &https,
        };
        if let Some(Err(error)) = deciding
            && !exceptions.have(target)
        {
            return Err(error.clone());
        }
        Ok(Proxies {
            http: http.and_then(Result::ok),
            https: https.and_then(Result::ok),
            exceptions,
        })
    }

    /// What a request to this origin goes through.
    pub(crate) fn of(&self, origin: &Origin) -> Option<&ForwardProxy> {
        let proxy = match origin.scheme {
            Scheme::Http => self.http.as_ref(),
            Scheme::Https => self.https.as_ref(),
        };
        proxy.filter(|_| !self.exceptions.have(origin))
    }

    /// What nobody may see.
    pub(crate) fn passwords(&self) -> impl Iterator<Item = &str> {
        let both = [&self.http, &self.https].into_iter().flatten();
        both.filter_map(|proxy| Some(proxy.login.as_ref()?.password.as_str()))
    }
}

impl ForwardProxy {
    fn parse(text: &str) -> Option<ForwardProxy> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return None,
            None => text,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, authority),
        };
        let Authority { host, port } = Authority::parse(address).ok()?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = login.map(|login| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            ProxyLogin {
                user: decoded(user),
                password: Zeroizing::new(decoded(password)),
            }
        });
        Some(ForwardProxy {
            host,
            port: port.unwrap_or(Scheme::Http.default_port()),
            login,
        })
    }
}

/// For people: without the login.
impl fmt::Display for ForwardProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for ForwardProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForwardProxy({self})")
    }
}

/// What goes without a proxy.
#[derive(Clone, Debug, Default)]
enum Exceptions {
    All,
    #[default]
    Loopback,
    These(Vec<ProxyException>),
}

#[derive(Clone, Debug)]
enum ProxyException {
    Network(IpNet),
    Address(IpAddr, Option<u16>),
    /// What ends in this, which begins with a dot; and what it is without the dot, where that was
    /// written so.
    Domain {
        ending: String,
        has_itself: bool,
        port: Option<u16>,
    },
}

impl Exceptions {
    fn parse(text: &str) -> Exceptions {
        let written: Vec<String> = text
            .split(',')
            .map(|one| one.trim().to_ascii_lowercase())
            .collect();
        if written.iter().any(|one| one == "*") {
            return Exceptions::All;
        }
        let read = written.iter().filter_map(|one| ProxyException::parse(one));
        Exceptions::These(read.collect())
    }

    fn have(&self, origin: &Origin) -> bool {
        let name = origin.host.bare();
        let address: Option<IpAddr> = name.parse().ok();
        // Go never asks a proxy for these.
        if name == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        match self {
            Exceptions::All => true,
            Exceptions::Loopback => false,
            Exceptions::These(these) => these.iter().any(|one| one.has(origin, address)),
        }
    }
}

impl ProxyException {
    fn parse(text: &str) -> Option<ProxyException> {
        if let Ok(network) = text.parse() {
            return Some(ProxyException::Network(network));
        }
        let (host, port) = host_and_port(text)?;
        if let Ok(address) = host.parse() {
            return Some(ProxyException::Address(address, port));
        }
        let host = host
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host);
        let has_itself = !host.starts_with('.');
        let dot = if has_itself { "." } else { "" };
        (!host.is_empty()).then(|| ProxyException::Domain {
            ending: format!("{dot}{host}"),
            has_itself,
            port,
        })
    }

    fn has(&self, origin: &Origin, address: Option<IpAddr>) -> bool {
        let is_port = |port: &Option<u16>| port.is_none_or(|port| port == origin.port);
        match self {
            ProxyException::Network(network) => {
                address.is_some_and(|address| network.contains(&address))
            }
            ProxyException::Address(excepted, port) => address == Some(*excepted) && is_port(port),
            ProxyException::Domain {
                ending,
                has_itself,
                port,
            } => {
                let name = origin.host.bare();
                let is_itself = *has_itself && name == &ending[1..];
                (is_itself || name.ends_with(ending)) && is_port(port)
            }
        }
    }
}

/// `host`, `host:port`, `[v6]:port`, or an IPv6 address without brackets. None where the port is none.
fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(port.parse().ok()?))
        }
        Some(_) | None => (text, None),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    Some((bare.unwrap_or(host), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)], target: &str) -> Result<Proxies, ProxyError> {
        let value = |name: &str| {
            let mut variables = variables.iter();
            let found = variables.find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Proxies::of_environment(value, &Origin::parse(target).unwrap())
    }

    fn through(variables: &[(&str, &str)], target: &str) -> Option<String> {
        let origin = Origin::parse(target).unwrap();
        let proxies = proxies(variables, target).unwrap();
        proxies.of(&origin).map(ToString::to_string)
    }

    /// As golang.org/x/net/http/httpproxy's own tests have it.
    #[test]
    fn the_environment_is_read_as_go_reads_it() {
        const HUB: &str = "https://hub.example.com";
        for (name, variables, target, expected) in [
            ("nothing set", &[][..], HUB, None),
            (
                "upper case",
                &[("HTTPS_PROXY", "http://p:3128")][..],
                HUB,
                Some("p:3128"),
            ),
            (
                "lower case",
                &[("https_proxy", "http://p:3128")],
                HUB,
                Some("p:3128"),
            ),
            (
                "upper case wins",
                &[("https_proxy", "http://a:1"), ("HTTPS_PROXY", "http://b:2")],
                HUB,
                Some("b:2"),
            ),
            (
                "an empty one is none",
                &[("https_proxy", "http://a:1"), ("HTTPS_PROXY", "")],
                HUB,
                Some("a:1"),
            ),
            (
                "without a scheme",
                &[("HTTPS_PROXY", "p:3128")],
                HUB,
                Some("p:3128"),
            ),
            (
                "without a port",
                &[("HTTPS_PROXY", "http://p/")],
                HUB,
                Some("p:80"),
            ),
            (
                "the other scheme's",
                &[("HTTP_PROXY", "http://p:3128")],
                HUB,
                None,
            ),
            (
                "http",
                &[("HTTP_PROXY", "http://p:3128")],
                "http://hub.example.com",
                Some("p:3128"),
            ),
            (
                "localhost",
                &[("HTTPS_PROXY", "p:1")],
                "https://localhost:8443",
                None,
            ),
            (
                "a loopback address",
                &[("HTTPS_PROXY", "p:1")],
                "https://127.1.2.3",
                None,
            ),
            (
                "the same of IPv6",
                &[("HTTPS_PROXY", "p:1")],
                "https://[::1]",
                None,
            ),
        ] {
            assert_eq!(through(variables, target).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_goes_without_goes_without() {
        for (none, target, is_proxied) in [
            ("", "hub.example.com", true),
            ("*", "hub.example.com", false),
            ("other.com, hub.example.com", "hub.example.com", false),
            ("HUB.example.com", "hub.example.com", false),
            ("example.com", "hub.example.com", false),
            ("example.com", "example.com", false),
            (".example.com", "hub.example.com", false),
            (".example.com", "example.com", true),
            ("*.example.com", "hub.example.com", false),
            ("*.example.com", "example.com", true),
            ("ample.com", "example.com", true),
            ("example.com:443", "example.com", false),
            ("example.com:8443", "example.com", true),
            ("example.com:8443", "example.com:8443", false),
            ("10.0.0.0/8", "10.1.2.3", false),
            ("10.0.0.0/8", "11.1.2.3", true),
            ("10.0.0.0/8", "ten.example.com", true),
            ("10.1.2.3", "10.1.2.3", false),
            ("10.1.2.3:8443", "10.1.2.3", true),
            ("10.1.2.3:8443", "10.1.2.3:8443", false),
            ("fd00::1", "[fd00::1]", false),
            ("[fd00::1]:443", "[fd00::1]", false),
            ("[fd00::1]:8443", "[fd00::1]", true),
            ("fd00::/16", "[fd00::1]", false),
            (",, ,:", "hub.example.com", true),
        ] {
            let variables = [("HTTPS_PROXY", "http://p:3128"), ("NO_PROXY", none)];
            let target = format!("https://{target}");
            let proxied = through(&variables, &target).is_some();
            assert_eq!(proxied, is_proxied, "{none:?} {target}");
        }
    }

    #[test]
    fn a_login_is_read_and_not_shown() {
        let set = [("HTTPS_PROXY", "http://al%40ice:s3cr%3At@p:3128")];
        let proxies = proxies(&set, "https://h").unwrap();
        let proxy = proxies.of(&Origin::parse("https://h").unwrap()).unwrap();
        let login = proxy.login.as_ref().unwrap();
        assert_eq!(
            (login.user.as_str(), login.password.as_str()),
            ("al@ice", "s3cr:t")
        );
        assert_eq!(proxies.passwords().collect::<Vec<_>>(), ["s3cr:t"]);
        assert!(!format!("{proxies:?} {proxy}").contains("s3cr"));
    }

    #[test]
    fn what_the_doctor_can_not_use_is_said_where_it_matters() {
        let socks = ("HTTPS_PROXY", "socks5://alice:s3cret@p:1080");
        let error = proxies(&[socks], "https://h.example")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("HTTPS_PROXY") && error.contains("--no-proxy"),
            "{error}"
        );
        assert!(!error.contains("s3cret"), "{error}");
        assert_eq!(through(&[socks], "http://h.example"), None);
        assert_eq!(
            through(&[socks, ("NO_PROXY", "h.example")], "https://h.example"),
            None
        );
        for odd in ["https://p", "http://", "http://p:0", "p:x", "http://a b"] {
            assert!(
                proxies(&[("HTTPS_PROXY", odd)], "https://h.example").is_err(),
                "{odd}"
            );
        }
    }
}
