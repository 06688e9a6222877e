//! Groups of steps, as a person would call them. Which step is in which stands beside the step.

use super::words::Word;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Reach,
    Plain,
    Token,
    /// What clients do beside one plain request.
    ClientBehaviour,
    Early,
    Uploads,
    Bodies,
    Idle,
    /// Transfers that take long.
    Age,
    Push,
    Commit,
}

impl Topic {
    /// In words, and the option that asks for it where there is one.
    pub(super) fn told(self) -> (Word, Option<&'static str>) {
        match self {
            Topic::Reach => (Word::TopicReach, None),
            Topic::Plain => (Word::TopicPlain, None),
            Topic::Token => (Word::TopicToken, None),
            Topic::ClientBehaviour => (Word::TopicClientBehaviour, None),
            Topic::Early => (Word::TopicEarly, None),
            Topic::Uploads => (Word::TopicUploads, None),
            Topic::Bodies => (Word::TopicBodies, Some("--body 150MiB")),
            Topic::Idle => (Word::TopicIdle, Some("--idle 90s")),
            Topic::Age => (Word::TopicAge, Some("--duration 70s")),
            Topic::Push => (Word::TopicPush, Some("--push")),
            Topic::Commit => (Word::TopicCommit, Some("--commit-wait --body 1GiB")),
        }
    }
}
