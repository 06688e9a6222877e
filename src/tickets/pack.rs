//! Tokens packed: a JSON Web Token is base64 of text that compresses well and of a signature that
//! doesn't, so its parts are decoded, and the text is compressed.
//!
//! ```text
//! 0 · the token as it is
//! 1 · signature's length 2 · signature · header's length 2 · deflate(header, claims)
//! ```

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use zeroize::Zeroizing;

const PLAIN: u8 = 0;
const JWT: u8 = 1;

/// What a token's header and claims may come to. What was sealed was smaller, so more than this is
/// no ticket.
const MAX_TEXT: usize = 64 * 1024;

/// Packs a token; [`unpack`] gives back the same bytes.
pub(super) fn pack(token: &str) -> Zeroizing<Vec<u8>> {
    pack_jwt(token).unwrap_or_else(|| {
        let mut packed = Zeroizing::new(vec![PLAIN]);
        packed.extend_from_slice(token.as_bytes());
        packed
    })
}

/// Unpacks a token: none where anything is left over or missing, or it is no token that can stand
/// in a header.
pub(super) fn unpack(packed: &[u8]) -> Option<Zeroizing<String>> {
    let (kind, rest) = packed.split_first()?;
    let token = match *kind {
        PLAIN => Zeroizing::new(std::str::from_utf8(rest).ok()?.to_owned()),
        JWT => unpack_jwt(rest)?,
        _ => return None,
    };
    let is_sound = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    is_sound.then_some(token)
}

fn pack_jwt(token: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut parts = token.split('.');
    // The decoder takes only what its encoder would write, so nothing is lost.
    let mut part = || {
        URL_SAFE_NO_PAD
            .decode(parts.next()?)
            .ok()
            .map(Zeroizing::new)
    };
    let (mut text, claims, signature) = (part()?, part()?, part()?);
    if parts.next().is_some() {
        return None;
    }
    let header_length = u16::try_from(text.len()).ok()?;
    let signature_length = u16::try_from(signature.len()).ok()?;
    text.extend_from_slice(&claims);
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut packed = Zeroizing::new(vec![JWT]);
    packed.extend_from_slice(&signature_length.to_be_bytes());
    packed.extend_from_slice(&signature);
    packed.extend_from_slice(&header_length.to_be_bytes());
    packed.extend_from_slice(&deflate(&text)?);
    Some(packed)
}

fn unpack_jwt(packed: &[u8]) -> Option<Zeroizing<String>> {
    let (length, rest) = packed.split_first_chunk()?;
    let (signature, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (length, rest) = rest.split_first_chunk()?;
    let text = inflate(rest)?;
    let (header, claims) = text.split_at_checked(u16::from_be_bytes(*length).into())?;
    let mut token = Zeroizing::new(String::with_capacity(packed.len() * 3));
    for (index, part) in [header, claims, signature].into_iter().enumerate() {
        if index > 0 {
            token.push('.');
        }
        URL_SAFE_NO_PAD.encode_string(part, &mut token);
    }
    Some(token)
}

fn deflate(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // Deflate never grows by more than a few bytes a block.
    let mut packed = Zeroizing::new(Vec::with_capacity(text.len() + 64));
    let mut compress = Compress::new(Compression::best(), false);
    match compress.compress_vec(text, &mut packed, FlushCompress::Finish) {
        Ok(Status::StreamEnd) => Some(packed),
        Ok(Status::Ok | Status::BufError) | Err(_) => None,
    }
}

fn inflate(packed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_TEXT));
    let mut decompress = Decompress::new(false);
    let status = decompress.decompress_vec(packed, &mut text, FlushDecompress::Finish);
    let is_whole = matches!(status, Ok(Status::StreamEnd))
        && usize::try_from(decompress.total_in()).ok() == Some(packed.len());
    is_whole.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(part: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(part)
    }

    #[test]
    fn tokens_come_back_as_they_went() {
        let jwt = format!(
            "{}.{}.{}",
            encode(b"{}"),
            encode(b"{\"a\":1}"),
            encode(&[1; 256])
        );
        let not_canonical = "eyJ.e30.AAB";
        for token in [
            jwt.as_str(),
            "opaque",
            "a.b.c",
            "..",
            "e30.e30.",
            "e30.e30.AA.AA",
            "e30.e30.AA==",
            not_canonical,
        ] {
            let packed = pack(token);
            assert_eq!(
                unpack(&packed).map(|t| t.to_string()).as_deref(),
                Some(token)
            );
        }
        assert!(pack(&jwt).len() < jwt.len());
    }

    #[test]
    fn only_text_that_is_unpacked_again_is_packed() {
        for (text, is_packed) in [(65_536, true), (65_537, false)] {
            let claims = encode(&vec![b'a'; text - 2]);
            let token = format!("{}.{claims}.{}", encode(b"{}"), encode(&[1; 9]));
            let packed = pack(&token);
            assert_eq!(packed.len() < 1000, is_packed, "{text}");
            assert_eq!(unpack(&packed).as_deref(), Some(&token), "{text}");
        }
    }

    #[test]
    fn what_is_cut_or_has_something_left_over_is_no_token() {
        let packed = pack(&format!(
            "{}.{}.{}",
            encode(b"{}"),
            encode(b"{}"),
            encode(&[1; 9])
        ));
        for length in 0..packed.len() {
            assert_eq!(unpack(&packed[..length]), None, "{length}");
        }
        let longer = [packed.as_slice(), &[0]].concat();
        assert_eq!(unpack(&longer), None);
        for packed in [
            &b""[..],
            b"\x00",
            b"\x02abc",
            b"\x00a b",
            b"\x00a\r\nb: c",
            b"\x00\xff",
        ] {
            assert_eq!(unpack(packed), None, "{packed:?}");
        }
    }

    #[test]
    fn a_small_ticket_can_not_become_a_large_token() {
        let bomb = deflate(&vec![b'a'; MAX_TEXT + 1]).unwrap();
        assert_eq!(inflate(&bomb), None);
        let most = deflate(&vec![b'a'; MAX_TEXT]).unwrap();
        assert_eq!(inflate(&most).unwrap().len(), MAX_TEXT);
    }
}
