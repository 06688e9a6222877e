//! The answer in three lines: what is wrong, which hop it is, and the first line to change there. It
//! stands last, where people look.

use super::super::display::clean;
use super::super::explain::Explanation;
use super::super::fixes::{Fix, advice, harbormouth};
use super::super::judge::{Judged, fate, meaning};
use super::super::kind::Kind;
use super::super::language::Language;
use super::super::words::Word;
use super::chain::language;
use super::changes::{likely_fixes, without_lines};
use super::findings::{hop, labelled, named, page_of};
use super::verdict::by_gravity;
use crate::system::terminal::Style;

/// Nothing where nothing was found, and nobody asked for a layer.
pub(super) fn answer(walks: &[Judged], style: Style) -> String {
    let lines: Vec<String> = lines(walks)
        .iter()
        .map(|(label, text)| labelled(label, text, style))
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\n{}", lines.concat())
}

/// The three lines where something was found, and one about the layer that was asked for; each with
/// its label.
pub(super) fn lines(walks: &[Judged]) -> Vec<(&'static str, String)> {
    let layer = walks.first().and_then(|public| fate(&public.walk));
    let mut lines: Vec<(&str, String)> = three(walks).into_iter().flatten().collect();
    lines.extend(layer.map(|layer| (Word::LayerLabel.told(language(walks)), layer.sentence)));
    lines
}

/// The three lines, each with its label; none where nothing was found.
fn three(walks: &[Judged]) -> Option<[(&'static str, String); 3]> {
    let public = walks.first()?;
    let sorted_findings = by_gravity(&public.findings);
    let worst = sorted_findings.first()?;
    let language = public.walk.language;
    let healing = || {
        let fixes = likely_fixes(worst, walks);
        fixes.first().and_then(|fix| first_line(fix, worst.kind))
    };
    let change = without_lines(worst, walks)
        .or_else(healing)
        .or_else(|| advice(worst.kind, language).map(str::to_owned))
        .unwrap_or_else(|| harbormouth(worst.kind, language).to_owned());
    let hop = hop(worst, walks).unwrap_or_else(|| Word::NoHop.told(language).to_owned());
    let lines = [
        (Word::Wrong, clean(&worst.summary)),
        (Word::Hop, hop),
        (Word::Change, change),
    ];
    Some(lines.map(|(label, text)| (label.told(language), text)))
}

/// The line that heals this kind, or else the first that sets something. Where it belongs, the finding
/// says.
fn first_line(fix: &Fix, kind: Kind) -> Option<String> {
    let sets = |line: &&String| !line.starts_with('#') && !line.ends_with(['{', ':']);
    let lines = || fix.lines.iter().filter(sets);
    let healing = match kind {
        Kind::LocationScheme | Kind::LocationSchemeDoubled | Kind::RealmScheme => {
            "x-forwarded-proto"
        }
        Kind::AuthorizationRemoved | Kind::AuthorizationLost | Kind::TokenRefused => {
            "authorization"
        }
        _ => "",
    };
    let is_healing = |line: &&String| line.to_ascii_lowercase().contains(healing);
    let line = lines().find(is_healing).or_else(|| lines().next())?;
    Some(format!("{}: {}", fix.product.name(), line.trim()))
}

/// What an error may come from; nothing where that isn't known.
pub(crate) fn explained(found: &[Explanation], language: Language) -> Option<String> {
    let first = found.first()?;
    let style = Style::of_stdout();
    let clients = named(&first.clients, language);
    let values: [(&str, &dyn ToString); 2] = [("message", &first.message), ("clients", &clients)];
    let mut text = format!("{}\n", Word::ComesFrom.filled(language, &values));
    for one in found {
        text.push_str(&format!("\n{}\n", style.bold(one.kind.as_str())));
        for (label, said) in [
            (Word::Wrong, meaning(one.kind, language).to_owned()),
            (Word::SaysIt, named(&one.clients, language)),
            (Word::Page, page_of(one.kind, language)),
        ] {
            text.push_str(&labelled(label.told(language), &said, style));
        }
    }
    text.push_str(&format!("\n{}\n", Word::WhichOfThem.told(language)));
    Some(text)
}
