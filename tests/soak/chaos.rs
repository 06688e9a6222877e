//! What is done to Harbor and to the gateway, one thing after another, in an order and for times
//! that the seed decides. Every kind comes before one comes again.

use crate::book::{Book, Chaos};
use crate::random::Random;
use crate::stage::{BETWEEN_BYTES, Stage};
use crate::wire::Mode;
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};
use http::{Method, StatusCode};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

const ALL: [Chaos; 12] = [
    Chaos::RegistryKilled,
    Chaos::CoreRestarted,
    Chaos::WiresCut,
    Chaos::WireCut,
    Chaos::StalledLong,
    Chaos::StalledShort,
    Chaos::Slow,
    Chaos::HarborErrors,
    Chaos::GoodReload,
    Chaos::BadReload,
    Chaos::ReplicaReplaced,
    Chaos::LogUnread,
];

/// Between two episodes, in milliseconds: long enough that most of the time nothing excuses a
/// failure.
const QUIET: Range<u64> = 4000..9000;

/// Goes on until `until`; then everything is as it was.
pub async fn rage(stage: &mut Stage, book: &Arc<Book>, random: &mut Random, until: Instant) {
    let mut bag = Vec::new();
    loop {
        let quiet = Duration::from_millis(random.between(QUIET));
        if Instant::now() + quiet + BETWEEN_BYTES * 3 > until {
            tokio::time::sleep_until(until.into()).await;
            return;
        }
        tokio::time::sleep(quiet).await;
        if bag.is_empty() {
            bag = ALL.to_vec();
            random.shuffle(&mut bag);
        }
        let Some(chaos) = bag.pop() else { continue };
        let episode = book.begin(chaos);
        act(stage, book, random, chaos).await;
        book.end(episode);
    }
}

async fn act(stage: &mut Stage, book: &Book, random: &mut Random, chaos: Chaos) {
    let moment = Duration::from_millis(random.between(200..2500));
    match chaos {
        Chaos::RegistryKilled => {
            block_in_place(|| stage.kill_registry());
            tokio::time::sleep(moment).await;
            block_in_place(|| stage.start_registry());
        }
        Chaos::CoreRestarted => {
            stage.stop_core().await;
            tokio::time::sleep(moment).await;
            stage.start_core().await;
        }
        Chaos::WiresCut => on_wires(stage, &[0, 1], Mode::Cut, moment / 4).await,
        Chaos::WireCut => {
            let which = usize::from(random.once_in(2));
            on_wires(stage, &[which], Mode::Cut, moment).await;
        }
        Chaos::StalledLong => {
            on_wires(stage, &[0, 1], Mode::Stalled, BETWEEN_BYTES + moment).await;
        }
        Chaos::StalledShort => on_wires(stage, &[0, 1], Mode::Stalled, moment).await,
        Chaos::Slow => on_wires(stage, &[0, 1], Mode::Slow, moment * 4).await,
        Chaos::HarborErrors => {
            let method = random.pick(&[Method::PUT, Method::PATCH, Method::GET, Method::POST]);
            let fault = InjectedFault::Answer {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                content_type: "text/plain",
                body: "broken".to_owned(),
            };
            let which = Match::method(method).path_contains("/v2/lab/");
            stage.core().faults().inject(which, Times::Always, fault);
            tokio::time::sleep(moment).await;
            stage.core().faults().clear();
        }
        Chaos::GoodReload => stage.reload(random.between(60..90)),
        Chaos::BadReload => {
            stage.reload_badly();
            tokio::time::sleep(moment).await;
            stage.reload(random.between(60..90));
        }
        Chaos::ReplicaReplaced => replace(stage, book).await,
        Chaos::LogUnread => {
            stage.first.read_log(false);
            tokio::time::sleep(moment * 4).await;
            stage.first.read_log(true);
        }
        Chaos::ZeroWindows
        | Chaos::IdleConnections
        | Chaos::RefusedUploads
        | Chaos::Trickles
        | Chaos::ResetFlood
        | Chaos::PingFlood => unreachable!("these come from elsewhere"),
    }
}

async fn on_wires(stage: &Stage, which: &[usize], mode: Mode, lasts: Duration) {
    for &index in which {
        stage.wires[index].set(mode);
    }
    tokio::time::sleep(lasts).await;
    for &index in which {
        stage.wires[index].set(Mode::Open);
    }
}

/// Its `drain.timeout`, and a little.
const END_LIMIT: Duration = Duration::from_secs(75);

async fn replace(stage: &mut Stage, book: &Book) {
    let Some(mut old) = stage.second.take() else {
        return;
    };
    stage.doors.close(old.tls);
    old.signal("TERM");
    block_in_place(|| stage.start_second());
    let start = Instant::now();
    loop {
        match old.ended() {
            Some(status) if status.success() => return,
            Some(status) => return book.wrong(format!("a replica ended with {status}")),
            None if start.elapsed() > END_LIMIT => {
                return book.wrong(format!("a replica has not ended in {END_LIMIT:?}"));
            }
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
