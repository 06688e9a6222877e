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

/// The same of answers that are on their way to a slow client: who bounds all of an answer.
#[cfg(feature = "doctor")]
pub(crate) fn suspects_of_answers(after: Duration) -> Option<(u64, &'static str)> {
    nearest(ANSWERS, after)
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
    fn who_bounds_answers_does_not_bound_uploads_alike() {
        for (milliseconds, suspect) in [
            (15_400, Some((15, "Envoy, Istio"))),
            (30_000, Some((30, "Google's application load balancer"))),
            (60_000, None),
        ] {
            let after = Duration::from_millis(milliseconds);
            assert_eq!(suspects_of_answers(after), suspect, "{after:?}");
        }
    }
}
