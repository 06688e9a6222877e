//! `/v2` and `/v2/`, at the address that is used and at the others.

use super::challenge::Challenge;
use super::entry::is_open;
use super::request::Request;
use super::session::Course;
use crate::doctor::options::Extent;
use crate::doctor::step::Step;
use crate::doctor::trace::Why;

impl Course<'_> {
    /// What is asked for; where there is no registry nothing more can be examined.
    pub(super) async fn ping(&mut self) -> Result<Challenge, Why> {
        let is_whole = self.is_public() && self.options.extent == Extent::Whole;
        if is_whole {
            self.ask(Request::get(Step::PingBare, "/v2")).await?;
        }
        let heard = self.ask(Request::get(Step::Ping, "/v2/")).await?;
        let challenge = match heard.status() {
            Some(200) => Some(Challenge::Open),
            Some(401) => Some(Challenge::read(heard.headers("www-authenticate"))),
            Some(_) | None => None,
        };
        if is_whole {
            self.ping_again().await?;
        }
        challenge.ok_or(Why::Impossible)
    }

    async fn ping_again(&mut self) -> Result<(), Why> {
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
            let again = Request::get(Step::PingAgain, "/v2/");
            self.ask_at(&site, again).await?;
        }
        Ok(())
    }
}
