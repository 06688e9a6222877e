//! Telling whether a stream is one that was made of a seed: then the seed is kept in its place.

use super::content::{MAGIC, Pattern};
use bytes::BytesMut;

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

#[cfg(test)]
mod tests {
    use super::*;

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
