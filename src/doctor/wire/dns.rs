//! Names, by this machine's resolver: the one that clients ask as well.

use crate::doctor::trace::Trouble;
use crate::net::origin::Host;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::time::timeout;

/// glibc asks each server twice, for 5 s each time.
const LOOKUP: Duration = Duration::from_secs(10);

pub(super) async fn resolve(host: &Host, port: u16) -> Result<Vec<SocketAddr>, Trouble> {
    if let Ok(address) = host.bare().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    match timeout(LOOKUP, lookup_host((host.bare(), port))).await {
        Err(_) => Err(Trouble::TimedOut(LOOKUP)),
        Ok(Err(error)) => Err(Trouble::Unresolved(words(&error))),
        Ok(Ok(found)) => once(found),
    }
}

/// Each once, in the resolver's order, which is the one that clients try them in.
fn once(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Trouble> {
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(Trouble::Unresolved("it has no address".to_owned()));
    }
    Ok(addresses)
}

/// What glibc's and musl's words for it mean.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = match text.split_once("lookup address information: ") {
        Some((_, reason)) => reason,
        None => &text,
    };
    match text {
        "Name or service not known" | "Name does not resolve" => {
            format!("this machine's resolver doesn't know this name ({text})")
        }
        "No address associated with hostname" | "Name has no usable address" => {
            format!("the name exists, but has no address ({text})")
        }
        "Temporary failure in name resolution" | "Try again" => {
            format!("this machine's resolver could not send its query, or got no answer ({text})")
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_comes_once_and_in_its_order() {
        let [one, two, three]: [SocketAddr; 3] =
            ["192.0.2.1:443", "[2001:db8::1]:443", "192.0.2.2:443"]
                .map(|text| text.parse().unwrap());
        assert_eq!(
            once([two, one, two, three, one].into_iter()),
            Ok(vec![two, one, three])
        );
        assert_eq!(
            once(std::iter::empty()),
            Err(Trouble::Unresolved("it has no address".to_owned()))
        );
    }

    #[test]
    fn the_resolver_s_words_are_explained() {
        for (text, begins) in [
            (
                "failed to lookup address information: Name or service not known",
                "this machine's resolver doesn't know this name (Name",
            ),
            (
                "failed to lookup address information: Try again",
                "this machine's resolver could not send its query",
            ),
            (
                "failed to lookup address information: No address associated with hostname",
                "the name exists, but has no address",
            ),
            ("something else", "something else"),
        ] {
            let said = words(&io::Error::other(text));
            assert!(said.starts_with(begins), "{text}: {said}");
        }
    }

    #[tokio::test]
    async fn literals_and_local_names_need_no_server() {
        for (host, among) in [
            ("127.0.0.1", "127.0.0.1:5000"),
            ("[::1]", "[::1]:5000"),
            ("localhost", "127.0.0.1:5000"),
        ] {
            let found = resolve(&Host::parse(host).unwrap(), 5000).await.unwrap();
            assert!(found.contains(&among.parse().unwrap()), "{host}: {found:?}");
        }
    }
}
