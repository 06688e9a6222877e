//! Content that is made, not kept: gigabytes of pseudo-random bytes from a seed and a size.

use bytes::{BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};

/// The first eight bytes of every pattern, so that a stream can be recognised as one.
const MAGIC: &[u8; 8] = b"standin\0";
/// Bytes made at a time.
const CHUNK: u64 = 64 * 1024;

/// A blob of `size` bytes that depends on nothing but `seed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub seed: u64,
    pub size: u64,
}

impl Pattern {
    /// `length` bytes from `offset`; fewer where the blob ends.
    pub fn bytes(&self, offset: u64, length: u64) -> Bytes {
        let end = offset.saturating_add(length).min(self.size);
        let (first, last) = (offset / 8, end.div_ceil(8));
        let mut made = BytesMut::with_capacity(((last.saturating_sub(first)) * 8) as usize);
        for block in first..last {
            match block {
                0 => made.put_slice(MAGIC),
                1 => made.put_u64_le(self.seed),
                _ => made.put_u64_le(mix(self.seed.wrapping_add(block))),
            }
        }
        let skip = (offset - first * 8) as usize;
        made.freeze()
            .slice(skip..skip + end.saturating_sub(offset) as usize)
    }

    /// The whole content in pieces of up to 64 KiB.
    pub fn chunks(self) -> impl Iterator<Item = Bytes> + Send + 'static {
        (0..self.size.div_ceil(CHUNK)).map(move |index| self.bytes(index * CHUNK, CHUNK))
    }

    /// `sha256:…` of the content. Costs a pass over all of it.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        self.chunks().for_each(|chunk| hasher.update(&chunk));
        digest_of(hasher)
    }
}

/// The finished hash as it is written in references.
pub fn digest_of(hasher: Sha256) -> String {
    use std::fmt::Write;
    let mut text = String::from("sha256:");
    for byte in hasher.finalize() {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `sha256:…` of bytes at hand.
pub fn digest(bytes: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(bytes);
    digest_of(hasher)
}

/// Whether a stream, seen so far, can be a pattern, and which.
#[derive(Clone, Debug)]
pub(super) enum Recognition {
    Head(BytesMut),
    Pattern(Pattern),
    Other,
}

impl Recognition {
    pub(super) fn new() -> Recognition {
        Recognition::Head(BytesMut::new())
    }

    /// Looks at the next bytes of the stream; `at` is their offset.
    pub(super) fn look(&mut self, at: u64, bytes: &[u8]) {
        match self {
            Recognition::Other => {}
            Recognition::Head(head) => {
                head.extend_from_slice(bytes);
                if head.len() < 16 {
                    return;
                }
                let seed = u64::from_le_bytes([
                    head[8], head[9], head[10], head[11], head[12], head[13], head[14], head[15],
                ]);
                let pattern = Pattern {
                    seed,
                    size: u64::MAX,
                };
                let sound =
                    head[..8] == MAGIC[..] && pattern.bytes(0, head.len() as u64)[..] == head[..];
                *self = if sound {
                    Recognition::Pattern(pattern)
                } else {
                    Recognition::Other
                };
            }
            Recognition::Pattern(pattern) => {
                if pattern.bytes(at, bytes.len() as u64)[..] != *bytes {
                    *self = Recognition::Other;
                }
            }
        }
    }

    /// The pattern, if the whole stream of `size` bytes was one.
    pub(super) fn finish(&self, size: u64) -> Option<Pattern> {
        match self {
            Recognition::Pattern(pattern) => Some(Pattern {
                seed: pattern.seed,
                size,
            }),
            Recognition::Head(_) | Recognition::Other => None,
        }
    }
}

/// SplitMix64's output function: a bijection that looks random and costs nothing.
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_slice_of_a_pattern_is_that_slice_of_the_whole() {
        let pattern = Pattern {
            seed: 7,
            size: 200_003,
        };
        let whole: Vec<u8> = pattern.chunks().flat_map(|chunk| chunk.to_vec()).collect();
        assert_eq!(whole.len(), 200_003);
        for (offset, length) in [(0, 1), (3, 13), (65_535, 4), (199_999, 100), (200_003, 5)] {
            let end = (offset + length).min(whole.len());
            let slice = pattern.bytes(offset as u64, length as u64);
            assert_eq!(slice[..], whole[offset..end], "{offset}+{length}");
        }
        assert_eq!(pattern.digest(), digest(&whole));
    }

    #[test]
    fn a_pattern_is_recognised_in_whatever_pieces_it_comes() {
        let pattern = Pattern {
            seed: 9,
            size: 1000,
        };
        let whole = pattern.bytes(0, 1000);
        for piece in [1, 7, 16, 64, 1000] {
            let mut seen = Recognition::new();
            for (index, bytes) in whole.chunks(piece).enumerate() {
                seen.look((index * piece) as u64, bytes);
            }
            assert_eq!(seen.finish(1000), Some(pattern), "pieces of {piece}");
        }
        let mut damaged = whole.to_vec();
        damaged[500] ^= 1;
        let mut seen = Recognition::new();
        seen.look(0, &damaged[..100]);
        seen.look(100, &damaged[100..]);
        assert_eq!(seen.finish(1000), None);
    }
}
