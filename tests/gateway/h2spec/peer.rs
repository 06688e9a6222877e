//! A client that sends the frames of a test and returns the received ones.

use super::case::{ACK, SETTINGS, frame};
use crate::client::Io;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Nothing that is asked for here takes long.
const LIMIT: Duration = Duration::from_secs(5);

/// What the gateway said it takes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub max_frame: usize,
    pub max_streams: u32,
}

#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// What came.
#[derive(Clone, Debug)]
pub enum Event {
    Frame(Frame),
    Closed,
    /// Nothing, for long.
    Silence,
}

pub struct Peer {
    io: Box<dyn Io>,
    pub settings: Settings,
}

impl Peer {
    pub fn new(io: impl Io + 'static) -> Peer {
        Peer {
            io: Box::new(io),
            settings: Settings {
                max_frame: 16_384,
                max_streams: u32::MAX,
            },
        }
    }

    /// After both sides' settings.
    pub async fn begun(io: impl Io + 'static) -> Peer {
        let mut peer = Peer::new(io);
        let start = [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])].concat();
        peer.send(&start).await;
        let (mut theirs, mut acknowledged) = (false, false);
        while !(theirs && acknowledged) {
            match peer.event().await {
                Event::Frame(got) if got.kind == SETTINGS && got.flags & ACK != 0 => {
                    acknowledged = true;
                }
                Event::Frame(got) if got.kind == SETTINGS => {
                    theirs = true;
                    peer.settings.learn(&got.payload);
                    peer.send(&frame(SETTINGS, ACK, 0, &[])).await;
                }
                Event::Frame(_) => {}
                end => panic!("no settings: {end:?}"),
            }
        }
        peer
    }

    /// An end of the connection is seen when reading.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sending = async {
            if self.io.write_all(bytes).await.is_ok() {
                let _ = self.io.flush().await;
            }
        };
        let _ = tokio::time::timeout(LIMIT, sending).await;
    }

    pub async fn event(&mut self) -> Event {
        match tokio::time::timeout(LIMIT, self.read()).await {
            Ok(Ok(frame)) => Event::Frame(frame),
            Ok(Err(_)) => Event::Closed,
            Err(_) => Event::Silence,
        }
    }

    async fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.io.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        self.io.read_exact(&mut payload).await?;
        Ok(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }
}

impl Settings {
    fn learn(&mut self, payload: &[u8]) {
        for setting in payload.chunks_exact(6) {
            let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
            match setting[1] {
                3 => self.max_streams = value,
                5 => self.max_frame = usize::try_from(value).expect("a size"),
                _ => {}
            }
        }
    }
}
