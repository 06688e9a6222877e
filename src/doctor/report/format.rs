//! What a report is written as.

/// How steps are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, as short as it answers: the steps that tell something, the findings with the lines
    /// for what most likely stands there, and the answer last. On a terminal with colours and progress.
    Text,
    /// The same with every step, everything that shows a finding, and the lines for every product.
    All,
    /// One JSON document at the end, and nothing else on standard output.
    Json,
}
