//! Diagnoses: sentences for the operator about what went wrong, with the evidence in numbers and what
//! to change. Never a token, a cookie, a ticket or the value of a query.
//!
//! What this file deliberately doesn't know: how a finding is made (see `evidence`).

use super::bounds::{DIAGNOSIS, HOST_TOLD, REFERENCE, REPOSITORY};
use super::disconnects::Cluster;
use super::event::RequestEnded;
use super::evidence::{PushEvidence, body_limit, gives_up};
use super::finding::PushFinding;
use crate::net::balancer_timeouts::Limit;
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::Outcome;
use std::time::Duration;

/// What there is to say about a request's end.
pub(crate) fn diagnosis(
    ended: &RequestEnded<'_>,
    evidence: &PushEvidence,
    finding: Option<PushFinding>,
) -> Text {
    let sentences = match finding {
        Some(PushFinding::LocationRewritten) => location_rewritten(ended, evidence),
        Some(PushFinding::AuthorizationStripped) => authorization_stripped(ended, evidence),
        Some(PushFinding::ImpatientClient) => impatient_client(ended, evidence),
        Some(PushFinding::IdleCut) => evidence.cluster.map_or_else(|| plain(ended), idle_cut),
        Some(PushFinding::UnsharedStorage) => unshared_storage(ended, evidence),
        Some(PushFinding::ShortToken) => short_token(ended, evidence),
        Some(PushFinding::CdnLimit) => cdn_limit(ended),
        Some(PushFinding::NoPushGranted) => no_push_granted(ended),
        Some(PushFinding::InsecureClientSide) => insecure_client_side(ended),
        None => plain(ended),
    };
    Text::ours(&sentences, DIAGNOSIS)
}

fn location_rewritten(ended: &RequestEnded<'_>, evidence: &PushEvidence) -> String {
    let (method, host) = (ended.operation.method(), told_host(ended.host));
    let compared = match evidence.opening_host.as_deref() {
        Some(opening) => format!(
            "The {method} came without the token that its POST had, and its Host was {host} where \
             the POST's was {}",
            told_host(opening)
        ),
        None => format!(
            "The {method} came without a token, and its Host was {host} where the public name is \
             {} (this replica didn't see its POST)",
            told_host(ended.public_host)
        ),
    };
    let cure = cure(ended, "Let that hop pass Location on as it comes.");
    format!("{compared}: a hop in front turned Location into another authority. {cure}")
}

fn authorization_stripped(ended: &RequestEnded<'_>, evidence: &PushEvidence) -> String {
    let (method, host) = (ended.operation.method(), told_host(ended.host));
    let follows_location = Operation::TICKETED.contains(&ended.operation);
    let compared = match (follows_location, evidence.opening_host.is_some()) {
        (true, true) => format!(
            "The {method} came without the token that its POST had, under the same Host {host}: a \
             hop in front removes Authorization, or changed Location's scheme."
        ),
        (true, false) => format!(
            "The {method} came without a token, under the public name {host} (this replica didn't \
             see its POST): a hop in front removes Authorization, or changed Location."
        ),
        (false, _) => format!(
            "The {method} came without a token, which no client leaves out here: a hop in front \
             removes Authorization."
        ),
    };
    let hops = "Let every hop in front pass Authorization on for PUT and PATCH as for GET.";
    format!("{compared} {}", cure(ended, hops))
}

/// What is to be done about a token that got lost, unless it was put back.
fn cure(ended: &RequestEnded<'_>, otherwise: &'static str) -> &'static str {
    match ended.outcome() {
        Outcome::Ok => "The gateway put the token back.",
        Outcome::Refused | Outcome::Failed | Outcome::Aborted => otherwise,
    }
}

fn impatient_client(ended: &RequestEnded<'_>, evidence: &PushEvidence) -> String {
    let waited = lasted(ended.commit_wait.unwrap_or(ended.silence));
    let limit = if gives_up(ended.client_family) {
        "which is the limit of containerd from 2.3 and Docker from 29.7"
    } else {
        "as containerd from 2.3 and Docker from 29.7 do, and balancers with a limit of 30 s"
    };
    let slowest = match evidence.slowest_commit {
        Some(slowest) => format!(
            "the slowest commit of the last hour took {}",
            lasted(slowest)
        ),
        None => "no commit has been answered in the last hour".to_owned(),
    };
    format!(
        "The client left {waited} into a silent commit, {limit}; {slowest}. Harbor's storage is \
         what takes the time: it hashes or moves the layer ({} here) before it answers.",
        size(ended.received)
    )
}

fn idle_cut(cluster: Cluster) -> String {
    let suspects = cluster.suspects();
    let after = match suspects {
        Some((seconds, _)) => format!("{seconds} s"),
        None => lasted(cluster.after),
    };
    let (limit, cure) = match cluster.limit {
        Limit::Silence => (
            "of silence",
            "Raise its idle limit above the slowest commit, or use one that passes TCP through.",
        ),
        Limit::Age => (
            "from its beginning, whether bytes flowed or not",
            "Raise its limit for a whole request, or use one that passes TCP through.",
        ),
    };
    let defaults = match suspects {
        Some((_, names)) => format!(" (by default: {names})"),
        None => String::new(),
    };
    let Cluster { count, of, .. } = cluster;
    format!(
        "{count} of the last {of} uploads that broke off did so after {after} {limit}: a balancer \
         in front cuts there{defaults}. {cure}"
    )
}

fn unshared_storage(ended: &RequestEnded<'_>, evidence: &PushEvidence) -> String {
    let causes = "registry replicas behind Harbor don't share their storage";
    match (evidence.committed_ago, ended.unknown_blob) {
        (Some(ago), Some(blob)) => format!(
            "Harbor doesn't know {}, which it took {} earlier: {causes}, or a garbage collection \
             ran during the push.",
            Text::name(blob, REFERENCE),
            lasted(ago)
        ),
        _ => format!(
            "Harbor doesn't know the upload that it opened {} earlier and that was fine until now: \
             {causes}, or two Harbors stand behind one name.",
            lasted(evidence.upload_age.unwrap_or_default())
        ),
    }
}

fn short_token(ended: &RequestEnded<'_>, evidence: &PushEvidence) -> String {
    let age = ended.upload_age.or(evidence.upload_age);
    format!(
        "The token lives {} and this upload took {}. Raise Harbor's token expiration above what \
         the slowest layer takes.",
        lasted(ended.token_life.unwrap_or_default()),
        lasted(age.unwrap_or_default())
    )
}

fn cdn_limit(ended: &RequestEnded<'_>) -> String {
    let limit = body_limit(ended.received).unwrap_or_default();
    format!(
        "Cloudflare stands in front (CF-Ray) and the body broke off after {}: its limit for one \
         body is {} (100, 200 or 500 MB by plan). Let the registry's name bypass its proxy (DNS \
         only).",
        size(ended.received),
        size(limit)
    )
}

fn no_push_granted(ended: &RequestEnded<'_>) -> String {
    let repository = match ended.repository {
        Some(name) => Text::name(name, REPOSITORY),
        None => Text::name("the repository that was asked for", REPOSITORY),
    };
    let whose = match ended.operation {
        Operation::Token => "Harbor gave",
        _ => "the client holds",
    };
    format!(
        "The token that {whose} doesn't allow pushes to {repository}. Check the account's role in \
         that project (developer and above may push) or the robot's permissions; Harbor also \
         answers a wrong password with an empty token."
    )
}

fn insecure_client_side(ended: &RequestEnded<'_>) -> String {
    format!(
        "A trusted proxy reports that the client uses http, but the public name is https ({}): \
         either passwords and tokens travel in clear to that proxy, or a hop in front of it ended \
         TLS and X-Forwarded-Proto was lost on the way. Let the outermost hop redirect http to \
         https, and let each further hop pass X-Forwarded-Proto on unchanged.",
        told_host(ended.public_host)
    )
}

/// The reason's meaning, the numbers that matter, and where to look.
fn plain(ended: &RequestEnded<'_>) -> String {
    let mut numbers = vec![format!("after {}", lasted(ended.duration))];
    if ended.received > 0 {
        numbers.push(format!("{} had been received", size(ended.received)));
    }
    if let Some(wait) = ended.commit_wait.filter(|wait| *wait >= WORTH_TELLING) {
        numbers.push(format!(
            "the client had waited {} for the answer",
            lasted(wait)
        ));
    } else if ended.outcome() == Outcome::Aborted && ended.silence >= WORTH_TELLING {
        numbers.push(format!("no byte had moved for {}", lasted(ended.silence)));
    }
    if let Some(status) = ended.status {
        numbers.push(format!("status {status}"));
    }
    format!(
        "{} It ended {}. Look at: {}",
        ended.reason.meaning(),
        numbers.join(", "),
        ended.reason.advice()
    )
}

/// Shorter waits are everyday.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// A Host inside a sentence.
fn told_host(host: &str) -> Text {
    match host {
        "" => Text::name("empty", HOST_TOLD),
        host => Text::name(host, HOST_TOLD),
    }
}

/// A length of time as one says it: `4.2 s`, `30 min`.
fn lasted(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_secs() {
        0 if duration < Duration::from_millis(100) => format!("{:.0} ms", seconds * 1000.0),
        0..120 => trimmed(seconds, "s"),
        120..7200 => trimmed(seconds / 60.0, "min"),
        _ => trimmed(seconds / 3600.0, "h"),
    }
}

fn size(bytes: u64) -> String {
    let bytes_f = bytes as f64;
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        1000..1_000_000 => trimmed(bytes_f / 1e3, "kB"),
        1_000_000..1_000_000_000 => trimmed(bytes_f / 1e6, "MB"),
        _ => trimmed(bytes_f / 1e9, "GB"),
    }
}

/// One decimal, unless it is a zero.
fn trimmed(number: f64, unit: &str) -> String {
    let text = format!("{number:.1}");
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_told_as_one_says_them() {
        for (millis, told) in [
            (0, "0 ms"),
            (99, "99 ms"),
            (100, "0.1 s"),
            (4200, "4.2 s"),
            (119_900, "119.9 s"),
            (120_000, "2 min"),
            (150_000, "2.5 min"),
            (7_194_000, "119.9 min"),
            (7_200_000, "2 h"),
            (9_000_000, "2.5 h"),
        ] {
            assert_eq!(lasted(Duration::from_millis(millis)), told);
        }
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        for (bytes, told) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1000, "1 kB"),
            (2500, "2.5 kB"),
            (999_900, "999.9 kB"),
            (1_000_000, "1 MB"),
            (2_500_000, "2.5 MB"),
            (999_900_000, "999.9 MB"),
            (1_000_000_000, "1 GB"),
            (2_500_000_000, "2.5 GB"),
        ] {
            assert_eq!(size(bytes), told);
        }
    }
}
