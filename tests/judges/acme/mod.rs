//! Pebble, the ACME server that Let's Encrypt tests clients with: it issues by both proofs, asks for an
//! external account, refuses what it can't see, rejects one nonce in twenty, and its certificates can live
//! for seconds.

mod pebble;
mod stage;

use crate::common::wait;
use pebble::Pebble;
use stage::{HUB, Replica, Ways};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An order takes a few seconds, on a machine that does much else a few more.
const ISSUED: Duration = Duration::from_secs(60);

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found
}

#[test]
fn replicas_order_once_by_http_and_all_of_them_serve() {
    let ways = Ways::open();
    let pebble = Pebble::start(&ways, "");
    let cache = TempDir::new().expect("a folder");
    let replicas = [0, 1].map(|_| Replica::start(&pebble, cache.path(), "", &ways));
    let none = pebble.shake(replicas[0].https(), HUB);
    assert!(
        none.is_err(),
        "nothing is issued yet, and nothing else is served"
    );
    let leaves: BTreeSet<Vec<u8>> = replicas
        .iter()
        .map(|replica| {
            wait::until("a certificate", ISSUED, || {
                pebble.shake(replica.https(), HUB).ok()
            })
        })
        .collect();
    assert_eq!(leaves.len(), 1, "the same at both");
    assert_eq!(pebble.orders(), 1);
    let issued = replicas.iter().map(|replica| replica.orders("issued"));
    assert!((issued.sum::<f64>() - 1.0).abs() < 0.1);
    for file in files(cache.path()) {
        let mode = fs::metadata(&file).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
        let left = ["lock", "http-01", "tls-alpn-01"];
        let name = file.to_string_lossy();
        assert!(
            left.iter().all(|left| !name.contains(left)),
            "{name} is left"
        );
    }
    for replica in &replicas {
        let ready = replica.ready();
        assert!(
            ready["valid_until"].as_u64().is_some() && ready["problem"].is_null(),
            "{ready}"
        );
    }
    // What is kept is served at once.
    let again = Replica::start(&pebble, cache.path(), "", &ways);
    let leaf = pebble.shake(again.https(), HUB).expect("the certificate");
    assert!(leaves.contains(&leaf));
}

#[test]
fn an_external_account_is_named_and_the_proof_is_shown_by_tls() {
    let ways = Ways::open();
    let pebble = Pebble::start(&ways, pebble::EXTERNAL);
    let cache = TempDir::new().expect("a folder");
    let stranger = Replica::of_tls(&pebble, &cache.path().join("stranger"), "", &ways);
    let problem = wait::until("a refusal", ISSUED, || stranger.problem());
    assert!(
        problem.starts_with("account: ") && problem.contains("externalAccountRequired"),
        "{problem}"
    );
    assert_eq!(stranger.orders("account"), 1.0);
    drop(stranger);
    ways.tls.forget();
    let key = cache.path().join("mac");
    fs::write(&key, format!("{}\n", pebble::MAC)).expect("write the key");
    let eab = format!("eab: {{ key_id: kid-1, key: {} }}", key.display());
    // One of them orders, and the authority may ask the other.
    let shared = cache.path().join("known");
    let replicas = [0, 1].map(|_| Replica::of_tls(&pebble, &shared, &eab, &ways));
    for replica in &replicas {
        wait::until("a certificate", ISSUED, || {
            pebble.shake(replica.https(), HUB).ok()
        });
    }
    assert_eq!(pebble.orders(), 1);
}

#[test]
fn what_cannot_be_proven_is_told_and_tried_again_later() {
    let ways = Ways::open();
    let pebble = Pebble::start(&ways, "");
    let cache = TempDir::new().expect("a folder");
    // Port 80 leads nowhere.
    ways.http.close();
    let replica = Replica::start(&pebble, cache.path(), "", &ways);
    let problem = wait::until("a problem", ISSUED, || replica.problem());
    assert!(problem.starts_with("validation: http-01: "), "{problem}");
    assert_eq!(replica.orders("validation"), 1.0);
    assert!(pebble.shake(replica.https(), HUB).is_err());
    let stderr = replica.stderr();
    assert_eq!(
        stderr.matches("no certificate (validation)").count(),
        1,
        "{stderr}"
    );
    drop(replica);
    // Neither a start nor another replica hammers the authority.
    let restarted = Replica::start(&pebble, cache.path(), "", &ways);
    let problem = wait::until("the same problem", ISSUED, || restarted.problem());
    assert!(problem.starts_with("validation: http-01: "), "{problem}");
    assert!(restarted.ready()["next_try"].as_u64().is_some());
    thread::sleep(Duration::from_secs(3));
    assert_eq!(pebble.orders(), 1);
    // When its time has come, the other way is tried.
    let failed = files(cache.path());
    let failed = failed
        .iter()
        .find(|file| file.to_string_lossy().ends_with(".failed.json"));
    let failed = failed.expect("what failed");
    let text = fs::read_to_string(failed).expect("read it");
    let mut failures: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    failures["next"] = 0.into();
    fs::write(failed, failures.to_string()).expect("write it");
    drop(restarted);
    ways.tls.forget();
    let later = Replica::start(&pebble, cache.path(), "", &ways);
    wait::until("a certificate", ISSUED, || {
        pebble.shake(later.https(), HUB).ok()
    });
    assert_eq!(pebble.orders(), 2);
    wait::until("no problem", ISSUED, || {
        later.problem().is_none().then_some(())
    });
}

/// Certificates that live for half a minute are renewed after twenty seconds; whoever shakes hands meanwhile never
/// sees one that is over.
#[test]
fn a_renewal_fails_no_handshake() {
    let ways = Ways::open();
    let pebble = Pebble::start(&ways, "\"certificateValidityPeriod\": 30,");
    let cache = TempDir::new().expect("a folder");
    let replica = Replica::start(&pebble, cache.path(), "", &ways);
    let address = replica.https();
    wait::until("a certificate", ISSUED, || pebble.shake(address, HUB).ok());
    let shake = || {
        let (mut seen, start) = (BTreeSet::new(), Instant::now());
        while seen.len() < 3 {
            assert!(start.elapsed() < ISSUED * 3, "{} certificates", seen.len());
            seen.insert(pebble.shake(address, HUB).expect("a handshake"));
        }
        seen
    };
    let seen = thread::scope(|scope| {
        let threads = [scope.spawn(shake), scope.spawn(shake)];
        threads.map(|thread| thread.join().expect("every handshake"))
    });
    assert_eq!(seen[0], seen[1]);
    assert!(replica.orders("issued") >= 3.0);
}
