//! Tokens, and who could have signed them.

use super::*;
use crate::testing::fake_issuer::IssuerKey;
use serde_json::json;
use std::sync::LazyLock;

static RSA: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("rsa").unwrap());
static OTHER_RSA: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("rsa").unwrap());

fn set(keys: &[Value]) -> KeySet {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn verified(keys: &KeySet, token: &str) -> Result<(), SignatureFlaw> {
    keys.verify(&Jwt::read(token).unwrap())
}

fn claims() -> Value {
    json!({ "sub": "repo:acme/app:ref:refs/heads/main" })
}

#[test]
fn each_kind_of_key_verifies_its_own() {
    let (p256, p384) = (
        IssuerKey::p256("p256").unwrap(),
        IssuerKey::p384("p384").unwrap(),
    );
    let ed25519 = IssuerKey::ed25519("ed").unwrap();
    let all = [&*RSA, &p256, &p384, &ed25519];
    let keys = set(&all.map(IssuerKey::public));
    for key in all {
        let token = key.sign(&claims());
        assert_eq!(verified(&keys, &token), Ok(()), "{}", key.id);
        let nameless = key.sign_with(&json!({ "alg": key.algorithm() }), &claims());
        assert_eq!(verified(&keys, &nameless), Ok(()), "{}", key.id);
        let other = Err(SignatureFlaw::Wrong);
        let another = all.iter().find(|another| another.id != key.id).unwrap();
        let claimed = key.sign_with(
            &json!({ "alg": key.algorithm(), "kid": another.id }),
            &claims(),
        );
        assert_eq!(
            verified(&keys, &claimed),
            other,
            "{} as {}",
            key.id,
            another.id
        );
    }
    let newer = ed25519.sign_with(&json!({ "alg": "Ed25519", "kid": "ed" }), &claims());
    assert_eq!(verified(&keys, &newer), Ok(()));
    // As published, it is for RS256 alone.
    let mut any = RSA.public();
    any.as_object_mut().unwrap().remove("alg");
    for algorithm in ["RS384", "RS512"] {
        let token = RSA.sign_with(&json!({ "alg": algorithm, "kid": "rsa" }), &claims());
        assert_eq!(
            verified(&keys, &token),
            Err(SignatureFlaw::Wrong),
            "{algorithm}"
        );
        assert_eq!(
            verified(&set(&[any.clone()]), &token),
            Ok(()),
            "{algorithm}"
        );
    }
}

#[test]
fn what_the_issuer_did_not_sign_is_refused() {
    let keys = set(&[RSA.public()]);
    let token = RSA.sign(&claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, body) = signed.split_once('.').unwrap();
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let forged = encoded(r#"{"sub":"repo:acme/app:ref:refs/heads/main","admin":true}"#);
    let ec = encoded(r#"{"alg":"ES256","kid":"rsa"}"#);
    let wrong = Err(SignatureFlaw::Wrong);
    for (name, token, expected) in [
        ("its own", token.clone(), Ok(())),
        (
            "a forged subject",
            format!("{header}.{forged}.{signature}"),
            wrong,
        ),
        ("no signature", format!("{signed}."), wrong),
        (
            "a cut signature",
            format!("{signed}.{}", &signature[..340]),
            wrong,
        ),
        (
            "another algorithm",
            format!("{ec}.{body}.{signature}"),
            wrong,
        ),
        (
            "another's key of that name",
            OTHER_RSA.sign(&claims()),
            wrong,
        ),
        (
            "an unknown key",
            RSA.sign_with(&json!({ "alg": "RS256", "kid": "x" }), &claims()),
            Err(SignatureFlaw::UnknownKey),
        ),
        (
            "a key of no kind that is here",
            RSA.sign_with(&json!({ "alg": "ES256" }), &claims()),
            Err(SignatureFlaw::UnknownKey),
        ),
    ] {
        assert_eq!(verified(&keys, &token), expected, "{name}");
    }
}

/// The public key as an HMAC secret, or brought along: neither is even a token.
#[test]
fn a_public_key_is_no_secret_and_no_token_brings_its_own() {
    let mut own = OTHER_RSA.public();
    own["kid"] = "mine".into();
    let keys = set(&[RSA.public()]);
    let header = json!({ "alg": "RS256", "kid": "mine", "jwk": own, "jku": "http://127.0.0.1/" });
    let token = OTHER_RSA.sign_with(&header, &claims());
    assert_eq!(verified(&keys, &token), Err(SignatureFlaw::UnknownKey));
    let hmac = RSA.sign_with(&json!({ "alg": "HS256", "kid": "rsa" }), &claims());
    assert!(Jwt::read(&hmac).is_err());
}

#[test]
fn keys_that_are_for_something_else_are_left_out() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut key = RSA.public();
        change(&mut key);
        key
    };
    let other = |value: Value| with(&|key| key["kty"] = value.clone());
    let p256 = IssuerKey::p256("p256").unwrap().public();
    for (name, key) in [
        ("for encryption", with(&|key| key["use"] = "enc".into())),
        (
            "for signing alone",
            with(&|key| key["key_ops"] = json!(["sign"])),
        ),
        ("for PS256", with(&|key| key["alg"] = "PS256".into())),
        ("for HMAC", with(&|key| key["alg"] = "HS256".into())),
        (
            "for another type's",
            with(&|key| key["alg"] = "ES256".into()),
        ),
        (
            "a shared secret",
            json!({ "kty": "oct", "k": "AAAA", "kid": "rsa", "alg": "HS256" }),
        ),
        ("of an unknown type", other("AKP".into())),
        ("of no type", other(Value::Null)),
        ("without its number", with(&|key| key["n"] = Value::Null)),
        ("of zeros", with(&|key| key["n"] = "AAAA".into())),
        ("no base64", with(&|key| key["n"] = "a b".into())),
        (
            "a curve that isn't taken",
            json!({ "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA" }),
        ),
        (
            "X25519",
            json!({ "kty": "OKP", "crv": "X25519", "x": p256["x"] }),
        ),
        (
            "a short point",
            json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }),
        ),
        ("no object", json!("RSA")),
    ] {
        let alone = json!({ "keys": [key] }).to_string();
        let read = KeySet::read(alone.as_bytes());
        assert_eq!(read.err(), Some(KeysFlaw::NoneUsable), "{name}");
        let keys = set(&[key, p256.clone()]);
        let token = RSA.sign(&claims());
        assert_eq!(
            verified(&keys, &token),
            Err(SignatureFlaw::UnknownKey),
            "{name}"
        );
    }
    let padded = with(&|key| {
        let n = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
        key["n"] = URL_SAFE_NO_PAD.encode([vec![0], n].concat()).into();
    });
    assert_eq!(verified(&set(&[padded]), &RSA.sign(&claims())), Ok(()));
}

/// Points that are on no curve, and small keys, are found when something is verified with them.
#[test]
fn weak_keys_verify_nothing() {
    let small = json!({ "kty": "RSA", "kid": "rsa", "n": URL_SAFE_NO_PAD.encode([0xFF; 128]), "e": "AQAB" });
    let one = json!({ "kty": "RSA", "kid": "rsa", "n": RSA.public()["n"], "e": "AQ" });
    let nowhere = URL_SAFE_NO_PAD.encode([1; 32]);
    let off = json!({ "kty": "EC", "crv": "P-256", "kid": "rsa", "x": nowhere, "y": nowhere });
    let p256 = IssuerKey::p256("rsa").unwrap();
    for (name, key, token) in [
        ("1024 bits", small, RSA.sign(&claims())),
        ("an exponent of one", one, RSA.sign(&claims())),
        ("no point", off, p256.sign(&claims())),
    ] {
        let found = verified(&set(&[key]), &token);
        assert_eq!(found, Err(SignatureFlaw::Wrong), "{name}");
    }
}

#[test]
fn a_set_is_bounded_and_has_keys() {
    let many = |count| json!({ "keys": vec![RSA.public(); count] }).to_string();
    for (name, document, expected) in [
        ("as many as there may be", many(32), None),
        ("one more", many(33), Some(KeysFlaw::TooMany)),
        ("none", many(0), Some(KeysFlaw::NoneUsable)),
        ("no set", "[]".to_owned(), Some(KeysFlaw::Unreadable)),
        (
            "an error",
            r#"{"error":"x"}"#.to_owned(),
            Some(KeysFlaw::Unreadable),
        ),
        ("a page", "<html>".to_owned(), Some(KeysFlaw::Unreadable)),
        (
            "cut off",
            many(2)[..500].to_owned(),
            Some(KeysFlaw::Unreadable),
        ),
    ] {
        assert_eq!(KeySet::read(document.as_bytes()).err(), expected, "{name}");
    }
}
