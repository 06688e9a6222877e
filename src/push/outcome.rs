//! How a push stands, in one word.

/// How a push stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PushOutcome {
    /// It goes on.
    Open,
    Ok,
    Refused,
    Failed,
    Aborted,
    /// It stopped without a failure and without a manifest.
    Unfinished,
}

impl PushOutcome {
    pub(crate) const ALL: [PushOutcome; 6] = [
        PushOutcome::Open,
        PushOutcome::Ok,
        PushOutcome::Refused,
        PushOutcome::Failed,
        PushOutcome::Aborted,
        PushOutcome::Unfinished,
    ];

    /// The word on the page.
    pub fn as_str(self) -> &'static str {
        match self {
            PushOutcome::Open => "open",
            PushOutcome::Ok => "ok",
            PushOutcome::Refused => "refused",
            PushOutcome::Failed => "failed",
            PushOutcome::Aborted => "aborted",
            PushOutcome::Unfinished => "unfinished",
        }
    }
}
