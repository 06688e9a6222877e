//! The doctor keeps no secret.

use crate::stage::{Stage, Told, walker};
use harbormouth::doctor::trace::Entry;
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};

#[tokio::test]
async fn no_password_token_cookie_or_state_is_in_a_walk() {
    let mut stage = Stage::honest().await;
    stage.options.push = true;
    stage.options.commit_wait = true;
    // A hop that says what it got.
    let echo = InjectedFault::SetHeader(
        "x-echo",
        "Basic YWRtaW46SGFyYm9yMTIzNDU=, Harbor12345".into(),
    );
    stage
        .fake_harbor
        .faults()
        .inject(Match::any(), Times::Always, echo);
    let mut walker = walker(&stage.options);
    let public = walker.walk(&Entry::Public, &mut Told::default()).await;
    let via = Entry::Via(stage.fake_harbor.origin());
    let inner = walker.walk(&via, &mut Told::default()).await;
    let kept = format!("{public:?}{inner:?}");
    assert!(kept.contains("Basic ***, ***"), "the echo is there");
    let mut secrets = vec!["Harbor12345".to_owned()];
    for seen in stage.fake_harbor.seen() {
        if let Some((_, secret)) = seen.header("authorization").split_once(' ') {
            secrets.push(secret.to_owned());
        }
        if let Some((_, state)) = seen.target.split_once("_state=") {
            secrets.push(state.split('&').next().unwrap().to_owned());
        }
    }
    secrets.sort();
    secrets.dedup();
    // The password, Basic, one token, and a state for each write.
    assert!(secrets.len() > 6, "{}", secrets.len());
    for secret in secrets {
        assert!(
            secret.len() > 8 && !kept.contains(&secret),
            "{secret} is kept"
        );
    }
    for cookie in kept.split("sid=").skip(1) {
        assert!(cookie.starts_with("***"), "{}", &cookie[..16]);
    }
}
