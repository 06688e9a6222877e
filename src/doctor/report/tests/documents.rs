//! The reports for others: each is well-formed, says what the text says, and nothing that a server
//! sends becomes markup in it.

use super::scenes::{SCENES, judged};
use super::{Format, exit_status, reported};
use crate::doctor::judge::Judged;
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB};
use crate::doctor::trace::Distrust;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use roxmltree::{Document, Node, ParsingOptions};

/// What each of the three would take for its own, if it were not escaped.
const EVIL: &str = "</pre></dd>]]><script>alert(1)</script>\" onload='x' ```\u{ffff}\n# [a](https://evil.example) ![b](//c) <img src=x> &lt; |a|b| **c** ~~~";

/// A server that would like to be markup.
fn marked_up() -> Vec<Judged> {
    let made = FixtureWalk::harbor(HUB)
        .header(Step::Ping, "server", Some(EVIL))
        .locations(&format!("https://{EVIL}"))
        .change(Step::UploadCommit, |one| {
            if let Ok(answer) = &mut one.result {
                answer.status = 403;
                answer.body = EVIL.to_owned();
            }
        })
        .tls(|tls| {
            tls.distrust = Some(Distrust::Other(EVIL.to_owned()));
            tls.chain[0].subject = EVIL.to_owned();
        });
    vec![judged(made)]
}

fn scenes() -> Vec<(&'static str, Vec<Judged>)> {
    let mut scenes: Vec<_> = SCENES.map(|(name, walks)| (name, walks())).into();
    scenes.push(("marked_up", marked_up()));
    scenes
}

fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).unwrap()
}

/// Everything that is not of these names or has another attribute.
fn strange(document: &Document<'_>, elements: &[&str], attributes: &[&str]) -> Vec<String> {
    let is_strange = |node: &Node<'_, '_>| {
        let mut named = node.attributes();
        node.is_comment()
            || node.is_pi()
            || (node.is_element() && !elements.contains(&node.tag_name().name()))
            || named.any(|attribute| !attributes.contains(&attribute.name()))
    };
    let all = document.descendants().filter(is_strange);
    all.map(|node| format!("{node:?}")).collect()
}

#[test]
fn html_has_no_element_that_is_not_ours() {
    for (name, walks) in scenes() {
        let written = reported(Format::Html, &walks);
        let document = parsed(&written);
        let elements = [
            "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "dl", "dt",
            "dd", "ul", "li", "pre",
        ];
        let attributes = ["lang", "charset", "http-equiv", "content", "name"];
        let strange = strange(&document, &elements, &attributes);
        assert!(strange.is_empty(), "{name}: {strange:?}");
        let is_external = ["src=", "href=", "url(", "@import"];
        let (head, _) = written.split_once("<body>").unwrap();
        assert!(!is_external.iter().any(|one| head.contains(one)), "{name}");
    }
    assert!(reported(Format::Html, &marked_up()).contains("&lt;script&gt;"));
}

#[test]
fn markdown_has_no_markup_that_is_not_ours() {
    for (name, walks) in scenes() {
        let written = reported(Format::Markdown, &walks);
        let (mut headings, mut heading) = (Vec::new(), None);
        for event in Parser::new_ext(&written, Options::all()) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => headings.extend(heading.take()),
                Event::Text(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Start(
                    Tag::Paragraph | Tag::List(None) | Tag::Item | Tag::Strong | Tag::CodeBlock(_),
                )
                | Event::End(_)
                | Event::SoftBreak => {}
                other => panic!("{name}: {other:?} in {written}"),
            }
        }
        let mut ours: Vec<String> = walks[0]
            .findings
            .iter()
            .map(|finding| finding.kind.to_string())
            .collect();
        ours.extend([
            format!("harbormouth doctor: {HUB}"),
            "The chain".to_owned(),
            "In one line".to_owned(),
        ]);
        for one in ours {
            let count = headings.iter().filter(|heading| **heading == one).count();
            assert_eq!(count, 1, "{name}: {one}: {headings:?}");
        }
    }
    assert!(reported(Format::Markdown, &marked_up()).contains("\\<script\\>"));
}

#[test]
fn the_answer_stands_first_in_a_document() {
    let written = reported(Format::Markdown, &super::story());
    let (before, _) = written.split_once("## The chain").unwrap();
    for line in [
        "# harbormouth doctor: https://hub.example.com",
        "Clients break here.",
        "- **wrong:** Location names hub.example.com:443",
        "- **hop:** hub.example.com",
        "- **change:** nginx: proxy\\_set\\_header Host \\$http\\_host;",
    ] {
        assert!(before.contains(line), "{line}: {before}");
    }
}

/// A continuous integration shows what the exit status says.
#[test]
fn junit_fails_where_the_exit_status_does() {
    for (name, walks) in scenes() {
        let written = reported(Format::Junit, &walks);
        let document = parsed(&written);
        let elements = [
            "testsuite",
            "testcase",
            "failure",
            "error",
            "skipped",
            "system-out",
        ];
        let attributes = [
            "name",
            "tests",
            "failures",
            "errors",
            "skipped",
            "time",
            "classname",
            "type",
            "message",
        ];
        let strange = strange(&document, &elements, &attributes);
        assert!(strange.is_empty(), "{name}: {strange:?}");
        let suite = document.root_element();
        let count = |element: &str| {
            suite
                .descendants()
                .filter(|n| n.has_tag_name(element))
                .count()
        };
        for (attribute, element) in [
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ] {
            let told = suite.attribute(attribute).map(str::parse);
            assert_eq!(told, Some(Ok(count(element))), "{name}: {attribute}");
        }
        let status = match (count("failure"), count("error")) {
            (0, 0) => 0,
            (0, _) => 2,
            (_, _) => 1,
        };
        assert_eq!(status, exit_status(&walks), "{name}: {written}");
        for finding in &walks[0].findings {
            let kind = format!("{}: ", finding.kind);
            let mut texts = suite.descendants().filter_map(|node| node.text());
            assert!(texts.any(|text| text.contains(&kind)), "{name}: {kind}");
        }
    }
}

#[test]
fn junit_says_at_which_step_it_fails() {
    let written = reported(Format::Junit, &super::story());
    let document = parsed(&written);
    let failed = document
        .descendants()
        .find(|node| node.has_tag_name("failure"))
        .unwrap();
    assert_eq!(failed.attribute("type"), Some("location_port"));
    let case = failed.parent().unwrap();
    assert_eq!(
        case.attribute("name"),
        Some("upload_start: POST …/blobs/uploads/")
    );
    assert_eq!(case.attribute("classname"), Some(HUB));
}
