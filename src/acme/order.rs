//! One order, from the account to the certificate.

use super::client::Client;
use super::failure::OrderFailure;
use super::http_challenge::is_token;
use super::store::Store;
use super::tls_challenge::SHOWN;
use crate::config::Acme;
use crate::net::origin::Host;
use crate::observe::metrics::OrderResult;
use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, ChallengeType, ExternalAccountKey,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use std::io;
use std::time::Duration;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// An authority that checks from several places takes some ten seconds.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// How often the authority is asked whether it is done: after a second, then ever less often.
const POLL: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_secs(1))
    .backoff(1.5)
    .timeout(Duration::from_secs(120));

/// How a name is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Http,
    Tls,
}

impl Proof {
    /// As RFC 8555 and RFC 8737 call it.
    fn name(self) -> &'static str {
        match self {
            Proof::Http => "http-01",
            Proof::Tls => "tls-alpn-01",
        }
    }

    fn challenge(self) -> ChallengeType {
        match self {
            Proof::Http => ChallengeType::Http01,
            Proof::Tls => ChallengeType::TlsAlpn01,
        }
    }
}

/// Orders a certificate for one name, and keeps it.
///
/// # Errors
/// Why there is none.
pub(super) async fn order(
    store: &Store,
    acme: &Acme,
    domain: &Host,
    proof: Proof,
) -> Result<(), OrderFailure> {
    let client = Client::new(acme);
    let ordered = tokio::time::timeout(LIMIT, ordered(store, acme, domain, proof, &client)).await;
    let late = || OrderFailure::new(OrderResult::Late, "the order took too long");
    ordered
        .unwrap_or_else(|_| Err(late()))
        .map_err(|failure| OrderFailure {
            not_before: client.not_before(),
            ..failure
        })
}

async fn ordered(
    store: &Store,
    acme: &Acme,
    domain: &Host,
    proof: Proof,
    client: &Client,
) -> Result<(), OrderFailure> {
    let account = account(store, acme, client).await?;
    let names = [Identifier::Dns(domain.to_string())];
    let mut order = match account
        .new_order(&NewOrder::new(&names))
        .await
        .map_err(OrderFailure::from)
    {
        Err(failure) if failure.forgot_account => {
            // An authority for tests forgets; the next try makes another account.
            stored(store, |store| store.forget_account()).await?;
            return Err(failure);
        }
        other => other?,
    };
    prove(store, domain, proof, &mut order).await?;
    match order.poll_ready(&POLL).await {
        Ok(OrderStatus::Ready) => {}
        Ok(_) | Err(instant_acme::Error::Api(_)) => return Err(unproven(&mut order, proof).await),
        Err(error) => return Err(error.into()),
    }
    let mut pem = Zeroizing::new(order.finalize().await?);
    pem.push_str(&order.poll_certificate(&POLL).await?);
    let file = acme.certificate(domain);
    stored(store, move |store| {
        store.keep_certificate(&file, pem.as_bytes())
    })
    .await
}

/// The account that is kept, or a new one.
async fn account(store: &Store, acme: &Acme, client: &Client) -> Result<Account, OrderFailure> {
    let builder = Account::builder_with_http(Box::new(client.clone()));
    if let Some(known) = stored(store, |store| store.account()).await? {
        return Ok(builder.from_credentials(known).await?);
    }
    let contact = acme.email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.as_deref().into_iter().collect();
    let account = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let external = acme.eab.as_ref();
    let external = external.map(|eab| ExternalAccountKey::new(eab.key_id.clone(), &eab.key.secret));
    let directory = acme.directory.to_string();
    let made = builder.create(&account, directory, external.as_ref()).await;
    let (account, kept) = made.map_err(|error| {
        let failure = OrderFailure::from(error);
        let result = match failure.result {
            OrderResult::Refused => OrderResult::Account,
            other => other,
        };
        OrderFailure { result, ..failure }
    })?;
    stored(store, move |store| store.keep_account(&kept)).await?;
    log::info!(
        "{}: there is an account now: {}",
        acme.directory,
        account.id()
    );
    Ok(account)
}

/// Puts the proof where the authority looks for it, and tells it so.
async fn prove(
    store: &Store,
    domain: &Host,
    proof: Proof,
    order: &mut Order,
) -> Result<(), OrderFailure> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Pending => {}
            AuthorizationStatus::Valid => continue,
            _ => return Err(of_authorization(&authorization, proof)),
        }
        let Some(mut challenge) = authorization.challenge(proof.challenge()) else {
            let problem = format!("the authority doesn't offer {}", proof.name());
            return Err(OrderFailure::new(OrderResult::Refused, &problem));
        };
        let answer = challenge.key_authorization().as_str().to_owned();
        match proof {
            Proof::Http => {
                let token = challenge.token.clone();
                if !is_token(&token) {
                    let problem = "the authority's token is none";
                    return Err(OrderFailure::new(OrderResult::Refused, problem));
                }
                let put = move |store: &Store| store.put_http_challenge(&token, &answer);
                stored(store, put).await?;
            }
            Proof::Tls => {
                let domain = domain.clone();
                let put = move |store: &Store| store.put_tls_challenge(&domain, &answer);
                stored(store, put).await?;
                tokio::time::sleep(SHOWN).await;
            }
        }
        challenge.set_ready().await?;
    }
    Ok(())
}

/// What the authority says of the proof that it didn't find.
async fn unproven(order: &mut Order, proof: Proof) -> OrderFailure {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Err(error) = authorization.refresh().await {
            return error.into();
        }
        if authorization.status != AuthorizationStatus::Valid {
            return of_authorization(&authorization, proof);
        }
    }
    OrderFailure::of_proof(None, proof.name())
}

fn of_authorization(authorization: &AuthorizationHandle<'_>, proof: Proof) -> OrderFailure {
    let mut problems = authorization.challenges.iter();
    let problem = problems.find_map(|challenge| challenge.error.as_ref());
    OrderFailure::of_proof(problem, proof.name())
}

/// Does something with files, on a thread that may wait.
async fn stored<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Store) -> io::Result<T> + Send + 'static,
) -> Result<T, OrderFailure> {
    let store = store.clone();
    let done = spawn_blocking(move || work(&store)).await;
    let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| OrderFailure::of_storage(&error))
}
