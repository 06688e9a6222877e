use super::*;
use crate::doctor::kind::Severity;
use crate::net::origin::Origin;
use std::collections::BTreeSet;

fn target() -> Origin {
    Origin::parse("https://hub.example.com").unwrap()
}

/// Nobody is left alone with a finding.
#[test]
fn every_kind_has_lines_or_says_what_to_do_instead() {
    for kind in Kind::ALL {
        let fixes = fixes(kind, &target(), Language::English);
        assert!(
            !fixes.is_empty() || advice(kind, Language::English).is_some(),
            "{kind}: neither lines nor advice"
        );
        for fix in &fixes {
            assert!(!fix.lines.is_empty(), "{kind}: {fix:?}");
            for line in &fix.lines {
                let is_remark = line.starts_with('#');
                assert!(
                    is_remark || line.chars().count() <= 96,
                    "{kind}: too long: {line}"
                );
                assert!(line.trim_end() == line, "{kind}: {line:?}");
                assert!(!line.contains('\n'), "{kind}: {line:?}");
            }
        }
    }
}

#[test]
fn every_kind_has_a_sentence_about_harbormouth() {
    for kind in Kind::ALL {
        let sentence = harbormouth(kind, Language::English);
        assert!(
            sentence.ends_with('.') && !sentence.contains("  "),
            "{kind}: {sentence}"
        );
    }
}

/// What has no lines is exactly what no configuration of a proxy can mend.
#[test]
fn kinds_without_lines_are_few() {
    let without: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| fixes(*kind, &target(), Language::English).is_empty())
        .filter(|kind| kind.severity() != Severity::Unexamined)
        .collect();
    assert_eq!(
        without,
        [
            Kind::AddressUnreachable,
            Kind::ClientCertificateRequired,
            Kind::CertificateTrustedByDocker,
            Kind::GatewayError,
            Kind::UserAgentRefused,
            Kind::HeadRefused,
            Kind::ClockSkew,
            Kind::UploadRefused,
            Kind::EarlyAnswerHeld,
            Kind::CommitSlow,
            Kind::PushFailed
        ]
    );
}

#[test]
fn the_lines_say_what_clients_typed() {
    for (target, kind, product, line) in [
        (
            "https://hub.example.com",
            Kind::LocationPort,
            Product::Nginx,
            "proxy_set_header Host $http_host;",
        ),
        (
            "https://hub.example.com",
            Kind::LocationScheme,
            Product::Nginx,
            "proxy_set_header X-Forwarded-Proto https;",
        ),
        (
            "https://hub.example.com:8443",
            Kind::LocationPortLost,
            Product::Haproxy,
            "http-request set-header Host hub.example.com:8443",
        ),
        (
            "http://hub.lan:5000",
            Kind::LocationHost,
            Product::Caddy,
            "header_up X-Forwarded-Proto http",
        ),
        (
            "https://hub.example.com:8443",
            Kind::RealmHost,
            Product::Harbor,
            "external_url: https://hub.example.com:8443",
        ),
        (
            "https://hub.example.com",
            Kind::BodyLimit,
            Product::Ingress,
            "nginx.ingress.kubernetes.io/proxy-body-size: \"0\"",
        ),
        (
            "https://[::1]:8443",
            Kind::CertificateExpired,
            Product::Haproxy,
            "bind :8443 ssl crt /etc/haproxy/::1.pem",
        ),
    ] {
        let target = Origin::parse(target).unwrap();
        let has = fixes(kind, &target, Language::English)
            .iter()
            .any(|fix| fix.product == product && fix.lines.iter().any(|one| one == line));
        assert!(has, "{kind} {product:?}: {line}");
    }
}

/// Caddy drops the first of two transport blocks without a word: who pastes one for each of two findings
/// has to have pasted the same.
#[test]
fn caddys_transport_is_one_block() {
    let all = Kind::ALL
        .into_iter()
        .flat_map(|kind| fixes(kind, &target(), Language::English));
    let with_transport = |fix: &Fix| fix.lines.iter().any(|line| line == "transport http {");
    let blocks: Vec<Fix> = all.filter(with_transport).collect();
    assert!(blocks.len() >= 2, "{blocks:?}");
    for block in &blocks {
        assert_eq!(block.lines, blocks[0].lines);
    }
}

/// What is YAML is YAML, and no key stands in it twice.
#[test]
fn yaml_is_yaml() {
    let mut read = 0;
    for kind in Kind::ALL {
        for fix in fixes(kind, &target(), Language::English) {
            let is_yaml = match fix.product {
                Product::Traefik | Product::Envoy | Product::Ingress => true,
                Product::Harbor => fix.key != "harbor nginx",
                Product::Nginx
                | Product::Haproxy
                | Product::Caddy
                | Product::Apache
                | Product::Squid
                | Product::Lighttpd
                | Product::Varnish
                | Product::Nghttpx => false,
            };
            if is_yaml {
                let text = fix.lines.join("\n");
                serde_yaml::from_str::<serde_yaml::Value>(&text)
                    .unwrap_or_else(|error| panic!("{kind} {:?}: {error}\n{text}", fix.product));
                read += 1;
            }
        }
    }
    assert!(read > 40, "{read}");
}

/// All of the file is said: each finding, place, hop and shared part.
#[test]
fn nothing_in_the_file_is_unknown_or_unused() {
    let data: Data = serde_yaml::from_str(TEXT).unwrap();
    let keys = serde_yaml::from_str::<serde_yaml::Value>(TEXT);
    assert!(keys.is_ok(), "a key twice: {keys:?}");
    assert!(data.findings.keys().eq(&Kind::ALL), "a row for each kind");
    let mut used = BTreeSet::new();
    for (kind, remedy) in &data.findings {
        let lines = remedy.fixes.iter().flatten();
        let keys: Vec<&str> = lines.map(|(key, _)| key.as_str().unwrap()).collect();
        let shown = fixes(*kind, &target(), Language::English);
        assert!(keys.iter().eq(shown.iter().map(|fix| &fix.key)), "{kind}");
        assert_eq!(
            keys.iter().collect::<BTreeSet<_>>().len(),
            keys.len(),
            "a place twice: {kind}"
        );
        used.extend(keys);
        for hop in remedy.elsewhere.keys() {
            let mut known = Hop::ALL.into_iter();
            let is_known = known.any(|known| known.as_str() == hop && known.product().is_none());
            assert!(is_known, "{kind}: {hop}");
        }
    }
    assert!(data.places.keys().eq(used.iter()), "places that no fix has");
    let taken = words_behind('*');
    let unused: Vec<_> = words_behind('&').difference(&taken).copied().collect();
    assert!(unused.is_empty(), "taken by nobody: {unused:?}");
}

/// The names that stand behind a sign in the file.
fn words_behind(sign: char) -> BTreeSet<&'static str> {
    let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
    let named = |rest: &'static str| rest.split(|c| !is_word(c)).next();
    let names = TEXT.split(sign).skip(1).filter_map(named);
    names.filter(|name| !name.is_empty()).collect()
}

/// What a line has in place of what clients type is filled in, and a certificate is named where it is
/// asked for.
#[test]
fn every_placeholder_is_known() {
    let known = "authority certificate host name origin port scheme secret";
    assert!(
        words_behind('<').into_iter().eq(known.split(' ')),
        "{:?}",
        words_behind('<')
    );
    for kind in Kind::ALL {
        let fixes = fixes(kind, &target(), Language::English);
        let lines: Vec<String> = fixes.into_iter().flat_map(|fix| fix.lines).collect();
        assert!(
            !lines
                .iter()
                .any(|line| line.contains('<') || line.contains('>')),
            "{kind}: {lines:?}"
        );
        let asks = DATA.findings[&kind].fixes.iter().any(|fix| {
            fix.values()
                .any(|lines| lines.as_str().unwrap().contains("<certificate>"))
        });
        assert_eq!(asks, !DATA.findings[&kind].certificate.is_empty(), "{kind}");
    }
}

/// What is said in Chinese is all that is said in English, and nothing else.
#[test]
fn everything_for_people_is_there_in_chinese() {
    let english: Data = serde_yaml::from_str(TEXT).unwrap();
    let chinese: Translation = serde_yaml::from_str(CHINESE).unwrap();
    let keys = serde_yaml::from_str::<serde_yaml::Value>(CHINESE);
    assert!(keys.is_ok(), "a key twice: {keys:?}");
    assert!(english.places.keys().eq(chinese.places.keys()));
    assert!(english.findings.keys().eq(chinese.findings.keys()));
    let code = |text: &str| -> BTreeSet<String> {
        let words = text.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect()
    };
    for (kind, of) in &english.findings {
        let words = &chinese.findings[kind];
        assert_eq!(of.advice.is_some(), words.advice.is_some(), "{kind}");
        assert!(of.elsewhere.keys().eq(words.elsewhere.keys()), "{kind}");
        assert!(words.harbormouth.ends_with('。'), "{kind}");
        let [ours, theirs] = [of.certificate.is_empty(), words.certificate.is_empty()];
        assert_eq!(ours, theirs, "{kind}");
        for (english, chinese) in [
            (of.advice.as_deref(), words.advice.as_deref()),
            (Some(&*of.harbormouth), Some(&*words.harbormouth)),
        ] {
            let [english, chinese] = [english, chinese].map(Option::unwrap_or_default);
            assert_eq!(code(english), code(chinese), "{kind}");
        }
    }
}

/// What is pasted is the same in each language; only what stands behind `#` is told.
#[test]
fn the_lines_are_the_same_in_chinese() {
    let pasted = |line: &String| line.split('#').next().unwrap().trim_end().to_owned();
    let mut told = BTreeSet::new();
    for kind in Kind::ALL {
        let [english, chinese] =
            Language::ALL.map(|language| fixes(kind, &target(), language).into_iter());
        for (english, chinese) in english.zip(chinese) {
            assert!(
                english
                    .lines
                    .iter()
                    .map(pasted)
                    .eq(chinese.lines.iter().map(pasted)),
                "{kind}: {chinese:?}"
            );
        }
        let lines = DATA.findings[&kind]
            .fixes
            .iter()
            .flat_map(|fix| fix.values());
        told.extend(lines.flat_map(|lines| lines.as_str().unwrap().lines()));
    }
    let unused = IN_CHINESE
        .remarks
        .keys()
        .filter(|line| !told.contains(line.as_str()));
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&String>::new());
    let is_english = |line: &&str| line.contains("# ") && line.contains("take out");
    let untold = told
        .iter()
        .filter(|line| is_english(line) && !IN_CHINESE.remarks.contains_key(**line));
    assert_eq!(untold.collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// Some clients compare what comes back with what was typed, letter by letter.
#[test]
fn a_port_that_is_typed_stays_in_what_is_pasted() {
    let (with, without) = ("hub.example.com:443", "hub.example.com");
    for (port_is_typed, expected) in [(true, with), (false, without)] {
        let typed = TypedOrigin {
            origin: &target(),
            port_is_typed,
        };
        let fixes = fixes(Kind::LocationPortLost, typed, Language::English);
        let all: Vec<&String> = fixes.iter().flat_map(|fix| &fix.lines).collect();
        let line = format!("http-request set-header Host {expected}");
        assert!(all.contains(&&line), "{all:#?}");
        let line = format!("external_url: https://{without}");
        assert!(!all.contains(&&format!("{line}:443")), "{all:#?}");
    }
}
