//! What is wrong with rules only together, or only as a whole: names that stand twice, rates that limit
//! nothing, denials that aren't the gateway's to give.

use super::problem::{Complaint, Problems};
use super::references;
use super::root::DraftConfig;
use super::rule_actions::ASK_TIMEOUT;
use std::time::Duration;

/// All filters together have two seconds, and this leaves something of them.
const LONGEST_ASKED: Duration = Duration::from_millis(1500);

/// Each rule has a name of its own; a rate limits something; no denial asks for credentials.
pub(super) fn rules(draft: &DraftConfig, problems: &mut Problems) {
    let names = draft.rules().filter_map(|rule| rule.value.name.as_ref());
    references::twice(names, problems);
    let mut asked = Duration::ZERO;
    for rule in draft.rules().map(|rule| &rule.value) {
        if let Some(rate) = &rule.rate {
            let limits = &rate.value;
            match (&limits.requests, &limits.bytes, &limits.burst) {
                (None, None, _) => problems.add(&rate.key, Complaint::NoRate),
                (None, Some(_), Some(burst)) => {
                    problems.add(&burst.key, Complaint::BurstWithoutRequests);
                }
                (Some(_), _, _) | (None, Some(_), None) => {}
            }
        }
        if let Some(ask) = &rule.ask {
            let timeout = ask.value.timeout.as_ref();
            asked += timeout.map_or(ASK_TIMEOUT, |timeout| timeout.value);
            if asked > LONGEST_ASKED {
                problems.add(&ask.key, Complaint::AsksForLong);
            }
        }
        let status = rule.deny.iter().flat_map(|deny| &deny.value.status);
        for status in status.filter(|status| matches!(status.value, 401 | 407)) {
            let value = status.value;
            problems.add(&status.key, Complaint::Challenge { value });
        }
    }
}
