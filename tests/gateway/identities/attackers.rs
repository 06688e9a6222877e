//! Tokens that are wrong in one way each, and what the person reads then.

use super::stage::{Stage, github_claims, now, oidc, seen, words};
use crate::client::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harbormouth::testing::fake_issuer::{FakeIssuer, IssuerKey};
use serde_json::{Value, json};

/// The claims of a good token with one change.
fn with(issuer: &FakeIssuer, change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = github_claims(issuer);
    change(&mut claims);
    claims
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn each_wrong_token_is_refused_with_its_reason() {
    let stage = Stage::github("").await;
    let issuer = &stage.issuer;
    let evil = IssuerKey::rsa("4F2D").expect("a key");
    let good = stage.token();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let forged = encoded(&with(issuer, |it| {
        it["sub"] = "repo:acme/other:ref:refs/heads/main".into()
    }));
    let none = encoded(&json!({ "alg": "none", "typ": "JWT" }));
    let claims = encoded(&github_claims(issuer));
    let unknown = json!({ "alg": "RS256", "kid": "E1" });
    let long = "a".repeat(16 * 1024 + 1);
    let slash = format!("{}/", issuer.url());
    for (name, token, result, expected) in [
        (
            "a password",
            "Alice12345".to_owned(),
            "not_a_token",
            "not a JSON Web Token",
        ),
        (
            "nothing",
            String::new(),
            "not_a_token",
            "not a JSON Web Token",
        ),
        ("too long", long, "not_a_token", "longer than 16 KiB"),
        (
            "alg none",
            format!("{none}.{claims}."),
            "not_a_token",
            "signed by \"none\"",
        ),
        (
            "HMAC with the public key",
            evil.sign_with(
                &json!({ "alg": "HS256", "kid": "4F2D" }),
                &github_claims(issuer),
            ),
            "not_a_token",
            "signed by \"HS256\"; accepted are RS256",
        ),
        (
            "crit",
            evil.sign_with(
                &json!({ "alg": "RS256", "crit": ["x"] }),
                &github_claims(issuer),
            ),
            "not_a_token",
            "crit",
        ),
        (
            "an unknown key",
            evil.sign_with(&unknown, &github_claims(issuer)),
            "unknown_key",
            "the key \"E1\", which its issuer",
        ),
        (
            "another's key of that name",
            evil.sign(&github_claims(issuer)),
            "wrong_signature",
            "signature is not that of its issuer",
        ),
        (
            "a forged subject",
            format!("{header}.{forged}.{signature}"),
            "wrong_signature",
            "signature is not that of its issuer",
        ),
        (
            "expired",
            stage.sign(&with(issuer, |it| it["exp"] = (now() - 61).into())),
            "wrong_time",
            "the token expired 6",
        ),
        (
            "not yet good",
            stage.sign(&with(issuer, |it| it["nbf"] = (now() + 600).into())),
            "wrong_time",
            "the clocks of its issuer and of this registry differ",
        ),
        (
            "without an end",
            stage.sign(&with(issuer, |it| it["exp"] = Value::Null)),
            "wrong_time",
            "claim exp is no time",
        ),
        (
            "for somebody else",
            stage.sign(&with(issuer, |it| it["aud"] = "sts.amazonaws.com".into())),
            "wrong_audience",
            "for the audience \"sts.amazonaws.com\", and this registry's identities of its issuer are for https://hub.example.com;",
        ),
        (
            "for nobody",
            stage.sign(&with(issuer, |it| it["aud"] = json!([]))),
            "wrong_audience",
            "for the audience \"\"",
        ),
        (
            "of another issuer",
            stage.sign(&with(issuer, |it| {
                it["iss"] = "https://evil.example.com".into()
            })),
            "unknown_issuer",
            "trusts the issuer \"https://evil.example.com\" of the token (",
        ),
        (
            "with a slash",
            stage.sign(&with(issuer, |it| it["iss"] = slash.clone().into())),
            "unknown_issuer",
            "the slash at its end",
        ),
        (
            "of several issuers",
            stage.sign(&with(issuer, |it| it["iss"] = json!([issuer.url()]))),
            "unknown_issuer",
            "the issuer \"\"",
        ),
    ] {
        let reply = stage.login(&token).await;
        let words = words(&reply);
        assert_eq!(reply.status, 401, "{name}: {words}");
        assert!(words.contains(expected), "{name}: {words}");
        assert!(words.contains("#identity_refused"), "{name}: {words}");
        assert!(
            token.len() < 20 || !words.contains(&token[..20]),
            "{name}: {words}"
        );
        let count = stage
            .world
            .gateway
            .metric("harbormouth_identity_logins_total", &[("result", result)]);
        assert!(count >= 1.0, "{name}: {result}");
    }
    assert_eq!(seen(&stage.harbor).len(), 0, "none of them came to Harbor");
    assert_eq!(stage.login(&good).await.status, 200);
}

/// An issuer that says its keys are at the gateway's neighbours is not followed there.
#[tokio::test]
async fn an_issuer_leads_nowhere_inside() {
    for jwks_uri in [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/keys",
        "https://127.0.0.1@evil.example.com/keys",
        "file:///etc/passwd",
    ] {
        let stage = Stage::github("").await;
        stage.issuer.move_keys(jwks_uri);
        let reply = stage.login(&stage.token()).await;
        let words = words(&reply);
        assert!(
            words.contains("its jwks_uri is no https URL that may be asked"),
            "{jwks_uri}: {words}"
        );
        assert!(words.contains("#issuer_unreachable"), "{words}");
        assert_eq!(stage.issuer.asked(), ["/.well-known/openid-configuration"]);
    }
}

/// Invented keys make the gateway ask the issuer once, however many come.
#[tokio::test]
async fn nobody_can_make_the_gateway_hammer_an_issuer() {
    let stage = Stage::github("").await;
    assert_eq!(stage.login(&stage.token()).await.status, 200);
    let evil = IssuerKey::p256("x").expect("a key");
    let mut conn = stage.world.https().await;
    for number in 0..50 {
        let header = json!({ "alg": "ES256", "kid": format!("invented-{number}") });
        let token = evil.sign_with(&header, &github_claims(&stage.issuer));
        let path = super::stage::TOKEN;
        assert_eq!(conn.ask(get(path, &[&oidc(&token)])).await.status, 401);
    }
    // Its two documents, and twice more at most where ten seconds have passed meanwhile.
    let asked = stage.issuer.asked().len();
    assert!(asked <= 6, "{asked}");
}

/// The login limit counts by what a token says that it is about, so jobs at one address lock each other
/// out of nothing.
#[tokio::test]
async fn wrong_tokens_of_one_job_are_slowed_and_no_other_job() {
    let key = IssuerKey::p256("a").expect("a key");
    let limit = "login_limit: { failures: 3, within: 10m }\n";
    let stage = Stage::of(&[&key], "", limit, "robot$lab+ci:Robot12345\n").await;
    let expired = |number: u64| {
        key.sign(&with(&stage.issuer, |it| {
            it["exp"] = (now() - 100 - number).into()
        }))
    };
    for number in 0..3 {
        assert_eq!(stage.login(&expired(number)).await.status, 401, "{number}");
    }
    let limited = stage.login(&expired(9)).await;
    assert_eq!(limited.status, 429, "{limited:?}");
    assert!(!limited.header("retry-after").is_empty());
    let other = key.sign(&with(&stage.issuer, |it| {
        it["sub"] = "repo:acme/other".into()
    }));
    assert_eq!(stage.login(&other).await.status, 200);
    // A password is nobody's job.
    assert_eq!(stage.login("guess").await.status, 401);
}
