//! What is measured: kinds of work by the way in which they reach a proxy, and loads that a proxy
//! holds while its memory is read.

use std::time::Duration;

/// How much work a run does.
pub struct Sizes {
    pub rounds: usize,
    pub body: u64,
    pub requests: usize,
    /// Each brings a connection of its own.
    pub connections: usize,
    pub handshakes: usize,
    pub layers: usize,
    pub layer: u64,
    pub large_body: u64,
    pub slow: usize,
    pub idle: usize,
    pub held_for: Duration,
    /// Memory is read of processes that nothing was asked before.
    pub fresh_processes: bool,
    pub scrapes: usize,
    pub paced_for: Duration,
}

pub const FULL: Sizes = Sizes {
    rounds: 5,
    body: 1 << 30,
    requests: 40_000,
    connections: 10_000,
    handshakes: 2_000,
    layers: 100,
    layer: 10_000_000,
    large_body: 2 << 30,
    slow: 1000,
    idle: 4000,
    held_for: Duration::from_secs(5),
    fresh_processes: true,
    scrapes: 20,
    paced_for: Duration::from_secs(10),
};

pub const QUICK: Sizes = Sizes {
    rounds: 1,
    body: 8 << 20,
    requests: 320,
    connections: 64,
    handshakes: 32,
    layers: 8,
    layer: 1_000_000,
    large_body: 16 << 20,
    slow: 20,
    idle: 40,
    held_for: Duration::from_millis(100),
    fresh_processes: false,
    scrapes: 2,
    paced_for: Duration::from_millis(300),
};

/// Requests that are under way at once where there are many.
pub const AT_ONCE: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// One large body to the registry.
    Put,
    /// One large body from it.
    Get,
    /// Many requests without a body, on connections that are kept.
    Head,
    /// One such request on each of many connections.
    Connect,
    /// Many layers of an image at once.
    Pulls,
    /// The same of a push.
    Pushes,
    /// Many requests for a token, on connections that are kept.
    Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Plain,
    /// TLS 1.3 with AES-128-GCM, as Go's clients prefer it, and an ECDSA certificate.
    Tls,
    /// The same with AES-256-GCM, which curl and OpenSSL's other clients prefer.
    TlsAes256,
    /// The same with an RSA certificate of 2048 bits.
    TlsRsa,
    /// HTTP/2 over TLS as above.
    Http2,
    /// HTTP/1.1 over TLS as above, and the proxy asks the registry by https.
    TlsBothSides,
}

/// One kind of work, measured as CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    pub what: What,
    pub way: Way,
}

const fn work(what: What, way: Way) -> Work {
    Work { what, way }
}

/// A little of what every proxy has to do.
pub const WARM: Work = work(What::Connect, Way::Tls);

impl Work {
    pub const ALL: [Work; 19] = [
        work(What::Put, Way::Plain),
        work(What::Get, Way::Plain),
        work(What::Put, Way::Tls),
        work(What::Get, Way::Tls),
        work(What::Put, Way::TlsAes256),
        work(What::Get, Way::TlsAes256),
        work(What::Put, Way::Http2),
        work(What::Get, Way::Http2),
        work(What::Put, Way::TlsBothSides),
        work(What::Get, Way::TlsBothSides),
        work(What::Pulls, Way::Tls),
        work(What::Head, Way::Plain),
        work(What::Head, Way::Tls),
        work(What::Head, Way::Http2),
        work(What::Head, Way::TlsBothSides),
        work(What::Token, Way::Tls),
        work(What::Connect, Way::Plain),
        work(What::Connect, Way::Tls),
        work(What::Connect, Way::TlsRsa),
    ];

    /// What a second worker is measured with: enough at once for both of them.
    pub const WORKERS: [Work; 3] = [
        work(What::Head, Way::Tls),
        work(What::Pushes, Way::Tls),
        work(What::Pulls, Way::Tls),
    ];

    pub fn title(self) -> String {
        let what = match self.what {
            What::Put => "PUT",
            What::Get => "GET",
            What::Head => "HEAD, 64 at once",
            What::Token => "token, 64 at once",
            What::Connect => "HEAD, one connection each",
            What::Pulls => "GET of layers, all at once",
            What::Pushes => "PUT of layers, all at once",
        };
        let way = match self.way {
            Way::Plain => "plain",
            Way::Tls => "TLS (AES-128, ECDSA)",
            Way::TlsAes256 => "TLS (AES-256)",
            Way::TlsRsa => "TLS (RSA-2048)",
            Way::Http2 => "HTTP/2 over TLS",
            Way::TlsBothSides => "TLS on both sides",
        };
        format!("{what}, {way}")
    }

    /// What a measured second is divided by, and the unit that this gives.
    pub fn unit(self, sizes: &Sizes) -> (&'static str, f64) {
        let gib = |bytes: u64| (1u64 << 30) as f64 / bytes as f64;
        let micros = |count: usize| 1e6 / count as f64;
        match self.what {
            What::Put | What::Get => ("CPU s per GiB", gib(sizes.body)),
            What::Pulls | What::Pushes => ("CPU s per GiB", gib(sizes.layer * sizes.layers as u64)),
            What::Head | What::Token => ("CPU µs per request", micros(sizes.requests)),
            What::Connect => ("CPU µs per connection", micros(self.connections(sizes))),
        }
    }

    /// Where each request has a connection of its own.
    pub fn connections(self, sizes: &Sizes) -> usize {
        match self.way {
            Way::Plain => sizes.connections,
            Way::Tls | Way::TlsAes256 | Way::TlsRsa | Way::Http2 | Way::TlsBothSides => {
                sizes.handshakes
            }
        }
    }
}

/// What a proxy holds while its memory is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// One upload that is as fast as it can be.
    LargeUpload,
    IdleConnections(Way),
    /// 16 KiB every second.
    SlowUploads(Way),
    SlowDownloads(Way),
    /// The registry behind doesn't read.
    StalledUploads(Way),
}

impl Load {
    pub const ALL: [Load; 11] = [
        Load::LargeUpload,
        Load::IdleConnections(Way::Plain),
        Load::IdleConnections(Way::Tls),
        Load::SlowUploads(Way::Plain),
        Load::SlowUploads(Way::Tls),
        Load::SlowUploads(Way::Http2),
        Load::SlowDownloads(Way::Plain),
        Load::SlowDownloads(Way::Tls),
        Load::StalledUploads(Way::Plain),
        Load::StalledUploads(Way::Tls),
        Load::StalledUploads(Way::Http2),
    ];

    pub fn title(self) -> String {
        let (what, way) = match self {
            Load::LargeUpload => return "after one large upload, the whole process".to_owned(),
            Load::IdleConnections(way) => ("idle connection", way),
            Load::SlowUploads(way) => ("slow upload", way),
            Load::SlowDownloads(way) => ("slow download", way),
            Load::StalledUploads(way) => ("upload to a registry that doesn't read", way),
        };
        let way = match way {
            Way::Plain => "plain",
            Way::Tls | Way::TlsAes256 | Way::TlsRsa | Way::TlsBothSides => "TLS",
            Way::Http2 => "HTTP/2",
        };
        format!("{what}, {way}")
    }

    /// How many there are of it at once.
    pub fn count(self, sizes: &Sizes) -> usize {
        match self {
            Load::LargeUpload => 1,
            Load::IdleConnections(_) => sizes.idle,
            Load::SlowUploads(_) | Load::SlowDownloads(_) | Load::StalledUploads(_) => sizes.slow,
        }
    }
}
