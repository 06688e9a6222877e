//! Groups of steps, as a person would call them. Which step is in which stands beside the step.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Reach,
    Plain,
    Token,
    /// What clients do beside one plain request.
    Manners,
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
    pub(super) fn told(self) -> (&'static str, Option<&'static str>) {
        match self {
            Topic::Reach => ("the registry itself", None),
            Topic::Plain => ("port 80", None),
            Topic::Token => ("tokens", None),
            Topic::Manners => ("HEAD, HTTP/2, docker's name and long requests", None),
            Topic::Early => ("whether bodies are passed on as they come", None),
            Topic::Uploads => ("uploads and their Location", None),
            Topic::Bodies => ("large bodies", Some("--body 150MiB")),
            Topic::Idle => ("pauses in a body", Some("--idle 90s")),
            Topic::Age => ("transfers that take long", Some("--duration 70s")),
            Topic::Push => ("a push and a pull", Some("--push")),
            Topic::Commit => ("a slow commit", Some("--commit-wait --body 1GiB")),
        }
    }
}
