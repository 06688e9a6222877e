//! Parses the chunked coding (RFC 9112, 7.1): sizes and trailers byte by byte, data piece by piece.
//! Pure. It is strict where parsers differ, because one parser could take for data what another takes
//! for the next request.

/// A chunk's line with its extensions, and all trailers together, are thrown away; but not more of
/// them than this.
const LINE: usize = 8 * 1024;
const TRAILERS: usize = 64 * 1024;

/// No body has more digits to a chunk's size.
const DIGITS: u8 = 16;

/// How far the coding has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunked {
    state: ChunkState,
    /// Bytes of the line, or of the trailers, so far.
    line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkState {
    /// In a size of which so many digits have come.
    Size {
        size: u64,
        digits: u8,
    },
    /// Behind a size: blanks, or an extension.
    Extension {
        size: u64,
        has_begun: bool,
    },
    SizeFeed {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataReturn,
    DataFeed,
    /// At the beginning of a trailer, or of the empty line that ends all.
    Trailer,
    InTrailer,
    TrailerFeed,
    LastFeed,
    Done,
}

/// This is no chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid(pub(super) &'static str);

impl Chunked {
    pub(super) const fn new() -> Chunked {
        Chunked {
            state: ChunkState::Size { size: 0, digits: 0 },
            line: 0,
        }
    }

    pub(super) fn is_done(self) -> bool {
        self.state == ChunkState::Done
    }

    /// Moves the data that `bytes` holds to its front. Returns how many bytes that are, and how many
    /// were looked at: all of them, if the body doesn't end before.
    ///
    /// # Errors
    /// Where the coding is broken.
    pub(super) fn take(&mut self, bytes: &mut [u8]) -> Result<(usize, usize), Invalid> {
        let (mut data, mut at) = (0, 0);
        while at < bytes.len() && self.state != ChunkState::Done {
            if let ChunkState::Data { left } = self.state {
                let here = usize::try_from(left).unwrap_or(usize::MAX);
                let here = here.min(bytes.len() - at);
                if data != at {
                    bytes.copy_within(at..at + here, data);
                }
                (data, at) = (data + here, at + here);
                self.state = match left - here as u64 {
                    0 => ChunkState::DataReturn,
                    left => ChunkState::Data { left },
                };
            } else {
                self.state = self.after(bytes[at])?;
                at += 1;
            }
        }
        Ok((data, at))
    }

    fn after(&mut self, byte: u8) -> Result<ChunkState, Invalid> {
        Ok(match self.state {
            ChunkState::Size { size, digits } => match hex(byte) {
                Some(_) if digits == DIGITS => return Err(Invalid("a size of too many digits")),
                Some(digit) => ChunkState::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                },
                None if digits == 0 => return Err(Invalid("no size")),
                None => self.behind_size(size, false, byte)?,
            },
            ChunkState::Extension { size, has_begun } => self.behind_size(size, has_begun, byte)?,
            ChunkState::SizeFeed { size } => match (byte, size) {
                (b'\n', 0) => self.begin(ChunkState::Trailer),
                (b'\n', left) => ChunkState::Data { left },
                _ => return Err(Invalid("a size's line that doesn't end")),
            },
            ChunkState::DataReturn if byte == b'\r' => ChunkState::DataFeed,
            ChunkState::DataFeed if byte == b'\n' => {
                self.begin(ChunkState::Size { size: 0, digits: 0 })
            }
            ChunkState::DataReturn | ChunkState::DataFeed => {
                return Err(Invalid("no line end behind data"));
            }
            ChunkState::Trailer if byte == b'\r' => ChunkState::LastFeed,
            ChunkState::Trailer | ChunkState::InTrailer => {
                self.count(TRAILERS, "trailers that are too large")?;
                match byte {
                    b'\r' => ChunkState::TrailerFeed,
                    b'\n' => return Err(Invalid("a bare line feed in a trailer")),
                    _ => ChunkState::InTrailer,
                }
            }
            ChunkState::TrailerFeed if byte == b'\n' => ChunkState::Trailer,
            ChunkState::LastFeed if byte == b'\n' => ChunkState::Done,
            ChunkState::TrailerFeed | ChunkState::LastFeed => {
                return Err(Invalid("a trailer's line end"));
            }
            state @ (ChunkState::Data { .. } | ChunkState::Done) => state,
        })
    }

    fn behind_size(&mut self, size: u64, has_begun: bool, byte: u8) -> Result<ChunkState, Invalid> {
        self.count(LINE, "a size's line that is too long")?;
        match byte {
            b'\r' => Ok(ChunkState::SizeFeed { size }),
            b'\t' | b' ' => Ok(ChunkState::Extension { size, has_begun }),
            b';' => Ok(ChunkState::Extension {
                size,
                has_begun: true,
            }),
            b'\n' => Err(Invalid("a bare line feed in a size's line")),
            _ if has_begun => Ok(ChunkState::Extension { size, has_begun }),
            _ => Err(Invalid("a size that is no number")),
        }
    }

    fn begin(&mut self, state: ChunkState) -> ChunkState {
        self.line = 0;
        state
    }

    fn count(&mut self, most: usize, why: &'static str) -> Result<(), Invalid> {
        self.line += 1;
        if self.line > most {
            return Err(Invalid(why));
        }
        Ok(())
    }
}

fn hex(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data, and what follows the body; none where it hasn't ended.
    fn decoded(coded: &[u8], piece: usize) -> Result<(Vec<u8>, Option<Vec<u8>>), Invalid> {
        let (mut chunked, mut data) = (Chunked::new(), Vec::new());
        for (number, part) in coded.chunks(piece).enumerate() {
            let mut part = part.to_vec();
            let (length, end) = chunked.take(&mut part)?;
            data.extend_from_slice(&part[..length]);
            if chunked.is_done() {
                let rest = coded[number * piece + end..].to_vec();
                return Ok((data, Some(rest)));
            }
        }
        Ok((data, None))
    }

    #[test]
    fn data_is_found_however_it_comes() {
        for (coded, data, rest) in [
            (&b"0\r\n\r\n"[..], &b""[..], Some(&b""[..])),
            (b"5\r\nhello\r\n0\r\n\r\n", b"hello", Some(b"")),
            (b"5\r\nhello\r\n0\r\n\r\nGET /", b"hello", Some(b"GET /")),
            (b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc", Some(b"")),
            (
                b"A;x=\"y z\"\r\n0123456789\r\n000\r\n\r\n",
                b"0123456789",
                Some(b""),
            ),
            (
                b"3 \t\r\nabc\r\n0\r\nX: y\r\nZ: w\r\n\r\n!",
                b"abc",
                Some(b"!"),
            ),
            (b"5\r\nhel", b"hel", None),
            (b"5\r\nhello\r\n0\r\n", b"hello", None),
        ] {
            for piece in [1, 2, 3, 7, coded.len()] {
                let expected = (data.to_vec(), rest.map(<[u8]>::to_vec));
                assert_eq!(decoded(coded, piece), Ok(expected), "{coded:?} by {piece}");
            }
        }
    }

    #[test]
    fn what_readers_take_differently_is_refused() {
        let long = [b"1;".to_vec(), vec![b'x'; LINE], b"\r\na".to_vec()].concat();
        let trailers = [b"0\r\nX: ".to_vec(), vec![b'y'; TRAILERS]].concat();
        for coded in [
            &b"\r\n"[..],
            b"x\r\n",
            b"-1\r\n",
            b"0x5\r\nhello\r\n",
            b"5\nhello\n0\n\n",
            b"5\r\nhelloX\r\n",
            b"5\r\nhello\rX",
            b"5 5\r\nhello\r\n",
            b"5;a\nb\r\nhello\r\n",
            b"00000000000000005\r\nhello\r\n",
            b"5\rhello\r\n",
            b"0\r\nX: y\nZ: w\r\n\r\n",
            b"0\r\nX: y\rZ: w\r\n\r\n",
            b"0\r\n\rX",
            &long,
            &trailers,
        ] {
            for piece in [1, 5, coded.len()] {
                assert!(decoded(coded, piece).is_err(), "{coded:?} by {piece}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_comes_in_pieces_is_what_comes_at_once(
            coded in "[0-9a-f\r\n; ]{0,60}", piece in 1_usize..20,
        ) {
            let coded = coded.as_bytes();
            let whole = decoded(coded, coded.len().max(1));
            proptest::prop_assert_eq!(decoded(coded, piece), whole);
        }

        #[test]
        fn what_was_coded_is_decoded(
            chunks in proptest::collection::vec(proptest::collection::vec(0_u8.., 1..40), 0..8),
            piece in 1_usize..50,
        ) {
            let mut coded = Vec::new();
            for chunk in &chunks {
                coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
            }
            coded.extend_from_slice(b"0\r\n\r\n");
            let expected = (chunks.concat(), Some(Vec::new()));
            proptest::prop_assert_eq!(decoded(&coded, piece), Ok(expected));
        }
    }

    #[test]
    fn a_size_has_all_of_64_bits() {
        let (mut chunked, mut bytes) = (Chunked::new(), b"FFFFFFFFFFFFFFFF\r\nab".to_vec());
        assert_eq!(chunked.take(&mut bytes), Ok((2, bytes.len())));
        assert_eq!(bytes[..2], *b"ab");
        assert!(!chunked.is_done());
    }
}
