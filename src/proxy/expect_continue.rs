//! `Expect` (RFC 9110, 10.1.1): a client that sends it waits for an answer before it sends its body,
//! and may skip the body after a final status.
//!
//! Harbor decides: its `100 Continue` is passed on. This file only makes sure that the gateway doesn't
//! wait for a body that may never come, and doesn't take the next request for that body.

use http::HeaderMap;
use http::header::EXPECT;
use pingora::http::ResponseHeader;
use std::time::Duration;

/// How long the gateway waits for a body that its client will probably skip.
pub(super) const SKIPPED_BODY: Duration = Duration::from_secs(1);

/// Whether the client may never send the body. Then the gateway reads none of it before an answer and
/// none of the rest after one, and a body that doesn't come is no stall.
pub(super) fn may_skip_body(request: &HeaderMap) -> bool {
    request.contains_key(EXPECT)
}

/// Whether a final answer refuses the body of a client that got no 100 Continue. `written` is the answer
/// that it got before.
pub(super) fn refuses_body(request: &HeaderMap, written: Option<&ResponseHeader>) -> bool {
    may_skip_body(request) && written.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_client_that_waits_for_a_word_skips_its_body() {
        let go_on = ResponseHeader::build(100, Some(0)).unwrap();
        for (expects, written, skips, refused) in [
            (false, None, false, false),
            (false, Some(&go_on), false, false),
            (true, None, true, true),
            (true, Some(&go_on), true, false),
        ] {
            let mut request = HeaderMap::new();
            if expects {
                request.insert(EXPECT, "100-continue".parse().unwrap());
            }
            assert_eq!(may_skip_body(&request), skips);
            assert_eq!(refuses_body(&request, written), refused);
        }
    }
}
