//! Repairs: what the gateway corrects in requests and answers, as one word of a fixed list for metrics
//! and records.

use crate::str_enum::str_enum;

str_enum! {
    /// One thing that was put right.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum Repair {
        /// A Location that was right but absolute.
        LocationAbsolute "location_absolute",
        /// A Location whose port isn't written as the client typed it.
        LocationPort "location_port",
        /// A Location with the other scheme.
        LocationScheme "location_scheme",
        /// A Location with another known name of this registry.
        LocationAlias "location_alias",
        /// A Location with an authority that nobody configured.
        LocationUnknown "location_unknown",
        /// A Location that is no URL.
        LocationMalformed "location_malformed",
        Link "link",
        /// The realm of a Bearer challenge.
        Realm "realm",
        /// `Secure` added to a cookie.
        CookieSecure "cookie_secure",
        /// A cookie taken off a registry answer.
        CookieStripped "cookie_stripped",
        /// A request path brought into its normal form.
        Path "path",
        /// A lost Bearer token, back from its ticket.
        Ticket "ticket",
        /// Authorization, back from the header that a trusted proxy had moved it to.
        Authorization "authorization",
        /// The challenge to a rejected Bearer token, which was Harbor's for passwords.
        Challenge "challenge",
        /// A refused mount, asked again as a plain upload.
        Mount "mount",
    }
}
