//! `/v2` and `/v2/`, at the address that is used and at the others.

use super::challenge::ChallengeKind;
use super::entry::is_open;
use super::request::{UnredactedResponse, WalkRequest};
use super::session::Session;
use crate::doctor::step::Step;
use crate::doctor::trace::{Skip, Trouble};

/// How often a failed request is asked again: two servers take turns, or four.
const REPEATED: usize = 4;

/// What one of several servers may give in the others' place. Who waits in vain isn't made to wait again.
fn is_soon_refused(heard: &UnredactedResponse) -> bool {
    match &heard.0 {
        Ok(reply) => reply.status >= 500 && reply.status != 504,
        Err(trouble) => *trouble == Trouble::Cut,
    }
}

impl Session<'_> {
    /// What is asked for; where there is no registry nothing more can be examined.
    pub(super) async fn ping(&mut self) -> Result<ChallengeKind, Skip> {
        let is_whole = self.is_public() && self.is_whole();
        if is_whole {
            self.ask(WalkRequest::get(Step::PingBare, "/v2")).await?;
        }
        let heard = self.ask(WalkRequest::get(Step::Ping, "/v2/")).await?;
        let challenge = match heard.status() {
            Some(200) => Some(ChallengeKind::Open),
            Some(401) => Some(ChallengeKind::read(heard.headers("www-authenticate"))),
            Some(_) | None => None,
        };
        if is_whole {
            if is_soon_refused(&heard) {
                self.ping_repeatedly().await?;
            }
            self.ping_again().await?;
        }
        challenge.ok_or(Skip::Impossible)
    }

    /// One of several servers may be down, and the others well: each connection may lead to another.
    async fn ping_repeatedly(&mut self) -> Result<(), Skip> {
        for _ in 0..REPEATED {
            self.ask(WalkRequest::get(Step::PingAgain, "/v2/")).await?;
        }
        Ok(())
    }

    async fn ping_again(&mut self) -> Result<(), Skip> {
        let origin = self.walk.entered().clone();
        let others: Vec<_> = self
            .walk
            .addresses
            .iter()
            .filter(|seen| is_open(seen) && !seen.is_used)
            .map(|seen| seen.address)
            .collect();
        for address in others {
            let site = self.site(&origin, address);
            let again = WalkRequest::get(Step::PingAgain, "/v2/");
            self.ask_at(&site, again).await?;
        }
        Ok(())
    }
}
