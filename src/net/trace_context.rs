//! W3C Trace Context: the headers by which a request's hops know that they belong to one trace.
//!
//! Read strictly: what isn't well formed is no context, as the specification demands
//! (<https://www.w3.org/TR/trace-context-2/>). What this file deliberately doesn't know: whom to believe,
//! and what is sampled.

use opentelemetry::trace::{SpanId, TraceId};

/// Where a request stands in a trace: `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceParent {
    pub(crate) trace_id: TraceId,
    /// The span that the request belongs to.
    pub(crate) span_id: SpanId,
    pub(crate) is_sampled: bool,
    /// The trace id is random in its right half, so that others may sample by it.
    pub(crate) is_random: bool,
}

const SAMPLED: u8 = 0x01;
const RANDOM: u8 = 0x02;

/// Of version 00, and what every later version begins with.
const LENGTH: usize = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".len();

impl TraceParent {
    /// The context that the fields of this name say; none where there is none, several, or one that
    /// isn't well formed (3.2).
    pub(crate) fn read<'v>(mut fields: impl Iterator<Item = &'v [u8]>) -> Option<TraceParent> {
        let only = fields.next().filter(|_| fields.next().is_none())?;
        TraceParent::parse(only)
    }

    fn parse(value: &[u8]) -> Option<TraceParent> {
        let is_later = match value.get(..2)? {
            b"00" => false,
            b"ff" => return None,
            _ => true,
        };
        let is_whole = match value.get(LENGTH) {
            None => true,
            // What else a later version says can't be known.
            Some(next) => is_later && *next == b'-',
        };
        let text = std::str::from_utf8(value.get(..LENGTH)?).ok()?;
        let mut parts = text.split('-');
        let mut part = |length| parts.next().filter(|part| is_hex(part, length));
        let (_version, trace_id, span_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let trace_id = TraceId::from_hex(trace_id).ok()?;
        let span_id = SpanId::from_hex(span_id).ok()?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let is_valid = is_whole && trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
        is_valid.then_some(TraceParent {
            trace_id,
            span_id,
            is_sampled: flags & SAMPLED != 0,
            is_random: flags & RANDOM != 0,
        })
    }

    /// As version 00; of the flags those that are known (3.2.2.5).
    pub(crate) fn header(&self) -> String {
        let sampled = if self.is_sampled { SAMPLED } else { 0 };
        let random = if self.is_random { RANDOM } else { 0 };
        let flags = sampled | random;
        format!("00-{}-{}-{flags:02x}", self.trace_id, self.span_id)
    }
}

/// Of this length, in lower case.
fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == length && text.bytes().all(is_digit)
}

/// What every vendor passes on at least (3.3.1.5).
const LONGEST_STATE: usize = 512;

/// More than these are no list (3.3.1.1).
const MOST_MEMBERS: usize = 32;

/// What vendors say of their place in the trace, as one `tracestate`; none where a part isn't well formed.
/// What is too long loses members from its end.
pub(crate) fn trace_state<'v>(fields: impl Iterator<Item = &'v [u8]>) -> Option<String> {
    let mut members: Vec<&str> = Vec::new();
    for field in fields {
        let text = std::str::from_utf8(field).ok()?;
        let listed = text
            .split(',')
            .map(|member| member.trim_matches([' ', '\t']));
        for member in listed.filter(|member| !member.is_empty()) {
            let (key, value) = member.split_once('=')?;
            if members.len() == MOST_MEMBERS || !is_key(key) || !is_value(value) {
                return None;
            }
            members.push(member);
        }
    }
    let mut state = String::new();
    for member in members {
        let comma = usize::from(!state.is_empty());
        if state.len() + comma + member.len() > LONGEST_STATE {
            break;
        }
        if comma > 0 {
            state.push(',');
        }
        state.push_str(member);
    }
    (!state.is_empty()).then_some(state)
}

/// A name, or of a vendor with many tenants `tenant@vendor` (3.3.1.3.1).
fn is_key(key: &str) -> bool {
    let is_name = |name: &str, most: usize| {
        let is_inner = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte)
        };
        let begins = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        name.len() <= most
            && name.as_bytes().first().is_some_and(begins)
            && name.bytes().all(is_inner)
    };
    match key.split_once('@') {
        None => is_name(key, 256),
        Some((tenant, vendor)) => is_name(tenant, 241) && is_name(vendor, 14),
    }
}

/// Printable, without what divides members (3.3.1.3.2). Its spaces at the end are gone by now.
fn is_value(value: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn read(value: &str) -> Option<TraceParent> {
        TraceParent::read([value.as_bytes()].into_iter())
    }

    #[test]
    fn a_well_formed_context_is_passed_on_as_it_came() {
        for flags in ["00", "01", "02", "03"] {
            let value = format!("00-{TRACE}-{SPAN}-{flags}");
            assert_eq!(read(&value).unwrap().header(), value);
        }
        for (value, flags) in [
            (format!("00-{TRACE}-{SPAN}-ff"), "03"),
            (format!("00-{TRACE}-{SPAN}-fc"), "00"),
            (format!("cc-{TRACE}-{SPAN}-01"), "01"),
            (format!("01-{TRACE}-{SPAN}-09-what-comes-later"), "01"),
            (format!("fe-{TRACE}-{SPAN}-01-"), "01"),
        ] {
            let expected = format!("00-{TRACE}-{SPAN}-{flags}");
            assert_eq!(read(&value).unwrap().header(), expected, "{value}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_no_context() {
        for value in [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("0x-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01-later"),
            format!("00-{TRACE}-{SPAN}-01."),
            format!("01-{TRACE}-{SPAN}-01."),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("00-{TRACE}-{SPAN}"),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-+{}-{SPAN}-01", &TRACE[1..]),
            format!("00-{}-0{SPAN}-01", &TRACE[1..]),
            format!("00-{TRACE}-{SPAN}-\u{e9}"),
        ] {
            assert_eq!(read(&value), None, "{value}");
        }
        let sound = format!("00-{TRACE}-{SPAN}-01");
        let twice = [sound.as_bytes(), sound.as_bytes()].into_iter();
        assert_eq!(TraceParent::read(twice), None);
        assert_eq!(TraceParent::read(std::iter::empty()), None);
    }

    fn state(fields: &[&str]) -> Option<String> {
        trace_state(fields.iter().map(|field| field.as_bytes()))
    }

    #[test]
    fn the_state_of_several_fields_is_one_list() {
        for (fields, expected) in [
            (&["congo=t61rcWkgMzE"][..], Some("congo=t61rcWkgMzE")),
            (&["a=1, b=2\t", " c=3"], Some("a=1,b=2,c=3")),
            (&["a=1,,b=2,"], Some("a=1,b=2")),
            (&["0a@v=x y!"], Some("0a@v=x y!")),
            (&["a*/_-=1"], Some("a*/_-=1")),
            (&[""], None),
            (&[], None),
            (&["a"], None),
            (&["a="], None),
            (&["=1"], None),
            (&["a=1=2"], None),
            (&["A=1"], None),
            (&["_a=1"], None),
            (&["a b=1"], None),
            (&["a@b@c=1"], None),
            (&["a@=1"], None),
            (&["a=\u{7f}"], None),
            (&["a=1\t2"], None),
            (&["a=1", "b"], None),
        ] {
            assert_eq!(state(fields).as_deref(), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_state_has_its_bounds() {
        let members = |count: usize| {
            let all: Vec<String> = (0..count).map(|number| format!("k{number}=1")).collect();
            all.join(",")
        };
        assert_eq!(state(&[&members(32)]), Some(members(32)));
        assert_eq!(state(&[&members(33)]), None);
        let long = |length: usize| format!("a={}", "x".repeat(length));
        assert_eq!(state(&[&long(256)]), Some(long(256)));
        assert_eq!(state(&[&long(257)]), None);
        let key = |length: usize| format!("{}=1", "k".repeat(length));
        assert_eq!(state(&[&key(256)]), Some(key(256)));
        assert_eq!(state(&[&key(257)]), None);
        for (tenant, vendor, is_key) in [(241, 14, true), (242, 14, false), (1, 15, false)] {
            let key = format!("{}@{}=1", "t".repeat(tenant), "v".repeat(vendor));
            assert_eq!(state(&[&key]).is_some(), is_key, "{tenant}@{vendor}");
        }
        // 258 and 253 with a comma are 512.
        let full = format!("{},b={}", long(256), "y".repeat(251));
        assert_eq!(state(&[&full]), Some(full.clone()));
        let over = format!("{},b={},c=1", long(256), "y".repeat(252));
        assert_eq!(state(&[&over]), Some(long(256)));
    }
}
