//! Who can use the page: on a phone, with a keyboard, in the dark, with a screen reader.

use crate::browser::{Browser, Scheme};
use crate::stage::Stage;
use serde_json::json;

/// Text that is harder to read than WCAG 2 allows (4.5:1, large text 3:1).
const PALE: &str = r"
    const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const parse = (colour) => {
      const found = colour.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
      return { rgb: found.slice(0, 3), alpha: found[3] ?? 1 };
    };
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const ground = (node) => {
      for (let at = node; at; at = at.parentElement) {
        const { rgb, alpha } = parse(getComputedStyle(at).backgroundColor);
        if (alpha === 1) return rgb;
      }
      return [255, 255, 255];
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let seen = 0;
    while (walker.nextNode()) {
      const node = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest('title, option, script, noscript')) continue;
      if (node.closest(':disabled')) continue;
      const style = getComputedStyle(node);
      const front = node instanceof SVGElement ? style.fill : style.color;
      const [a, b] = [light(parse(front).rgb), light(ground(node))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 600);
      seen += 1;
      if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${front} ${walker.currentNode.data.trim()}`);
    }
    return [seen, found];
";

/// Elements that reach beyond the screen's right edge, but those that scroll by themselves.
const WIDE: &str = r"
    const width = document.documentElement.clientWidth;
    const wide = [...document.querySelectorAll('body *')].filter((node) =>
      node.checkVisibility() && !node.closest('.wide, .skip, .unseen, thead') &&
      node.getBoundingClientRect().right > width + 1);
    return [document.documentElement.scrollWidth <= width,
            wide.map((node) => node.outerHTML.slice(0, 80))];
";

#[tokio::test]
async fn every_screen_fits_and_can_be_read_in_light_and_dark() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    for (screen, width) in [
        ("desktop", 1280),
        ("small", 1000),
        ("tablet", 768),
        ("phone", 360),
    ] {
        for scheme in [Scheme::Light, Scheme::Dark] {
            browser.screen(width, scheme).await;
            browser.reload().await;
            browser.says("#status", "Live").await;
            browser
                .js("document.querySelector('.failure details').open = true")
                .await;
            let fits = browser.js(WIDE).await;
            let name = format!("{screen}-{}", scheme.as_str());
            browser.picture(&format!("full-{name}")).await;
            assert_eq!(fits, json!([true, []]), "{name}");
            let pale = browser.js(PALE).await;
            assert!(pale[0].as_u64() > Some(100), "{name}: {pale}");
            assert_eq!(pale[1], json!([]), "{name}");
        }
    }
    assert_eq!(browser.console().await, Vec::<String>::new());
}

/// Everything that can be done can be reached with Tab, in the order in which it stands, and
/// what has the focus is seen to have it.
#[tokio::test]
async fn the_keyboard_reaches_everything() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#failures", "shop/cart").await;
    browser
        .js(
            "window.all = [...document.querySelectorAll('a[href], button, select, input, summary, [tabindex=\"0\"]')] \
             .filter((node) => node.checkVisibility() && !node.disabled); \
             window.reached = []; \
             document.addEventListener('focusin', (event) => reached.push(event.target))",
        )
        .await;
    let all = browser
        .js("return all.length")
        .await
        .as_u64()
        .expect("a number");
    assert!(all > 30, "{all}");
    for _ in 0..all {
        browser.press("Tab", 9).await;
        let seen = browser
            .js("const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2")
            .await;
        let what = browser
            .js("return document.activeElement.outerHTML.slice(0, 90)")
            .await;
        assert_eq!(seen, json!(true), "the focus can't be seen on {what}");
    }
    let missed = browser
        .js("return all.filter((node) => !reached.includes(node)).map((node) => node.outerHTML.slice(0, 90))")
        .await;
    assert_eq!(missed, json!([]));
    let order = browser
        .js("return reached.every((node, i) => i === 0 || (reached[i - 1].compareDocumentPosition(node) & 4) !== 0)")
        .await;
    assert_eq!(order, json!(true), "in the order of the page");

    // The skip link leads past the header and leaves the filter alone.
    browser
        .js("location.hash = '#registry=berlin'; document.querySelector('#skip').focus()")
        .await;
    browser.press("Enter", 13).await;
    browser
        .becomes("document.activeElement.id === 'verdict'")
        .await;
    assert_eq!(
        browser.js("return location.hash").await,
        json!("#registry=berlin")
    );
    // A failure opens with the keyboard.
    browser
        .js("document.querySelector('.failure summary').focus()")
        .await;
    browser.press("Enter", 13).await;
    browser
        .becomes("document.querySelector('.failure details').open")
        .await;
    browser.says(".failure .facts", "Request id").await;
}

/// What a screen reader is told: landmarks, names, headers; and only the status speaks up.
#[tokio::test]
async fn the_page_has_a_structure_that_can_be_heard() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#failures", "shop/cart").await;
    let tree = browser.cdp("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().expect("nodes");
    let of = |role: &str| -> Vec<String> {
        nodes
            .iter()
            .filter(|node| node["role"]["value"] == role && node["ignored"] != true)
            .map(|node| {
                node["name"]["value"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    };
    for landmark in ["main", "banner", "contentinfo", "navigation", "form"] {
        assert_eq!(of(landmark).len(), 1, "{landmark}");
    }
    for role in [
        "button", "combobox", "textbox", "link", "table", "image", "region",
    ] {
        let names = of(role);
        assert!(!names.is_empty(), "no {role}");
        let unnamed = names.iter().filter(|name| name.trim().is_empty()).count();
        assert_eq!(unnamed, 0, "{role}: {names:?}");
    }
    assert_eq!(of("status").len(), 1);
    let live = browser.count("[aria-live]:not([aria-live=off])").await;
    assert_eq!(live, 1, "only the status speaks up");
    assert_eq!(of("columnheader").len(), 14);
    assert_eq!(
        of("heading").len(),
        browser.count(":not([hidden]) > :is(h1, h2, h3)").await as usize
    );
    // On a phone the tables look like cards and still are tables.
    browser.screen(360, Scheme::Light).await;
    let tree = browser.cdp("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().expect("nodes");
    let tables = nodes
        .iter()
        .filter(|node| node["role"]["value"] == "table")
        .count();
    assert_eq!(tables, 2);
}
