use super::*;
use crate::doctor::credentials::error::HelperTrouble;
use std::time::Duration;

const HELPERS: &str = r#"{
    "auths": {"hub.example.com": {"auth": "Ym9iOmZpbGU="}},
    "credHelpers": {"hub.example.com": "own", "other.example.com": "other"},
    "credsStore": "store"
}"#;

#[tokio::test]
async fn a_helper_is_asked_as_docker_asks_it() {
    let own = r#"credHelpers["hub.example.com"] in .docker/config.json"#;
    let answer = r#"printf '{"ServerURL":"%s","Username":"alice","Secret":"%s"}' "$(cat)" "$1""#;
    for (case, script, told) in [
        (
            "the registry comes on standard input, and the word get",
            answer.to_owned(),
            format!("alice:get from docker-credential-own ({own})"),
        ),
        (
            "the registry's name is its host",
            r#"printf '{"Username":"alice","Secret":"%s"}' "$(cat)""#.to_owned(),
            format!("alice:hub.example.com from docker-credential-own ({own})"),
        ),
        (
            "it has nothing, and the file doesn't count",
            "echo credentials not found in native keychain; exit 1".to_owned(),
            "nothing".to_owned(),
        ),
        (
            "it has an identity token",
            r#"echo '{"Username":"<token>","Secret":"s3cret"}'"#.to_owned(),
            format!("token from docker-credential-own ({own})"),
        ),
        (
            "it has an empty answer",
            r#"echo '{"Username":"","Secret":""}'"#.to_owned(),
            "nothing".to_owned(),
        ),
        (
            "it fails with words",
            "echo the keychain is locked; echo s3cret; exit 2".to_owned(),
            format!("error: docker-credential-own ({own}): it failed: the keychain is locked"),
        ),
        (
            "it fails with what may be a secret",
            r#"echo '{"Username":"alice","Secret":"s3cret"}'; exit 2"#.to_owned(),
            format!("error: docker-credential-own ({own}): it failed: it gives no reason"),
        ),
        (
            "it says something else",
            "echo s3cret".to_owned(),
            format!(
                "error: docker-credential-own ({own}): its output is not a JSON object with \
                 Username and Secret"
            ),
        ),
        (
            "it says too much",
            "while echo s3cret; do :; done".to_owned(),
            format!("error: docker-credential-own ({own}): its output is longer than 65536 bytes"),
        ),
    ] {
        let home = Home::with(HELPERS);
        home.helper("docker-credential-own", &script);
        home.helper("docker-credential-store", "echo the wrong one; exit 1");
        assert_eq!(home.told().await, told, "{case}");
    }
    assert_eq!(
        Home::with(HELPERS).told().await,
        format!("error: docker-credential-own ({own}): there is no such program in PATH"),
        "it isn't there"
    );
}

#[tokio::test]
async fn the_helper_for_all_is_asked_where_there_is_none_of_its_own() {
    for (case, config, told) in [
        (
            "credsStore",
            r#"{"credsStore":"store","credHelpers":{"https://hub.example.com":"own"}}"#,
            "alice:s3cret from docker-credential-store (credsStore in .docker/config.json)",
        ),
        (
            "an empty one of its own means the file",
            r#"{"credsStore":"store","credHelpers":{"hub.example.com":""},
                "auths":{"hub.example.com":{"auth":"Ym9iOmZpbGU="}}}"#,
            r#"bob:file from auths["hub.example.com"] in .docker/config.json"#,
        ),
        (
            "an empty one for all means the file",
            r#"{"credsStore":"","auths":{"hub.example.com":{"auth":"Ym9iOmZpbGU="}}}"#,
            r#"bob:file from auths["hub.example.com"] in .docker/config.json"#,
        ),
    ] {
        let home = Home::with(config);
        home.helper(
            "docker-credential-store",
            r#"echo '{"Username":"alice","Secret":"s3cret"}'"#,
        );
        assert_eq!(home.told().await, told, "{case}");
    }
}

#[tokio::test]
async fn a_helper_has_a_bound_in_time() {
    let home = Home::new();
    home.helper("docker-credential-slow", "exec sleep 60");
    let path = home.environment().path;
    let patience = Duration::from_millis(200);
    let Err(HelperTrouble::TimedOut(bound)) =
        helper::ask("slow", "hub.example.com", path.as_deref(), patience).await
    else {
        panic!("it answered");
    };
    assert_eq!(bound, patience);
}
