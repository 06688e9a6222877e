//! What a walk didn't look at, and what to add to the command so that it does.

use super::super::display::{bytes, clean};
use super::super::step::Step;
use super::super::topic::Topic;
use super::super::trace::{Leftover, Skip, Walk};

/// Lines about what wasn't examined.
pub(super) fn unexamined(walk: &Walk) -> Vec<String> {
    let mut lines = Vec::new();
    for why in [
        Skip::Interrupted,
        Skip::OutOfTime,
        Skip::NotTrusted,
        Skip::ForeignRealm,
        Skip::Impossible,
        Skip::NoCredentials,
        Skip::NoRepository,
    ] {
        let topics = topics(walk, why);
        let words: Vec<&str> = topics.iter().map(|topic| topic.told().0).collect();
        let words = if topics.contains(&Topic::Reach) {
            "all else".to_owned()
        } else {
            words.join(", ")
        };
        if !words.is_empty() {
            lines.push(format!("{words}: {}", reason(why, walk)));
        }
    }
    lines.extend(not_asked_for(walk));
    lines
}

/// What was skipped for this reason, each once.
fn topics(walk: &Walk, why: Skip) -> Vec<Topic> {
    let mut topics: Vec<Topic> = Vec::new();
    for skipped in walk.skipped.iter().filter(|one| one.why == why) {
        let topic = skipped.step.topic();
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    topics
}

pub(super) fn reason(why: Skip, walk: &Walk) -> String {
    let target = walk.target.authority();
    match why {
        Skip::NotAskedFor => "not requested".to_owned(),
        Skip::NoCredentials => format!(
            "there are no credentials; `docker login {target}`, or --user NAME --password-stdin"
        ),
        Skip::NoRepository => "--repository NAME says where uploads may be tried".to_owned(),
        Skip::NotTrusted => {
            "the password isn't sent where the certificate isn't trusted; --ca FILE trusts an \
             authority, and --insecure sends it all the same"
                .to_owned()
        }
        Skip::ForeignRealm => {
            "the password isn't sent to another's realm; --realm-host HOST allows it".to_owned()
        }
        Skip::Impossible => "an earlier step that they need failed".to_owned(),
        Skip::OutOfTime => "the time limit was reached".to_owned(),
        Skip::Interrupted => "you interrupted the doctor".to_owned(),
    }
}

fn not_asked_for(walk: &Walk) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(body) = walk.first(Step::Body)
        && body.is_success()
        && body.request.body.size() < 100 << 20
    {
        let size = body.request.body.size();
        lines.push(format!(
            "bodies over {}: --body 150MiB (CDNs begin to refuse at 100 MB)",
            bytes(size)
        ));
    }
    let told = topics(walk, Skip::NotAskedFor).into_iter().map(Topic::told);
    lines.extend(told.map(|(words, option)| match option {
        Some(option) => format!("{words}: {option}"),
        None => words.to_owned(),
    }));
    lines
}

/// What the walk made and could not remove.
pub(super) fn left(walk: &Walk) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for line in walk.left.iter().map(leftover) {
        match lines.iter_mut().find(|(other, _)| *other == line) {
            Some((_, count)) => *count += 1,
            None => lines.push((line, 1)),
        }
    }
    lines
        .into_iter()
        .map(|(line, count)| match count {
            1 => line,
            more => format!("{more} times: {line}"),
        })
        .collect()
}

fn leftover(left: &Leftover) -> String {
    let refused = |status: &Option<u16>| match status {
        Some(status @ (401 | 403)) => {
            format!("its deletion was answered with {status}: this account may not delete")
        }
        Some(status) => format!("its deletion was answered with {status}"),
        None => "its deletion got no answer".to_owned(),
    };
    match left {
        Leftover::Upload { repository, status } => format!(
            "an open upload in {}, which the registry forgets by itself: {}",
            clean(repository),
            refused(status)
        ),
        Leftover::Blob {
            repository,
            digest,
            status,
        } => format!(
            "a blob in {}, which garbage collection removes: {}; {}",
            clean(repository),
            clean(digest),
            refused(status)
        ),
        Leftover::Artifact {
            repository,
            reference,
            status,
        } => format!(
            "an artifact, to be deleted by hand: {}:{}; {}",
            clean(repository),
            clean(reference),
            refused(status)
        ),
    }
}
