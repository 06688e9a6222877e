//! The faults, as values: what is wrong in a chain that is otherwise sound, and what the doctor is
//! to say about it. One thing is wrong in each.

use super::backend::Backend;
use super::certificates::Certificate;
use super::chain::Front::{self, Haproxy, Nginx, TwoNginx};
use super::{haproxy, nginx};
use crate::chain::ExternalUrl;
use crate::clients::Today;
use harbormouth::doctor::kind::Kind;
use harbormouth::testing::fake_harbor::{InjectedFault as Behind, Match, Times};
use http::Method;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What is wrong, and where it shows.
pub struct Fault {
    pub name: &'static str,
    pub nginx: nginx::Lines,
    pub haproxy: haproxy::Lines,
    /// Of two hops.
    pub at: Where,
    pub port: u16,
    /// Whether clients type 443, too.
    pub types_port: bool,
    /// The status with which port 80 sends clients to https.
    pub redirect: u16,
    pub certificate: Certificate,
    pub name_of_site: Name,
    pub external_url: ExternalUrl,
    /// What the registry itself does then.
    pub behind: fn(&Backend),
    pub fronts: &'static [Front],
    /// What the doctor is asked beyond the user, the password and the repository.
    pub asked: &'static [&'static str],
    pub found: &'static [Kind],
    /// The doctor's exit status.
    pub exit: i32,
    pub pushes: Pushes,
    /// Which of today's clients push beside those of 2022: none where another fault here does the same to
    /// them.
    pub today: &'static [Today],
}

/// Which of two hops does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    Outer,
    Inner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Single,
    /// A name with a second address, where nothing listens.
    Double,
}

/// What is pushed by real clients, against what the doctor predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushes {
    /// Nothing: another fault here shows the same finding.
    None,
    /// An image of 200 kB. What is wrong only sometimes isn't wrong for this one.
    Image,
    /// The same. What is wrong only sometimes is wrong now.
    Struck,
    /// The same. What is wrong only sometimes is wrong for the clients of 2022, and for those of today
    /// no more.
    Outgrown,
    /// One below a body limit of 1 MiB, and one above.
    BothSidesOfOneMebibyte,
}

const BOTH: &[Front] = &[Nginx, Haproxy];

/// Nothing is wrong.
pub const SOUND: Fault = Fault {
    name: "healthy",
    nginx: nginx::SOUND,
    haproxy: haproxy::SOUND,
    at: Where::Outer,
    port: 443,
    types_port: false,
    redirect: 308,
    certificate: Certificate::Right,
    name_of_site: Name::Single,
    external_url: ExternalUrl::Public,
    behind: |_| {},
    fronts: &[Nginx],
    asked: &[],
    found: &[],
    exit: 0,
    pushes: Pushes::Image,
    today: &Today::ALL,
};

/// What breaks at least one client.
const BROKEN: Fault = Fault { exit: 1, ..SOUND };

const fn location(lines: &'static [&'static str]) -> nginx::Lines {
    nginx::Lines {
        location: lines,
        ..nginx::SOUND
    }
}

const fn server(lines: &'static str) -> nginx::Lines {
    nginx::Lines {
        server: lines,
        ..nginx::SOUND
    }
}

const fn late(lines: &'static str) -> haproxy::Lines {
    haproxy::Lines {
        late: lines,
        ..haproxy::SOUND
    }
}

const fn frontend(lines: &'static str) -> haproxy::Lines {
    haproxy::Lines {
        frontend: lines,
        ..haproxy::SOUND
    }
}

const STRIPPED: &[&str] = &["proxy_set_header Authorization $passed_authorization"];

pub const PORT_IN_HOST: Fault = Fault {
    name: "port_in_host",
    nginx: location(&["proxy_set_header Host $host:443"]),
    haproxy: late("  http-request set-header Host %[req.hdr(host),field(1,:)]:443\n"),
    fronts: BOTH,
    found: &[Kind::LocationPort],
    ..BROKEN
};

pub const SCHEME_LOST: Fault = Fault {
    name: "scheme_lost",
    nginx: location(&["proxy_set_header X-Forwarded-Proto \"\""]),
    haproxy: late("  http-request del-header X-Forwarded-Proto\n"),
    fronts: BOTH,
    found: &[Kind::LocationScheme],
    ..BROKEN
};

pub const BODY_LIMIT: Fault = Fault {
    name: "body_limit",
    nginx: location(&["client_max_body_size 1m"]),
    haproxy: late(
        "  http-request deny deny_status 413 if { req.hdr_val(content-length) gt 1048576 }\n",
    ),
    fronts: BOTH,
    found: &[Kind::BodyLimit],
    pushes: Pushes::BothSidesOfOneMebibyte,
    ..BROKEN
};

pub const HTML_ERRORS: Fault = Fault {
    name: "html_errors",
    nginx: nginx::Lines {
        server: "location = /error.html { internal; default_type text/html; \
                 return 200 \"<html><body>Something went wrong</body></html>\"; }\n",
        location: &[
            "proxy_intercept_errors on",
            "error_page 401 403 404 500 /error.html",
        ],
        ..nginx::SOUND
    },
    found: &[Kind::HtmlErrors],
    ..SOUND
};

pub const LET_IN: Fault = Fault {
    name: "let_in",
    nginx: server(
        "location = /v2/ { default_type application/json; \
         add_header Docker-Distribution-Api-Version registry/2.0; return 200 \"{}\"; }\n",
    ),
    found: &[Kind::ChallengeMissing],
    ..BROKEN
};

/// As it is answered where `ssl_verify_client` is on, which would name an authority's file.
pub const CLIENT_CERTIFICATE: Fault = Fault {
    name: "client_certificate",
    nginx: server(
        "ssl_verify_client optional_no_ca;\nif ($ssl_client_verify = NONE) { return 496; }\n",
    ),
    found: &[Kind::ClientCertificateRequired],
    pushes: Pushes::Struck,
    ..BROKEN
};

/// A commit takes six seconds.
fn six_seconds(backend: &Backend) {
    slow_commit(backend, Duration::from_secs(6));
}

/// A commit takes so long. The first PUT of a walk only asks whether it would be let through.
pub fn slow_commit(backend: &Backend, delay: Duration) {
    let seen = AtomicBool::new(false);
    let puts = Match::method(Method::PUT)
        .path(move |path| path.contains("/blobs/uploads/") && seen.swap(true, Ordering::Relaxed));
    let faults = backend.harbor().core().faults();
    faults.inject(puts, Times::Always, Behind::Delay(delay));
}

/// The one of [`FAULTS`] with this name.
pub fn named(name: &str) -> &'static Fault {
    let found = FAULTS.iter().find(|fault| fault.name == name);
    found.expect("a fault of that name")
}

/// Every fault of one hop.
pub const FAULTS: &[Fault] = &[
    Fault {
        fronts: &[Nginx, Haproxy, Front::Harbormouth],
        ..SOUND
    },
    PORT_IN_HOST,
    SCHEME_LOST,
    LET_IN,
    CLIENT_CERTIFICATE,
    Fault {
        name: "scheme_doubled",
        nginx: location(&["proxy_set_header X-Forwarded-Proto https,http"]),
        haproxy: late("  http-request set-header X-Forwarded-Proto \"https,http\"\n"),
        fronts: BOTH,
        found: &[Kind::LocationSchemeDoubled],
        ..BROKEN
    },
    Fault {
        name: "port_lost",
        port: 8443,
        nginx: location(&["proxy_set_header Host $host"]),
        haproxy: late("  http-request set-header Host %[req.hdr(host),field(1,:)]\n"),
        fronts: BOTH,
        found: &[Kind::LocationPortLost],
        ..BROKEN
    },
    Fault {
        name: "default_port_lost",
        types_port: true,
        nginx: location(&["proxy_set_header Host $host"]),
        haproxy: late("  http-request set-header Host %[req.hdr(host),field(1,:)]\n"),
        fronts: BOTH,
        found: &[Kind::LocationPortLost],
        ..BROKEN
    },
    Fault {
        name: "inner_realm",
        external_url: ExternalUrl::InnerHttps,
        found: &[Kind::RealmHost],
        ..BROKEN
    },
    Fault {
        name: "http_realm",
        external_url: ExternalUrl::PublicHttp,
        fronts: BOTH,
        found: &[Kind::RealmScheme],
        pushes: Pushes::Outgrown,
        ..BROKEN
    },
    Fault {
        name: "inner_forwarded_host",
        nginx: location(&["proxy_set_header X-Forwarded-Host harbor.internal"]),
        haproxy: late("  http-request set-header X-Forwarded-Host harbor.internal\n"),
        fronts: BOTH,
        found: &[Kind::LocationHost],
        ..BROKEN
    },
    Fault {
        name: "forwarded_malformed",
        nginx: location(&["proxy_set_header Forwarded \"for=x;proto\""]),
        haproxy: late("  http-request set-header Forwarded \"for=x;proto\"\n"),
        fronts: BOTH,
        found: &[Kind::LocationScheme],
        today: &[],
        ..BROKEN
    },
    Fault {
        name: "redirect_loses_writes",
        redirect: 301,
        fronts: BOTH,
        found: &[Kind::RedirectLosesWrites],
        today: &[],
        ..SOUND
    },
    Fault {
        name: "authorization_lost_on_put",
        nginx: nginx::Lines {
            http: "map \"$request_method $uri\" $passed_authorization {\n\
                   default $http_authorization;\n\"~^PUT /v2/.+/blobs/uploads/\" \"\";\n}\n",
            location: STRIPPED,
            ..nginx::SOUND
        },
        haproxy: late(
            "  http-request del-header Authorization if { method PUT } { path_sub /blobs/uploads/ }\n",
        ),
        fronts: BOTH,
        found: &[Kind::AuthorizationLost],
        ..BROKEN
    },
    Fault {
        name: "authorization_lost_on_patch",
        nginx: nginx::Lines {
            http: "map \"$request_method $uri\" $passed_authorization {\n\
                   default $http_authorization;\n\"~^PATCH /v2/.+/blobs/uploads/\" \"\";\n}\n",
            location: STRIPPED,
            ..nginx::SOUND
        },
        found: &[Kind::AuthorizationLost],
        ..BROKEN
    },
    BODY_LIMIT,
    Fault {
        name: "request_buffered",
        nginx: location(&["proxy_request_buffering on"]),
        haproxy: frontend("  option http-buffer-request\n  timeout http-request 60s\n"),
        fronts: BOTH,
        found: &[Kind::RequestBuffered],
        ..SOUND
    },
    Fault {
        name: "chunked_buffered",
        nginx: location(&["proxy_http_version 1.0"]),
        found: &[Kind::RequestBuffered],
        today: &[],
        ..SOUND
    },
    Fault {
        name: "idle_cut",
        nginx: location(&["client_body_timeout 5s"]),
        haproxy: haproxy::Lines {
            // It waits for a client's body as long as for the server's answer to it.
            backend: "  timeout server 5s\n",
            ..haproxy::SOUND
        },
        fronts: BOTH,
        asked: &["--idle", "8s"],
        found: &[Kind::IdleCut],
        ..BROKEN
    },
    Fault {
        name: "cookie_in_the_way",
        nginx: location(&["proxy_set_header Cookie sid=x"]),
        haproxy: late("  http-request set-header Cookie sid=x\n"),
        fronts: BOTH,
        found: &[Kind::CookieInTheWay],
        ..BROKEN
    },
    Fault {
        name: "certificate_expired",
        certificate: Certificate::Expired,
        fronts: BOTH,
        found: &[Kind::CertificateExpired],
        ..BROKEN
    },
    Fault {
        name: "certificate_expires_soon",
        certificate: Certificate::ExpiresSoon,
        found: &[Kind::CertificateExpiresSoon],
        today: &[],
        ..SOUND
    },
    Fault {
        name: "certificate_for_another_name",
        certificate: Certificate::WrongName,
        found: &[Kind::CertificateWrongName],
        today: &[],
        ..BROKEN
    },
    Fault {
        name: "certificate_of_an_unknown_authority",
        certificate: Certificate::UnknownAuthority,
        found: &[Kind::CertificateUntrusted],
        ..BROKEN
    },
    Fault {
        name: "certificate_signed_by_itself",
        certificate: Certificate::SelfSigned,
        found: &[Kind::CertificateUntrusted],
        pushes: Pushes::None,
        ..BROKEN
    },
    Fault {
        name: "certificate_without_its_intermediate",
        certificate: Certificate::WithoutIntermediate,
        found: &[Kind::CertificateChainIncomplete],
        ..BROKEN
    },
    HTML_ERRORS,
    Fault {
        name: "login_page",
        nginx: server(
            "location /v2/ { return 302 https://$host/login; }\n\
             location = /login { default_type text/html; return 200 \"<html>Who are you?</html>\"; }\n",
        ),
        haproxy: late("  http-request redirect location /login code 302 if { path_beg /v2/ }\n"),
        fronts: BOTH,
        found: &[Kind::RegistryRedirected],
        ..BROKEN
    },
    Fault {
        name: "commit_cut",
        nginx: location(&["proxy_read_timeout 3s"]),
        haproxy: haproxy::Lines {
            backend: "  timeout server 3s\n",
            ..haproxy::SOUND
        },
        behind: six_seconds,
        fronts: BOTH,
        asked: &["--commit-wait"],
        found: &[Kind::CommitCut],
        pushes: Pushes::Struck,
        // crane finds what the registry has stored in the meantime.
        today: &[Today::Ctr, Today::Docker, Today::Oras, Today::Skopeo],
        ..BROKEN
    },
    Fault {
        name: "token_post_refused",
        nginx: nginx::Lines {
            http: "map \"$request_method $uri\" $refused {\ndefault \"\";\n\
                   \"POST /service/token\" 1;\n}\n",
            location: &["if ($refused) { return 403; } #"],
            ..nginx::SOUND
        },
        haproxy: late(
            "  http-request deny deny_status 403 if { method POST } { path /service/token }\n",
        ),
        fronts: BOTH,
        found: &[Kind::TokenPostRefused],
        ..BROKEN
    },
    Fault {
        name: "address_dead",
        name_of_site: Name::Double,
        found: &[Kind::AddressUnreachable],
        today: &[],
        ..SOUND
    },
];

/// Faults of one of two hops; the name says of which.
pub const TWO_HOPS: &[Fault] = &[
    Fault {
        name: "outer_port_in_host",
        at: Where::Outer,
        fronts: &[TwoNginx],
        pushes: Pushes::None,
        ..PORT_IN_HOST
    },
    Fault {
        name: "inner_port_in_host",
        at: Where::Inner,
        fronts: &[TwoNginx],
        pushes: Pushes::None,
        ..PORT_IN_HOST
    },
    Fault {
        name: "outer_scheme_lost",
        at: Where::Outer,
        fronts: &[TwoNginx],
        pushes: Pushes::None,
        ..SCHEME_LOST
    },
    Fault {
        name: "inner_scheme_lost",
        at: Where::Inner,
        fronts: &[TwoNginx],
        pushes: Pushes::None,
        ..SCHEME_LOST
    },
    Fault {
        name: "outer_body_limit",
        at: Where::Outer,
        fronts: &[TwoNginx],
        pushes: Pushes::None,
        ..BODY_LIMIT
    },
    Fault {
        name: "inner_body_limit",
        at: Where::Inner,
        fronts: &[TwoNginx],
        pushes: Pushes::None,
        ..BODY_LIMIT
    },
];
