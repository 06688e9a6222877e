//! Rates as they are written: a number in a time.

use super::values::{TextValue, human, text};
use std::fmt;
use std::time::Duration;

/// So many requests in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestRate {
    pub(crate) count: u32,
    pub(crate) unit: Unit,
}

/// So many bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteRate(pub(crate) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    const ALL: [(&str, Unit); 3] = [("s", Unit::Second), ("m", Unit::Minute), ("h", Unit::Hour)];

    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3600,
        })
    }
}

pub(crate) const REQUEST_RATE: TextValue<RequestRate> = TextValue {
    accepted: "a whole number from 1 to 1000000 in a second, minute or hour, such as 50/s or 600/m",
    parse: |text| {
        let (count, unit) = text.split_once('/').ok_or(None)?;
        let count = count.trim().parse().map_err(|_| None)?;
        let units = Unit::ALL.iter();
        let unit = units.clone().find(|(word, _)| *word == unit.trim());
        match unit {
            Some((_, unit)) if (1..=1_000_000).contains(&count) => {
                Ok(RequestRate { count, unit: *unit })
            }
            Some(_) | None => Err(None),
        }
    },
};

/// Slower than this, one piece of a body would take longer than a client waits.
const SLOWEST: u64 = 64 << 10;

/// Faster than any machine's network.
const FASTEST: u64 = 1 << 40;

pub(crate) const BYTE_RATE: TextValue<ByteRate> = TextValue {
    accepted: "a size from 64KiB to 1TiB in a second, such as 100MiB/s",
    parse: |text| {
        let size = text.strip_suffix("/s").ok_or(None)?;
        let size: bytesize::ByteSize = size.trim().parse().map_err(|_| None)?;
        let size = size.as_u64();
        let is_sound = (SLOWEST..=FASTEST).contains(&size);
        is_sound.then_some(ByteRate(size)).ok_or(None)
    },
};

impl fmt::Display for RequestRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut units = Unit::ALL.iter();
        let unit = units.find(|(_, unit)| *unit == self.unit);
        write!(f, "{}/{}", self.count, unit.map_or("s", |(word, _)| word))
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", human(self.0))
    }
}

text!(RequestRate ByteRate);
