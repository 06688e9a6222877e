//! What is read where nothing but the finding decides: the words of `clients.yaml`.

use super::client::Client;
use super::outcome::{Fate, Outcome, works};
use crate::doctor::kind::Kind;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("clients.yaml");

type Said = BTreeMap<Kind, (Outcome, How)>;

#[derive(Deserialize)]
#[serde(untagged)]
enum How {
    /// All of them alike.
    Alike(String),
    Each(BTreeMap<Client, String>),
}

/// The file is a part of the program, and a test reads it: there is nothing to be said of one that
/// can't be read.
static SAID: LazyLock<Said> = LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());

pub(super) fn said(client: Client, kind: Kind) -> Fate {
    let fate = SAID.get(&kind).and_then(|(outcome, how)| {
        let how = match how {
            How::Alike(how) => how,
            How::Each(each) => each.get(&client)?,
        };
        Some(Fate {
            outcome: *outcome,
            how: how.clone(),
        })
    });
    fate.unwrap_or_else(|| works(""))
}

#[cfg(test)]
mod tests {
    use super::super::circumstance::{Authentication, Circumstance, PlainHttp, Surroundings};
    use super::super::fate::fate;
    use super::*;

    /// A kind that `fate` leaves to this file has its row here, and no other has one.
    #[test]
    fn the_file_has_words_for_every_client() {
        let rows: Said = serde_yaml::from_str(TEXT).unwrap();
        let keys = serde_yaml::from_str::<serde_yaml::Value>(TEXT);
        assert!(keys.is_ok(), "a row twice: {keys:?}");
        for (kind, (_, how)) in &rows {
            if let How::Each(each) = how {
                assert!(each.keys().eq(&Client::ALL), "{kind}");
            }
        }
        let usual = Surroundings {
            authentication: Authentication::Bearer,
            plain_http: PlainHttp::Nothing,
        };
        for kind in Kind::ALL {
            let fate = fate(Client::Oras, kind, Circumstance::Usual, usual);
            assert!(!fate.how.is_empty(), "no row for {kind}");
            if rows.contains_key(&kind) {
                assert_eq!(
                    fate,
                    said(Client::Oras, kind),
                    "a row that isn't read: {kind}"
                );
            }
        }
    }
}
