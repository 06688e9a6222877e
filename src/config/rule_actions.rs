//! What rules do.

use super::document::Node;
use super::files::Making;
use super::problem::{Complaint, Keyed, Problems, Shown};
use super::rule_rates::{BYTE_RATE, ByteRate, REQUEST_RATE, RequestRate};
use super::setting::{Setting, as_it_stands};
use super::table::settings;
use super::values::{Bound, HOUR, SECOND, TextValue, Time, Whole, choice, text as text_setting};
use super::yaml::Shape;
use crate::net::url::{Url, UrlError};
use crate::str_enum::str_enum;
use serde_json::json;
use std::time::Duration;

/// What a terminal shows readably.
const LONGEST_MESSAGE: usize = 500;

settings! {
    /// A denial.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Deny as DraftDeny {
        /// The status that the client gets.
        pub(crate) status: u32 = Whole { least: 400, most: 599, note: ", but neither 401 nor 407, which would ask for credentials" }, or 403;
        /// What the person at the terminal reads; unless set, the rule's name.
        pub(crate) message: Option<String> = MESSAGE;
    }
}

const MESSAGE: TextValue<String> = TextValue {
    accepted: "a sentence of at most 500 characters on one line",
    parse: |text| {
        let is_short = (1..=LONGEST_MESSAGE).contains(&text.chars().count());
        let is_sound = is_short && !text.contains(char::is_control);
        is_sound.then(|| text.to_owned()).ok_or(None)
    },
};

str_enum! {
    /// What happens to a request about which a rule can't say anything.
    pub enum OnError {
        Deny "deny",
        Allow "allow",
    }
}

choice!(OnError);

impl OnError {
    pub(super) const ACCEPTED: &str = "deny or allow";
}

str_enum! {
    /// Who shares a rate.
    pub enum Per {
        /// The client's address; of IPv6 its /64.
        Client "client",
        /// The account, once Harbor accepted its credential; before that the client.
        Account "account",
        /// The project, for those whose credential Harbor accepted; for others the client.
        Project "project",
    }
}

choice!(Per);

settings! {
    /// How fast requests may come, and their bodies may move.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Rate as DraftRate {
        /// Who shares it: each client, account or project has its own.
        pub(crate) per: Per = "client, account or project";
        /// How many requests there may be in the long run.
        pub(crate) requests: Option<RequestRate> = REQUEST_RATE;
        /// How many may come at once after a quiet time; unless set, as many as `requests` allows in its
        /// time.
        pub(crate) burst: Option<u32> = Whole::from_to(1, 1_000_000);
        /// How fast bodies move, both ways together.
        pub(crate) bytes: Option<ByteRate> = BYTE_RATE;
    }
}

/// Envoy gives an external authorisation 200 ms unless told otherwise.
pub(crate) const ASK_TIMEOUT: Duration = Duration::from_millis(300);

const ASK_TIME: Time = Time {
    least: (Duration::from_millis(10), "10ms"),
    most: LONGEST_ASK,
    reason: "the request waits for it, and no filter has more than two seconds",
};

const LONGEST_ASK: Bound = (Duration::from_millis(1500), "1500ms");

settings! {
    /// A service that decides.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Ask as DraftAsk {
        /// Where the question is sent, by POST.
        pub(crate) url: Url = ASK_URL;
        /// How long the request waits for the answer.
        pub(crate) timeout: Duration = ASK_TIME, or ASK_TIMEOUT;
        /// How long an answer holds for the same question; unless set, each request is asked about.
        pub(crate) cache: Option<Duration> = Time {
            least: SECOND,
            most: HOUR,
            reason: "as long a change of the service's mind isn't noticed",
        };
    }
}

pub(super) const ASK_URL: TextValue<Url> = TextValue {
    accepted: "a URL without user information, such as http://policy.internal/registry",
    parse: |text| {
        Url::parse(text).map_err(|error| match error {
            UrlError::Origin(error) => Some(Complaint::Origin {
                value: Shown::new(text),
                error,
            }),
            UrlError::Form => None,
        })
    },
};

text_setting!(Url);

/// Nothing more is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Empty;

impl Empty {
    pub(super) const ACCEPTED: &str = "{}: there is nothing to set";
}

impl Setting for Empty {
    type Rule = &'static str;
    as_it_stands!();

    fn read(rule: &&'static str, node: &Node<'_>, problems: &mut Problems) -> Option<Empty> {
        match &node.value.shape {
            Shape::Table(keys) if keys.is_empty() => Some(Empty),
            _ => {
                node.wrong_type(*rule, problems);
                None
            }
        }
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        Some(serde_yaml::Value::Mapping(serde_yaml::Mapping::new()))
    }

    fn schema(_: &&'static str) -> serde_json::Value {
        json!({ "type": "object", "additionalProperties": false })
    }
}
