//! OCI error bodies (distribution spec, "Error Codes"): what a registry client shows to the person
//! at the terminal.

use serde::Serialize;
use std::fmt;

/// The codes that the gateway answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// `DENIED`: it may not be done here, whoever asks.
    Denied,
    /// `NAME_INVALID`: no repository can have this name.
    NameInvalid,
    /// `NAME_UNKNOWN`: there is no such repository here.
    NameUnknown,
    /// `TOOMANYREQUESTS`: not now. Goes with 429.
    TooManyRequests,
    /// `UNAUTHORIZED`: it takes other credentials.
    Unauthorized,
    /// `UNAVAILABLE`: not the specification's, but Distribution's word for trouble that passes. Goes with
    /// 503.
    Unavailable,
    /// `UNKNOWN`: what has no other word.
    Unknown,
    /// `UNSUPPORTED`: this registry doesn't do that.
    Unsupported,
}

impl ErrorCode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ErrorCode::Denied => "DENIED",
            ErrorCode::NameInvalid => "NAME_INVALID",
            ErrorCode::NameUnknown => "NAME_UNKNOWN",
            ErrorCode::TooManyRequests => "TOOMANYREQUESTS",
            ErrorCode::Unauthorized => "UNAUTHORIZED",
            ErrorCode::Unavailable => "UNAVAILABLE",
            ErrorCode::Unknown => "UNKNOWN",
            ErrorCode::Unsupported => "UNSUPPORTED",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The body with one error, ended by a newline as Harbor's are.
pub fn error_body(code: ErrorCode, message: &str, request_id: &str) -> String {
    let error = OneError {
        code: code.as_str(),
        message,
        detail: Detail { request_id },
    };
    // Serialising strings into a String cannot fail; an empty object is still valid JSON.
    let mut body = serde_json::to_string(&Body { errors: [error] }).unwrap_or("{}".to_owned());
    body.push('\n');
    body
}

#[derive(Serialize)]
struct Body<'a> {
    errors: [OneError<'a>; 1],
}

#[derive(Serialize)]
struct OneError<'a> {
    code: &'static str,
    message: &'a str,
    detail: Detail<'a>,
}

#[derive(Serialize)]
struct Detail<'a> {
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
