//! Why a try at Harbor failed: one word for metrics, records and answers.

use super::reason::Reason;

/// Declares the errors; each has the reason of its name.
macro_rules! upstream_errors {
    ($($(#[$of_variant:meta])* $variant:ident,)*) => {
        /// Why a try at Harbor failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum UpstreamError {
            $($(#[$of_variant])* $variant,)*
        }

        impl UpstreamError {
            pub const ALL: [UpstreamError; [$(Reason::$variant),*].len()] =
                [$(UpstreamError::$variant),*];

            /// The reason that a request ends for when its last try failed so.
            pub(crate) fn reason(self) -> Reason {
                match self {
                    $(UpstreamError::$variant => Reason::$variant,)*
                }
            }
        }
    };
}

upstream_errors! {
    /// No address is known: the name doesn't resolve.
    Unresolved,
    /// We had no descriptor, port or memory for one more socket: not Harbor's fault.
    NoSocket,
    Connect,
    ConnectTimeout,
    Tls,
    /// The connection broke before the answer was complete.
    Reset,
    /// No byte came within the operation's timeout.
    ResponseTimeout,
    /// Harbor stopped reading the body for longer than the timeout.
    BodyTimeout,
    /// The answer is not HTTP.
    Protocol,
    /// The object storage that Harbor redirects to failed, where redirects are followed.
    Storage,
}

impl UpstreamError {
    /// The word in metrics: its reason's.
    pub fn as_str(self) -> &'static str {
        self.reason().as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_in_its_reasons_word() {
        assert_eq!(UpstreamError::NoSocket.as_str(), "no_socket");
        assert_eq!(UpstreamError::ConnectTimeout.as_str(), "connect_timeout");
    }
}
