//! ID tokens that are typed into the portal's login form.

use super::stage::{Stage, seen, words};
use crate::client::{request, with_length};
use crate::push;
use crate::setup::Setup;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[tokio::test]
async fn a_token_in_the_login_form_goes_to_no_harbor() {
    let stage = Stage::github("").await;
    let token = stage.token();
    let form = |name: &str| format!("{name}&password={token}").into_bytes();
    let query = format!("/c/login?principal=oidc&password={token}");
    let multipart = "Content-Type: multipart/form-data; boundary=x";
    let parts = format!(
        "--x\r\nContent-Disposition: form-data; name=\"principal\"\r\n\r\noidc\r\n--x\r\n\
         Content-Disposition: form-data; name=\"password\"\r\n\r\n{token}\r\n--x--\r\n"
    );
    let body = form("principal=oidc");
    let chunked = [
        format!("{:x}\r\n", body.len()).into_bytes(),
        body.clone(),
        b"\r\n0\r\n\r\n".to_vec(),
    ];
    let long = [body.clone(), vec![b'x'; 16 * 1024]].concat();
    let post = |path: &str, kind: &str, body: &[u8]| with_length("POST", path, &[kind], body);
    for (name, asked, status) in [
        ("plain", post("/c/login", FORM, &body), 401),
        ("a slash", post("/c/login/", FORM, &body), 401),
        (
            "escaped",
            post("/c/%6cogin", FORM, &form("%70rincipal=%6Fidc")),
            401,
        ),
        (
            "another case",
            post("/c/login", FORM, &form("principal=+OIDC")),
            401,
        ),
        ("the query", post(&query, FORM, b""), 401),
        (
            "twice",
            post("/c/login", FORM, &form("principal=alice&principal=oidc")),
            400,
        ),
        ("parts", post("/c/login", multipart, parts.as_bytes()), 400),
        ("of no type", post("/c/login", "Accept: */*", &body), 400),
        ("too long", post("/c/login", FORM, &long), 400),
        (
            "of no length",
            request(
                "POST",
                "/c/login",
                &[FORM, "Transfer-Encoding: chunked"],
                &chunked.concat(),
            ),
            400,
        ),
    ] {
        let reply = stage.world.https().await.ask(asked).await;
        let words = words(&reply);
        assert_eq!(reply.status, status, "{name}: {words}");
        let expected = match status {
            401 => "the portal takes no ID token",
            _ => "this login form can't be read",
        };
        assert!(words.contains(expected), "{name}: {words}");
        assert_eq!(seen(&stage.harbor).len(), 0, "{name}");
    }
    stage.holds_nothing_of(&token);
    // Everybody else signs in as ever.
    let alice = post("/c/login", FORM, b"principal=alice&password=Alice12345");
    stage.world.https().await.ask(alice).await;
    assert_eq!(seen(&stage.harbor).len(), 1);
}

#[tokio::test]
async fn without_identities_harbor_judges_every_form() {
    let harbor = push::fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    for body in [
        "principal=oidc&password=x",
        "principal=a&principal=b&password=x",
    ] {
        let asked = with_length("POST", "/c/login", &[FORM], body.as_bytes());
        world.https().await.ask(asked).await;
    }
    assert_eq!(seen(&harbor).len(), 2);
}
