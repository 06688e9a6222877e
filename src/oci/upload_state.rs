//! The start time of an upload, read from Distribution's `_state`. It may be shown, but must not decide
//! anything: only Distribution can check its signature.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use std::time::SystemTime;

/// HMAC-SHA256, before the state itself (Distribution, registry/handlers/hmac.go).
const SIGNATURE: usize = 32;

/// Clients and proxies may drop the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize)]
struct UploadState {
    #[serde(rename = "StartedAt")]
    started: String,
}

/// Seconds since 1970 at which the upload began; none where the state isn't Distribution's.
pub(crate) fn started(state: &str) -> Option<u64> {
    let decoded = BASE64.decode(state).ok()?;
    let state: UploadState = serde_json::from_slice(decoded.get(SIGNATURE..)?).ok()?;
    let started = humantime::parse_rfc3339(&state.started).ok()?;
    let since = started.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(json: &str) -> String {
        BASE64.encode([&[7; SIGNATURE], json.as_bytes()].concat())
    }

    #[test]
    fn the_beginning_of_an_upload_is_read() {
        let json = r#"{"Name":"lab/app","UUID":"ca33","Offset":5,"StartedAt":"2026-01-02T03:04:05.123456789Z"}"#;
        let sealed = state(json);
        let expected = Some(1_767_323_045);
        assert_eq!(started(&sealed), expected);
        assert_eq!(started(sealed.trim_end_matches('=')), expected);
        for other in [
            "",
            "x",
            "AAAA",
            &state("{}"),
            &state(r#"{"StartedAt":"yesterday"}"#),
            &state(r#"{"StartedAt":"1960-01-02T03:04:05Z"}"#),
        ] {
            assert_eq!(started(other), None, "{other}");
        }
    }
}
