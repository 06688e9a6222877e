//! What several replicas say, put together: rows bear their replica's name, counts are summed, and whoever
//! says nothing is named. Pure.

use crate::net::bounded_text::Text;
use crate::observe::push::{FailureList, PushList, UploadView, Word};
use serde::{Deserialize, Serialize};

/// A replica, as it says itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Replica {
    pub(super) replica: Text,
    pub(super) started: f64,
    pub(super) version: Text,
    pub(super) phase: Word,
}

/// An answer, and whose it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told<T> {
    #[serde(flatten)]
    pub(super) by: Replica,
    #[serde(flatten)]
    pub(super) said: T,
    /// Where other replicas were asked.
    #[serde(flatten, skip_deserializing)]
    pub(super) fleet: Option<Fleet>,
}

/// Who said what stands in an answer, and who didn't.
#[derive(Debug, Serialize)]
pub(super) struct Fleet {
    /// The one that was asked first.
    replicas: Vec<Replica>,
    missing: Vec<Missing>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Missing {
    /// Its address, or the name that has none.
    peer: String,
    reason: String,
}

/// An answer that another replica's can be added to.
pub(super) trait Merge {
    /// Says of each row which replica has it.
    fn name(&mut self, replica: &Text);

    fn add(&mut self, other: Self);

    /// Brings rows of several replicas into the order that one replica's have, and leaves `most` of them.
    fn sort(&mut self, most: usize);
}

/// Adds what others say, or why they don't, to what one says. Whoever is there twice counts once: by
/// another address, or because it asked itself.
pub(super) fn merge<T: Merge>(
    mut whole: Told<T>,
    others: impl IntoIterator<Item = (String, Result<Told<T>, String>)>,
    most: usize,
) -> Told<T> {
    whole.said.name(&whole.by.replica);
    let mut seen = vec![whole.by.clone()];
    let mut replicas = vec![whole.by.clone()];
    let mut missing = Vec::new();
    for (peer, told) in others {
        match told {
            Ok(told) if seen.iter().any(|one| one.is(&told.by)) => {}
            Ok(Told {
                mut by, mut said, ..
            }) => {
                seen.push(by.clone());
                by.replica = distinct(&by.replica, &peer, &replicas);
                said.name(&by.replica);
                whole.said.add(said);
                replicas.push(by);
            }
            Err(reason) => missing.push(Missing { peer, reason }),
        }
    }
    whole.said.sort(most);
    whole.fleet = Some(Fleet { replicas, missing });
    whole
}

/// Of a moment that was printed and read.
const SAME_MOMENT: f64 = 0.001;

impl Replica {
    /// Whether both are one process. A version that doesn't say who it is, is known by its address only.
    fn is(&self, other: &Replica) -> bool {
        !self.replica.is_empty()
            && self.replica == other.replica
            && (self.started - other.started).abs() < SAME_MOMENT
    }
}

/// Its name; with its address where it says none, or several processes run on one machine.
fn distinct(name: &Text, peer: &str, others: &[Replica]) -> Text {
    if name.is_empty() {
        Text::name(peer, NAME)
    } else if others.iter().any(|other| other.replica == *name) {
        Text::name(&format!("{name} ({peer})"), NAME)
    } else {
        name.clone()
    }
}

/// Bytes: a DNS name's limit, and an address.
const NAME: usize = 320;

impl Merge for FailureList {
    fn name(&mut self, replica: &Text) {
        for failure in &mut self.failures {
            failure.replica = Some(replica.clone());
        }
    }

    fn add(&mut self, other: FailureList) {
        self.failures.extend(other.failures);
    }

    fn sort(&mut self, most: usize) {
        self.failures
            .sort_by(|one, other| other.time.total_cmp(&one.time));
        self.failures.truncate(most);
    }
}

impl Merge for PushList {
    fn name(&mut self, replica: &Text) {
        for upload in &mut self.uploads {
            upload.replica = Some(replica.clone());
        }
        for push in &mut self.pushes {
            push.replica = Some(replica.clone());
        }
    }

    fn add(&mut self, other: PushList) {
        self.uploads.extend(other.uploads);
        self.pushes.extend(other.pushes);
    }

    fn sort(&mut self, most: usize) {
        self.uploads.sort_by(|one, other| {
            let is_idle = |upload: &UploadView| upload.state == "idle";
            let by_state = is_idle(one).cmp(&is_idle(other));
            by_state.then(one.started.total_cmp(&other.started))
        });
        self.uploads.truncate(most);
        self.pushes
            .sort_by(|one, other| other.updated.total_cmp(&one.updated));
        self.pushes.truncate(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Told<FailureList> {
        serde_json::from_str(text).unwrap()
    }

    fn one(replica: &str, started: f64, time: f64) -> Told<FailureList> {
        told(&format!(
            r#"{{"replica":"{replica}","started":{started},"failures":[{{"time":{time}}}]}}"#
        ))
    }

    fn rows(whole: &Told<FailureList>) -> Vec<(&str, f64)> {
        let rows = whole.said.failures.iter();
        rows.map(|row| (row.replica.as_deref().unwrap_or_default(), row.time))
            .collect()
    }

    #[test]
    fn rows_are_named_and_in_order_and_who_is_there_twice_counts_once() {
        let others = [
            ("10.0.0.2:9090", Ok(one("b", 2.0, 7.0))),
            ("10.0.0.1:9090", Ok(one("a", 1.000_000_1, 5.0))),
            ("[fd00::2]:9090", Ok(one("b", 2.0, 7.0))),
            ("10.0.0.3:9090", Ok(one("b", 3.0, 9.0))),
            ("10.0.0.4:9090", Ok(told(r#"{"failures":[{"time":8}]}"#))),
            ("10.0.0.5:9090", Ok(told("{}"))),
            ("10.0.0.6:9090", Err("late".to_owned())),
        ];
        let others = others.map(|(peer, told)| (peer.to_owned(), told));
        let whole = merge(one("a", 1.0, 5.0), others, 4);
        let third = "b (10.0.0.3:9090)";
        let expected = [(third, 9.0), ("10.0.0.4:9090", 8.0), ("b", 7.0), ("a", 5.0)];
        assert_eq!(rows(&whole), expected);
        let fleet = whole.fleet.unwrap();
        let names: Vec<&str> = fleet.replicas.iter().map(|one| &*one.replica).collect();
        assert_eq!(names, ["a", "b", third, "10.0.0.4:9090", "10.0.0.5:9090"]);
        let missing = Missing {
            peer: "10.0.0.6:9090".to_owned(),
            reason: "late".to_owned(),
        };
        assert_eq!(fleet.missing, [missing]);
    }

    #[test]
    fn no_more_rows_are_left_than_were_asked_for() {
        let others = [("b".to_owned(), Ok(one("b", 2.0, 7.0)))];
        let whole = merge(one("a", 1.0, 5.0), others, 1);
        assert_eq!(rows(&whole), [("b", 7.0)]);
    }

    #[test]
    fn uploads_in_flight_come_first_the_oldest_before_the_others() {
        let list = |uploads: &str, pushes: &str| -> PushList {
            serde_json::from_str(&format!(r#"{{"uploads":[{uploads}],"pushes":[{pushes}]}}"#))
                .unwrap()
        };
        let mut own = list(
            r#"{"state":"sending","started":3},{"state":"idle","started":1}"#,
            r#"{"updated":4},{"updated":1}"#,
        );
        own.add(list(
            r#"{"state":"waiting","started":2},{"state":"idle","started":0}"#,
            r#"{"updated":3}"#,
        ));
        own.sort(3);
        let uploads: Vec<f64> = own.uploads.iter().map(|upload| upload.started).collect();
        assert_eq!(uploads, [2.0, 3.0, 0.0]);
        let pushes: Vec<f64> = own.pushes.iter().map(|push| push.updated).collect();
        assert_eq!(pushes, [4.0, 3.0, 1.0]);
    }
}
