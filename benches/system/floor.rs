//! The lower bound for every proxy: encrypting a body once and copying it twice. Measured beside the
//! proxies, it shows whether the machine is busy, which would make the other results worthless.

use anyhow::{Result, anyhow};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::{Duration, Instant};

const PIECE: usize = 64 * 1024;
const BYTES: usize = 256 << 20;

/// Seconds for each GiB.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    pub cpu: f64,
    pub wall: f64,
}

/// A thread that gets a core at once has as much CPU time as the clock passes. Where it has less,
/// something else computes, and shares caches and cores with what is measured.
pub const MOST_WAITED: f64 = 1.15;

pub async fn measure() -> Result<Floor> {
    tokio::task::spawn_blocking(seal).await?
}

fn seal() -> Result<Floor> {
    let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).map_err(|_| anyhow!("no key"))?;
    let key = LessSafeKey::new(key);
    let (source, mut first, mut second) = (vec![1; PIECE], vec![0; PIECE], vec![0; PIECE]);
    let (cpu, wall) = (thread_time(), Instant::now());
    for _ in 0..BYTES / PIECE {
        first.copy_from_slice(black_box(&source));
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::empty(), black_box(&mut first))
            .map_err(|_| anyhow!("not sealed"))?;
        let _ = black_box(tag);
        second.copy_from_slice(black_box(&first));
        black_box(&mut second);
    }
    let scale = (1u64 << 30) as f64 / BYTES as f64;
    Ok(Floor {
        cpu: (thread_time() - cpu).as_secs_f64() * scale,
        wall: wall.elapsed().as_secs_f64() * scale,
    })
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or_default(),
        time.tv_nsec.try_into().unwrap_or_default(),
    )
}
