//! Credentials that a registry accepted recently. They prove that a request counts for the objective,
//! and they let their holder log in while others guess passwords of the same account.
//!
//! The table keeps marks: keyed hashes of credentials, which nobody can reverse without the process'
//! own random key. Only credentials that Harbor accepted get in, so a stranger can't fill the table.
//! Memory is bounded: [`SLOTS`] groups of [`EACH`] marks, 32,768 of some 80 bytes. An account belongs
//! to one group, so a client that fetches tokens without end replaces only its own marks and those of
//! one account in [`SLOTS`] others. What this file deliberately doesn't know: the clock (times are
//! since any fixed start), what Harbor answers, and what a credential may do.

use hmac::{Hmac, Mac};
use lru::LruCache;
use sha2::Sha256;
use std::time::Duration;

/// Groups of accounts.
pub(crate) const SLOTS: usize = 256;

/// Marks of one group: a hundred builders of one robot fetch a token each, and use it at once.
pub(crate) const EACH: usize = 128;

/// How long a credential counts as accepted: over the next night, for what is used once a night.
pub(crate) const LATELY: Duration = Duration::from_secs(48 * 3600);

/// So many refusals in a row and it is forgotten: its password was changed. One is not enough, since
/// a Harbor that somebody guesses at refuses that user's right password too, for 1.5 s each time.
pub(crate) const REFUSALS: u8 = 10;

/// The process' own random key.
#[derive(Clone)]
pub(crate) struct CredentialKey([u8; 64]);

/// A keyed hash (HMAC-SHA256, its first half).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CredentialMark([u8; 16]);

impl CredentialKey {
    pub(crate) fn new(random: [u8; 64]) -> CredentialKey {
        CredentialKey(random)
    }

    /// The mark of what consists of these parts; their lengths count, so no two run together.
    pub(crate) fn mark(&self, parts: &[&[u8]]) -> CredentialMark {
        let mut mac = <Hmac<Sha256> as Mac>::new(&self.0.into());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let mut mark = [0; 16];
        let code = mac.finalize().into_bytes();
        mark.iter_mut().zip(code).for_each(|(to, from)| *to = from);
        CredentialMark(mark)
    }
}

impl CredentialMark {
    /// A number in place of the mark, where one in 2^64 that falls together does no harm.
    pub(crate) fn number(self) -> u64 {
        (u128::from_be_bytes(self.0) >> 64) as u64
    }
}

/// What was accepted, and when last.
pub(crate) struct AcceptedCredentials {
    slots: Vec<LruCache<CredentialMark, AcceptedEntry>>,
}

struct AcceptedEntry {
    at: Duration,
    /// In a row, since.
    refusals: u8,
}

impl Default for AcceptedCredentials {
    fn default() -> AcceptedCredentials {
        // Unbounded ones take no memory before there is something in them; `accept` holds the bound.
        AcceptedCredentials {
            slots: (0..SLOTS).map(|_| LruCache::unbounded()).collect(),
        }
    }
}

impl AcceptedCredentials {
    /// Harbor accepted the credential of this account.
    pub(crate) fn accept(
        &mut self,
        account: CredentialMark,
        credential: CredentialMark,
        now: Duration,
    ) {
        let slot = self.slot(account);
        let kept = AcceptedEntry {
            at: now,
            refusals: 0,
        };
        slot.put(credential, kept);
        if slot.len() > EACH {
            slot.pop_lru();
        }
    }

    /// Harbor refused it.
    pub(crate) fn refuse(&mut self, account: CredentialMark, credential: CredentialMark) {
        let slot = self.slot(account);
        let Some(kept) = slot.peek_mut(&credential) else {
            return;
        };
        kept.refusals += 1;
        if kept.refusals >= REFUSALS {
            slot.pop(&credential);
        }
    }

    /// Whether Harbor accepted it lately.
    pub(crate) fn knows(
        &mut self,
        account: CredentialMark,
        credential: CredentialMark,
        now: Duration,
    ) -> bool {
        let kept = self.slot(account).peek(&credential);
        kept.is_some_and(|kept| now.saturating_sub(kept.at) <= LATELY)
    }

    fn slot(&mut self, account: CredentialMark) -> &mut LruCache<CredentialMark, AcceptedEntry> {
        let place = usize::try_from(account.number() % SLOTS as u64).unwrap_or_default();
        &mut self.slots[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    #[test]
    fn what_was_accepted_is_known_for_a_while() {
        let key = CredentialKey::new([7; 64]);
        let alice = key.mark(&[b"hq", b"alice"]);
        let (one, two) = (key.mark(&[b"one"]), key.mark(&[b"two"]));
        let mut accepted = AcceptedCredentials::default();
        accepted.accept(alice, one, NOW);
        for (credential, now, known) in [
            (one, NOW, true),
            (one, NOW + Duration::from_secs(172_800), true),
            (one, NOW + Duration::from_secs(172_801), false),
            (two, NOW, false),
        ] {
            assert_eq!(accepted.knows(alice, credential, now), known, "{now:?}");
        }
        for round in 1..REFUSALS {
            accepted.refuse(alice, one);
            assert!(accepted.knows(alice, one, NOW), "{round}");
        }
        accepted.accept(alice, one, NOW);
        for round in 1..=REFUSALS {
            assert!(accepted.knows(alice, one, NOW), "{round}");
            accepted.refuse(alice, one);
        }
        assert!(!accepted.knows(alice, one, NOW));
    }

    #[test]
    fn parts_do_not_run_together_and_keys_differ() {
        let key = CredentialKey::new([7; 64]);
        assert!(key.mark(&[b"ab", b"c"]) != key.mark(&[b"a", b"bc"]));
        assert!(key.mark(&[b"ab"]) != CredentialKey::new([8; 64]).mark(&[b"ab"]));
    }

    #[test]
    fn a_mark_is_told_by_its_first_half() {
        let mark = CredentialMark(*b"\x01\x23\x45\x67\x89\xab\xcd\xefthe rest");
        assert_eq!(mark.number(), 0x0123_4567_89ab_cdef);
    }

    #[test]
    fn an_account_has_so_many_credentials_and_loses_the_oldest() {
        let key = CredentialKey::new([7; 64]);
        let alice = key.mark(&[b"hq", b"alice"]);
        let credentials: Vec<CredentialMark> =
            (0..=128u8).map(|number| key.mark(&[&[number]])).collect();
        let (newest, others) = credentials.split_last().unwrap();
        let mut accepted = AcceptedCredentials::default();
        for credential in others {
            accepted.accept(alice, *credential, NOW);
        }
        for credential in others {
            assert!(accepted.knows(alice, *credential, NOW));
        }
        accepted.accept(alice, *newest, NOW);
        let known = |credential: &&CredentialMark| accepted.knows(alice, **credential, NOW);
        let kept: Vec<&CredentialMark> = credentials.iter().filter(known).collect();
        assert!(kept == credentials[1..].iter().collect::<Vec<_>>());
    }

    #[test]
    fn one_account_pushes_out_no_others() {
        let key = CredentialKey::new([7; 64]);
        let accounts: Vec<CredentialMark> = (0..100u32)
            .map(|number| key.mark(&[b"hq", &number.to_be_bytes()]))
            .collect();
        let mut accepted = AcceptedCredentials::default();
        for account in &accounts {
            accepted.accept(*account, *account, NOW);
        }
        let flood = accounts[0];
        for number in 0..100_000u32 {
            accepted.accept(flood, key.mark(&[&number.to_be_bytes()]), NOW);
        }
        let kept: usize = accepted.slots.iter().map(LruCache::len).sum();
        assert!(kept <= EACH + accounts.len(), "{kept}");
        let same = |account: &&CredentialMark| account.number() % 256 == flood.number() % 256;
        let lost = accounts
            .iter()
            .filter(|account| !accepted.knows(**account, **account, NOW));
        assert_eq!(lost.count(), accounts.iter().filter(same).count());
    }
}
