//! What clients' users read where an answer or a connection fails.

use super::client::Client;

/// An error answer to a write in the middle of a push, as each client shows it.
pub(super) fn refused(client: Client, status: u16) -> String {
    let reason = reason(status);
    match client {
        Client::Containerd => format!("\"unexpected status: {status} {reason}\""),
        Client::Buildkit => {
            format!("\"failed to push: unexpected status from PUT request: {status} {reason}\"")
        }
        Client::DockerClassic => match status {
            401 => "\"unauthorized\" and the registry's own words".to_owned(),
            404 => "\"blob upload unknown\"".to_owned(),
            500.. => format!("\"received unexpected HTTP status: {status} {reason}\""),
            _ => format!("\"error parsing HTTP {status} response body\" where that is a page"),
        },
        Client::Containers => match status {
            401 => "\"writing blob: uploading layer …: unauthorized\"".to_owned(),
            404 => "\"writing blob: uploading layer …: blob upload unknown\"".to_owned(),
            500.. => format!(
                "\"writing blob: uploading layer …: received unexpected HTTP status: \
                 {status} {reason}\""
            ),
            _ => format!("\"writing blob: uploading layer …: StatusCode: {status}\""),
        },
        Client::GoContainerregistry => {
            format!("\"unexpected status code {status} {reason}\", or the registry's own code")
        }
        Client::Oras => {
            // Its own words.
            let reason = reason.to_lowercase().replace("time-out", "timeout");
            format!("\"response status code {status}: {reason}\"")
        }
        Client::Regclient => match status {
            401 | 403 => format!("\"failed to send blob (put): unauthorized [http {status}]\""),
            404 => "\"failed to send blob (put): not found [http 404]\"".to_owned(),
            _ => format!(
                "\"failed to send blob (put): unexpected http status code [http {status}]\""
            ),
        },
    }
}

/// In Go's words, which are older than RFC 9110's.
fn reason(status: u16) -> &'static str {
    let known = http::StatusCode::from_u16(status).ok();
    match status {
        413 => "Request Entity Too Large",
        // As nginx and HAProxy spell it, whose words most clients show.
        504 => "Gateway Time-out",
        _ => known
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default(),
    }
}

/// Every client here is written in Go and reads its errors from the same library.
pub(super) const REFUSED: &str = "\"dial tcp …: connect: connection refused\"";
pub(super) const UNKNOWN_NAME: &str = "\"dial tcp: lookup …: no such host\"";
pub(super) const PLAIN_TO_TLS: &str =
    "\"400 Bad Request\": its plain HTTP reaches a port that speaks TLS";
