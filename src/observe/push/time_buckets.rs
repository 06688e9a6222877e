//! A ring of time buckets: the last N, including the current one.

use super::clock::Moment;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct TimeBuckets<T> {
    length: Duration,
    /// The step under way.
    number: u64,
    slots: Box<[T]>,
}

impl<T: Copy + Default> TimeBuckets<T> {
    pub(crate) fn new(length: Duration, count: usize) -> TimeBuckets<T> {
        TimeBuckets {
            length,
            number: 0,
            slots: vec![T::default(); count.max(1)].into(),
        }
    }

    /// The step under way.
    pub(crate) fn current(&mut self, now: Moment) -> &mut T {
        self.advance(now);
        let index = self.index(self.number);
        &mut self.slots[index]
    }

    /// All steps, the oldest first.
    pub(crate) fn all(&mut self, now: Moment) -> impl DoubleEndedIterator<Item = T> + '_ {
        self.advance(now);
        let (newer, older) = self.slots.split_at(self.index(self.number) + 1);
        older.iter().chain(newer).copied()
    }

    /// The beginning of the oldest step.
    pub(crate) fn from(&mut self, now: Moment) -> Moment {
        self.advance(now);
        let older = self.slots.len() as u64 - 1;
        Moment::of_step(self.number.saturating_sub(older), self.length)
    }

    fn advance(&mut self, now: Moment) {
        let number = now.step(self.length);
        let passed = number.saturating_sub(self.number);
        for back in 0..passed.min(self.slots.len() as u64) {
            let index = self.index(number - back);
            self.slots[index] = T::default();
        }
        self.number = self.number.max(number);
    }

    fn index(&self, number: u64) -> usize {
        (number % self.slots.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_pass_and_come_back_empty() {
        let second = Duration::from_secs(1);
        let mut steps: TimeBuckets<u32> = TimeBuckets::new(second, 3);
        let at = |number| Moment::of_step(number, second);
        for (name, number, all) in [
            ("the first", 10, [0, 0, 1]),
            ("the same", 10, [0, 0, 2]),
            ("the next", 11, [0, 2, 1]),
            ("one left out", 13, [1, 0, 1]),
            ("all of them gone", 99, [0, 0, 1]),
        ] {
            *steps.current(at(number)) += 1;
            assert_eq!(steps.all(at(number)).collect::<Vec<_>>(), all, "{name}");
            assert_eq!(steps.from(at(number)), at(number - 2), "{name}");
        }
    }
}
