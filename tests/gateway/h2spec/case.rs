//! One case: what the client sends, and the reaction that is required of the gateway.

use super::peer::{Event, Frame, Peer};
use crate::client::Io;
pub use crate::common::attackers::frame;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const UNKNOWN: u8 = 0x16;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const WITH_PRIORITY: u8 = 0x20;

/// RFC 9113, 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Protocol = 1,
    FlowControl = 3,
    StreamClosed = 5,
    FrameSize = 6,
    RefusedStream = 7,
    Compression = 9,
}

/// What has to be seen.
#[derive(Clone, Debug)]
pub enum See {
    /// The first frame is SETTINGS.
    SettingsFirst,
    SettingsAck,
    /// The answer to the PING of [`ping`]: the connection goes on.
    Pong,
    /// This, or an end of the connection.
    PongOrEnd,
    /// The header of an answer on stream 1.
    Answer,
    /// Content of this size on stream 1; `None` whatever its size.
    Content(Option<usize>),
    /// GOAWAY with one of these codes, or the connection's end.
    ConnectionError(Vec<Code>),
    /// That, or RST_STREAM with one of these codes.
    StreamError(Vec<Code>),
    /// The connection's end.
    End,
    /// GOAWAY with this code.
    Goaway(Code),
}

pub enum Step {
    Send(Vec<u8>),
    /// Stream 1 has ended.
    UntilClosed,
    UntilSettingsAck,
    UntilContent(usize),
    /// What was sent before has been read: a PING was answered.
    UntilRead,
}

pub struct Case {
    pub number: &'static str,
    /// Without the preface and settings.
    pub bare: bool,
    pub steps: Vec<Step>,
    pub see: See,
}

pub fn case(number: &'static str, frames: &[Vec<u8>], see: See) -> Case {
    Case {
        number,
        bare: false,
        steps: vec![Step::Send(frames.concat())],
        see,
    }
}

/// What breaks the connection, with this code.
pub fn fatal(number: &'static str, code: Code, frames: &[Vec<u8>]) -> Case {
    case(number, frames, See::ConnectionError(vec![code]))
}

/// What breaks the stream at least, with this code.
pub fn broken(number: &'static str, code: Code, frames: &[Vec<u8>]) -> Case {
    case(number, frames, See::StreamError(vec![code]))
}

/// What is right and answered.
pub fn fine(number: &'static str, frames: &[Vec<u8>]) -> Case {
    case(number, frames, See::Answer)
}

/// What changes nothing: the PING after it is answered.
pub fn harmless(number: &'static str, frames: &[Vec<u8>]) -> Case {
    case(number, &[frames.concat(), ping()], See::Pong)
}

impl Case {
    /// # Errors
    /// With what was seen, in words.
    pub async fn run(&self, io: impl Io + 'static) -> Result<(), String> {
        let mut peer = if self.bare {
            Peer::new(io)
        } else {
            Peer::begun(io).await
        };
        for step in &self.steps {
            match step {
                Step::Send(bytes) => peer.send(bytes).await,
                Step::UntilClosed => {
                    until(&mut peer, |frame| {
                        let ends = matches!(frame.kind, DATA | HEADERS);
                        let ended = ends && frame.flags & END_STREAM != 0;
                        frame.stream == 1 && (ended || frame.kind == RST_STREAM)
                    })
                    .await?;
                }
                Step::UntilRead => {
                    peer.send(&ping()).await;
                    until(&mut peer, |frame| {
                        frame.kind == PING && frame.flags & ACK != 0
                    })
                    .await?;
                }
                Step::UntilSettingsAck => until(&mut peer, is_settings_ack).await?,
                Step::UntilContent(size) => {
                    let is_it = |frame: &Frame| frame.kind == DATA && frame.payload.len() == *size;
                    until(&mut peer, is_it).await?;
                }
            }
        }
        self.look(&mut peer).await
    }

    async fn look(&self, peer: &mut Peer) -> Result<(), String> {
        let mut seen = Vec::new();
        loop {
            let event = peer.event().await;
            match self.see.judge(&event, seen.is_empty()) {
                Some(true) => return Ok(()),
                Some(false) => return Err(format!("saw {seen:?} and {event:?}")),
                None => seen.push(event),
            }
        }
    }
}

impl See {
    /// Whether this event decides the case, and how.
    fn judge(&self, event: &Event, is_first: bool) -> Option<bool> {
        let frame = match (self, event) {
            (_, Event::Frame(frame)) => frame,
            (
                See::PongOrEnd | See::ConnectionError(_) | See::StreamError(_) | See::End,
                Event::Closed,
            ) => return Some(true),
            (_, Event::Closed | Event::Silence) => return Some(false),
        };
        let yes = |is_it: bool| is_it.then_some(true);
        match self {
            See::SettingsFirst => Some(is_first && frame.kind == SETTINGS && frame.flags == 0),
            See::SettingsAck => yes(is_settings_ack(frame)),
            See::Pong | See::PongOrEnd => yes(frame.kind == PING && frame.flags & ACK != 0),
            See::Answer => yes(frame.kind == HEADERS && frame.stream == 1),
            See::Content(size) => (frame.kind == DATA && frame.stream == 1)
                .then(|| size.is_none_or(|size| size == frame.payload.len())),
            // As for h2spec, another code will do if the connection then ends: h2 says PROTOCOL_ERROR
            // of most that is wrong with frames.
            See::ConnectionError(codes) => {
                yes(frame.kind == GOAWAY && has_code(&frame.payload[4..8], codes))
            }
            See::StreamError(codes) => yes(match frame.kind {
                GOAWAY => has_code(&frame.payload[4..8], codes),
                RST_STREAM => has_code(&frame.payload, codes),
                _ => false,
            }),
            See::End => None,
            See::Goaway(code) => {
                (frame.kind == GOAWAY).then(|| has_code(&frame.payload[4..8], &[*code]))
            }
        }
    }
}

fn is_settings_ack(frame: &Frame) -> bool {
    frame.kind == SETTINGS && frame.flags & ACK != 0
}

fn has_code(payload: &[u8], codes: &[Code]) -> bool {
    codes
        .iter()
        .any(|code| payload == (*code as u32).to_be_bytes())
}

async fn until(peer: &mut Peer, is_it: impl Fn(&Frame) -> bool) -> Result<(), String> {
    loop {
        match peer.event().await {
            Event::Frame(frame) if is_it(&frame) => return Ok(()),
            Event::Frame(_) => {}
            end => return Err(format!("waited in vain: {end:?}")),
        }
    }
}

/// A header block that is whole.
pub fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, block)
}

/// A GET on this stream, which ends with it.
pub fn get(stream: u32) -> Vec<u8> {
    headers(stream, END_STREAM, &block(0x82))
}

/// A POST on this stream, which stays open.
pub fn post(stream: u32) -> Vec<u8> {
    headers(stream, 0, &block(0x83))
}

pub fn data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(DATA, flags, stream, payload)
}

pub fn ping() -> Vec<u8> {
    frame(PING, 0, 0, b"pingpong")
}

pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])
}

pub fn window(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}

pub fn setting(id: u8, value: u32) -> Vec<u8> {
    let mut setting = vec![0, id];
    setting.extend(value.to_be_bytes());
    setting
}

pub fn settings(id: u8, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &setting(id, value))
}

/// Depends on `on`, with this weight less one.
pub fn priority(stream: u32, on: u32, weight: u8) -> Vec<u8> {
    let mut payload = on.to_be_bytes().to_vec();
    payload.push(weight);
    frame(PRIORITY, 0, stream, &payload)
}

/// A literal field without indexing, with a name of its own (RFC 7541, 6.2.2).
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        field.push(u8::try_from(text.len()).expect("a short text"));
        field.extend(text.as_bytes());
    }
    field
}

/// The fields of a request; `method` is an index of the static table.
pub fn block(method: u8) -> Vec<u8> {
    let mut block = vec![method, 0x87];
    block.extend(path("/v2/"));
    block.extend(authority());
    block
}

pub fn path(path: &str) -> Vec<u8> {
    field(":path", path)
}

pub fn authority() -> Vec<u8> {
    field(":authority", crate::setup::HUB)
}
