//! What a walk didn't look at, and what to add to the command so that it does.

use super::super::display::{bytes, clean};
use super::super::language::Language;
use super::super::step::Step;
use super::super::topic::Topic;
use super::super::trace::{Leftover, Skip, Walk};
use super::super::words::Word;

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
        let told = topics
            .iter()
            .map(|topic| topic.told().0.told(walk.language));
        let words: Vec<&str> = told.collect();
        let words = if topics.contains(&Topic::Reach) {
            Word::AllElse.told(walk.language).to_owned()
        } else {
            words.join(Word::Listing.told(walk.language))
        };
        if !words.is_empty() {
            let colon = Word::Colon.told(walk.language);
            lines.push(format!("{words}{colon}{}", reason(why, walk)));
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
    let word = match why {
        Skip::NotAskedFor => Word::NotRequested,
        Skip::NoCredentials => Word::NoCredentials,
        Skip::NoRepository => Word::NoRepository,
        Skip::NotTrusted => Word::NotTrusted,
        Skip::ForeignRealm => Word::ForeignRealm,
        Skip::Impossible => Word::Impossible,
        Skip::OutOfTime => Word::OutOfTime,
        Skip::Interrupted => Word::Interrupted,
    };
    word.filled(walk.language, &[("target", &walk.target.authority())])
}

fn not_asked_for(walk: &Walk) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(body) = walk.first(Step::Body)
        && body.is_success()
        && body.request.body.size() < 100 << 20
    {
        let size = body.request.body.size();
        lines.push(Word::BodiesOver.filled(walk.language, &[("size", &bytes(size))]));
    }
    let told = topics(walk, Skip::NotAskedFor).into_iter().map(Topic::told);
    lines.extend(told.map(|(words, option)| match option {
        Some(option) => {
            let colon = Word::Colon.told(walk.language);
            format!("{}{colon}{option}", words.told(walk.language))
        }
        None => words.told(walk.language).to_owned(),
    }));
    lines
}

/// What the walk made and could not remove.
pub(super) fn left(walk: &Walk) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for line in walk.left.iter().map(|left| leftover(left, walk.language)) {
        match lines.iter_mut().find(|(other, _)| *other == line) {
            Some((_, count)) => *count += 1,
            None => lines.push((line, 1)),
        }
    }
    lines
        .into_iter()
        .map(|(line, count)| match count {
            1 => line,
            more => {
                let values: [(&str, &dyn ToString); 2] = [("count", &more), ("line", &line)];
                Word::Times.filled(walk.language, &values)
            }
        })
        .collect()
}

fn leftover(left: &Leftover, language: Language) -> String {
    let refused = |status: &Option<u16>| match status {
        Some(status @ (401 | 403)) => Word::MayNotDelete.filled(language, &[("status", status)]),
        Some(status) => Word::DeletionAnswered.filled(language, &[("status", status)]),
        None => Word::DeletionUnanswered.told(language).to_owned(),
    };
    match left {
        Leftover::Upload { repository, status } => Word::LeftUpload.filled(
            language,
            &[
                ("repository", &clean(repository)),
                ("refused", &refused(status)),
            ],
        ),
        Leftover::Blob {
            repository,
            digest,
            status,
        } => Word::LeftBlob.filled(
            language,
            &[
                ("repository", &clean(repository)),
                ("digest", &clean(digest)),
                ("refused", &refused(status)),
            ],
        ),
        Leftover::Artifact {
            repository,
            reference,
            status,
        } => Word::LeftArtifact.filled(
            language,
            &[
                ("repository", &clean(repository)),
                ("reference", &clean(reference)),
                ("refused", &refused(status)),
            ],
        ),
    }
}
