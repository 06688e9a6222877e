//! The front page in Chinese has what the English one has: the same sections in the same order, each
//! with the same links, commands and numbers.

use crate::pages::{Section, page};

/// A link as both pages have it: to the page in the other language from each.
fn target(target: &str) -> &str {
    match target {
        "README.md" | "README.zh-CN.md" => "the other language",
        other => other,
    }
}

/// What a block holds beside its comments, which are translated.
fn code(block: &str) -> Vec<&str> {
    let code = block.lines().map(|line| line.split('#').next().unwrap());
    code.map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect()
}

fn shape(section: &Section) -> (usize, Vec<&str>, Vec<Vec<&str>>) {
    let mut targets: Vec<&str> = section.targets.iter().map(|it| target(it)).collect();
    // Words have another order in Chinese.
    targets.sort_unstable();
    let blocks = section.blocks.iter().map(|(_, text)| code(text)).collect();
    (section.level, targets, blocks)
}

#[test]
fn the_chinese_front_page_has_the_sections_of_the_english_one() {
    let (english, chinese) = (page("README.md"), page("README.zh-CN.md"));
    for (english, chinese) in english.sections.iter().zip(&chinese.sections) {
        let headings = format!("{:?} and {:?}", english.heading, chinese.heading);
        assert_eq!(shape(english), shape(chinese), "{headings}");
    }
    assert_eq!(english.sections.len(), chinese.sections.len());
}
