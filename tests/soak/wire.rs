//! The way from the gateway to one endpoint of Harbor: a relay that can be slow, stand still, or
//! break every connection.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Open,
    Slow,
    Stalled,
    /// Every connection is reset, and each new one.
    Cut,
}

/// Of a slow wire, in each direction of a connection.
const SLOW_BYTES_PER_SECOND: u64 = 512 * 1024;

pub struct Wire {
    pub address: SocketAddr,
    mode: watch::Sender<Mode>,
}

impl Wire {
    pub async fn start(target: SocketAddr) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("its address");
        let (mode, watched) = watch::channel(Mode::Open);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(relay(near, target, watched.clone()));
            }
        });
        Wire { address, mode }
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn relay(mut near: TcpStream, target: SocketAddr, mode: watch::Receiver<Mode>) {
    let Ok(mut far) = TcpStream::connect(target).await else {
        return reset(&near);
    };
    let mut cut = mode.clone();
    {
        let (near_read, near_write) = near.split();
        let (far_read, far_write) = far.split();
        let up = pump(near_read, far_write, mode.clone());
        let down = pump(far_read, near_write, mode);
        tokio::select! {
            _ = async { tokio::try_join!(up, down) } => return,
            _ = cut.wait_for(|mode| *mode == Mode::Cut) => {}
        }
    }
    reset(&near);
    reset(&far);
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut mode: watch::Receiver<Mode>,
) -> std::io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut piece).await?;
        let moves = |mode: &Mode| *mode != Mode::Stalled;
        let now = mode.wait_for(moves).await.map(|mode| *mode);
        if matches!(now, Ok(Mode::Slow)) {
            let micros = count as u64 * 1_000_000 / SLOW_BYTES_PER_SECOND;
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..count]).await?;
    }
}

/// What is dropped after this ends with RST.
fn reset(socket: &TcpStream) {
    let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
}
