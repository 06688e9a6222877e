//! Limits of sizes and times, and the products that have them by default.

use crate::doctor::language::Language;
use crate::doctor::trace::Exchange;
use crate::doctor::words::Word;
use crate::net::balancer_timeouts::{Limit, suspects, suspects_of_answers};
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// Largest bodies, in bytes, and who allows no more where nobody says otherwise.
const BODIES: [(u64, &str); 8] = [
    (
        MIB,
        "nginx (`client_max_body_size`) and ingress-nginx (`proxy-body-size`)",
    ),
    (10 * MIB, "AWS API Gateway"),
    (
        13_107_200,
        "ModSecurity's recommended rules (`SecRequestBodyLimit`)",
    ),
    (30_000_000, "IIS (`maxAllowedContentLength`)"),
    (100_000_000, "Cloudflare, Free and Pro"),
    (200_000_000, "Cloudflare, Business"),
    (500_000_000, "Cloudflare, Enterprise"),
    (1024 * MIB, "Apache httpd from 2.4.54 (`LimitRequestBody`)"),
];

/// Whose limit lies between what passed and what didn't. A megabyte may mean 2^20 bytes.
pub(super) fn of_bodies(passed: u64, refused: u64) -> Vec<&'static str> {
    let lies_between = |limit: u64| passed <= limit && limit < refused;
    let in_mebibytes = |limit: u64| match limit % 1_000_000 {
        0 => limit / 1_000_000 * MIB,
        _ => limit,
    };
    BODIES
        .iter()
        .filter(|(limit, _)| lies_between(*limit) || lies_between(in_mebibytes(*limit)))
        .map(|(_, who)| *who)
        .collect()
}

/// The most that are named: more say nothing.
const MOST: usize = 3;

/// `: nginx allows no more by default`; nothing where it could be anybody.
pub(super) fn by_default(who: Vec<&'static str>) -> impl Fn(Language) -> String + 'static {
    move |language| match who.len() {
        1..=MOST => {
            let who = who.join(Word::Listing.told(language));
            Word::DefaultsThere.filled(language, &[("who", &who)])
        }
        _ => String::new(),
    }
}

/// Whose silence it is.
pub(super) fn of_silences(after: Duration) -> impl Fn(Language) -> String + 'static {
    is_default(suspects(Limit::Silence, after))
}

/// Who gives a request no longer.
pub(super) fn of_ages(after: Duration) -> impl Fn(Language) -> String + 'static {
    is_default(suspects(Limit::Age, after))
}

/// Who gives an answer no longer, where this one was read slowly.
pub(super) fn of_answers(exchange: &Exchange) -> impl Fn(Language) -> String + 'static {
    let server = exchange.answer().and_then(|answer| answer.header("server"));
    is_default(suspects_of_answers(exchange.took, server))
}

fn is_default(
    suspects: impl IntoIterator<Item = (u64, &'static str)>,
) -> impl Fn(Language) -> String + 'static {
    let suspects: Vec<(u64, &str)> = suspects.into_iter().collect();
    move |language| {
        let told = |(seconds, who): &(u64, &str)| {
            Word::IsDefaultOf.filled(language, &[("seconds", seconds), ("who", who)])
        };
        suspects.iter().map(told).collect()
    }
}

/// `42 s`, `1.5 s`, `20 ms`.
pub(super) fn lasted(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 10.0 => format!("{seconds:.0} s"),
        seconds if seconds >= 0.95 => format!("{seconds:.1} s"),
        seconds => format!("{:.0} ms", seconds * 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_name_their_suspects() {
        for (name, passed, refused, expected) in [
            ("nginx", 64 << 10, 2 * MIB, "nginx"),
            ("nginx, to the byte", MIB, MIB + 1, "nginx"),
            ("Cloudflare", 90 * MIB, 101 * MIB, "Cloudflare, Free"),
            ("in mebibytes", 99 * MIB, 101 * MIB, "Cloudflare, Free"),
        ] {
            let who = of_bodies(passed, refused);
            assert_eq!(who.len(), 1, "{name}: {who:?}");
            assert!(who[0].starts_with(expected), "{name}: {who:?}");
        }
        assert!(of_bodies(2 * MIB, 9 * MIB).is_empty());
        assert_eq!(by_default(of_bodies(0, u64::MAX))(Language::English), "");
    }

    #[test]
    fn times_are_short() {
        for (time, shown) in [
            (Duration::from_millis(20), "20 ms"),
            (Duration::from_millis(1500), "1.5 s"),
            (Duration::from_secs(42), "42 s"),
        ] {
            assert_eq!(lasted(time), shown);
        }
    }
}
