//! The answer in three lines: what is wrong, which hop it is, and the first line to change there. It
//! stands last, where people look.

use super::super::display::clean;
use super::super::explain::Explanation;
use super::super::fixes::{Fix, advice, fixes, harbormouth};
use super::super::judge::{Judged, fate, meaning};
use super::findings::{first_products, hop, labelled, named, page_of, sorted};
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
    lines.extend(layer.map(|layer| ("layer", layer.sentence)));
    lines
}

/// The three lines, each with its label; none where nothing was found.
fn three(walks: &[Judged]) -> Option<[(&'static str, String); 3]> {
    let public = walks.first()?;
    let sorted_findings = by_gravity(&public.findings);
    let worst = sorted_findings.first()?;
    let target = &public.walk.target;
    let first = first_products(worst, walks);
    let change = sorted(fixes(worst.kind, target), &first)
        .first()
        .and_then(first_line)
        .or_else(|| advice(worst.kind).map(str::to_owned))
        .unwrap_or_else(|| harbormouth(worst.kind).to_owned());
    let hop = hop(worst, walks).unwrap_or_else(|| "no hop's doing".to_owned());
    Some([
        ("wrong", clean(&worst.summary)),
        ("hop", hop),
        ("change", change),
    ])
}

/// The first line that is no remark. Where it belongs, the finding says.
fn first_line(fix: &Fix) -> Option<String> {
    let line = fix.lines.iter().find(|line| !line.starts_with('#'))?;
    Some(format!("{}: {}", fix.product.name(), line.trim()))
}

/// What an error may come from; nothing where that isn't known.
pub(crate) fn explained(found: &[Explanation]) -> Option<String> {
    let first = found.first()?;
    let style = Style::of_stdout();
    let clients = named(&first.clients);
    let mut text = format!("\"{}\" comes from {clients} where\n", first.message);
    for one in found {
        text.push_str(&format!("\n{}\n", style.bold(one.kind.as_str())));
        text.push_str(&labelled("wrong", meaning(one.kind), style));
        text.push_str(&labelled("says it", &named(&one.clients), style));
        text.push_str(&labelled("page", &page_of(one.kind), style));
    }
    text.push_str(
        "\nWhich of them it is, and which hop: harbormouth doctor HOST --repository NAME\n",
    );
    Some(text)
}
