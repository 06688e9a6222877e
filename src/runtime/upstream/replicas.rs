//! Questions to the admin listeners of all replicas of this gateway, side by side, within a time.
//!
//! What this file deliberately doesn't know: what is asked, and what becomes of the answers.

use super::endpoint::{Trust, peer_template, to_address};
use super::fetch::{self, Fetch};
use super::lacks_socket;
use crate::config::Timeouts;
use crate::net::bounded_text::Text;
use crate::net::origin::Origin;
use futures_util::future::join_all;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Whoever looks at the page waits for the slowest: with what stands here for names and answers together,
/// it comes within a second.
const WITHIN: Duration = Duration::from_millis(800);

/// More replicas than anybody runs of a proxy whose work is to move bytes.
const MOST_REPLICAS: usize = 64;

/// One replica's answer in bytes: all failures that it keeps have less than half of this.
const LONGEST: usize = 1024 * 1024;

/// The answers to one question together, in bytes: with so many replicas that each has less than
/// [`LONGEST`], one has seldom the most to say.
const LONGEST_TOGETHER: usize = 32 * 1024 * 1024;

/// Questions under way: the three of one page, and one more. The next ones wait.
const AT_ONCE: usize = 4;

/// Of what a replica says instead of an answer: a sentence.
const SAID: usize = 200;

/// How other replicas are asked.
pub(crate) struct Replicas {
    places: Semaphore,
    /// A resolver that hangs holds one thread, however often it is asked.
    lookups: Arc<Mutex<()>>,
}

/// One replica, or a name that leads to none, and its answer; or why there is none.
pub(crate) type Asked = (String, Result<Vec<u8>, String>);

impl Default for Replicas {
    fn default() -> Replicas {
        Replicas {
            places: Semaphore::new(AT_ONCE),
            lookups: Arc::default(),
        }
    }
}

impl Replicas {
    /// Asks all addresses of these origins for `target`, with one more header.
    pub(crate) async fn ask(
        &self,
        origins: &[Origin],
        target: &str,
        header: (&'static str, &'static str),
    ) -> Vec<Asked> {
        // It is never closed.
        let _place = self.places.acquire().await;
        let until = Instant::now() + WITHIN;
        let found = join_all(origins.iter().map(|origin| self.addresses(origin, until))).await;
        let mut addresses = Vec::new();
        let mut asked: Vec<Asked> = Vec::new();
        for (origin, found) in origins.iter().zip(found) {
            match found {
                Ok(found) => addresses.extend(found),
                Err(flaw) => asked.push((origin.to_string(), Err(flaw))),
            }
        }
        addresses.sort_unstable();
        addresses.dedup();
        let beyond = addresses.split_off(addresses.len().min(MOST_REPLICAS));
        let longest = LONGEST.min(LONGEST_TOGETHER / addresses.len().max(1));
        let question = Question {
            target,
            header,
            longest,
            until,
        };
        asked.extend(join_all(addresses.iter().map(|one| question.put_to(*one))).await);
        let not_asked = || Err(format!("not asked: more than {MOST_REPLICAS} addresses"));
        asked.extend(beyond.iter().map(|one| (one.to_string(), not_asked())));
        asked
    }

    async fn addresses(&self, origin: &Origin, until: Instant) -> Result<Vec<SocketAddr>, String> {
        if let Ok(ip) = origin.host.bare().parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, origin.port)]);
        }
        let (lookups, origin) = (Arc::clone(&self.lookups), origin.clone());
        let lookup = tokio::spawn(async move {
            // Until the resolver has answered, whoever still waits for it.
            let _turn = lookups.lock().await;
            let found = lookup_host((origin.host.bare(), origin.port)).await;
            found.map(Iterator::collect::<Vec<SocketAddr>>)
        });
        match timeout_at(until, lookup).await {
            Ok(Ok(Ok(found))) if found.is_empty() => Err("the name has no address".to_owned()),
            Ok(Ok(Ok(found))) => Ok(found),
            Ok(Ok(Err(error))) => Err(format!("the name can't be looked up: {error}")),
            Ok(Err(_)) => Err("the name could not be looked up".to_owned()),
            Err(_) => Err(late("the name was not looked up")),
        }
    }
}

struct Question<'a> {
    target: &'a str,
    header: (&'static str, &'static str),
    longest: usize,
    until: Instant,
}

impl Question<'_> {
    async fn put_to(&self, address: SocketAddr) -> Asked {
        let answer = timeout_at(self.until, self.ask(address)).await;
        let answer = answer.unwrap_or_else(|_| Err(late("no answer")));
        (address.to_string(), answer)
    }

    async fn ask(&self, address: SocketAddr) -> Result<Vec<u8>, String> {
        let timeouts = Timeouts {
            connect: WITHIN,
            between_bytes: WITHIN,
            commit: WITHIN,
        };
        let origin = Origin::parse(&format!("http://{address}"));
        let origin = origin.map_err(|error| error.to_string())?;
        let template = peer_template(&origin, "", &Trust::new(None, None), &timeouts);
        let peer = to_address(&template, address, WITHIN);
        let fetch = Fetch {
            target: self.target,
            host: &address.to_string(),
            header: Some(self.header),
            longest: self.longest + 1,
        };
        let fetched = fetch::get(&peer, &fetch).await;
        let fetched = fetched.map_err(|error| match lacks_socket(&error) {
            true => "this gateway has no connection left".to_owned(),
            false => format!("it can't be reached: {}", error.etype().as_str()),
        })?;
        match fetched.status {
            200 if fetched.body.len() <= self.longest => Ok(fetched.body),
            200 => Err(format!("its answer is longer than {} bytes", self.longest)),
            status => {
                let said = String::from_utf8_lossy(&fetched.body);
                Err(format!(
                    "it answered {status}: {}",
                    Text::words(said.trim(), SAID)
                ))
            }
        }
    }
}

fn late(what: &str) -> String {
    format!("{what} within {} ms", WITHIN.as_millis())
}
