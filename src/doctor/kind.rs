//! The kinds of findings, their words and how grave they are. What each means for which client is
//! in `clients`, what to do about it in `fixes`.

use serde::{Deserialize, Serialize};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The exit status stays 0 for it: no client breaks today, or only one that is set up otherwise.
    Warning,
    /// At least one client breaks.
    Broken,
    /// The chain could not be examined beyond this.
    Unexamined,
}

impl Severity {
    /// The worst comes first: what is broken, since what is unexamined stands behind it for another
    /// reason.
    pub(super) fn rank(self) -> u8 {
        match self {
            Severity::Broken => 0,
            Severity::Unexamined => 1,
            Severity::Warning => 2,
        }
    }
}

/// Declares the kinds with the word of each and how grave it is.
macro_rules! kinds {
    (
        $(#[$of_enum:meta])*
        pub enum Kind {
            $($(#[$of_kind:meta])* $kind:ident $word:literal $severity:ident,)*
        }
    ) => {
        crate::str_enum::str_enum! {
            $(#[$of_enum])*
            pub enum Kind {
                $($(#[$of_kind])* $kind $word,)*
            }
        }

        impl Kind {
            pub fn severity(self) -> Severity {
                match self {
                    $(Kind::$kind => Severity::$severity,)*
                }
            }
        }
    };
}

kinds! {
    /// What is wrong with a chain, as far as it can be told from outside.
    #[derive(Hash, PartialOrd, Ord, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Kind {
        NameUnresolved "name_unresolved" Unexamined,
        /// The proxy that HTTP_PROXY or HTTPS_PROXY names is not there, or doesn't let the target through.
        ProxyRefused "proxy_refused" Unexamined,
        /// No address accepts a connection.
        Unreachable "unreachable" Unexamined,
        /// Some addresses accept connections, others don't: clients try the next one.
        AddressUnreachable "address_unreachable" Warning,
        TlsFailed "tls_failed" Broken,
        /// Who has no client certificate is let in by nobody.
        ClientCertificateRequired "client_certificate_required" Broken,
        /// Plain HTTP on the port that is to be https.
        PlainHttpOnTlsPort "plain_http_on_tls_port" Broken,
        CertificateExpired "certificate_expired" Broken,
        CertificateNotYetValid "certificate_not_yet_valid" Broken,
        CertificateWrongName "certificate_wrong_name" Broken,
        /// No authority that this machine knows has signed it.
        CertificateUntrusted "certificate_untrusted" Broken,
        /// A certificate between the server's and the authority's is not sent.
        CertificateChainIncomplete "certificate_chain_incomplete" Broken,
        /// Only what docker and podman keep for this registry vouches for it, which other clients
        /// don't read.
        CertificateTrustedByDocker "certificate_trusted_by_docker" Warning,
        /// Within 14 days.
        CertificateExpiresSoon "certificate_expires_soon" Warning,
        /// http is redirected to https by 301, 302 or 303, which turns a write into a GET.
        RedirectLosesWrites "redirect_loses_writes" Warning,
        /// http is served without a redirect: passwords go in clear, for a public https name.
        PlainHttpServed "plain_http_served" Warning,
        /// `/v2/` itself is redirected: to a login page, or to another name.
        RegistryRedirected "registry_redirected" Broken,
        /// `/v2/` is no registry: 404, or a page.
        NoRegistry "no_registry" Broken,
        /// HTML where a registry's own errors belong.
        HtmlErrors "html_errors" Warning,
        /// 5xx before the registry was asked anything.
        GatewayError "gateway_error" Broken,
        /// 401 without a challenge that a client can act on.
        ChallengeMissing "challenge_missing" Broken,
        /// The realm names another scheme than https, for an https name.
        RealmScheme "realm_scheme" Broken,
        /// The realm names a host or port that clients can't reach, or that is inside.
        RealmHost "realm_host" Broken,
        /// The realm is at another's host, which the password was not sent to.
        RealmForeign "realm_foreign" Unexamined,
        /// Two challenges of one name name two realms or services.
        RealmUnstable "realm_unstable" Broken,
        /// POST to the realm is answered with a status after which containerd gives up: 403, 3xx, 5xx.
        TokenPostRefused "token_post_refused" Broken,
        /// GET at the realm gives no token.
        TokenFailed "token_failed" Broken,
        /// The password is refused.
        LoginRefused "login_refused" Unexamined,
        /// The token carries nothing for the repository: a wrong password, or no role.
        NothingGranted "nothing_granted" Unexamined,
        /// The token carries pull and no push.
        PushNotGranted "push_not_granted" Unexamined,
        /// The login works, and `library` is nothing to it: a mirror of Docker Hub without its project?
        MirrorPrefixMissing "mirror_prefix_missing" Unexamined,
        /// The registry asks for a token as if the request had brought no Authorization: a hop removes
        /// it from every request.
        AuthorizationRemoved "authorization_removed" Broken,
        /// A fresh token is refused.
        TokenRefused "token_refused" Broken,
        /// Requests under docker's name are refused.
        UserAgentRefused "user_agent_refused" Broken,
        /// Of several connections at once some get no answer.
        ConnectionsLimited "connections_limited" Broken,
        /// HTTP/2 is offered, and doesn't work.
        Http2Failed "http2_failed" Broken,
        /// A URI or an Authorization of 4 KiB is refused.
        LongRequestRefused "long_request_refused" Broken,
        /// HEAD is not passed on, with which every push begins.
        HeadRefused "head_refused" Broken,
        /// A layer that nobody has is said to be there, so that clients don't upload it.
        AbsentLayerFound "absent_layer_found" Broken,
        /// Who brings no Authorization gets what another one got.
        SharedCache "shared_cache" Broken,
        /// Two clocks differ by minutes.
        ClockSkew "clock_skew" Warning,
        /// The realm is right, the token is right, and the upload is not opened.
        UploadRefused "upload_refused" Broken,
        /// A session cookie reaches Harbor with registry requests: 403, CSRF.
        CookieInTheWay "cookie_in_the_way" Broken,
        /// The Location's scheme is not what clients typed.
        LocationScheme "location_scheme" Broken,
        /// The Location's scheme is several: `https,http`.
        LocationSchemeDoubled "location_scheme_doubled" Broken,
        /// The Location has the default port written out: the story's bug.
        LocationPort "location_port" Broken,
        /// The Location lacks the port that clients typed, or has another.
        LocationPortLost "location_port_lost" Broken,
        /// The Location names another host.
        LocationHost "location_host" Broken,
        /// The Location can't be used: missing, unreadable, or a path that doesn't begin with a slash.
        LocationUnusable "location_unusable" Broken,
        /// The Location has a path before `/v2/`.
        LocationPrefix "location_prefix" Broken,
        /// A write is refused with the Authorization with which the upload was opened.
        AuthorizationLost "authorization_lost" Broken,
        /// The upload that was opened is unknown a moment later.
        UploadUnknown "upload_unknown" Broken,
        /// A header that clients need is missing in an answer, or in another form.
        HeaderLost "header_lost" Broken,
        /// Bodies over a size are refused or cut.
        BodyLimit "body_limit" Broken,
        /// Chunked bodies are refused.
        ChunkedRefused "chunked_refused" Broken,
        /// Bodies are buffered before they are passed on.
        RequestBuffered "request_buffered" Warning,
        /// Bodies stream, and an answer that comes before a body's end is held back until then.
        EarlyAnswerHeld "early_answer_held" Warning,
        /// A body that pauses is cut.
        IdleCut "idle_cut" Broken,
        /// A transfer is cut by its age, although its bytes flow.
        AgeCut "age_cut" Broken,
        /// A commit that takes its time is cut by a hop.
        CommitCut "commit_cut" Broken,
        /// A commit is silent for so long that layers of usual sizes pass the clients' patience.
        CommitSlow "commit_slow" Warning,
        /// What was just pushed is said not to be there.
        NotFoundCached "not_found_cached" Broken,
        /// The manifest comes back as another type.
        MediaTypeChanged "media_type_changed" Broken,
        /// A part that is asked for by Range isn't given.
        RangeIgnored "range_ignored" Warning,
        /// What was pushed can't be pulled, or other bytes come back.
        PullFailed "pull_failed" Broken,
        /// A write fails in a way that nothing above explains.
        PushFailed "push_failed" Broken,
    }
}
