//! Tokens and what they grant.

use super::{Case, hub, until_upload};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB, granted};
use crate::doctor::trace::{GrantedScope, Skip, Skipped, TokenGrant};

pub(in super::super) fn cases() -> Vec<Case> {
    let mut nothing = until_upload(hub()).without(Step::UploadStart);
    nothing.0.grant = Some(granted(&[]));
    let mut library = until_upload(hub()).without(Step::UploadStart);
    library.0.repository = Some("library/nginx".to_owned());
    library.0.grant = Some(granted(&[]));
    let mut nobody = until_upload(hub())
        .without(Step::UploadStart)
        .status(Step::Authorized, 401);
    nobody.0.grant = Some(TokenGrant {
        subject: None,
        ..granted(&[])
    });
    let asks = "Bearer realm=\"https://hub.example.com/service/token\"";
    let mut removed = until_upload(hub())
        .without(Step::UploadStart)
        .status(Step::Authorized, 401)
        .header(Step::Authorized, "www-authenticate", Some(asks));
    removed.0.grant = Some(TokenGrant {
        subject: None,
        ..granted(&[])
    });
    let mut elsewhere = until_upload(hub()).without(Step::UploadStart);
    elsewhere.0.grant = Some(granted(&["pull", "push"]));
    if let Some(Some(access)) = elsewhere
        .0
        .grant
        .as_mut()
        .map(|grant| grant.access.as_mut())
    {
        access[0] = GrantedScope {
            name: "lab/other".to_owned(),
            ..access[0].clone()
        };
    }
    let mut pull = until_upload(hub()).status(Step::UploadStart, 401);
    pull.0.grant = Some(granted(&["pull"]));
    let mut none = until_upload(hub())
        .without(Step::UploadStart)
        .without(Step::Authorized);
    none.0.grant = None;
    vec![
        (
            "POST for tokens is forbidden",
            hub().status(Step::TokenPost, 403).html(Step::TokenPost),
            Kind::TokenPostRefused,
            "limit_except",
        ),
        (
            "POST for tokens is a bad request",
            hub().status(Step::TokenPost, 400).html(Step::TokenPost),
            Kind::TokenPostRefused,
            "BuildKit",
        ),
        (
            "POST for tokens is redirected",
            hub()
                .status(Step::TokenPost, 302)
                .header(Step::TokenPost, "location", Some("/login")),
            Kind::TokenPostRefused,
            "/login",
        ),
        (
            "no token",
            none.status(Step::TokenGet, 404).html(Step::TokenGet),
            Kind::TokenFailed,
            "/service/token",
        ),
        (
            "an answer without a token",
            {
                let mut made = until_upload(hub())
                    .without(Step::UploadStart)
                    .without(Step::Authorized)
                    .status(Step::TokenGet, 200);
                made.0.grant = None;
                made.0.skipped.push(Skipped {
                    step: Step::Authorized,
                    why: Skip::Impossible,
                });
                made
            },
            Kind::TokenFailed,
            "gave no token",
        ),
        (
            "a wrong password",
            {
                let mut made = until_upload(hub())
                    .without(Step::UploadStart)
                    .without(Step::Authorized)
                    .status(Step::TokenGet, 401)
                    .json_error(Step::TokenGet, "UNAUTHORIZED", "wrong password");
                made.0.grant = None;
                made
            },
            Kind::LoginRefused,
            "alice",
        ),
        (
            "a wrong password, without tokens",
            until_upload(FixtureWalk::htpasswd(HUB))
                .without(Step::UploadStart)
                .status(Step::Authorized, 401)
                .json_error(Step::Authorized, "UNAUTHORIZED", "authentication required"),
            Kind::LoginRefused,
            "authentication required",
        ),
        ("no role", nothing, Kind::NothingGranted, "no role"),
        (
            "a wrong password, as Harbor answers it",
            nobody,
            Kind::NothingGranted,
            "anonymous token",
        ),
        (
            "another repository's",
            elsewhere,
            Kind::NothingGranted,
            "lab/other",
        ),
        (
            "a mirror without its project",
            library,
            Kind::MirrorPrefixMissing,
            "Docker Hub",
        ),
        ("a guest", pull, Kind::PushNotGranted, "no push"),
        (
            "another installation's token",
            until_upload(hub())
                .without(Step::UploadStart)
                .status(Step::Authorized, 401)
                .header(
                    Step::Authorized,
                    "www-authenticate",
                    Some("Basic realm=\"harbor\""),
                ),
            Kind::TokenRefused,
            "another installation",
        ),
        (
            "no Authorization arrives",
            until_upload(hub())
                .without(Step::UploadStart)
                .status(Step::Authorized, 401)
                .header(Step::Authorized, "www-authenticate", Some(asks)),
            Kind::AuthorizationRemoved,
            "as if the request had none",
        ),
        (
            "no Authorization arrives, at the token service either",
            removed,
            Kind::AuthorizationRemoved,
            "as if the request had none",
        ),
    ]
}
