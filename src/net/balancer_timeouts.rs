//! Balancers and proxies that may be in a chain, and their default timeouts: those of the clouds from
//! their documentation, those of Envoy, HAProxy, Apache, Varnish, nghttpx, lighttpd and Traefik measured.
//! Unknown here: whether one is there.

use std::time::Duration;

/// What a balancer limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Seconds without a byte.
    Silence,
    /// Seconds from a request's beginning.
    Age,
}

/// So near to each other lie cuts of one limit: balancers look at their clocks once a second.
pub(crate) const NEAR: Duration = Duration::from_millis(1500);

/// The balancers whose default limit lies there, and where exactly.
pub(crate) fn suspects(limit: Limit, after: Duration) -> Option<(u64, &'static str)> {
    match limit {
        Limit::Silence => nearest(SILENCES, after),
        Limit::Age => nearest(AGES, after),
    }
}

/// Seconds without a byte after which balancers cut, and which do by default.
const SILENCES: &[(u64, &str)] = &[
    (5, "Varnish"),
    (15, "Envoy, Istio"),
    (20, "Azure Application Gateway"),
    (30, "Hetzner, Google's application load balancer"),
    (50, "HAProxy"),
    (
        60,
        "AWS ALB, DigitalOcean, Alibaba's layer 7, nginx, Apache, Varnish, nghttpx, lighttpd",
    ),
    (100, "Cloudflare"),
    (240, "Azure Load Balancer"),
    (350, "AWS NLB"),
    (600, "Google's pass-through load balancer"),
    (900, "Alibaba NLB, Tencent CLB"),
];

/// Who may have ended an answer that a slow client saw end then, the most patient last. What lay in buffers
/// on the way is read after the cut, so the limit is the time that was seen, or less: down to half of it,
/// since buffers hold a few MiB. Of a server that says who it is only its own counts.
#[cfg(feature = "doctor")]
pub(crate) fn suspects_of_answers(
    seen: Duration,
    server: Option<&str>,
) -> Vec<(u64, &'static str)> {
    let may_be = |(seconds, _): &&(u64, &str)| {
        let limit = Duration::from_secs(*seconds);
        seen / 2 <= limit && limit <= seen + NEAR
    };
    let all: Vec<(u64, &str)> = ANSWERS.iter().filter(may_be).copied().collect();
    let is_the_servers = |(_, who): &(u64, &str)| server.is_some_and(|one| is_of(who, one));
    let own = all.iter().copied().find(is_the_servers);
    own.map_or(all, |own| vec![own])
}

/// Whether a value of `Server` is one of these products': `envoy`, `Microsoft-Azure-Application-Gateway/v2`.
#[cfg(feature = "doctor")]
fn is_of(products: &str, server: &str) -> bool {
    let server = server.replace('-', " ").to_ascii_lowercase();
    let mut names = products.split(", ").map(str::to_ascii_lowercase);
    names.any(|name| server.contains(&name))
}

fn nearest(known: &[(u64, &'static str)], after: Duration) -> Option<(u64, &'static str)> {
    let near = |(seconds, _): &&(u64, &str)| Duration::from_secs(*seconds).abs_diff(after) <= NEAR;
    known.iter().find(near).copied()
}

/// Seconds from a request's beginning.
const AGES: &[(u64, &str)] = &[
    (20, "Azure Application Gateway"),
    (30, "Google's application load balancer"),
    (60, "Traefik, Alibaba's layer 7"),
];

/// Seconds from a request's end to the last byte of its answer.
#[cfg(feature = "doctor")]
const ANSWERS: &[(u64, &str)] = &[
    (15, "Envoy, Istio"),
    (20, "Azure Application Gateway"),
    (30, "Google's application load balancer"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_near_a_default_has_a_suspect() {
        for (limit, milliseconds, suspect) in [
            (Limit::Silence, 350_000, Some((350, "AWS NLB"))),
            (Limit::Silence, 348_500, Some((350, "AWS NLB"))),
            (Limit::Silence, 351_500, Some((350, "AWS NLB"))),
            (Limit::Silence, 351_501, None),
            (Limit::Silence, 348_499, None),
            (Limit::Silence, 0, None),
            (Limit::Age, 350_000, None),
            (Limit::Age, 60_000, Some((60, "Traefik, Alibaba's layer 7"))),
            (Limit::Silence, 15_200, Some((15, "Envoy, Istio"))),
            (Limit::Silence, 50_400, Some((50, "HAProxy"))),
            (Limit::Age, 58_499, None),
        ] {
            let after = Duration::from_millis(milliseconds);
            assert_eq!(suspects(limit, after), suspect, "{limit:?} {after:?}");
        }
    }

    #[cfg(feature = "doctor")]
    #[test]
    fn an_answer_is_seen_to_end_later_than_it_was_cut() {
        const ENVOY: (u64, &str) = (15, "Envoy, Istio");
        const AZURE: (u64, &str) = (20, "Azure Application Gateway");
        const GOOGLE: (u64, &str) = (30, "Google's application load balancer");
        for (name, milliseconds, server, expected) in [
            ("at once", 15_400, None, &[ENVOY][..]),
            ("after buffers", 20_000, None, &[ENVOY, AZURE]),
            ("after Envoy's", 20_000, Some("envoy"), &[ENVOY]),
            ("after Istio's", 29_000, Some("istio-envoy"), &[ENVOY]),
            (
                "at Azure's own",
                20_000,
                Some("Microsoft-Azure-Application-Gateway/v2"),
                &[AZURE],
            ),
            (
                "at whom nothing is known of",
                20_000,
                Some("nginx"),
                &[ENVOY, AZURE],
            ),
            (
                "after more than buffers hold",
                32_000,
                Some("envoy"),
                &[AZURE, GOOGLE],
            ),
            ("too late for all", 61_000, Some("envoy"), &[]),
            ("too soon for all", 5_000, Some("envoy"), &[]),
        ] {
            let seen = Duration::from_millis(milliseconds);
            assert_eq!(suspects_of_answers(seen, server), expected, "{name}");
        }
    }
}
