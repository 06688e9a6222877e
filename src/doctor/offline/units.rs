//! Times and sizes as the products write them. Unknown here: which of them are too short.

use std::time::Duration;

/// `90s`, `15m`, `1h30m`, `500ms`, `1d`; a number alone is in the unit that the product takes. None where
/// it is no time, as a variable is, or where it is none that ends anything: zero.
pub(crate) fn time(text: &str, bare: Duration) -> Option<Duration> {
    let text = text.trim();
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, behind) = rest.split_at(digits.unwrap_or(rest.len()));
        let letters = behind.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, behind) = behind.split_at(letters.unwrap_or(behind.len()));
        let one = match unit {
            "" => bare.as_secs_f64(),
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        let part = number.parse::<f64>().ok()? * one;
        sum = sum.checked_add(Duration::try_from_secs_f64(part).ok()?)?;
        rest = behind.trim_start();
    }
    (!sum.is_zero()).then_some(sum)
}

/// `1m`, `10G`, `10MB`, `1GiB`, `1048576`. None where it is no size, or none that limits: zero.
pub(crate) fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let shift = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" | "ki" | "kib" => 10,
        "m" | "mb" | "mi" | "mib" => 20,
        "g" | "gb" | "gi" | "gib" => 30,
        "t" | "tb" | "ti" | "tib" => 40,
        _ => return None,
    };
    let size = number.parse::<u64>().ok()?.checked_mul(1 << shift)?;
    (size > 0).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_each_product_writes_them() {
        let second = Duration::from_secs(1);
        let millisecond = Duration::from_millis(1);
        for (text, bare, expected) in [
            ("60s", second, Some(60_000)),
            ("60", second, Some(60_000)),
            ("50000", millisecond, Some(50_000)),
            ("1h30m", second, Some(5_400_000)),
            ("1m 30s", second, Some(90_000)),
            ("0.25s", second, Some(250)),
            ("0s", second, None),
            ("0", second, None),
            ("$timeout", second, None),
            ("1fortnight", second, None),
            ("99999999999999999999999d", second, None),
            ("", second, None),
        ] {
            let read = time(text, bare);
            assert_eq!(read, expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_each_product_writes_them() {
        for (text, expected) in [
            ("1m", Some(1 << 20)),
            ("10G", Some(10 << 30)),
            ("10MB", Some(10 << 20)),
            ("512MiB", Some(512 << 20)),
            ("1048576", Some(1 << 20)),
            ("0", None),
            ("off", None),
            ("", None),
            ("99999999999999999999g", None),
            ("18446744073709551615t", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }
}
