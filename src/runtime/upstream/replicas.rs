//! Questions to the admin listeners of all replicas of this gateway, side by side, within a time.
//!
//! What this file deliberately doesn't know: what is asked, and what becomes of the answers.

use super::peer_request::{Answer, PeerRequest, client_tls};
use crate::config::AdminConfig;
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
    /// Asks all addresses of the configured peers for `target`, with one more header.
    pub(crate) async fn ask(
        &self,
        admin: &AdminConfig,
        target: &str,
        header: (&'static str, &'static str),
    ) -> Vec<Asked> {
        let origins = &admin.peers;
        // It is never closed.
        let _place = self.places.acquire().await;
        let until = Instant::now() + WITHIN;
        let found = join_all(origins.iter().map(|origin| self.addresses(origin, until))).await;
        let mut addresses = Vec::new();
        let mut asked: Vec<Asked> = Vec::new();
        for (origin, found) in origins.iter().zip(found) {
            match found {
                Ok(found) => addresses.extend(found.into_iter().map(|address| (address, origin))),
                Err(flaw) => asked.push((origin.to_string(), Err(flaw))),
            }
        }
        addresses.sort_by_key(|(address, _)| *address);
        addresses.dedup_by_key(|(address, _)| *address);
        let beyond = addresses.split_off(addresses.len().min(MOST_REPLICAS));
        let longest = LONGEST.min(LONGEST_TOGETHER / addresses.len().max(1));
        let token = admin.token_file.as_ref();
        let question = PeerRequest {
            target,
            header,
            token: token.and_then(|file| file.tokens.first()),
            tls: client_tls(admin),
            longest,
        };
        let put_to = async |(address, origin): (SocketAddr, &Origin)| {
            let answer = timeout_at(until, question.send(address, origin)).await;
            let answer = answer.unwrap_or_else(|_| Err(late("no answer")));
            (
                address.to_string(),
                answer.and_then(|answer| body(answer, longest)),
            )
        };
        asked.extend(join_all(addresses.into_iter().map(put_to)).await);
        let not_asked = || Err(format!("not asked: more than {MOST_REPLICAS} addresses"));
        asked.extend(beyond.iter().map(|(one, _)| (one.to_string(), not_asked())));
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

fn body(answer: Answer, longest: usize) -> Result<Vec<u8>, String> {
    match (answer.status, answer.body) {
        (200, Some(body)) => Ok(body),
        (200, None) => Err(format!("its answer is longer than {longest} bytes")),
        (status, body) => {
            let body = body.unwrap_or_default();
            let said = String::from_utf8_lossy(&body);
            let said = Text::words(said.trim(), SAID);
            Err(format!("it answered {status}: {said}"))
        }
    }
}

fn late(what: &str) -> String {
    format!("{what} within {} ms", WITHIN.as_millis())
}
