//! The Markdown pages of the repository, read as Markdown.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Every tracked page by its path from the repository's root.
pub static PAGES: LazyLock<BTreeMap<PathBuf, Page>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tracked = crate::tracked();
    let pages = tracked.iter().filter(|path| path.exists());
    let pages = pages.filter(|path| path.extension().is_some_and(|it| it == "md"));
    pages
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let name = path.strip_prefix(root).unwrap();
            (name.to_owned(), Page::read(text))
        })
        .collect()
});

pub fn page(name: &str) -> &'static Page {
    let page = PAGES.get(Path::new(name));
    page.unwrap_or_else(|| panic!("there is no {name}"))
}

/// A heading and what follows it, up to the next heading of whatever level.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// 1 is the page's title; 0 is what comes before it.
    pub level: usize,
    pub heading: String,
    /// Where links and pictures lead, in Markdown or as HTML.
    pub targets: Vec<String>,
    /// Code blocks: their language and their text.
    pub blocks: Vec<(String, String)>,
    /// Pieces of code in the text.
    pub code: Vec<String>,
}

pub struct Page {
    pub text: String,
    pub sections: Vec<Section>,
    /// What an address may have behind `#`, in the order of the page.
    pub anchors: Vec<String>,
}

impl Page {
    pub fn read(text: String) -> Page {
        let mut reader = Reader::default();
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            reader.event(event);
        }
        let (sections, anchors) = (reader.sections, reader.anchors);
        Page {
            text,
            sections,
            anchors,
        }
    }
}

/// Where the reader is.
#[derive(Default, PartialEq)]
enum Within {
    #[default]
    Text,
    Heading,
    Block,
}

struct Reader {
    sections: Vec<Section>,
    anchors: Vec<String>,
    within: Within,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader {
            sections: vec![Section::default()],
            anchors: Vec::new(),
            within: Within::Text,
        }
    }
}

impl Reader {
    fn section(&mut self) -> &mut Section {
        self.sections.last_mut().expect("one from the beginning")
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(TagEnd::Heading(_)) => {
                let anchor = self.free(&slug(&self.sections.last().unwrap().heading));
                self.anchors.push(anchor);
                self.within = Within::Text;
            }
            Event::End(TagEnd::CodeBlock) => self.within = Within::Text,
            Event::Text(text) => self.words(&text),
            Event::Code(code) => {
                self.words(&code);
                self.section().code.push(code.into_string());
            }
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.sections.push(Section {
                    level: level as usize,
                    ..Section::default()
                });
                self.within = Within::Heading;
            }
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.into_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.section().blocks.push((language, String::new()));
                self.within = Within::Block;
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.section().targets.push(dest_url.into_string());
            }
            _ => {}
        }
    }

    fn words(&mut self, words: &CowStr<'_>) {
        match self.within {
            Within::Text => {}
            Within::Heading => self.section().heading.push_str(words),
            Within::Block => {
                let block = self.section().blocks.last_mut().expect("it began");
                block.1.push_str(words);
            }
        }
    }

    fn html(&mut self, html: &str) {
        for name in ["src", "srcset", "href"] {
            let found = attributes(html, name).map(str::to_owned);
            self.section().targets.extend(found);
        }
        self.anchors
            .extend(attributes(html, "id").map(str::to_owned));
    }

    /// A heading that stands twice gets a number.
    fn free(&self, anchor: &str) -> String {
        let is_taken = |name: &str| self.anchors.iter().any(|it| it == name);
        let mut numbers = 1..;
        let mut name = anchor.to_owned();
        while is_taken(&name) {
            name = format!("{anchor}-{}", numbers.next().unwrap());
        }
        name
    }
}

fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let begin = format!(" {name}=\"");
    let parts: Vec<&str> = html.split(begin.as_str()).skip(1).collect();
    parts.into_iter().filter_map(|rest| rest.split('"').next())
}

/// A heading's address, as forges and mdbook make it.
fn slug(heading: &str) -> String {
    let lower = heading.trim().to_lowercase();
    let kept = lower.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c => c.is_alphanumeric().then_some(c),
    });
    kept.collect()
}

#[test]
fn a_page_is_read_with_its_sections_links_and_anchors() {
    let text = "# A `b` page\n\n[to](x.md#y)\n\n```sh\nmake [no](link)\n```\n\n## What, is it?\n\n\
                `code` <a id=\"z\" href=\"#z\">z</a>\n\n| a |\n|---|\n| <a id=\"row\"></a>b |\n\n## What is it";
    let page = Page::read(text.to_owned());
    let titles: Vec<(usize, &str)> = page
        .sections
        .iter()
        .map(|section| (section.level, section.heading.as_str()))
        .collect();
    let expected = [
        (0, ""),
        (1, "A b page"),
        (2, "What, is it?"),
        (2, "What is it"),
    ];
    assert_eq!(titles, expected);
    assert_eq!(page.sections[1].targets, ["x.md#y"]);
    let block = ("sh".to_owned(), "make [no](link)\n".to_owned());
    assert_eq!(page.sections[1].blocks, [block]);
    assert_eq!(page.sections[2].code, ["code"]);
    assert_eq!(page.sections[2].targets, ["#z"]);
    assert_eq!(
        page.anchors,
        ["a-b-page", "what-is-it", "z", "row", "what-is-it-1"]
    );
}
