//! `/v2` and `/v2/`, at the address that is used and at the others.

use super::challenge::Challenge;
use super::course::Course;
use super::entry::is_open;
use super::request::Request;
use crate::doctor::Extent;
use crate::doctor::seen::Why;
use crate::doctor::step::Step;

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
        let origin = self.entered().clone();
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

#[cfg(test)]
mod tests {
    use super::super::bounds::Bounds;
    use super::super::entry::place;
    use super::super::halt::Interrupt;
    use super::super::{Walker, Watcher};
    use super::*;
    use crate::doctor::seen::{AddressSeen, Entry, Walk};
    use crate::doctor::{Artifact, Options};
    use crate::edge::origin::Origin;
    use crate::standin::{Standin, StandinConfig};
    use std::net::SocketAddr;
    use std::time::Duration;

    struct Nobody;

    impl Watcher for Nobody {
        fn began(&mut self, _walk: &Walk, _step: Step) {}
        fn progress(&mut self, _step: Step, _done: u64, _total: u64) {}
        fn ended(&mut self, _walk: &Walk, _step: Step) {}
    }

    /// One name with several addresses is the resolver's to give, which is none of this test's.
    #[tokio::test]
    async fn every_address_that_takes_a_connection_is_asked() {
        let target = Origin::parse("http://hub.example.com").unwrap();
        let mut addresses = Vec::new();
        let mut standins = Vec::new();
        for last in [1, 2, 3] {
            let config = StandinConfig {
                bind: SocketAddr::from(([127, 0, 0, last], 0)),
                ..StandinConfig::example(target.clone())
            };
            let standin = Standin::start(config).await.unwrap();
            addresses.push(AddressSeen {
                address: standin.address(),
                connected: match last {
                    3 => Err(crate::doctor::seen::Trouble::Refused),
                    _ => Ok(Duration::ZERO),
                },
                tls: None,
                is_used: last == 1,
            });
            standins.push(standin);
        }
        let options = options(target.clone());
        let walker = Walker::new(&options).unwrap();
        let (bounds, mut interrupt) = (Bounds::default(), Interrupt::default());
        let entry = Entry::Public;
        let mut watcher = Nobody;
        let mut course = Course::new(
            &walker.wire,
            &options,
            &bounds,
            &mut interrupt,
            None,
            &entry,
            &mut watcher,
        );
        course.walk.addresses = addresses;
        let used = standins[0].address();
        let site = course.site(&target, used);
        assert_eq!(site.place.address, place(&target, used).address);
        course.enter(site);
        let challenge = course.ping().await.unwrap();
        assert!(
            matches!(challenge, Challenge::Bearer { .. }),
            "{challenge:?}"
        );
        let asked: Vec<_> = course
            .walk
            .exchanges
            .iter()
            .map(|exchange| (exchange.step, exchange.address))
            .collect();
        let again = standins[1].address();
        let expected = [
            (Step::PingBare, used),
            (Step::Ping, used),
            (Step::PingAgain, again),
        ];
        assert_eq!(asked, expected);
        assert_eq!(standins[1].seen()[0].header("host"), "hub.example.com");
        assert!(standins[2].seen().is_empty());
    }

    fn options(target: Origin) -> Options {
        Options {
            target,
            extent: Extent::Whole,
            repository: None,
            credentials: None,
            push: false,
            body: 0,
            idle: None,
            commit_wait: false,
            via: Vec::new(),
            authorities: None,
            user_agent: "harbormouth-doctor/test".into(),
            artifact: Artifact {
                tag: "t".into(),
                seed: 1,
            },
        }
    }
}
