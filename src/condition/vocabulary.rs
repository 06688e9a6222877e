//! The names that conditions know: one table for requests, one for the claims of tokens.

use super::kind::Kind;
use crate::oci::exposure::Surface;
use crate::oci::operation::Operation;
use crate::oci::user_agent::ClientFamily;
use ipnet::IpNet;

/// All names of one place where conditions stand.
pub(crate) struct Vocabulary {
    pub(crate) variables: &'static [Variable],
}

/// One name.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(super) kind: fn() -> Kind,
    pub(super) words: Words,
    /// For people, as a sentence.
    pub(crate) about: &'static str,
}

/// Which texts a name can be.
#[derive(Clone, Copy)]
pub(super) enum Words {
    Any,
    These(&'static [&'static str]),
    /// The registries of the configuration.
    Registries,
}

/// What an operator has named.
#[derive(Clone, Copy, Default)]
pub(crate) struct Names<'a> {
    pub(crate) networks: &'a [(String, Vec<IpNet>)],
    pub(crate) registries: &'a [&'a str],
}

impl Vocabulary {
    pub(super) fn find(&self, name: &str) -> Option<&'static Variable> {
        self.variables.iter().find(|known| known.name == name)
    }
}

impl Variable {
    /// What its values are.
    pub(crate) fn kind(&self) -> Kind {
        (self.kind)()
    }

    /// The texts that it can be, where they are a fixed list.
    pub(crate) fn words(&self) -> &'static [&'static str] {
        match self.words {
            Words::These(words) => words,
            Words::Any | Words::Registries => &[],
        }
    }
}

macro_rules! vocabulary {
    ($($name:literal $kind:expr, $words:expr, $about:literal;)*) => {
        Vocabulary {
            variables: &[$(Variable {
                name: $name,
                kind: || $kind,
                words: $words,
                about: $about,
            },)*],
        }
    };
}

/// Of a request, in Harbor's names.
#[rustfmt::skip] // One name a line, as in a table.
pub(crate) const REQUEST: Vocabulary = vocabulary! {
    "surface" Kind::String, Words::These(&Surface::WORDS), "The part of Harbor: what registry clients use (the token service with it), its API, its portal.";
    "operation" Kind::String, Words::These(&Operation::WORDS), "What the request means to a registry.";
    "operation.writes" Kind::Bool, Words::Any, "Whether it changes something: a step of a push, a deletion, or at API and portal a method other than GET, HEAD and OPTIONS.";
    "operation.reads" Kind::Bool, Words::Any, "The opposite.";
    "registry" Kind::String, Words::Registries, "The registry, by its name in the configuration.";
    "public" Kind::String, Words::Any, "The public origin that the client used, such as `https://hub.example.com`.";
    "project" Kind::String, Words::Any, "The project at Harbor; empty where the request names none, and at API and portal.";
    "repository" Kind::String, Words::Any, "The repository at Harbor with its project, such as `prod/app`; empty where the request names none.";
    "reference" Kind::String, Words::Any, "The tag or digest that the request names; empty without one.";
    "tag" Kind::String, Words::Any, "The reference, where it is a tag; else empty.";
    "digest" Kind::String, Words::Any, "The reference, where it is a digest; else empty.";
    "account" Kind::String, Words::Any, "Who the credential says it is: a login's user name, a token's subject. Nothing is verified here: Harbor does that afterwards. Empty without a credential, and where a cookie comes with one.";
    "account.is_robot" Kind::Bool, Words::Any, "Whether the account's name begins with `robot$`.";
    "client" Kind::Address, Words::Any, "The client's address, by the word of trusted proxies where there are some. It can be `in` networks, and nothing else.";
    "client.family" Kind::String, Words::These(&ClientFamily::WORDS), "The program that the client says to be.";
    "method" Kind::String, Words::Any, "`GET`, `PUT` and so on.";
    "path" Kind::String, Words::Any, "The path in its normal form, without the query.";
    "headers" Kind::Map(Box::new(Kind::String)), Words::Any, "Headers that hold no secret, by name: `headers[\"user-agent\"]`. A header that isn't there can't be evaluated; `\"user-agent\" in headers` asks first.";
    "time" Kind::Timestamp, Words::Any, "When the request came: `time.getHours(\"Europe/Berlin\")`, `time.getDayOfWeek()` (0 is Sunday), in UTC without a zone.";
    "tls" Kind::Bool, Words::Any, "Whether the client's side is https.";
};

/// Of a token that was verified.
#[rustfmt::skip]
pub(crate) const CLAIMS: Vocabulary = vocabulary! {
    "claims" Kind::Map(Box::new(Kind::Dyn)), Words::Any, "The claims of the token, such as `claims.repository` and `claims.ref`.";
};
