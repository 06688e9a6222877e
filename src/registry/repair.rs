//! Repairs: the kinds of things that are put right, as a bounded word for metrics and records.

use std::fmt;

/// One thing that was put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Repair {
    /// A Location that was right but absolute.
    LocationAbsolute,
    /// A Location whose port isn't written as the client typed it.
    LocationPort,
    /// A Location with the other scheme.
    LocationScheme,
    /// A Location with another known name of this registry.
    LocationAlias,
    /// A Location with an authority that nobody configured.
    LocationUnknown,
    /// A Location that is no URL.
    LocationMalformed,
    Link,
    /// The realm of a Bearer challenge.
    Realm,
    /// `Secure` added to a cookie.
    CookieSecure,
    /// A cookie taken off a registry answer.
    CookieStripped,
    /// A request path brought into its normal form.
    Path,
    /// A lost Bearer token, back from its ticket.
    Ticket,
    /// Authorization, back from the header that a trusted proxy had moved it to.
    Authorization,
    /// The challenge to a rejected Bearer token, which was Harbor's for passwords.
    Challenge,
    /// A refused mount, asked again as a plain upload.
    Mount,
}

impl Repair {
    pub const ALL: [Repair; 15] = [
        Repair::LocationAbsolute,
        Repair::LocationPort,
        Repair::LocationScheme,
        Repair::LocationAlias,
        Repair::LocationUnknown,
        Repair::LocationMalformed,
        Repair::Link,
        Repair::Realm,
        Repair::CookieSecure,
        Repair::CookieStripped,
        Repair::Path,
        Repair::Ticket,
        Repair::Authorization,
        Repair::Challenge,
        Repair::Mount,
    ];

    /// The word in metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Repair::LocationAbsolute => "location_absolute",
            Repair::LocationPort => "location_port",
            Repair::LocationScheme => "location_scheme",
            Repair::LocationAlias => "location_alias",
            Repair::LocationUnknown => "location_unknown",
            Repair::LocationMalformed => "location_malformed",
            Repair::Link => "link",
            Repair::Realm => "realm",
            Repair::CookieSecure => "cookie_secure",
            Repair::CookieStripped => "cookie_stripped",
            Repair::Path => "path",
            Repair::Ticket => "ticket",
            Repair::Authorization => "authorization",
            Repair::Challenge => "challenge",
            Repair::Mount => "mount",
        }
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
