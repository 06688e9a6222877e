//! The document as one HTML file that needs nothing else: no scripts, no pictures, no fonts. It is
//! well-formed XML as well.

use super::super::language::Language;
use super::document::Block;
use super::markup::escaped;

const STYLE: &str = include_str!("html.css");

pub(super) fn html(blocks: &[Block], language: Language) -> String {
    let title = blocks.iter().find_map(|block| match block {
        Block::Title(text) => Some(escaped(text)),
        Block::Section(_)
        | Block::Kind(_)
        | Block::Paragraph(_)
        | Block::Facts(_)
        | Block::List(_)
        | Block::Lines(_) => None,
    });
    let body: String = blocks.iter().map(block).collect();
    // Whatever might have been overlooked runs and loads nothing.
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"{}\">\n\
         <head>\n\
         <meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{}</title>\n\
         <style>\n{STYLE}</style>\n\
         </head>\n\
         <body>\n{body}</body>\n\
         </html>\n",
        language.tag(),
        title.unwrap_or_default()
    )
}

fn block(block: &Block) -> String {
    let element = |name: &str, text: &str| format!("<{name}>{}</{name}>\n", escaped(text));
    match block {
        Block::Title(text) => element("h1", text),
        Block::Section(text) => element("h2", text),
        Block::Kind(text) => element("h3", text),
        Block::Paragraph(text) => element("p", text),
        Block::Facts(facts) => {
            let rows: String = facts
                .iter()
                .map(|(label, text)| element("dt", label) + &element("dd", text))
                .collect();
            format!("<dl>\n{rows}</dl>\n")
        }
        Block::List(items) => {
            let items: String = items.iter().map(|item| element("li", item)).collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Lines(lines) => element("pre", &lines.join("\n")),
    }
}
