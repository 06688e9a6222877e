//! OCI error bodies (distribution spec, "Error Codes"): what a registry client shows to the person
//! at the terminal.

use crate::str_enum::str_enum;
use serde::Serialize;

str_enum! {
    /// The codes that the gateway answers with.
    pub enum ErrorCode {
        /// There is no such blob here.
        BlobUnknown "BLOB_UNKNOWN",
        /// There is no such manifest here.
        ManifestUnknown "MANIFEST_UNKNOWN",
        /// Not allowed here, for any client.
        Denied "DENIED",
        /// No repository can have this name.
        NameInvalid "NAME_INVALID",
        /// There is no such repository here.
        NameUnknown "NAME_UNKNOWN",
        /// Not now. Goes with 429.
        TooManyRequests "TOOMANYREQUESTS",
        /// It takes other credentials.
        Unauthorized "UNAUTHORIZED",
        /// Not the specification's, but Distribution's word for trouble that passes. Goes with 503.
        Unavailable "UNAVAILABLE",
        /// What has no other word.
        Unknown "UNKNOWN",
        /// This registry doesn't do that.
        Unsupported "UNSUPPORTED",
    }
}

/// The body with one error, ended by a newline as Harbor's are.
pub fn error_body(code: ErrorCode, message: &str, request_id: &str) -> String {
    let error = OneError {
        code: code.as_str(),
        message,
        detail: ErrorDetail { request_id },
    };
    // Serialising strings into a String cannot fail; an empty object is still valid JSON.
    let mut body = serde_json::to_string(&ErrorBody { errors: [error] }).unwrap_or("{}".to_owned());
    body.push('\n');
    body
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    errors: [OneError<'a>; 1],
}

#[derive(Serialize)]
struct OneError<'a> {
    code: &'static str,
    message: &'a str,
    detail: ErrorDetail<'a>,
}

#[derive(Serialize)]
struct ErrorDetail<'a> {
    request_id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_clients_parse() {
        assert_eq!(ErrorCode::TooManyRequests.to_string(), "TOOMANYREQUESTS");
        let body = error_body(ErrorCode::Unavailable, "Harbor \"hq\"\n", "5c7d-1");
        assert_eq!(
            body,
            "{\"errors\":[{\"code\":\"UNAVAILABLE\",\"message\":\"Harbor \\\"hq\\\"\\n\",\
             \"detail\":{\"request_id\":\"5c7d-1\"}}]}\n"
        );
    }
}
