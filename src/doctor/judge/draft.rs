//! A finding while it is built, and how it quotes the evidence.

use super::sentences;
use super::surroundings::surroundings;
use crate::doctor::clients::{Detail, Ending, Surroundings, effects};
use crate::doctor::finding::{Evidence, Finding};
use crate::doctor::kind::{Kind, Severity};
use crate::doctor::language::Language;
use crate::doctor::placeholders::filled;
use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, ResponseSeen, Trouble, Walk};
use crate::doctor::words::Word;
use crate::oci::oci_error::OciError;

type Value = Box<dyn Fn(Language) -> String>;

/// What the judges say; what it means for clients follows when it is finished.
pub(super) struct Draft {
    pub(super) kind: Kind,
    step: Step,
    /// Of the exchange that showed it first; 0 where there was no answer.
    status: u16,
    /// Which of the kind's sentences are said; empty where there is one for all.
    wrong: &'static str,
    cause: &'static str,
    /// What stands in their places, in the language that they are told in.
    values: Vec<(&'static str, Value)>,
    evidence: Vec<Evidence>,
    circumstance: Detail,
    around: Option<Surroundings>,
}

impl Draft {
    pub(super) fn at(kind: Kind, step: Step) -> Draft {
        Draft {
            kind,
            step,
            status: 0,
            wrong: "",
            cause: "",
            values: Vec::new(),
            evidence: Vec::new(),
            circumstance: Detail::Usual,
            around: None,
        }
    }

    /// Of what this exchange showed first.
    pub(super) fn of(kind: Kind, exchange: &Exchange) -> Draft {
        let why = exchange.result.as_ref().err().cloned();
        let why = move |language| why.as_ref().map(|why| why.told(language));
        let status = exchange.status().unwrap_or_default();
        let draft = Draft {
            status,
            ..Draft::at(kind, exchange.step)
        };
        draft
            .with("method", &exchange.request.method)
            .with("status", status)
            .told("outcome", outcome(exchange))
            .told("trouble", move |language| why(language).unwrap_or_default())
            .told("speaker", speaker(exchange))
    }

    /// Whether it rests on an answer with one of these statuses.
    pub(super) fn is_shown_by(&self, statuses: &[u16]) -> bool {
        statuses.contains(&self.status)
    }

    /// What stands in `<place>`, as it is.
    pub(super) fn with(self, place: &'static str, value: impl ToString) -> Draft {
        let value = value.to_string();
        self.told(place, move |_| value.clone())
    }

    /// What stands in `<place>`, by the language.
    pub(super) fn told(
        mut self,
        place: &'static str,
        value: impl Fn(Language) -> String + 'static,
    ) -> Draft {
        self.values.push((place, Box::new(value)));
        self
    }

    /// A word of ours that stands in `<place>`.
    pub(super) fn saying(self, place: &'static str, word: Word) -> Draft {
        self.told(place, move |language| word.told(language).to_owned())
    }

    /// Something from outside that stands in `<place>`.
    pub(super) fn quoting(self, place: &'static str, text: &str) -> Draft {
        self.with(place, quoted(text))
    }

    /// The sentence of that name says what is wrong.
    pub(super) fn wrong(self, wrong: &'static str) -> Draft {
        Draft { wrong, ..self }
    }

    /// The sentence of that name says what brings it about.
    pub(super) fn because(self, cause: &'static str) -> Draft {
        Draft { cause, ..self }
    }

    pub(super) fn shown_by(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Draft {
        self.evidence.extend(evidence);
        self
    }

    pub(super) fn where_(mut self, circumstance: Detail) -> Draft {
        self.circumstance = circumstance;
        self
    }

    /// Where the walk's own surroundings are not what decides.
    pub(super) fn among(mut self, around: Surroundings) -> Draft {
        self.around = Some(around);
        self
    }

    pub(super) fn finish(self, walk: &Walk) -> Finding {
        let around = self.around.unwrap_or_else(|| surroundings(walk));
        let effects = effects(self.kind, self.circumstance, around, walk.language);
        let harms = effects.iter().any(|effect| effect.outcome > Ending::Works);
        // A registry that asks nobody who they are loses nothing by a lost Authorization.
        let severity = match self.kind.severity() {
            Severity::Broken if !harms => Severity::Warning,
            severity => severity,
        };
        let language = walk.language;
        let value = |place: &str| {
            let mut values = self.values.iter();
            values.find_map(|(known, value)| (*known == place).then(|| value(language)))
        };
        let cause = sentences::cause(self.kind, self.cause, language);
        Finding {
            kind: self.kind,
            severity,
            step: self.step,
            summary: filled(sentences::wrong(self.kind, self.wrong, language), value),
            cause: cause.map(|cause| filled(cause, value)),
            evidence: self.evidence,
            effects,
        }
    }
}

/// Something that was tried and is no request, as `TLS with 203.0.113.10:443`.
pub(super) fn tried(request: String, outcome: impl ToString) -> Evidence {
    let outcome = outcome.to_string();
    Evidence {
        request,
        outcome,
        line: None,
    }
}

/// The exchange, and nothing of its answer but the status.
pub(super) fn seen(exchange: &Exchange) -> Evidence {
    let outcome = match &exchange.result {
        Ok(answer) => answer.status.to_string(),
        Err(trouble) => trouble.to_string(),
    };
    Evidence {
        request: request(exchange),
        outcome,
        line: None,
    }
}

/// The exchange, and a header of its answer.
pub(super) fn seen_header(exchange: &Exchange, name: &str) -> Evidence {
    let value = exchange.answer().and_then(|a| a.header(name));
    Evidence {
        line: value.map(|value| format!("{}: {value}", conventional(name))),
        ..seen(exchange)
    }
}

/// The exchange, and who answered in what form: by that a hop's own answers are known.
pub(super) fn seen_speaker(exchange: &Exchange) -> Evidence {
    match exchange.answer().and_then(|answer| answer.header("server")) {
        Some(_) => seen_header(exchange, "server"),
        None => seen_header(exchange, "content-type"),
    }
}

/// The exchange, and the words of its answer.
pub(super) fn seen_words(exchange: &Exchange) -> Evidence {
    Evidence {
        line: exchange.answer().and_then(words),
        ..seen(exchange)
    }
}

/// What the doctor added to the request is a part of what was seen.
fn request(exchange: &Exchange) -> String {
    let sent = &exchange.request;
    let mut text = format!("{} {}", sent.method, sent.url);
    for (name, value) in &sent.headers {
        text.push_str(&format!(" with {}: {value}", conventional(name)));
    }
    text
}

/// A header's name as people write it.
fn conventional(name: &str) -> String {
    let part = |part: &str| match part {
        "www" | "cf" => part.to_uppercase(),
        _ => {
            let mut letters = part.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    };
    let parts: Vec<String> = name.split('-').map(part).collect();
    parts.join("-")
}

/// The longest word that a sentence quotes, and how much it quotes altogether.
const LONGEST_WORD: usize = 60;
const LONGEST: usize = 200;

/// Something from outside, fit to stand in a sentence: without control characters, and bounded.
pub(super) fn quoted(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().take(LONGEST).map(shown).collect();
    let word = |word: &str| {
        let mut kept: String = word.chars().take(LONGEST_WORD).collect();
        if kept.len() < word.len() {
            kept.push('…');
        }
        kept
    };
    let words: Vec<String> = text.split_whitespace().map(word).collect();
    words.join(" ")
}

/// The registry's own error message, or the beginning of what was received in its place.
pub(super) fn words(answer: &ResponseSeen) -> Option<String> {
    let said = match OciError::read(answer.body.as_bytes()) {
        Some(error) if error.message.is_empty() => error.code,
        Some(error) => format!("{}: {}", error.code, error.message),
        None => answer.body.clone(),
    };
    let said = quoted(&said);
    (!said.is_empty()).then_some(said)
}

/// Whether what was seen at some of all places was seen at each of them.
pub(super) fn how_often(seen: usize, all: usize) -> Detail {
    if seen == all {
        Detail::Usual
    } else {
        Detail::Partly
    }
}

/// Who answered, where the answer says so: ` (it calls itself nginx/1.22.1)`.
fn speaker(exchange: &Exchange) -> impl Fn(Language) -> String + 'static {
    let name = exchange.answer().and_then(|answer| answer.header("server"));
    let name = name.filter(|name| !name.is_empty()).map(quoted);
    move |language| match &name {
        Some(name) => Word::CallsItself.filled(language, &[("name", name)]),
        None => String::new(),
    }
}

/// `got no answer: …` or `was answered with 502`.
fn outcome(exchange: &Exchange) -> impl Fn(Language) -> String + 'static {
    let result = exchange.result.as_ref();
    let result = result.map(|answer| answer.status).map_err(Trouble::clone);
    move |language| match &result {
        Ok(status) => Word::Answered.filled(language, &[("status", status)]),
        Err(why) => Word::Unanswered.filled(language, &[("trouble", &why.told(language))]),
    }
}
