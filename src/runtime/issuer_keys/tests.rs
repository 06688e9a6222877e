//! When an issuer is asked for its keys, and which are believed meanwhile.

use super::*;
use crate::testing::fake_issuer::{FakeIssuer, Instead, IssuerKey};
use futures_util::future::join_all;
use serde_json::json;

const LONG: Duration = Duration::from_secs(3600);

const LONG_BOUNDS: Bounds = Bounds {
    fresh: LONG,
    kept: LONG,
    pause: LONG,
};

fn keys(issuer: &FakeIssuer, bounds: Bounds) -> Arc<IssuerKeys> {
    let issuer = Issuer::parse(issuer.url()).unwrap();
    Arc::new(IssuerKeys::within(bounds, issuer, None))
}

fn token(key: &IssuerKey) -> String {
    key.sign(&json!({ "sub": "repo:acme/app" }))
}

async fn verified(keys: &Arc<IssuerKeys>, token: &str) -> Result<(), String> {
    let token = Jwt::read(token).unwrap();
    let verified = keys.verify(&token).await;
    verified.map_err(|refused| refused.result().to_string())
}

fn refused(word: &str) -> Result<(), String> {
    Err(word.to_owned())
}

#[tokio::test]
async fn keys_are_fetched_once_for_all_that_wait() {
    let key = IssuerKey::p256("a").unwrap();
    let issuer = FakeIssuer::start(&[&key]).await.unwrap();
    let keys = keys(&issuer, LONG_BOUNDS);
    assert_eq!(issuer.asked().len(), 0, "nobody asked");
    let token = token(&key);
    let all = join_all((0..20).map(|_| verified(&keys, &token))).await;
    assert!(all.iter().all(|it| it == &Ok(())), "{all:?}");
    assert_eq!(
        issuer.asked(),
        ["/.well-known/openid-configuration", "/keys"]
    );
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_once_in_a_while() {
    let (old, new) = (
        IssuerKey::p256("old").unwrap(),
        IssuerKey::p256("new").unwrap(),
    );
    let issuer = FakeIssuer::start(&[&old]).await.unwrap();
    for (pause, expected) in [(LONG, refused("unknown_key")), (Duration::ZERO, Ok(()))] {
        issuer.publish(&[&old]);
        let keys = keys(
            &issuer,
            Bounds {
                pause,
                ..LONG_BOUNDS
            },
        );
        assert_eq!(verified(&keys, &token(&old)).await, Ok(()));
        issuer.publish(&[&new]);
        assert_eq!(verified(&keys, &token(&old)).await, Ok(()), "it is fresh");
        assert_eq!(verified(&keys, &token(&new)).await, expected, "{pause:?}");
    }
    let keys = keys(&issuer, LONG_BOUNDS);
    let before = issuer.asked().len();
    for _ in 0..20 {
        assert_eq!(verified(&keys, &token(&old)).await, refused("unknown_key"));
    }
    assert_eq!(issuer.asked().len(), before + 2);
}

#[tokio::test]
async fn old_keys_are_believed_for_a_while_where_the_issuer_is_silent() {
    let key = IssuerKey::p256("a").unwrap();
    let issuer = FakeIssuer::start(&[&key]).await.unwrap();
    let stale = Bounds {
        fresh: Duration::ZERO,
        pause: Duration::ZERO,
        ..LONG_BOUNDS
    };
    let over = Bounds {
        kept: Duration::ZERO,
        ..stale
    };
    for (bounds, expected) in [(stale, Ok(())), (over, refused("issuer_unreachable"))] {
        issuer.answer(None);
        let keys = keys(&issuer, bounds);
        // One that is over at once is asked for, and had, each time.
        let first = verified(&keys, &token(&key)).await;
        issuer.answer(Some(Instead::Status(500)));
        assert_eq!(verified(&keys, &token(&key)).await, expected, "{first:?}");
        let unknown = token(&IssuerKey::p256("b").unwrap());
        let found = verified(&keys, &unknown).await;
        assert_eq!(
            found,
            refused("issuer_unreachable"),
            "nobody knows whether it is one"
        );
    }
}

/// Whoever waits for the issuer may go away: the others have what was asked for.
#[tokio::test]
async fn who_goes_away_takes_nothing_with_him() {
    let key = IssuerKey::p256("a").unwrap();
    let issuer = FakeIssuer::start(&[&key]).await.unwrap();
    let keys = keys(&issuer, LONG_BOUNDS);
    let token = token(&key);
    let mut first = Box::pin(verified(&keys, &token));
    assert!(futures_util::poll!(&mut first).is_pending());
    drop(first);
    assert_eq!(verified(&keys, &token).await, Ok(()));
    assert_eq!(issuer.asked().len(), 2);
}

#[tokio::test]
async fn trouble_is_asked_about_once_in_a_while_too() {
    let key = IssuerKey::p256("a").unwrap();
    let issuer = FakeIssuer::start(&[&key]).await.unwrap();
    issuer.answer(Some(Instead::Status(500)));
    let keys = keys(&issuer, LONG_BOUNDS);
    for _ in 0..5 {
        let found = verified(&keys, &token(&key)).await;
        assert_eq!(found, refused("issuer_unreachable"));
    }
    assert_eq!(issuer.asked().len(), 1);
}
