//! From a challenge to an Authorization.
//!
//! Tokens are asked for `pull,push`, as clients do. What deletes is tried with the same token,
//! since Harbor's carry everything that the account may; another, for `delete` too, is asked for
//! only where that is refused, since token services that grant by the letter exist as well.

use super::challenge::ChallengeKind;
use super::early_refusal::NO_REPOSITORY;
use super::entry::{choose, is_trusted};
use super::location::UploadReference;
use super::request::{Site, WalkCredential, WalkRequest};
use super::session::{Access, Session};
use super::token::{Deleting, GivenToken, LoginOrigin, TokenSource, WalkLogin};
use crate::doctor::step::Step;
use crate::doctor::trace::{AddressSeen, Entry, Skip, TokenGrant, Trouble};
use crate::doctor::wire::{Framing, Payload};
use crate::net::origin::{Origin, Scheme};
use http::Method;
use std::net::SocketAddr;
use tokio::time::Instant;

const ORDINARY: &str = "pull,push";

/// A place, and whether a password may be sent there.
struct Vouched {
    site: Site,
    for_password: Result<(), Skip>,
}

impl Session<'_> {
    pub(super) async fn log_in(&mut self, challenge: ChallengeKind) -> Result<(), Skip> {
        self.access = match challenge {
            ChallengeKind::Open => {
                self.settle(Step::TokenPost);
                self.settle(Step::TokenGet);
                self.settle(Step::Authorized);
                Access::Open
            }
            ChallengeKind::Basic => {
                self.settle(Step::TokenPost);
                self.settle(Step::TokenGet);
                self.log_in_by_password().await?
            }
            ChallengeKind::Bearer { realm, service } => {
                self.log_in_by_token(realm, service).await?
            }
            ChallengeKind::Unusable => {
                self.skip(Step::TokenPost, Skip::Impossible);
                self.skip(Step::TokenGet, Skip::Impossible);
                self.stay_out(Skip::Impossible)
            }
        };
        Ok(())
    }

    fn stay_out(&mut self, why: Skip) -> Access {
        self.skip(Step::Authorized, why);
        Access::Without(why)
    }

    async fn log_in_by_password(&mut self) -> Result<Access, Skip> {
        self.login = None;
        let Some(carry) = self.password() else {
            return Ok(self.stay_out(Skip::NoCredentials));
        };
        if let Err(why) = self.own()?.for_password {
            return Ok(self.stay_out(why));
        }
        let asking = WalkRequest::get(Step::Authorized, "/v2/").carrying(Some(carry.clone()));
        // A password that was refused isn't tried again: accounts are locked for less.
        if !self.ask(asking).await?.is(200) {
            return Ok(Access::Without(Skip::Impossible));
        }
        self.login = Some(WalkLogin {
            carry,
            grant: None,
            came: LoginOrigin::Typed,
            deleting: Deleting::AsAllElse,
        });
        Ok(Access::LoggedIn)
    }

    async fn log_in_by_token(
        &mut self,
        realm: UploadReference,
        service: Option<String>,
    ) -> Result<Access, Skip> {
        // Another entry's token serves here; another entry's password doesn't.
        let brought = self
            .login
            .as_ref()
            .is_some_and(|login| login.source().is_some());
        if brought {
            self.settle(Step::TokenPost);
            self.settle(Step::TokenGet);
            return self.authorize().await;
        }
        self.login = None;
        let Vouched { site, for_password } = self.realm(&realm).await?;
        let has_credentials = self.options.credentials.is_some();
        let source = TokenSource {
            site,
            realm: realm.target,
            service,
            repository: match &self.options.repository {
                Some(repository) => Some(repository.to_string()),
                // Who has no name gets no token of Harbor's without asking for something.
                None => (!has_credentials).then(|| NO_REPOSITORY.to_owned()),
            },
        };
        self.post_for_token(&source).await?;
        if has_credentials && let Err(why) = for_password {
            self.skip(Step::TokenGet, why);
            return Ok(self.stay_out(why));
        }
        let Some(login) = self.fetch(&source, ORDINARY).await? else {
            return Ok(self.stay_out(Skip::Impossible));
        };
        if !has_credentials && !self.may_push(login.grant.as_ref()) {
            return Ok(self.stay_out(Skip::NoCredentials));
        }
        self.login = Some(login);
        self.authorize().await
    }

    /// Whether everybody may push: the token says so.
    fn may_push(&self, grant: Option<&TokenGrant>) -> bool {
        let access = grant.and_then(|grant| grant.access.as_deref());
        access.unwrap_or_default().iter().any(|access| {
            Some(&access.name) == self.walk.repository.as_ref()
                && access.actions.iter().any(|action| action == "push")
        })
    }

    /// A refusal here doesn't end the walk: the upload says more.
    async fn authorize(&mut self) -> Result<Access, Skip> {
        let carry = self.login.as_ref().map(|login| login.carry.clone());
        let asking = WalkRequest::get(Step::Authorized, "/v2/").carrying(carry);
        self.ask(asking).await?;
        Ok(Access::LoggedIn)
    }

    /// As containerd begins, whose POST has the password; here nothing secret is in it.
    async fn post_for_token(&mut self, source: &TokenSource) -> Result<(), Skip> {
        if !self.is_public() {
            self.settle(Step::TokenPost);
            return Ok(());
        }
        let form = source.form(ORDINARY).into_bytes();
        let asking = WalkRequest::new(Step::TokenPost, Method::POST, source.realm.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .payload(Payload::Bytes(form.into(), Framing::Length));
        self.ask_at(&source.site, asking).await?;
        Ok(())
    }

    /// A token from the service, if it gives one.
    async fn fetch(
        &mut self,
        source: &TokenSource,
        actions: &str,
    ) -> Result<Option<WalkLogin>, Skip> {
        let asking =
            WalkRequest::get(Step::TokenGet, source.target(actions)).carrying(self.password());
        let heard = self.hear(&source.site, asking).await?;
        let given = match &heard.0 {
            Ok(reply) if reply.status == 200 => GivenToken::read(&reply.body),
            Ok(_) | Err(_) => None,
        };
        let login = given.map(|given| WalkLogin {
            carry: WalkCredential::bearer(&given.token),
            grant: Some(given.grant),
            came: LoginOrigin::Given {
                source: Box::new(source.clone()),
                at: Instant::now(),
                good_for: given.good_for,
            },
            deleting: Deleting::AsAllElse,
        });
        if let Some(login) = &login {
            login.teach(&mut self.secrets);
            // What the first says is what clients get; the others are the doctor's own affair.
            self.walk.grant = self.walk.grant.take().or_else(|| login.grant.clone());
        }
        self.ended(Step::TokenGet);
        Ok(login)
    }

    /// Another token, where the one at hand may end soon.
    pub(super) async fn freshen(&mut self) -> Result<(), Skip> {
        let old = self.login.as_ref().filter(|login| login.is_old());
        let Some(source) = old.and_then(WalkLogin::source).cloned() else {
            return Ok(());
        };
        let fresh = self.fetch(&source, ORDINARY).await?;
        match (fresh, &mut self.login) {
            (Some(fresh), _) => self.login = Some(fresh),
            // Not to be asked before each of the requests to come.
            (None, Some(login)) => login.bear_with(),
            (None, None) => {}
        }
        Ok(())
    }

    /// With what something is deleted after it was refused with what all else is done with; none
    /// where there is nothing else.
    pub(super) async fn widen(&mut self) -> Result<Option<WalkCredential>, Skip> {
        let Some(login) = &self.login else {
            return Ok(None);
        };
        let source = match (&login.deleting, login.source()) {
            (Deleting::AsAllElse, Some(source)) => source.clone(),
            (Deleting::AsAllElse | Deleting::With(_) | Deleting::Refused, _) => return Ok(None),
        };
        let wider = self.fetch(&source, "pull,push,delete").await?;
        let carry = wider.map(|wider| wider.carry);
        if let Some(login) = &mut self.login {
            login.deleting = carry.clone().map_or(Deleting::Refused, Deleting::With);
        }
        Ok(carry)
    }

    pub(super) fn deleting(&self) -> Option<WalkCredential> {
        let wider = self.login.as_ref().and_then(|login| login.deleting.carry());
        wider.cloned().or_else(|| self.carry())
    }

    fn password(&self) -> Option<WalkCredential> {
        let credentials = self.options.credentials.as_ref()?;
        Some(WalkCredential::basic(
            &credentials.user,
            &credentials.password,
        ))
    }

    /// The entry itself.
    fn own(&self) -> Result<Vouched, Skip> {
        let site = self.site.clone().ok_or(Skip::Impossible)?;
        let seen = self.walk.address();
        let for_password = self.for_password(site.place.scheme, seen);
        Ok(Vouched { site, for_password })
    }

    fn for_password(&self, scheme: Scheme, seen: Option<&AddressSeen>) -> Result<(), Skip> {
        let may = match scheme {
            Scheme::Https => self.options.insecure || seen.is_some_and(is_trusted),
            Scheme::Http => self.options.target.scheme == Scheme::Http,
        };
        if may { Ok(()) } else { Err(Skip::NotTrusted) }
    }

    /// Where the realm is asked: where it says, if that is as safe as what was typed and can be
    /// reached, and otherwise at the same path of the entry. Whoever answers for the target may name
    /// any host there: another's gets no password, unless the person has named it.
    async fn realm(&mut self, realm: &UploadReference) -> Result<Vouched, Skip> {
        let Some(origin) = &realm.origin else {
            return self.own();
        };
        let is_entered = match &self.walk.entry {
            Entry::Public => origin == &self.options.target,
            Entry::Via(entered) => origin == &self.options.target || origin == entered,
        };
        if is_entered {
            return self.own();
        }
        let found = self.find(origin).await?;
        let is_known = self.proxy(origin).is_none() || found.is_err();
        // Through a proxy nobody here knows where it is.
        if origin.host != self.options.target.host && is_known {
            let addresses = found.as_ref().map(|(all, _)| all.clone());
            self.walk.realm = Some(addresses.map_err(Clone::clone));
        }
        let is_ours = origin.host.is_kin_of(&self.options.target.host)
            || self.options.realm_hosts.contains(&origin.host);
        match found {
            Ok((_, seen)) if self.for_password(origin.scheme, Some(&seen)).is_ok() => Ok(Vouched {
                site: Site {
                    origin: origin.clone(),
                    place: self.place(origin, seen.address),
                    host: origin.authority(),
                    forwarded: Vec::new(),
                },
                for_password: is_ours.then_some(()).ok_or(Skip::ForeignRealm),
            }),
            Ok(_) | Err(_) => self.own(),
        }
    }

    /// All addresses of another origin, and the one that can be asked.
    async fn find(
        &mut self,
        origin: &Origin,
    ) -> Result<Result<(Vec<SocketAddr>, AddressSeen), Trouble>, Skip> {
        let addresses = match self.resolve(origin).await? {
            Ok(addresses) => addresses,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let mut all = self.look(origin, &addresses).await?;
        if let Some(used) = choose(&all) {
            return Ok(Ok((addresses, all.swap_remove(used))));
        }
        let trouble = all
            .into_iter()
            .find_map(|seen| match (seen.connected, seen.tls) {
                (Err(trouble), _) | (Ok(_), Some(Err(trouble))) => Some(trouble),
                (Ok(_), Some(Ok(_)) | None) => None,
            });
        let nowhere = || Trouble::Unresolved("it has no address".into());
        Ok(Err(trouble.unwrap_or_else(nowhere)))
    }
}
