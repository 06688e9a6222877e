//! HPACK (RFC 7541): what h2spec calls hpack, and generic 5.

use super::case::{Case, Code, END_STREAM, block, fatal, field, fine, headers};

/// Strings of the examples (RFC 7541, C.4 and C.6), in Huffman's code.
const NO_CACHE: &[u8] = &[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
const CUSTOM_KEY: &[u8] = &[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f];
const CUSTOM_VALUE: &[u8] = &[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf];
const EXAMPLE: &[u8] = &[
    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
];

/// `cache-control` in the static table, and the three ways to write a literal (6.2).
const CACHE_CONTROL: u8 = 24;
const INDEXING: u8 = 0x40;
const WITHOUT: u8 = 0x00;
const NEVER: u8 = 0x10;

pub fn cases() -> Vec<Case> {
    let mut cases = wrong();
    cases.extend(good());
    cases
}

/// A GET whose block ends with this.
fn ending(end: &[u8]) -> Vec<u8> {
    headers(1, END_STREAM, &[&block(0x82), end].concat())
}

fn coded(string: &[u8]) -> Vec<u8> {
    let length = u8::try_from(string.len()).expect("a short string");
    [&[0x80 | length], string].concat()
}

fn plain(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    [&[length], text.as_bytes()].concat()
}

fn wrong() -> Vec<Case> {
    let named = |value: &[u8]| [field("x-a", "b"), vec![0], plain("x-c"), coded(value)].concat();
    let fatal = |number, end: &[u8]| fatal(number, Code::Compression, &[ending(end)]);
    // All but the last seven bits are letters.
    let zeros = [&EXAMPLE[..11], &[0x80]].concat();
    let long = [NO_CACHE, &[0xff]].concat();
    let larger = [&[0x3f, 0xe2, 0x1f], block(0x82).as_slice()].concat();
    vec![
        // The tables end before 70.
        fatal("hpack/2.3.3/1", &[0x80 | 70]),
        fatal("hpack/2.3.3/2", &[0x7f, 7, 0]),
        // A size is set at the beginning of a block only.
        fatal("hpack/4.2/1", &[0x21]),
        fatal("hpack/5.2/1", &named(&long)),
        fatal("hpack/5.2/2", &named(&zeros)),
        fatal("hpack/5.2/3", &named(&[0xff; 4])),
        fatal("hpack/6.1/1", &[0x80]),
        // 4,097, where 4,096 is the most.
        super::case::fatal(
            "hpack/6.3/1",
            Code::Compression,
            &[headers(1, END_STREAM, &larger)],
        ),
    ]
}

fn good() -> Vec<Case> {
    // An index that doesn't fit into four bits continues in a second byte.
    let short = |kind: u8| vec![kind | 0x0f, CACHE_CONTROL - 0x0f];
    let indexed = |start: Vec<u8>| {
        let plain = [start.clone(), plain("no-cache")].concat();
        [plain, [start, coded(NO_CACHE)].concat()]
    };
    let fresh = |kind: u8| {
        let plain = [vec![kind], plain("x-key"), plain("value")].concat();
        [
            plain,
            [vec![kind], coded(CUSTOM_KEY), coded(CUSTOM_VALUE)].concat(),
        ]
    };
    let groups = [
        indexed(vec![INDEXING | CACHE_CONTROL]),
        fresh(INDEXING),
        indexed(short(WITHOUT)),
        fresh(WITHOUT),
        indexed(short(NEVER)),
        fresh(NEVER),
    ];
    let numbers = [
        "generic/5/2",
        "generic/5/3",
        "generic/5/4",
        "generic/5/5",
        "generic/5/6",
        "generic/5/7",
        "generic/5/8",
        "generic/5/9",
        "generic/5/10",
        "generic/5/11",
        "generic/5/12",
        "generic/5/13",
    ];
    // accept-encoding: gzip, deflate stands in the static table.
    let mut cases = vec![fine("generic/5/1", &[ending(&[0x90])])];
    let fields = groups.into_iter().flatten();
    cases.extend(
        numbers
            .into_iter()
            .zip(fields)
            .map(|(number, field)| fine(number, &[ending(&field)])),
    );
    let resized = |sizes: &[u8]| headers(1, END_STREAM, &[sizes, &block(0x82)].concat());
    cases.push(fine("generic/5/14", &[resized(&[0x20])]));
    cases.push(fine("generic/5/15", &[resized(&[0x20, 0x3e])]));
    cases
}
