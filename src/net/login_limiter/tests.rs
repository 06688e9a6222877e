use super::*;

const WITHIN: Duration = Duration::from_secs(300);

/// An account by a number, with its password by another.
fn key(client: &str, account: u64, password: u64) -> LoginKey {
    LoginKey::new(client.parse().unwrap(), account, account << 32 | password)
}

const ALICE: u64 = 1;
const BOB: u64 = 2;

fn alice() -> LoginKey {
    key("192.0.2.1", ALICE, 0)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fail(limit: &mut LoginLimiter, key: LoginKey, times: u32, now: u64) {
    for _ in 0..times {
        limit.failed(key, at(now));
    }
}

#[test]
fn keys_are_networks_and_accounts() {
    let reference = alice();
    for (client, account, same) in [
        ("192.0.2.1", ALICE, true),
        ("::ffff:192.0.2.1", ALICE, true),
        ("192.0.2.2", ALICE, false),
        ("192.0.2.1", BOB, false),
    ] {
        assert_eq!(
            key(client, account, 0) == reference,
            same,
            "{client} {account}"
        );
    }
    let six = key("2001:db8:0:1::1", ALICE, 0);
    assert_eq!(key("2001:db8:0:1:ffff::9", ALICE, 0), six);
    assert_ne!(key("2001:db8:0:2::1", ALICE, 0), six);
}

#[test]
fn the_last_failure_allowed_refuses_until_the_window_ends() {
    let mut limit = LoginLimiter::new(3, WITHIN);
    limit.failed(alice(), at(10));
    limit.failed(alice(), at(100));
    assert_eq!(limit.check(alice(), at(100)), Ok(()));
    limit.failed(alice(), at(200));
    for (now, expected) in [(200, Err(at(110))), (309, Err(at(1))), (310, Ok(()))] {
        assert_eq!(limit.check(alice(), at(now)), expected, "{now}");
    }
    // Whatever the password.
    assert!(limit.check(key("192.0.2.1", ALICE, 9), at(200)).is_err());
    assert_eq!(limit.check(key("192.0.2.1", BOB, 0), at(200)), Ok(()));
    assert_eq!(limit.check(key("192.0.2.2", ALICE, 0), at(200)), Ok(()));
    limit.failed(alice(), at(310));
    assert_eq!(limit.check(alice(), at(310)), Ok(()), "a new window");
    fail(&mut limit, alice(), 2, 310);
    let whole = Err(WITHIN);
    assert_eq!(limit.check(alice(), at(310)), whole, "has its own end");
}

#[test]
fn a_success_clears_and_zero_switches_off() {
    let mut limit = LoginLimiter::new(3, WITHIN);
    fail(&mut limit, alice(), 3, 0);
    limit.again(alice(), at(0));
    assert!(limit.check(alice(), at(0)).is_err());
    limit.succeeded(alice(), at(0));
    assert_eq!(limit.check(alice(), at(0)), Ok(()));
    assert_eq!((limit.held, limit.networks.len()), (0, 0));
    let mut off = LoginLimiter::new(0, WITHIN);
    fail(&mut off, alice(), 100, 0);
    off.succeeded(alice(), at(0));
    assert_eq!((off.check(alice(), at(0)), off.held), (Ok(()), 0));
    assert!(off.accounts.is_empty());
}

#[test]
fn a_login_that_is_doubted_again_and_again_is_no_guess() {
    let mut limit = LoginLimiter::new(3, WITHIN);
    for _ in 0..100 {
        limit.doubted(alice(), at(0));
    }
    assert_eq!(limit.check(alice(), at(0)), Ok(()));
    for guess in [1, 2] {
        limit.doubted(key("192.0.2.1", ALICE, guess), at(0));
    }
    assert!(limit.check(alice(), at(0)).is_err());
    // What is wrong for sure counts each time.
    let bob = key("192.0.2.1", BOB, 0);
    limit.doubted(bob, at(0));
    fail(&mut limit, bob, 2, 0);
    assert!(limit.check(bob, at(0)).is_err());
}

#[test]
fn many_names_clear_nothing_and_share_one_counter() {
    let mut limit = LoginLimiter::new(3, WITHIN);
    fail(&mut limit, alice(), 3, 0);
    for number in 0..1000 {
        limit.failed(key("192.0.2.1", 100 + number, 0), at(1));
    }
    assert_eq!(limit.held, MAX_NAMES + 1);
    assert!(limit.check(alice(), at(1)).is_err());
    let unseen = key("192.0.2.1", 99, 0);
    assert!(limit.check(unseen, at(1)).is_err());
    limit.succeeded(unseen, at(1));
    assert!(limit.check(unseen, at(1)).is_err(), "the shared one stays");
    assert_eq!(limit.check(key("192.0.2.2", 99, 0), at(1)), Ok(()));
    assert_eq!(limit.check(unseen, at(301)), Ok(()));
}

/// Whoever fails with made-up names doesn't make an address look like many people's.
#[test]
fn at_an_address_of_many_accounts_only_the_pair_is_slowed() {
    let mut limit = LoginLimiter::new(3, WITHIN);
    let wrong = |password| key("192.0.2.1", ALICE, password);
    let others = |limit: &mut LoginLimiter, count: usize, now| {
        for account in 0..count as u64 {
            limit.succeeded(key("192.0.2.1", 100 + account, 0), at(now));
        }
    };
    others(&mut limit, MANY_ACCOUNTS - 1, 0);
    fail(&mut limit, wrong(1), 3, 1);
    assert!(limit.check(wrong(2), at(1)).is_err(), "an account's own");
    others(&mut limit, MANY_ACCOUNTS, 2);
    assert_eq!(limit.check(wrong(2), at(2)), Ok(()), "another password");
    fail(&mut limit, wrong(1), 3, 2);
    assert!(limit.check(wrong(1), at(2)).is_err(), "the same password");
    assert_eq!(limit.check(wrong(2), at(2)), Ok(()));
    limit.doubted(wrong(3), at(2));
    assert_eq!(limit.check(wrong(3), at(2)), Ok(()));
    for password in 10..1000 {
        limit.failed(wrong(password), at(3));
    }
    assert!(limit.held <= MAX_PAIRS + MAX_NAMES + 1, "{}", limit.held);
    let two_days = 2 + 172_800;
    fail(&mut limit, wrong(1), 3, two_days);
    assert_eq!(limit.check(wrong(2), at(two_days)), Ok(()), "two days on");
    // They are another day's.
    let later = two_days + 1;
    fail(&mut limit, wrong(1), 3, later);
    assert!(limit.check(wrong(2), at(later)).is_err());
}

#[test]
fn so_many_passwords_are_slowed_at_an_address_of_many_accounts() {
    let mut limit = LoginLimiter::new(3, WITHIN);
    for account in 0..MANY_ACCOUNTS as u64 {
        limit.succeeded(key("192.0.2.1", 100 + account, 0), at(0));
    }
    let wrong = |password| key("192.0.2.1", ALICE, password);
    for password in 0..64 {
        fail(&mut limit, wrong(password), 3, 1);
    }
    for password in 0..64 {
        assert!(limit.check(wrong(password), at(1)).is_err(), "{password}");
    }
    fail(&mut limit, wrong(64), 3, 1);
    assert_eq!(limit.check(wrong(0), at(1)), Ok(()), "the oldest");
    for password in 1..=64 {
        assert!(limit.check(wrong(password), at(1)).is_err(), "{password}");
    }
}

#[test]
fn memory_holds_as_many_counters_as_it_may() {
    let mut limit = LoginLimiter::new(3, WITHIN);
    limit.max_counters = 10;
    let clients = (0..10).map(|number| key(&format!("198.51.100.{number}"), BOB, 0));
    clients.clone().for_each(|key| fail(&mut limit, key, 3, 1));
    for key in clients {
        assert!(limit.check(key, at(1)).is_err(), "{key:?}");
    }
}

#[test]
fn memory_is_bounded_and_the_refused_stay() {
    let mut limit = LoginLimiter::new(3, WITHIN);
    limit.max_counters = 10;
    fail(&mut limit, alice(), 3, 0);
    for number in 0..100 {
        limit.failed(key(&format!("198.51.100.{number}"), BOB, 0), at(1));
        assert!(limit.held <= 10);
        assert!(limit.check(alice(), at(1)).is_err(), "{number}");
    }
    for number in 0..10 {
        limit.failed(key(&format!("203.0.113.{number}"), BOB, 0), at(1));
    }
    assert_eq!(limit.check(alice(), at(1)), Ok(()), "least recently seen");
    let held: usize = limit
        .networks
        .iter()
        .map(|(_, counters)| counters.len())
        .sum();
    assert_eq!(limit.held, held);
    for number in 0..20_000u32 {
        let client = std::net::Ipv4Addr::from_bits(number).to_string();
        limit.succeeded(key(&client, ALICE, 0), at(2));
    }
    assert_eq!(limit.accounts.len(), MAX_NETWORKS);
}
