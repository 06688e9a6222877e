//! Answers that need much CPU time, or a lock that workers need: they are made one at a time, with a
//! pause after each.
//!
//! A request for the metrics shares the text that is rendered for another request, if that rendering
//! began after the request arrived: a thousand requests at once cost two renderings.

use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// After each piece of work, a rest of so many times its length: what is asked here may take half
/// of one core at most, and workers get the locks between.
const REST: u32 = 1;

/// The result of rendering the metrics: their text, or why there is none.
pub(super) type Rendered = Result<Bytes, String>;

/// Who works, and until when the rest lasts.
#[derive(Default)]
pub(super) struct RenderQueue {
    resting_until: Arc<Turns<Option<Instant>>>,
    scrapes: Arc<Mutex<Scrapes>>,
}

#[derive(Default)]
struct Scrapes {
    begun: u64,
    /// The last one that is done, by its number.
    latest: Option<(u64, Rendered)>,
}

impl RenderQueue {
    /// Works when it is its turn; none if the work panicked.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = Arc::clone(&self.resting_until).lock_owned().await;
        take(turn, work).await
    }

    /// The metrics as `render` gives them, no older than this call.
    pub(super) async fn metrics(
        &self,
        render: impl FnOnce() -> Rendered + Send + 'static,
    ) -> Option<Rendered> {
        let asked = self.scrapes.lock().begun;
        let turn = Arc::clone(&self.resting_until).lock_owned().await;
        let scrapes = Arc::clone(&self.scrapes);
        if let Some((number, latest)) = &scrapes.lock().latest
            && *number > asked
        {
            return Some(latest.clone());
        }
        let work = move || {
            let number = {
                let mut scrapes = scrapes.lock();
                scrapes.begun += 1;
                scrapes.begun
            };
            let rendered = render();
            scrapes.lock().latest = Some((number, rendered.clone()));
            rendered
        };
        take(turn, work).await
    }
}

/// Works in its own task: the client may leave, and the turn ends only with the work.
async fn take<T: Send + 'static>(
    mut turn: OwnedMutexGuard<Option<Instant>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let working = tokio::spawn(async move {
        if let Some(until) = *turn {
            tokio::time::sleep_until(until).await;
        }
        let began = Instant::now();
        let done = spawn_blocking(work).await;
        *turn = Some(Instant::now() + began.elapsed() * REST);
        done.ok()
    });
    working.await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test]
    async fn who_waits_shares_what_was_begun_after_it_asked() {
        let turn = Arc::new(RenderQueue::default());
        let rendered = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let (turn, rendered) = (Arc::clone(&turn), Arc::clone(&rendered));
            tokio::spawn(async move {
                let render = move || {
                    std::thread::sleep(Duration::from_millis(20));
                    let number = rendered.fetch_add(1, Ordering::Relaxed);
                    Ok(Bytes::from(number.to_string()))
                };
                turn.metrics(render).await.unwrap().unwrap()
            })
        };
        let many: Vec<_> = (0..100).map(|_| ask()).collect();
        for asked in many {
            asked.await.unwrap();
        }
        assert!(rendered.load(Ordering::Relaxed) <= 2);
        // Nobody is given what is older than the question.
        let before = rendered.load(Ordering::Relaxed).to_string();
        assert_eq!(ask().await.unwrap(), before);
    }

    #[tokio::test]
    async fn one_works_at_a_time_even_when_who_asked_has_left() {
        let turn = Arc::new(RenderQueue::default());
        let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..5 {
            let (turn, working, most) = (turn.clone(), working.clone(), most.clone());
            let asked = tokio::spawn(async move {
                let work = move || {
                    let now = working.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(10));
                    working.fetch_sub(1, Ordering::SeqCst);
                };
                turn.work(work).await
            });
            tokio::task::yield_now().await;
            asked.abort();
        }
        assert!(turn.work(|| ()).await.is_some());
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert!(turn.work(|| panic!("on purpose")).await.is_none());
        assert!(turn.work(|| ()).await.is_some());
    }
}
