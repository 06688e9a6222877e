//! What helps at hops that have no configuration file: CDNs, and the clouds' own balancers. Their
//! limits are those of facts that their vendors publish, and change without us.

use crate::doctor::blame::Hop;
use crate::doctor::kind::Kind;

/// What can be changed at such a hop against a finding; none where nothing is known.
pub(crate) fn elsewhere(kind: Kind, hop: Hop) -> Option<&'static str> {
    match (hop, kind) {
        (Hop::Cloudflare, Kind::BodyLimit) => Some(
            "Cloudflare: the plan bounds bodies (100 MB, 200 MB, 500 MB). `DNS only`, the grey cloud, \
             for this name is what lifts it.",
        ),
        (Hop::Cloudflare, Kind::CommitCut | Kind::IdleCut) => Some(
            "Cloudflare: it gives up after 100 s without an answer (524). `DNS only`, the grey cloud, \
             for this name is what lifts it.",
        ),
        (Hop::AwsBalancer, Kind::CommitCut | Kind::IdleCut) => Some(
            "AWS ALB: the attribute `idle_timeout.timeout_seconds`, 60 unless set, up to 4000; or a \
             Network Load Balancer.",
        ),
        (Hop::GoogleBalancer, Kind::CommitCut | Kind::IdleCut) => Some(
            "Google Cloud: the backend service's timeout, 30 s unless set, bounds the whole request; \
             or a pass-through balancer.",
        ),
        (Hop::AzureGateway, Kind::CommitCut | Kind::IdleCut) => Some(
            "Azure Application Gateway: the backend setting's request timeout, 20 s unless set.",
        ),
        (Hop::Envoy, Kind::CommitCut | Kind::IdleCut) => Some(
            "Envoy: the route's `timeout: 0s` (15 s unless set), and a raised `stream_idle_timeout` \
             (5 min unless set).",
        ),
        _ => None,
    }
}
