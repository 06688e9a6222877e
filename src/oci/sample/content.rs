//! Content that is made, not kept: gigabytes of pseudo-random bytes from a seed and a size.

use bytes::{BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};

/// The first eight bytes of every pattern, so that a stream can be recognised as one.
pub(crate) const MAGIC: &[u8; 8] = b"standin\0";
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
    pub(crate) fn chunks(self) -> impl Iterator<Item = Bytes> + Send + 'static {
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
pub(crate) fn digest_of(hasher: Sha256) -> String {
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
}
