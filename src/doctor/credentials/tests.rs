mod helpers;

use super::*;
use std::process::{Command, Stdio};

const SECRET: &str = "s3cret";

fn registry() -> Origin {
    Origin::parse("https://hub.example.com").unwrap()
}

/// A home with a docker directory and a directory of helpers, and an environment of just these.
struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    fn new() -> Home {
        let directory = tempfile::tempdir().unwrap();
        for name in [".docker", "bin", "run/containers"] {
            std::fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        Home { directory }
    }

    fn with(config: &str) -> Home {
        let home = Home::new();
        home.write(".docker/config.json", config);
        home
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.directory.path().join(name), content).unwrap();
    }

    /// A helper that runs this script. It is written by another process: one that this process has
    /// open for writing, while another test forks, can't be run ("text file busy").
    fn helper(&self, name: &str, script: &str) {
        let path = self.directory.path().join("bin").join(name);
        let mut child = Command::new("/bin/sh")
            .args(["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh"])
            .arg(path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let script = format!("#!/bin/sh\n{script}\n");
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), script.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    fn environment(&self) -> Environment {
        Environment {
            home: Some(self.directory.path().to_owned()),
            path: Some(self.directory.path().join("bin").into_os_string()),
            runtime_directory: Some(self.directory.path().join("run")),
            ..Environment::default()
        }
    }

    async fn find(&self) -> Result<FoundCredentials, CredentialsError> {
        Credentials::find(&registry(), &self.environment()).await
    }

    /// What was found, in one line, with the secret and without the directory's name.
    async fn told(&self) -> String {
        tell(self.find().await).replace(&format!("{}/", self.directory.path().display()), "")
    }
}

fn tell(found: Result<FoundCredentials, CredentialsError>) -> String {
    match found {
        Ok(FoundCredentials::Credentials(one)) => {
            format!("{}:{} from {}", one.user, &**one.password, one.source)
        }
        Ok(FoundCredentials::Token { source }) => format!("token from {source}"),
        Ok(FoundCredentials::Nothing) => "nothing".to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

#[tokio::test]
async fn a_login_is_found_where_docker_finds_it() {
    // alice:s3cret, and a password with a colon.
    for (case, config, told) in [
        ("an empty file", "", "nothing"),
        ("an empty object", "{}", "nothing"),
        (
            "others' logins",
            r#"{"auths":{"other.example.com":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            "nothing",
        ),
        (
            "the host",
            r#"{"auths":{"hub.example.com":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            r#"alice:s3cret from auths["hub.example.com"] in .docker/config.json"#,
        ),
        (
            "a URL",
            r#"{"auths":{"https://hub.example.com":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            r#"alice:s3cret from auths["https://hub.example.com"] in .docker/config.json"#,
        ),
        (
            "a URL with a slash",
            r#"{"auths":{"https://hub.example.com/":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            r#"alice:s3cret from auths["https://hub.example.com/"] in .docker/config.json"#,
        ),
        (
            "a URL of version 1",
            r#"{"auths":{"https://hub.example.com/v1/":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            r#"alice:s3cret from auths["https://hub.example.com/v1/"] in .docker/config.json"#,
        ),
        (
            "a URL of another scheme",
            r#"{"auths":{"http://hub.example.com/v2/":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            r#"alice:s3cret from auths["http://hub.example.com/v2/"] in .docker/config.json"#,
        ),
        (
            "a host with a path",
            r#"{"auths":{"hub.example.com/lab":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            r#"alice:s3cret from auths["hub.example.com/lab"] in .docker/config.json"#,
        ),
        (
            "the host itself comes before a URL of it",
            r#"{"auths":{"a://hub.example.com":{"auth":"Ym9iOmE="},
                "hub.example.com":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            r#"alice:s3cret from auths["hub.example.com"] in .docker/config.json"#,
        ),
        (
            "another port is another registry",
            r#"{"auths":{"hub.example.com:443":{"auth":"YWxpY2U6czNjcmV0"},
                "https://hub.example.com:5000":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            "nothing",
        ),
        (
            "a password with a colon, zeros behind it and a line end in the base64",
            r#"{"auths":{"hub.example.com":{"auth":"YWxpY2U6\nYTpiAAA="}}}"#,
            r#"alice:a:b from auths["hub.example.com"] in .docker/config.json"#,
        ),
        (
            "in clear",
            r#"{"auths":{"hub.example.com":{"username":"alice","password":"s3cret"}}}"#,
            r#"alice:s3cret from auths["hub.example.com"] in .docker/config.json"#,
        ),
        (
            "an identity token, with the user beside it",
            r#"{"auths":{"hub.example.com":{"auth":"YWxpY2U6czNjcmV0","identitytoken":"s3cret"}}}"#,
            r#"token from auths["hub.example.com"] in .docker/config.json"#,
        ),
        (
            "a registry token",
            r#"{"auths":{"hub.example.com":{"registrytoken":"s3cret"}}}"#,
            r#"token from auths["hub.example.com"] in .docker/config.json"#,
        ),
        (
            "what a store has left behind",
            r#"{"auths":{"hub.example.com":{}}}"#,
            "nothing",
        ),
        (
            "a broken entry of another registry",
            r#"{"auths":{"other.example.com":7,"hub.example.com":{"auth":"YWxpY2U6czNjcmV0"}}}"#,
            r#"alice:s3cret from auths["hub.example.com"] in .docker/config.json"#,
        ),
    ] {
        assert_eq!(Home::with(config).told().await, told, "{case}");
    }
    assert_eq!(Home::new().told().await, "nothing", "no file");
}

#[tokio::test]
async fn a_file_that_is_broken_is_named_with_the_place_and_without_the_secret() {
    let login = r#"{"auths":{"hub.example.com":"#;
    for (case, config, told) in [
        (
            "no JSON",
            "{\n  \"auths\": s3cret\n}".to_owned(),
            "error: .docker/config.json is not JSON: line 2, column 12",
        ),
        (
            "cut off",
            format!("{login}{{\"auth\":\"s3cret"),
            "error: .docker/config.json is not JSON: line 1, column 43",
        ),
        (
            "a text",
            "\"s3cret\"".to_owned(),
            "error: .docker/config.json: the whole file must be an object",
        ),
        (
            "auths is a text",
            r#"{"auths":"s3cret"}"#.to_owned(),
            "error: .docker/config.json: auths must be an object",
        ),
        (
            "the entry is a text",
            format!("{login}\"s3cret\"}}}}"),
            r#"error: .docker/config.json: auths["hub.example.com"] must be an object"#,
        ),
        (
            "auth is no base64",
            format!("{login}{{\"auth\":\"s3cret\"}}}}}}"),
            "error: .docker/config.json: auths[\"hub.example.com\"].auth must be the base64 of \
             user:password",
        ),
        (
            "auth has no colon",
            format!("{login}{{\"auth\":\"czNjcmV0\"}}}}}}"),
            "error: .docker/config.json: auths[\"hub.example.com\"].auth must be the base64 of \
             user:password",
        ),
        (
            "a password that is a number",
            format!("{login}{{\"username\":\"a\",\"password\":7}}}}}}"),
            r#"error: .docker/config.json: auths["hub.example.com"].password must be a text"#,
        ),
        (
            "a helper elsewhere",
            r#"{"credsStore":"../../s3cret"}"#.to_owned(),
            "error: .docker/config.json: credsStore must be the name of a helper: what follows \
             docker-credential- in its program's name",
        ),
        (
            "helpers that are no object",
            r#"{"credHelpers":["s3cret"]}"#.to_owned(),
            "error: .docker/config.json: credHelpers must be an object",
        ),
    ] {
        let got = Home::with(&config).told().await;
        assert_eq!(got, told, "{case}");
        assert!(!got.contains(SECRET), "{case}");
    }
}

#[tokio::test]
async fn the_places_are_looked_at_in_their_order() {
    let login = |user: &str| {
        use base64::Engine;
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{SECRET}"));
        format!(r#"{{"auths":{{"hub.example.com":{{"auth":"{auth}"}}}}}}"#)
    };
    let home = Home::new();
    home.write("run/containers/auth.json", &login("podman"));
    assert_eq!(
        home.told().await,
        r#"podman:s3cret from auths["hub.example.com"] in run/containers/auth.json"#
    );
    home.write("auth.json", &login("podman-file"));
    let mut environment = home.environment();
    environment.registry_auth_file = Some(home.directory.path().join("auth.json"));
    let told = tell(Credentials::find(&registry(), &environment).await);
    assert!(told.starts_with("podman-file:"), "{told}");

    home.write(".docker/config.json", &login("docker"));
    let told = tell(Credentials::find(&registry(), &environment).await);
    assert!(told.starts_with("docker:"), "{told}");

    std::fs::create_dir(home.directory.path().join("other")).unwrap();
    home.write("other/config.json", &login("elsewhere"));
    environment.docker_config = Some(home.directory.path().join("other"));
    let told = tell(Credentials::find(&registry(), &environment).await);
    assert!(told.starts_with("elsewhere:"), "{told}");

    environment.docker_auth_config = Some(login("variable").into());
    let told = tell(Credentials::find(&registry(), &environment).await);
    assert_eq!(
        told,
        r#"variable:s3cret from auths["hub.example.com"] in DOCKER_AUTH_CONFIG"#
    );
    let of_a_url = login("variable").replace("hub.", "https://hub.");
    environment.docker_auth_config = Some(of_a_url.into());
    let told = tell(Credentials::find(&registry(), &environment).await);
    assert!(told.starts_with("elsewhere:"), "{told}");
}

#[tokio::test]
async fn ports_addresses_and_docker_hub_have_keys_of_their_own() {
    for (origin, key) in [
        ("https://hub.example.com:8443", "hub.example.com:8443"),
        ("http://hub.example.com", "hub.example.com"),
        ("http://10.0.0.5:5000", "10.0.0.5:5000"),
        ("https://[2001:db8::1]:5000", "[2001:db8::1]:5000"),
        ("https://registry-1.docker.io", DOCKER_HUB),
    ] {
        let config = format!(r#"{{"auths":{{"{key}":{{"auth":"YWxpY2U6czNjcmV0"}}}}}}"#);
        let home = Home::with(&config);
        let origin = Origin::parse(origin).unwrap();
        let told = tell(Credentials::find(&origin, &home.environment()).await);
        assert!(told.starts_with("alice:s3cret"), "{origin}: {told}");
    }
}

#[test]
fn a_typed_password_loses_its_line_s_end_and_nothing_else() {
    for (input, password) in [
        ("s3cret", "s3cret"),
        ("s3cret\n", "s3cret"),
        ("s3cret\r\n", "s3cret"),
        ("s3cret\n\n", "s3cret\n"),
        (" s3 cret \n", " s3 cret "),
    ] {
        let typed = Credentials::typed("alice", input.as_bytes()).unwrap();
        assert_eq!(*typed.password, password);
        assert_eq!((&*typed.user, &*typed.source), ("alice", "--user"));
        assert!(!format!("{typed:?}").contains("s3"), "{typed:?}");
    }
    let long = "x".repeat(70_000);
    for (user, input, reason) in [
        ("", b"s3cret".as_slice(), "--user is empty"),
        ("a:b", b"s3cret", "--user has a colon"),
        ("alice", b"", "standard input contains no password"),
        ("alice", b"\n", "standard input contains no password"),
        ("alice", b"s3cret\xff", "can't be read"),
        ("alice", long.as_bytes(), "longer than 65536"),
    ] {
        let error = Credentials::typed(user, input).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains(SECRET), "{error}");
    }
}
