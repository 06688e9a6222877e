//! The times of a request's phases, and how long the gateway waited for each side. Pure: the time is an
//! argument.

use crate::oci::target::BodyPresence;
use std::time::{Duration, Instant};

/// The moments of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timings {
    started: Instant,
    /// The request's header went to Harbor.
    sent: Option<Instant>,
    /// The header of Harbor's final answer came.
    answered: Option<Instant>,
    body_complete: Option<Instant>,
    /// The last piece of a body came or went.
    last_byte: Instant,
}

impl Timings {
    pub(super) fn new(now: Instant) -> Timings {
        Timings {
            started: now,
            sent: None,
            answered: None,
            body_complete: None,
            last_byte: now,
        }
    }

    /// The request goes to Harbor; the last try counts.
    pub(super) fn sending(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    /// Whether anything of it went to Harbor.
    pub(super) fn is_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// A piece of a body came or went.
    pub(super) fn piece(&mut self, now: Instant) {
        self.last_byte = now;
    }

    /// The client's body is complete.
    pub(super) fn complete(&mut self, now: Instant) {
        self.body_complete.get_or_insert(now);
    }

    pub(super) fn answered(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    /// When the header of Harbor's final answer came.
    pub(super) fn answered_at(&self) -> Option<Instant> {
        self.answered
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered.is_some()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.body_complete.is_some()
    }

    /// Since the request began.
    pub(super) fn passed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    /// How long Harbor let us wait for the header of its answer, from its having the request: after
    /// the last piece of the body, unless it answered earlier.
    pub(super) fn upstream_wait(&self) -> Option<Duration> {
        let (sent, answered) = self.sent.zip(self.answered)?;
        let complete = self.body_complete.filter(|complete| *complete <= answered);
        Some(answered - complete.map_or(sent, |complete| complete.max(sent)))
    }

    /// How long Harbor has been silent though it has the whole request; none once it answered.
    pub(super) fn waiting(&self, body: BodyPresence, now: Instant) -> Option<Duration> {
        let complete = match body {
            BodyPresence::Absent => self.sent,
            BodyPresence::Present => self.body_complete,
        };
        let since = self.sent?.max(complete?);
        let is_waiting = self.answered.is_none();
        is_waiting.then(|| now.saturating_duration_since(since))
    }

    /// Since the last byte came or went.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        let last = self.answered.max(Some(self.last_byte));
        now.saturating_duration_since(last.unwrap_or(self.last_byte))
    }

    /// How long the request's body took to arrive.
    pub(super) fn body(&self) -> Option<Duration> {
        let complete = self.body_complete?;
        Some(complete.saturating_duration_since(self.started))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_is_waited_for_from_when_it_has_its_turn() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let after = |seconds| Some(Duration::from_secs(seconds));
        let mut times = Timings::new(began);
        assert_eq!(times.waiting(BodyPresence::Absent, at(1)), None);
        times.sending(at(2));
        assert_eq!(times.waiting(BodyPresence::Absent, at(3)), after(1));
        assert_eq!(times.waiting(BodyPresence::Present, at(3)), None);
        times.piece(at(4));
        assert_eq!(times.silence(at(6)), Duration::from_secs(2));
        times.piece(at(7));
        times.complete(at(7));
        assert_eq!(times.body(), after(7));
        assert_eq!(times.waiting(BodyPresence::Present, at(17)), after(10));
        times.answered(at(20));
        assert_eq!(times.upstream_wait(), after(13));
        assert_eq!(times.waiting(BodyPresence::Present, at(21)), None);
        assert_eq!(times.silence(at(21)), Duration::from_secs(1));
    }

    /// Harbor may refuse before it has the body.
    #[test]
    fn an_early_answer_waited_for_no_body() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut times = Timings::new(began);
        times.sending(at(1));
        times.answered(at(3));
        times.complete(at(9));
        assert_eq!(times.upstream_wait(), Some(Duration::from_secs(2)));
    }
}
