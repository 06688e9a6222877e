//! What is said of a file: each finding with its lines, whom it breaks and what to put there instead; and
//! the answer last, as after a walk.

use super::super::clients::{Client, Ending, Impact};
use super::super::display::clean_words;
use super::super::fixes::{Fix, advice, fixes, harbormouth};
use super::super::kind::{Kind, Severity};
use super::super::language::Language;
use super::super::offline::{Examined, FileFinding, FileKind, NotRead};
use super::super::product::Product;
use super::super::words::Word;
use super::Format;
use super::conclusion::{listed, section};
use super::findings::{effects, labelled, named, page_of, pasted};
use super::steps::Mark;
use super::verdict::ChainVerdict;
use crate::net::origin::Origin;
use crate::system::terminal::{Colour, Style, indented};
use serde_json::{Value, json};

/// Stands for the name that clients type, where the file doesn't say it.
const EXAMPLE: &str = "https://hub.example.com";

/// A file, and what it is called.
pub(crate) struct FileReport<'f> {
    pub(crate) name: &'f str,
    pub(crate) examined: &'f Examined,
}

impl FileReport<'_> {
    /// 0 where nothing in it breaks a client, 1 where something does, 2 where it passes nothing on.
    pub(crate) fn exit_status(&self) -> u8 {
        match self.verdict() {
            ChainVerdict::Healthy => 0,
            ChainVerdict::Broken => 1,
            ChainVerdict::Unexamined => 2,
        }
    }

    fn verdict(&self) -> ChainVerdict {
        let mut findings = self.examined.findings.iter();
        if findings.any(|finding| finding.severity == Severity::Broken) {
            ChainVerdict::Broken
        } else if self.examined.passes_on {
            ChainVerdict::Healthy
        } else {
            ChainVerdict::Unexamined
        }
    }

    /// For people, or for machines. None where a file has no report of that format.
    ///
    /// # Errors
    /// Where the document can't be written, which its types exclude.
    pub(crate) fn drawn(&self, format: Format, style: Style) -> serde_json::Result<Option<String>> {
        Ok(match format {
            Format::Text | Format::All => Some(self.text(format, style)),
            Format::Json => Some(serde_json::to_string_pretty(&self.document())? + "\n"),
            Format::Markdown | Format::Html | Format::Junit => None,
        })
    }

    fn language(&self) -> Language {
        self.examined.language
    }

    fn word(&self, word: Word) -> &'static str {
        word.told(self.language())
    }

    fn text(&self, format: Format, style: Style) -> String {
        let findings = &self.examined.findings;
        let kind = self.examined.kind.told(self.language());
        let head =
            Word::FileIs.filled(self.language(), &[("file", &self.named()), ("kind", &kind)]);
        let mut text = indented(&head, 0, style);
        if !findings.is_empty() {
            text.push_str(&section(self.word(Word::WhatIsWrong), style));
        }
        let drawn: Vec<String> = findings
            .iter()
            .enumerate()
            .map(|(index, one)| self.finding(one, &findings[..index], format, style))
            .collect();
        text.push_str(&drawn.join("\n"));
        let not_read = self.examined.not_read.iter();
        let not_read: Vec<String> = not_read.map(|one| told(one, self.language())).collect();
        text.push_str(&listed(self.word(Word::NotRead), &not_read, style));
        if !not_read.is_empty() {
            text.push_str(&indented(self.word(Word::MayStandThere), 4, style));
        }
        text.push_str(&section(self.word(Word::Verdict), style));
        text.push_str(&self.judgement(style));
        text.push_str(&self.answer(style));
        text
    }

    fn named(&self) -> String {
        clean_words(self.name)
    }

    fn finding(
        &self,
        finding: &FileFinding,
        before: &[FileFinding],
        format: Format,
        style: Style,
    ) -> String {
        let kind = finding.kind;
        let mark = Mark::of(finding.severity).draw(style);
        let mut text = format!("{mark} {}\n", style.bold(kind.as_str()));
        for place in &finding.places {
            let at = format!("{}:{}", self.named(), place.line);
            let line = style.bold(&clean_words(&place.text));
            text.push_str(&format!("  {at}: {line}\n"));
            text.push_str(&indented(&clean_words(&place.wrong), 4, style));
        }
        text.push_str(
            &if format == Format::Text && finding.severity == Severity::Warning {
                harmed(finding, self.language(), style)
            } else {
                effects(&finding.effects, self.language(), style)
            },
        );
        let fixes = self.fixes(kind);
        let same = before.iter().find(|one| self.fixes(one.kind) == fixes);
        match same {
            Some(other) if !fixes.is_empty() => {
                let words = Word::SameLines.filled(self.language(), &[("kind", &other.kind)]);
                text.push_str(&labelled(self.word(Word::Change), &words, style));
            }
            Some(_) | None => {
                for (index, fix) in fixes.iter().enumerate() {
                    let label = if index == 0 {
                        self.word(Word::Change)
                    } else {
                        ""
                    };
                    text.push_str(&pasted(label, fix, self.language(), style));
                }
            }
        }
        if let Some(words) = advice(kind, self.language()) {
            text.push_str(&labelled(self.word(Word::Advice), words, style));
        }
        if format == Format::All {
            let colon = self.word(Word::Colon);
            let ours = format!("Harbormouth{colon}{}", harbormouth(kind, self.language()));
            text.push_str(&labelled(self.word(Word::Or), &ours, style));
        }
        text.push_str(&labelled(
            self.word(Word::Page),
            &page_of(kind, self.language()),
            style,
        ));
        text
    }

    /// The lines that belong into such a file.
    fn fixes(&self, kind: Kind) -> Vec<Fix> {
        let target = self.examined.target.clone();
        let Some(target) = target.or_else(|| Origin::parse(EXAMPLE).ok()) else {
            return Vec::new();
        };
        let mut fixes = fixes(kind, &target, self.language());
        fixes.retain(|fix| belongs(fix, self.examined.kind));
        fixes
    }

    fn judgement(&self, style: Style) -> String {
        let findings = &self.examined.findings;
        let warnings = findings
            .iter()
            .filter(|one| one.severity == Severity::Warning);
        let warnings = match warnings.count() {
            0 => String::new(),
            1 => self.word(Word::OneWarning).to_owned(),
            more => Word::Warnings.filled(self.language(), &[("count", &more)]),
        };
        let (mark, headline) = match self.verdict() {
            ChainVerdict::Healthy => (
                style.coloured(Colour::Green, "✓"),
                self.word(Word::FileHealthy),
            ),
            ChainVerdict::Broken => (
                style.bold_coloured(Colour::Red, "✗"),
                self.word(Word::FileBroken),
            ),
            ChainVerdict::Unexamined => (
                style.bold_coloured(Colour::Yellow, "?"),
                self.word(Word::FilePassesNothing),
            ),
        };
        let mut text = format!("  {mark} {}{warnings}\n", style.bold(headline));
        let broken = self.broken_clients();
        if !broken.is_empty() {
            let clients = named(&broken, self.language());
            let broken = Word::BrokenClients.filled(self.language(), &[("clients", &clients)]);
            text.push_str(&indented(&broken, 4, style));
        }
        if self.examined.target.is_none()
            && findings.iter().any(|one| !self.fixes(one.kind).is_empty())
        {
            text.push_str(&indented(self.word(Word::ExampleStands), 4, style));
        }
        text
    }

    fn broken_clients(&self) -> Vec<Client> {
        let findings = &self.examined.findings;
        let broken = || {
            findings
                .iter()
                .filter(|one| one.severity == Severity::Broken)
        };
        let is_broken = |client: &Client| {
            let mut effects = broken().flat_map(|finding| &finding.effects);
            effects.any(|one| {
                one.client == *client && matches!(one.outcome, Ending::Breaks | Ending::Sometimes)
            })
        };
        Client::ALL.into_iter().filter(is_broken).collect()
    }

    /// What is wrong, where, and the first line to change.
    fn answer(&self, style: Style) -> String {
        let worst = self.examined.findings.first();
        let Some((finding, place)) = worst.and_then(|one| Some((one, one.places.first()?))) else {
            return String::new();
        };
        let fixes = self.fixes(finding.kind);
        let lines = || fixes.iter().flat_map(|fix| &fix.lines);
        let fits = |line: &&String| place.is_about(line);
        let is_pasted = |line: &&String| !line.starts_with('#');
        let line = lines().find(fits).or_else(|| lines().find(is_pasted));
        let line = line.or_else(|| lines().next()).map(|line| line.trim());
        let change = line
            .or(advice(finding.kind, self.language()))
            .unwrap_or(self.word(Word::LineAbove));
        let at = format!("{}:{}", self.named(), place.line);
        let mut text = String::from("\n");
        text.push_str(&labelled(
            self.word(Word::Wrong),
            &clean_words(&place.wrong),
            style,
        ));
        text.push_str(&labelled(self.word(Word::LineLabel), &at, style));
        text.push_str(&labelled(self.word(Word::Change), change, style));
        text
    }

    fn document(&self) -> Value {
        let examined = self.examined;
        let findings: Vec<Value> = examined
            .findings
            .iter()
            .map(|one| self.of_finding(one))
            .collect();
        let not_read: Vec<Value> = examined
            .not_read
            .iter()
            .map(|one| json!({ "line": one.line, "what": clean_words(&one.what) }))
            .collect();
        json!({
            "tool": "harbormouth doctor",
            "version": env!("CARGO_PKG_VERSION"),
            "file": self.name,
            "file_kind": examined.kind,
            "target": examined.target.as_ref().map(ToString::to_string),
            "verdict": self.verdict(),
            "exit_status": self.exit_status(),
            "findings": findings,
            "not_read": not_read,
        })
    }

    fn of_finding(&self, finding: &FileFinding) -> Value {
        let place = |place: &super::super::offline::Place| {
            json!({
                "line": place.line,
                "text": clean_words(&place.text),
                "wrong": clean_words(&place.wrong),
            })
        };
        json!({
            "kind": finding.kind,
            "severity": finding.severity,
            "places": finding.places.iter().map(place).collect::<Vec<Value>>(),
            "effects": finding.effects,
            "fixes": self.fixes(finding.kind),
            "advice": advice(finding.kind, self.language()),
            "harbormouth": harbormouth(finding.kind, self.language()),
        })
    }
}

/// Of a warning, whom it breaks at times, and not how.
fn harmed(finding: &FileFinding, language: Language, style: Style) -> String {
    let harms = |one: &&Impact| one.outcome > Ending::Works;
    let clients = finding.effects.iter().filter(harms);
    let clients: Vec<Client> = clients.map(|one| one.client).collect();
    if clients.is_empty() {
        return String::new();
    }
    labelled(
        Word::AtTimes.told(language),
        &named(&clients, language),
        style,
    )
}

/// Whether the place of these lines is in such a file. The chart's values hold an Ingress' annotations.
fn belongs(fix: &Fix, kind: FileKind) -> bool {
    match kind {
        FileKind::Harbor => matches!(fix.key, "harbor chart" | "ingress annotations"),
        FileKind::Ingress => fix.product == Product::Ingress && fix.key != "gateway rules",
        FileKind::Nginx
        | FileKind::Haproxy
        | FileKind::Caddy
        | FileKind::Traefik
        | FileKind::Envoy
        | FileKind::Apache => fix.product == kind.product(),
    }
}

fn told(one: &NotRead, language: Language) -> String {
    let what = clean_words(&one.what);
    Word::AtLine.filled(language, &[("line", &one.line), ("what", &what)])
}
