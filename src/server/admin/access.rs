//! Who is answered: everybody, unless the configuration has users or tokens. Probes always are, since a
//! kubelet can't log in; what they can't see, `routes` says.
//!
//! A password costs a bcrypt each time that it is looked at, tens of milliseconds of a core by the file's
//! own choice. So one that was right is remembered, one is looked at at a time, and after a wrong one the
//! next waits: whoever guesses takes a tenth of a core, and delays nobody who was known before.

use super::response::{AdminResponse, text};
use crate::config::{AdminConfig, AdminUser};
use crate::net::accepted_credentials::{CredentialKey, CredentialMark};
use crate::net::login::Login;
use crate::system::random::{self, NoRandomness};
use http::header::{AUTHORIZATION, HeaderMap, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use lru::LruCache;
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// Scrapers and operators, each with a password of their own.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(256).expect("more than none");

/// How long the next password waits after one that was wrong.
const AFTER_A_WRONG_ONE: Duration = Duration::from_secs(1);

/// Logins that were right, and the turn of those that are to be looked at.
pub(super) struct AdminLogins {
    key: CredentialKey,
    right: Mutex<LruCache<CredentialMark, ()>>,
    turn: Arc<Semaphore>,
}

/// Why somebody isn't answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("this listener asks who you are: {ACCEPTED}")]
    Nobody,
    #[error("that isn't a login of this listener: {ACCEPTED}")]
    Wrong,
}

const ACCEPTED: &str = "show a token of admin.token_file (Authorization: Bearer, or as the password of any user) or log in as a user of admin.web_config";

impl AdminLogins {
    /// # Errors
    /// When the system gives no randomness for the key.
    pub(super) fn new() -> Result<AdminLogins, NoRandomness> {
        let mut key = [0; 64];
        random::fill(&mut key)?;
        Ok(AdminLogins {
            key: CredentialKey::new(key),
            right: Mutex::new(LruCache::new(REMEMBERED)),
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    /// Whether who asks may read what this listener has to tell.
    pub(super) async fn check(
        &self,
        headers: &HeaderMap,
        admin: &AdminConfig,
    ) -> Result<(), Refused> {
        let users = admin.web_config.as_ref().map_or(&[][..], |web| &web.users);
        let tokens = admin.token_file.as_ref();
        if users.is_empty() && tokens.is_none() {
            return Ok(());
        }
        let is_token = |secret: &str| {
            let mark = self.key.mark(&[secret.as_bytes()]);
            let mut tokens = tokens.iter().flat_map(|tokens| &tokens.tokens);
            // Marks under a key that nobody knows: how long they take to compare tells nothing.
            tokens.any(|token| self.key.mark(&[token.as_bytes()]) == mark)
        };
        let (scheme, credential) = shown(headers)?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return is_token(credential).then_some(()).ok_or(Refused::Wrong);
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(Refused::Wrong);
        }
        let name = Login::name_in_basic(credential).ok_or(Refused::Wrong)?;
        let password = Login::password_in_basic(credential).ok_or(Refused::Wrong)?;
        if is_token(&password) {
            return Ok(());
        }
        let known = users.iter().find(|known| known.name == name);
        let Some(user) = known.or(users.first()) else {
            return Err(Refused::Wrong);
        };
        // An unknown name takes as long as a known one: the time doesn't tell which there are.
        let is_right = self.password(user, known.is_some(), password).await;
        is_right.then_some(()).ok_or(Refused::Wrong)
    }

    /// Whether it is this user's password, and the user's name was the one that was given.
    async fn password(
        &self,
        user: &AdminUser,
        is_named: bool,
        password: Zeroizing<String>,
    ) -> bool {
        // Another hash is another password.
        let mark = self.key.mark(&[user.hash.as_bytes(), password.as_bytes()]);
        if is_named && self.right.lock().get(&mark).is_some() {
            return true;
        }
        // It is never closed.
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let hash = user.hash.clone();
        // Whoever leaves meanwhile gives nobody the turn before its time.
        let looked = tokio::spawn(async move {
            let looked = spawn_blocking(move || bcrypt::verify(password.as_bytes(), &hash)).await;
            let is_right = is_named && matches!(looked, Ok(Ok(true)));
            if !is_right {
                tokio::time::sleep(AFTER_A_WRONG_ONE).await;
            }
            drop(turn);
            is_right
        });
        let is_right = looked.await.unwrap_or(false);
        if is_right {
            self.right.lock().put(mark, ());
        }
        is_right
    }
}

/// The one credential of a request, with its scheme before it (RFC 9110, section 11.4).
fn shown(headers: &HeaderMap) -> Result<(&str, &str), Refused> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let credential = shown.next().ok_or(Refused::Nobody)?;
    if shown.next().is_some() {
        return Err(Refused::Wrong);
    }
    let credential = credential.to_str().map_err(|_| Refused::Wrong)?;
    let (scheme, credential) = credential.split_once(' ').ok_or(Refused::Wrong)?;
    Ok((scheme, credential.trim_start_matches(' ')))
}

/// The answer to somebody who isn't answered. A browser asks for user and password then.
pub(super) fn refusal(refused: Refused) -> AdminResponse {
    let mut answer = text(StatusCode::UNAUTHORIZED, format!("{refused}\n"));
    let challenge = HeaderValue::from_static("Basic realm=\"harbormouth\", charset=\"UTF-8\"");
    answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use std::path::PathBuf;

    const TOKENS: [&str; 2] = ["0123456789abcdef", "fedcba9876543210"];

    fn admin(users: &[(&str, &str)], tokens: &[&str]) -> AdminConfig {
        let yaml = "listeners: [ { address: 127.0.0.1:0 } ]\nadmin: { address: 127.0.0.1:0 }\nregistries: [ { name: hq, \
                    public: [ http://hub.example.com ], upstream: { endpoints: [ http://10.0.0.5 ] } } ]\n";
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let file: PathBuf = directory.path().join(name);
            std::fs::write(&file, text).unwrap();
        };
        let hashed = |(name, password): &(&str, &str)| {
            let hash = bcrypt::hash(password, 4).unwrap();
            format!("  {name}: {hash}\n")
        };
        let hashed: String = users.iter().map(hashed).collect();
        write("web.yaml", format!("basic_auth_users:\n{hashed}"));
        write("token", tokens.join("\n"));
        let mut keys = String::from("address: 127.0.0.1:0");
        if !users.is_empty() {
            keys += ", web_config: web.yaml";
        }
        if !tokens.is_empty() {
            keys += ", token_file: token";
        }
        write(
            "gw.yaml",
            yaml.replace("address: 127.0.0.1:0 }\nreg", &format!("{keys} }}\nreg")),
        );
        let config = crate::config::load_file(&directory.path().join("gw.yaml"));
        config.unwrap().admin
    }

    fn headers(shown: &[String]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in shown {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_known_is_answered_and_nobody_else() {
        let users = [("ops", "pass:word"), ("prometheus", "scrape")];
        let both = admin(&users, &TOKENS);
        let tokens = admin(&[], &TOKENS);
        let only_users = admin(&users, &[]);
        let open = admin(&[], &[]);
        let bearer = |token: &str| format!("Bearer {token}");
        for (name, admin, shown, expected) in [
            ("open", &open, vec![], Ok(())),
            (
                "open, and a password that nobody asks for",
                &open,
                vec![basic("a:b")],
                Ok(()),
            ),
            ("nobody", &both, vec![], Err(Refused::Nobody)),
            ("a user", &both, vec![basic("ops:pass:word")], Ok(())),
            ("a user again", &both, vec![basic("ops:pass:word")], Ok(())),
            (
                "another's password",
                &both,
                vec![basic("ops:scrape")],
                Err(Refused::Wrong),
            ),
            (
                "an unknown user",
                &both,
                vec![basic("root:scrape")],
                Err(Refused::Wrong),
            ),
            (
                "no password",
                &both,
                vec![basic("ops:")],
                Err(Refused::Wrong),
            ),
            ("a token", &both, vec![bearer(TOKENS[0])], Ok(())),
            ("the second token", &tokens, vec![bearer(TOKENS[1])], Ok(())),
            (
                "in lower case",
                &tokens,
                vec![bearer(TOKENS[0]).replace('B', "b")],
                Ok(()),
            ),
            (
                "a token as a password",
                &tokens,
                vec![basic(&format!("x:{}", TOKENS[0]))],
                Ok(()),
            ),
            (
                "a part of a token",
                &tokens,
                vec![bearer(&TOKENS[0][..15])],
                Err(Refused::Wrong),
            ),
            (
                "an empty token",
                &tokens,
                vec![bearer("")],
                Err(Refused::Wrong),
            ),
            (
                "a user's password as a token",
                &both,
                vec![bearer("scrape")],
                Err(Refused::Wrong),
            ),
            (
                "users where there are tokens only",
                &tokens,
                vec![basic("ops:pass:word")],
                Err(Refused::Wrong),
            ),
            (
                "a token where there are users only",
                &only_users,
                vec![bearer(TOKENS[0])],
                Err(Refused::Wrong),
            ),
            (
                "two",
                &tokens,
                vec![bearer(TOKENS[0]), bearer(TOKENS[0])],
                Err(Refused::Wrong),
            ),
            (
                "another scheme",
                &tokens,
                vec![format!("Digest {}", TOKENS[0])],
                Err(Refused::Wrong),
            ),
            (
                "no scheme",
                &tokens,
                vec![TOKENS[0].to_owned()],
                Err(Refused::Wrong),
            ),
        ] {
            let logins = AdminLogins::new().unwrap();
            assert_eq!(
                logins.check(&headers(&shown), admin).await,
                expected,
                "{name}"
            );
        }
    }

    /// A password that was right costs one bcrypt, and one that was wrong a second.
    #[tokio::test(start_paused = true)]
    async fn only_a_wrong_password_waits() {
        let admin = admin(&[("ops", "right")], &[]);
        let logins = AdminLogins::new().unwrap();
        let begun = tokio::time::Instant::now();
        let check = async |pair: &str| logins.check(&headers(&[basic(pair)]), &admin).await;
        assert_eq!(check("ops:right").await, Ok(()));
        assert_eq!(logins.right.lock().len(), 1);
        let (wrong, right, other) = tokio::join!(
            check("ops:wrong"),
            check("ops:right"),
            check("nobody:right")
        );
        assert_eq!(
            (wrong, right, other),
            (Err(Refused::Wrong), Ok(()), Err(Refused::Wrong))
        );
        assert_eq!(
            begun.elapsed(),
            2 * AFTER_A_WRONG_ONE,
            "one after the other"
        );
        assert_eq!(logins.right.lock().len(), 1);
        // Who doesn't wait for the answer hurries nobody.
        let begun = tokio::time::Instant::now();
        let left = tokio::time::timeout(Duration::from_millis(1), check("ops:wrong")).await;
        assert!(left.is_err());
        assert_eq!(check("ops:wrong").await, Err(Refused::Wrong));
        assert_eq!(begun.elapsed(), 2 * AFTER_A_WRONG_ONE);
    }
}
