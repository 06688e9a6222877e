//! The cost of a Prometheus scrape of `/metrics`, with few and with many registries.

use crate::measure;
use crate::proxies::{Proxy, Setting, free_address};
use anyhow::{Result, ensure};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const TITLE: &str = "Harbormouth with many registries";

pub const REGISTRIES: [usize; 3] = [1, 10, 100];

pub struct Scrape {
    pub registries: usize,
    /// Of the process that was asked nothing yet, in KiB.
    pub private: u64,
    /// CPU seconds.
    pub cpu: f64,
    pub bytes: usize,
}

pub async fn measure(setting: &Setting, registries: usize, times: usize) -> Result<Scrape> {
    let admin = free_address()?;
    let proxy = Proxy::with_registries(setting, registries, admin).await?;
    // Each registry is probed once, and what a start takes for a while is given back.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let private = measure::private_memory(proxy.pid());
    let mut bytes = 0;
    let usage = measure::of(proxy.pid(), async {
        for _ in 0..times {
            bytes = scrape(admin).await?;
        }
        Ok(())
    });
    let usage = usage.await?;
    Ok(Scrape {
        registries,
        private,
        cpu: usage.cpu / times as f64,
        bytes,
    })
}

async fn scrape(admin: SocketAddr) -> Result<usize> {
    let mut stream = TcpStream::connect(admin).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "no metrics");
    Ok(answer.len())
}
