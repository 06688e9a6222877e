//! What people read: text from outside, sizes, times and dates. Unknown here: what they are of.

use super::language::Language;
use super::words::Word;
use crate::net::bounded_text::Text;
use std::time::{Duration, SystemTime};

/// Text from outside as it may be shown: of a bounded length, without what drives a terminal.
pub(super) fn clean(text: &str) -> String {
    const MOST: usize = 400;
    Text::name(text, MOST).to_string()
}

/// Somebody's sentence as it may be shown; what could be a secret in it is hidden as well.
pub(super) fn clean_words(text: &str) -> String {
    const MOST: usize = 200;
    Text::words(text, MOST).to_string()
}

/// At most so many characters, the last of them `…` where something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

/// `2 MiB`, `1.5 GiB`, `700 B`.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        // The byte that is too much.
        _ if count % 1024 == 1 => format!("{} + 1 B", size(count - 1)),
        _ => size(count),
    }
}

/// `2 MiB`, `100.5 MiB`, `64 KiB`, `12 bytes`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u128, &str); 4] = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    let Some((unit, name)) = UNITS
        .into_iter()
        .find(|(unit, _)| u128::from(bytes) >= *unit)
    else {
        return format!("{bytes} bytes");
    };
    let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        rest => format!("{}.{rest} {name}", tenths / 10),
    }
}

/// `20 ms`, `3.2 s`, `2 min 5 s`.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// A time of minutes and more, as people say it.
pub(super) fn about(time: Duration, language: Language) -> String {
    let (word, count) = match time.as_secs() / 60 {
        minutes @ ..120 => (Word::WholeMinutes, minutes),
        minutes @ ..2880 => (Word::WholeHours, minutes / 60),
        minutes => (Word::Days, minutes / 60 / 24),
    };
    word.filled(language, &[("count", &count)])
}

/// `2026-11-21T12:00:00Z`. The time is the machine's; beyond what it can be, it is left out.
pub(super) fn date(seconds: u64) -> String {
    // humantime panics beyond the year 9999.
    const YEAR_9999: u64 = 253_370_764_800;
    if seconds >= YEAR_9999 {
        return "an unknown time".to_owned();
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// `2026-11-21`.
pub(super) fn day(seconds: u64) -> String {
    let mut date = date(seconds);
    if let Some(at) = date.find('T') {
        date.truncate(at);
    }
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_easily() {
        for (count, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1025, "1 KiB + 1 B"),
            (2 << 20, "2 MiB"),
            (1_572_864, "1.5 MiB"),
            (150 << 20, "150 MiB"),
            (5 << 40, "5 TiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(bytes(count), shown);
        }
        for (count, shown) in [
            (12, "12 bytes"),
            (64 << 10, "64 KiB"),
            (2 << 20, "2 MiB"),
            (105_000_000, "100.1 MiB"),
            (3 << 30, "3 GiB"),
        ] {
            assert_eq!(size(count), shown);
        }
    }
}
