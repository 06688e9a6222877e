//! Whether a layer of some size, sent at some rate, would get through the chain as it was measured:
//! bodies over a limit, transfers over an age, and the silence while the registry commits it.
//!
//! Nothing is guessed: beyond what was tried it is unknown, and said which option tries it. A pause in a
//! body doesn't count here, since bytes that flow at a rate don't pause.

use super::commit::{TELLING, commit, committed, is_commit_cut, usual};
use super::transfers::{is_age_cut, is_idle_cut, passed, smallest_refused, write};
use crate::doctor::display::{about, size, time};
use crate::doctor::language::Language;
use crate::doctor::options::Layer;
use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, Walk};
use crate::str_enum::str_enum;
use serde::Serialize;
use std::time::Duration;

str_enum! {
    pub(crate) enum Survival {
        Yes "yes",
        No "no",
        /// Not everything that it depends on was measured so far.
        Unknown "unknown",
    }
}

/// What becomes of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LayerFate {
    #[serde(flatten)]
    pub(crate) layer: Layer,
    pub(crate) survives: Survival,
    /// The same as a sentence, with the reason.
    pub(crate) sentence: String,
}

/// What a walk measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Measured {
    /// The largest body that passed, and the smallest that was refused, in bytes.
    passed: u64,
    refused: Option<u64>,
    /// The longest transfer that passed, and one that was cut by its age.
    lasted: Duration,
    cut_by_age: Option<Duration>,
    /// The longest silence that all hops bore, and one that some hop cut.
    borne: Duration,
    cut_by_silence: Option<Duration>,
    commit: Option<Committed>,
    /// How long a token is good for.
    token: Option<Duration>,
}

/// A commit that was answered: of how many bytes, after which silence of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Committed {
    bytes: u64,
    silence: Duration,
}

impl Measured {
    fn of(walk: &Walk) -> Measured {
        let idle = write(walk, Step::Idle);
        let slow = write(walk, Step::SlowUpload);
        let put = commit(walk);
        let silence = |one: &Exchange| one.silence.unwrap_or(one.took);
        let borne = put.filter(|one| one.is_success()).map(silence);
        let paused = idle.filter(|one| one.is_success()).map(|one| one.took);
        let cut_commit = put.filter(|one| is_commit_cut(one)).map(silence);
        let cut_pause = idle.filter(|one| is_idle_cut(walk, one));
        let lasted = [Step::Body, Step::SlowUpload, Step::Idle, Step::CommitWait]
            .into_iter()
            .filter_map(|step| write(walk, step))
            .filter(|one| one.is_success());
        let told = put.filter(|one| one.is_success() || is_commit_cut(one));
        let token = walk.grant.as_ref().and_then(|grant| grant.expires_in);
        Measured {
            passed: passed(walk),
            refused: smallest_refused(walk),
            lasted: lasted.map(|one| one.took).max().unwrap_or_default(),
            cut_by_age: slow.filter(|one| is_age_cut(walk, one)).map(|one| one.took),
            borne: borne.max(paused).unwrap_or_default(),
            cut_by_silence: cut_commit
                .into_iter()
                .chain(cut_pause.map(|one| one.took))
                .min(),
            commit: told.map(|one| Committed {
                bytes: committed(walk),
                silence: match one.is_success() {
                    true => silence(one).saturating_sub(usual(walk)),
                    false => silence(one),
                },
            }),
            token: token.map(Duration::from_secs),
        }
    }
}

/// None where nobody asked.
pub(crate) fn fate(walk: &Walk) -> Option<LayerFate> {
    let layer = walk.layer?;
    let (survives, why) = survival(layer, &Measured::of(walk));
    let takes = layer.takes();
    let takes = if takes < Duration::from_secs(120) {
        time(takes)
    } else {
        about(takes, Language::English)
    };
    let answer = match survives {
        Survival::Yes => "yes, it would get through this chain",
        Survival::No => "no, it would not get through this chain",
        Survival::Unknown => "unknown whether it would get through this chain",
    };
    let sentence = format!(
        "{layer}, which takes {takes}: {answer}: {}.",
        why.join("; ")
    );
    Some(LayerFate {
        layer,
        survives,
        sentence,
    })
}

/// What is said of one limit.
enum Limit {
    Passes(String),
    Stops(String),
    Unknown(String),
}

/// One limit that stops it is enough; and all of them have to be known for it to pass.
fn survival(layer: Layer, measured: &Measured) -> (Survival, Vec<String>) {
    let (mut passes, mut stops, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    let limits = [
        Some(of_size(layer, measured)),
        Some(of_age(layer, measured)),
        Some(of_silence(layer, measured)),
        of_token(layer, measured),
    ];
    for limit in limits.into_iter().flatten() {
        match limit {
            Limit::Passes(why) => passes.push(why),
            Limit::Stops(why) => stops.push(why),
            Limit::Unknown(why) => unknown.push(why),
        }
    }
    if !stops.is_empty() {
        (Survival::No, stops)
    } else if !unknown.is_empty() {
        (Survival::Unknown, unknown)
    } else {
        (Survival::Yes, passes)
    }
}

fn of_size(layer: Layer, measured: &Measured) -> Limit {
    let passed = size(measured.passed);
    match measured.refused {
        _ if layer.bytes <= measured.passed => Limit::Passes(format!("{passed} passed at once")),
        Some(refused) if layer.bytes >= refused => {
            Limit::Stops(format!("a body of {} is refused", size(refused)))
        }
        Some(refused) => Limit::Unknown(format!(
            "bodies of {passed} pass, those of {} are refused",
            size(refused)
        )),
        None => Limit::Unknown(format!("bodies over {passed} were not tried (--body)")),
    }
}

fn of_age(layer: Layer, measured: &Measured) -> Limit {
    let takes = layer.takes();
    let lasted = time(measured.lasted);
    match measured.cut_by_age {
        _ if takes <= measured.lasted => Limit::Passes(format!("a transfer of {lasted} passed")),
        Some(cut) if takes >= cut => Limit::Stops(format!("a transfer is cut after {}", time(cut))),
        Some(_) | None => Limit::Unknown(format!(
            "transfers over {lasted} were not tried (--duration)"
        )),
    }
}

fn of_silence(layer: Layer, measured: &Measured) -> Limit {
    let Some(Committed { bytes, silence }) = measured.commit else {
        return match measured.cut_by_silence {
            Some(cut) => Limit::Unknown(format!(
                "a silence of {} is cut, and how long a commit is silent was not measured \
                 (--commit-wait)",
                time(cut)
            )),
            None => Limit::Unknown(
                "how long its commit is silent was not measured (--commit-wait)".to_owned(),
            ),
        };
    };
    let was_cut = measured.cut_by_silence.is_some_and(|cut| silence >= cut);
    if bytes < TELLING && layer.bytes > bytes && !was_cut {
        return Limit::Unknown(
            "of the commit of so little nothing can be told of more (--commit-wait --body 1GiB)"
                .to_owned(),
        );
    }
    let scaled = u128::from(layer.bytes) * silence.as_millis() / u128::from(bytes.max(1));
    let expected = Duration::from_millis(u64::try_from(scaled).unwrap_or(u64::MAX));
    let told = time(expected);
    match measured.cut_by_silence {
        _ if expected <= measured.borne => Limit::Passes(format!(
            "its commit is silent for about {told}, which is borne"
        )),
        Some(cut) if expected >= cut => Limit::Stops(format!(
            "its commit is silent for about {told}, and a silence of {} is cut",
            time(cut)
        )),
        Some(_) | None => Limit::Unknown(format!(
            "its commit is silent for about {told}, and that was not tried (--idle)"
        )),
    }
}

/// A request is judged by its token when it begins; a later one of the same layer needs another.
fn of_token(layer: Layer, measured: &Measured) -> Option<Limit> {
    let token = measured.token?;
    Some(if layer.takes() < token {
        Limit::Passes(format!(
            "the token is good for {}",
            about(token, Language::English)
        ))
    } else {
        Limit::Unknown(format!(
            "the token ends after {}, before the layer is sent: the client has to get another for \
             the commit",
            about(token, Language::English)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GB: u64 = 1_000_000_000;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A chain in which everything was tried, and nothing was in the way.
    fn open() -> Measured {
        Measured {
            passed: 20 * GB,
            refused: None,
            lasted: seconds(3600 * 2),
            cut_by_age: None,
            borne: seconds(600),
            cut_by_silence: None,
            commit: Some(Committed {
                bytes: GB,
                silence: seconds(10),
            }),
            token: Some(seconds(3600 * 3)),
        }
    }

    #[test]
    fn a_layer_passes_what_was_measured_stops_at_a_limit_and_is_unknown_beyond() {
        use Survival::{No, Unknown, Yes};
        let layer = Layer {
            bytes: 10 * GB,
            bits_per_second: 20_000_000,
        };
        assert_eq!(layer.takes(), seconds(4000));
        let commit = |bytes, silence| {
            Some(Committed {
                bytes,
                silence: seconds(silence),
            })
        };
        let cases = [
            ("everything was tried", open(), Yes, "18.6 GiB passed"),
            (
                "a limit of bodies",
                Measured {
                    passed: MIB,
                    refused: Some(2 * MIB),
                    ..open()
                },
                No,
                "a body of 2 MiB is refused",
            ),
            (
                "somewhere above it",
                Measured {
                    passed: MIB,
                    refused: Some(11 * GB),
                    ..open()
                },
                Unknown,
                "bodies of 1 MiB pass",
            ),
            (
                "no large body was tried",
                Measured {
                    passed: 2 * MIB,
                    ..open()
                },
                Unknown,
                "--body",
            ),
            (
                "cut by age",
                Measured {
                    lasted: seconds(2),
                    cut_by_age: Some(seconds(60)),
                    ..open()
                },
                No,
                "cut after 1 min 0 s",
            ),
            (
                "nothing long was tried",
                Measured {
                    lasted: seconds(70),
                    ..open()
                },
                Unknown,
                "--duration",
            ),
            (
                "its commit would be silent for 100 s",
                Measured {
                    borne: seconds(10),
                    cut_by_silence: Some(seconds(60)),
                    ..open()
                },
                No,
                "a silence of 1 min 0 s is cut",
            ),
            (
                "a silence that nobody tried",
                Measured {
                    borne: seconds(10),
                    ..open()
                },
                Unknown,
                "--idle",
            ),
            (
                "no commit was tried",
                Measured {
                    commit: None,
                    ..open()
                },
                Unknown,
                "--commit-wait",
            ),
            (
                "a commit of little tells nothing",
                Measured {
                    commit: commit(MIB, 1),
                    ..open()
                },
                Unknown,
                "--body 1GiB",
            ),
            (
                "a commit of little that was cut tells enough",
                Measured {
                    commit: commit(MIB, 5),
                    borne: seconds(0),
                    cut_by_silence: Some(seconds(5)),
                    ..open()
                },
                No,
                "is cut",
            ),
            (
                "the token ends before",
                Measured {
                    token: Some(seconds(1800)),
                    ..open()
                },
                Unknown,
                "the token ends after 30 minutes",
            ),
            (
                "one limit is enough, whatever else is unknown",
                Measured {
                    refused: Some(MIB),
                    ..Measured::default()
                },
                No,
                "is refused",
            ),
            (
                "nothing was measured",
                Measured::default(),
                Unknown,
                "--body",
            ),
        ];
        for (name, measured, expected, said) in cases {
            let (survives, why) = survival(layer, &measured);
            assert_eq!(survives, expected, "{name}: {why:?}");
            assert!(why.join("; ").contains(said), "{name}: {why:?}");
        }
    }
}
