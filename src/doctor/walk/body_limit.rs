//! Finds the size from which bodies are refused: chooses the sizes that narrow it down fastest. Knows
//! only sizes.

/// Limits that products have out of the box, or that everybody writes, in bytes.
const USUAL: [u64; 12] = [
    // nginx and ingress-nginx.
    1 << 20,
    4 << 20,
    8 << 20,
    10 << 20,
    16 << 20,
    // IIS.
    30_000_000,
    50 << 20,
    // Cloudflare's, whichever way it counts.
    100_000_000,
    100 << 20,
    500 << 20,
    1 << 30,
    10 << 30,
];

/// How many bodies are spent on it.
pub(super) const MOST_TRIES: usize = 6;

/// The size to try next, where `passed` went through and `failed` didn't; none where the limit is
/// clear enough: to the byte for a usual one, and within an eighth for another.
pub(super) fn next(passed: u64, failed: u64) -> Option<u64> {
    let inside: Vec<u64> = USUAL
        .into_iter()
        .filter(|usual| (passed + 1..failed).contains(usual))
        .collect();
    if let Some(middle) = inside.get(inside.len() / 2) {
        return Some(*middle);
    }
    if USUAL.contains(&passed) && failed > passed + 1 {
        // Its first byte too many.
        return Some(passed + 1);
    }
    let is_clear = failed - passed <= passed / 8;
    (!is_clear && failed > passed + 1).then(|| passed + (failed - passed) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found for a real limit, and with how many tries.
    fn find(limit: u64, body: u64) -> (u64, u64, usize) {
        let (mut passed, mut failed, mut tries) = (64 * 1024, body, 0);
        while let Some(size) = next(passed, failed).filter(|_| tries < MOST_TRIES) {
            assert!(
                (passed + 1..failed).contains(&size),
                "{passed} {size} {failed}"
            );
            tries += 1;
            if size <= limit {
                passed = size;
            } else {
                failed = size;
            }
        }
        (passed, failed, tries)
    }

    #[test]
    fn usual_limits_are_found_to_the_byte() {
        for (limit, body, tries) in [
            (1 << 20, 2 << 20, 2),
            (1 << 20, 150 << 20, 5),
            (10 << 20, 150 << 20, 5),
            (30_000_000, 150 << 20, 5),
            (100_000_000, 150 << 20, 5),
            (100 << 20, 150 << 20, 5),
            (100 << 20, 2 << 30, 5),
            (1 << 30, 2 << 30, 5),
        ] {
            let found = find(limit, body);
            assert_eq!(found, (limit, limit + 1, found.2), "{limit} of {body}");
            assert!(found.2 <= tries, "{limit} of {body}: {} tries", found.2);
        }
    }

    #[test]
    fn other_limits_are_bracketed() {
        for (limit, body) in [
            (100 * 1024, 2 << 20),
            (1_500_000, 2 << 20),
            (3 << 20, 5 << 20),
        ] {
            let (passed, failed, tries) = find(limit, body);
            assert!(
                passed <= limit && limit < failed,
                "{limit}: {passed} {failed}"
            );
            assert!(
                tries <= MOST_TRIES && failed - passed <= 512 * 1024,
                "{limit}: {passed} {failed}"
            );
        }
        assert_eq!(next(64 * 1024, 64 * 1024 + 1), None);
        assert_eq!(next(8 * 64, 9 * 64), None);
    }
}
