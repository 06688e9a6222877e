//! A page for each finding of the doctor, made from what the doctor knows, and the lists of them.

use crate::generated::{hold, hold_lines, hold_page, read, table};
use harbormouth::doctor::catalogue::{Behaviour, Entry, entry};
use harbormouth::doctor::fixes::Fix;
use harbormouth::doctor::kind::{Kind, Severity};
use harbormouth::doctor::language::Language;
use harbormouth::doctor::product::Product;
use harbormouth::net::origin::Origin;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What a client printed, where a thread says so, by the thread.
type Threads = BTreeMap<String, Option<String>>;

fn threads() -> BTreeMap<Kind, Threads> {
    serde_yaml::from_str(&read("src/doctor/judge/threads.yaml")).unwrap()
}

/// What doesn't come from the doctor's own data.
struct Words {
    language: Language,
    folder: &'static str,
    /// The page in the other language, and the list of all findings.
    links: fn(Kind) -> String,
    severity: fn(Severity) -> &'static str,
    says: &'static str,
    clients: [&'static str; 5],
    otherwise: &'static str,
    why: &'static str,
    change: &'static str,
    replaces: &'static str,
    beside: &'static str,
    threads: &'static str,
    printed: &'static str,
    find: &'static str,
}

const ENGLISH: Words = Words {
    language: Language::English,
    folder: "docs/findings",
    links: |kind| format!("[All findings](../doctor.md#{kind}) · [中文](zh/{kind}.md)"),
    severity: |severity| match severity {
        Severity::Warning => "A warning, which leaves the exit status at 0.",
        Severity::Broken => "At least one client breaks.",
        Severity::Unexamined => "The chain can't be examined beyond this.",
    },
    says: "What the doctor says",
    clients: [
        "What clients do",
        "Client",
        "",
        "What its user sees",
        "Where",
    ],
    otherwise: "otherwise",
    why: "Why",
    change: "What to change",
    replaces: "Each line replaces the existing line for the same setting; `hub.example.com` stands for the name that clients type.",
    beside: "What Harbormouth does",
    threads: "Where it was met",
    printed: "A client printed",
    find: "Which hop does it, `harbormouth doctor` finds out from outside:",
};

const CHINESE: Words = Words {
    language: Language::Chinese,
    folder: "docs/findings/zh",
    links: |kind| format!("[全部发现](README.md) · [English](../{kind}.md)"),
    severity: |severity| match severity {
        Severity::Warning => "只是警告：目前没有客户端会失败。",
        Severity::Broken => "至少有一种客户端会失败。",
        Severity::Unexamined => "后面的部分无法检查。",
    },
    says: "doctor 会这样说",
    clients: ["各客户端的表现", "客户端", "", "用户看到的", "什么情况下"],
    otherwise: "其他情况",
    why: "原因",
    change: "怎么改",
    replaces: "每一行都替换同一设置的原有行；`hub.example.com` 代表客户端输入的域名。",
    beside: "Harbormouth 能做什么",
    threads: "在哪里遇到过",
    printed: "客户端打印",
    find: "要确定是哪一跳造成的，从外面运行 `harbormouth doctor`：",
};

/// A list, or one paragraph where there is only one.
fn listed(texts: &[String]) -> String {
    match texts {
        [one] => one.clone(),
        more => {
            let lines: Vec<String> = more.iter().map(|text| format!("- {text}")).collect();
            lines.join("\n")
        }
    }
}

/// Text that is no Markdown, in a cell or a sentence.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;").replace('|', "\\|")
}

fn behaviours(behaviours: &[Behaviour], words: &Words) -> String {
    let [_, client, ending, seen, when] = words.clients;
    // What has no circumstances of its own is for all others.
    let others = |one: &Behaviour| {
        let shares = |other: &Behaviour| other.clients.iter().any(|it| one.clients.contains(it));
        behaviours.iter().filter(|other| shares(other)).count() > 1
    };
    let row = |one: &Behaviour| {
        let clients = match words.language {
            Language::English => one.clients.join("; "),
            Language::Chinese => one.clients.join("；"),
        };
        let when = match one.when.as_str() {
            "" if others(one) => words.otherwise,
            when => when,
        };
        [clients, one.ending.to_owned(), plain(&one.how), plain(when)]
    };
    if behaviours.iter().all(|one| one.when.is_empty()) {
        let row = |one| {
            let [clients, ending, how, _] = row(one);
            [clients, ending, how]
        };
        return table([client, ending, seen], behaviours.iter().map(row));
    }
    table([client, ending, seen, when], behaviours.iter().map(row))
}

fn lines(fix: &Fix, words: &Words) -> String {
    let language = match fix.product {
        Product::Nginx => "nginx",
        Product::Harbor if fix.key == "harbor nginx" => "nginx",
        Product::Traefik | Product::Envoy | Product::Ingress | Product::Harbor => "yaml",
        Product::Apache => "apache",
        Product::Varnish => "vcl",
        Product::Haproxy
        | Product::Caddy
        | Product::Squid
        | Product::Lighttpd
        | Product::Nghttpx => "text",
    };
    let lines = fix.lines.join("\n");
    let belongs = fix.belongs(words.language);
    format!("{belongs}\n\n```{language}\n{lines}\n```")
}

/// Its address at github.com, where an issue's address leads to a pull request as well.
fn thread(name: &str, printed: Option<&String>, words: &Words) -> String {
    let (repository, number) = name.split_once('#').unwrap();
    let link = format!("- [{name}](https://github.com/{repository}/issues/{number})");
    match printed {
        Some(printed) => match words.language {
            Language::English => format!("{link}. {}: `{printed}`", words.printed),
            Language::Chinese => format!("{link}。{}：`{printed}`", words.printed),
        },
        None => link,
    }
}

fn page(entry: &Entry, threads: Option<&Threads>, words: &Words) -> String {
    let kind = entry.kind;
    let severity = (words.severity)(kind.severity());
    let mut parts = vec![
        format!("# {kind}"),
        match words.language {
            Language::English => format!("{}. {}", entry.means, severity),
            Language::Chinese => format!("{}。{}", entry.means, severity),
        },
        (words.links)(kind),
    ];
    let mut section = |heading: &str, texts: Vec<String>| {
        if !texts.is_empty() {
            parts.push(format!("## {heading}"));
            parts.extend(texts);
        }
    };
    let all = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| plain(text)).collect();
        if texts.is_empty() {
            vec![]
        } else {
            vec![listed(&texts)]
        }
    };
    section(words.says, all(&entry.wrong));
    section(words.clients[0], vec![behaviours(&entry.clients, words)]);
    section(words.why, all(&entry.causes));
    let mut change: Vec<String> = entry.advice.iter().map(|text| plain(text)).collect();
    change.extend(entry.elsewhere.iter().map(|text| plain(text)));
    if !entry.fixes.is_empty() {
        change.push(words.replaces.to_owned());
        change.extend(entry.fixes.iter().map(|fix| lines(fix, words)));
    }
    let command = "```sh\nharbormouth doctor hub.example.com --repository library/app\n```";
    change.extend([words.find.to_owned(), command.to_owned()]);
    section(words.change, change);
    section(words.beside, vec![plain(entry.harbormouth)]);
    let met: Vec<String> = threads
        .into_iter()
        .flatten()
        .map(|(name, printed)| thread(name, printed.as_ref(), words))
        .collect();
    section(
        words.threads,
        if met.is_empty() {
            vec![]
        } else {
            vec![met.join("\n")]
        },
    );
    parts.join("\n\n") + "\n"
}

fn hold_pages(words: &Words) {
    let target = Origin::parse("https://hub.example.com").unwrap();
    let threads = threads();
    for kind in Kind::ALL {
        let text = page(
            &entry(kind, &target, words.language),
            threads.get(&kind),
            words,
        );
        hold_page(&format!("{}/{kind}.md", words.folder), &text);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(words.folder);
    let there: BTreeSet<String> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md") && name != "README.md")
        .collect();
    let known: BTreeSet<String> = Kind::ALL.iter().map(|kind| format!("{kind}.md")).collect();
    assert_eq!(there, known, "{}", words.folder);
}

#[test]
fn every_finding_has_its_page() {
    hold_pages(&ENGLISH);
    hold_pages(&CHINESE);
}

/// The list of them for who reads Chinese.
#[test]
fn the_chinese_list_has_every_finding() {
    let target = Origin::parse("https://hub.example.com").unwrap();
    let rows = Kind::ALL.iter().map(|kind| {
        let severity = match kind.severity() {
            Severity::Warning => "警告",
            Severity::Broken => "失败",
            Severity::Unexamined => "未检查完",
        };
        [
            format!("[`{kind}`]({kind}.md)"),
            severity.to_owned(),
            entry(*kind, &target, Language::Chinese).means.to_owned(),
        ]
    });
    let list = table(["发现", "", "看到的现象"], rows);
    hold("docs/findings/zh/README.md", "findings", &list);
}

/// What the doctor can find, and how grave it is.
#[test]
fn the_doctors_page_lists_every_kind_of_finding() {
    let target = Origin::parse("https://hub.example.com").unwrap();
    let rows = Kind::ALL.iter().map(|kind| {
        [
            format!("<a id=\"{kind}\"></a>[`{kind}`](findings/{kind}.md)"),
            format!("{:?}", kind.severity()).to_lowercase(),
            entry(*kind, &target, Language::English).means.to_owned(),
        ]
    });
    let header = ["Finding", "", "What is seen"];
    hold("docs/doctor.md", "findings", &table(header, rows));
}

/// Below the doctor, so that the book has them; those in Chinese below their list.
#[test]
fn the_summary_lists_every_page_of_a_finding() {
    for (folder, before, after) in [
        ("findings", "- [Doctor](doctor.md)\n", "- [Is pushing"),
        (
            "findings/zh",
            "- [doctor 的发现](findings/zh/README.md)\n",
            "\n<!-- 中文",
        ),
    ] {
        let line = |kind: &Kind| format!("  - [{kind}]({folder}/{kind}.md)\n");
        let lines: String = Kind::ALL.iter().map(line).collect();
        hold_lines("docs/SUMMARY.md", before, after, &lines);
    }
}
