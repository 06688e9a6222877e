//! Limits: on clients, on the requests that one Harbor gets at once, on wrong passwords, on the time
//! that a shutdown takes, and on the time that a thread may hang.

use super::setting::{Count, List};
use super::table::settings;
use super::text::NETWORK;
use super::values::{DAY, HOUR, SECOND, Size, TENTH, Time, Whole};
use ipnet::IpNet;
use std::time::Duration;

/// A descriptor each, and Linux gives a process a million at most unless told otherwise.
const CONNECTIONS: Whole = Whole::from_to(1, 1_000_000);

const PROGRESS: Size = Size {
    least: 0,
    most: 1 << 30,
    note: "; 0 requires only one byte",
};

settings! {
    /// What clients may take of this gateway, over all registries.
    // A push of docker or containerd takes six connections at most, so the defaults are more than
    // 2,000 pushes at once, of which one address (an office, a build farm behind NAT) may have half.
    // An idle one takes 7 KiB, over TLS 17 (benches/RESULTS.md).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Limits as DraftLimits {
        /// Client connections at once.
        pub connections: usize = CONNECTIONS, or 16 * 1024;
        /// Client connections at once from one address; of IPv6, from one /64.
        pub(crate) connections_per_client: usize = CONNECTIONS, or 8 * 1024;
        /// How long a request's header may take, from its first byte to its last.
        // A header is one packet or a few, of which a bad line repeats some.
        pub(crate) header_time: Duration = Time {
            least: TENTH,
            most: FIVE_MINUTES,
            reason: "a header is a few packets; a client that needs longer holds connections open \
                     on purpose",
        }, or Duration::from_secs(15);
        /// The number of fields in a request's header.
        // docker sends about ten, a browser behind several proxies forty; Pingora refuses more than 256
        // by itself.
        pub(crate) header_fields: usize = Whole::from_to(16, 256), or 100;
        /// The size of a request's header.
        // A token of a user with many projects takes several KiB, a ticket 2 KiB; Harbor's nginx takes
        // 32 KiB, and Pingora refuses more than 1 MiB by itself.
        pub(crate) header_bytes: u64 = Limits::HEADER_BYTES, or Limits::HEADER_BYTES_DEFAULT;
        /// How long a kept connection may wait for its next request.
        // Above the 60 s at which common balancers close, so that they and not we begin the close.
        pub(crate) keepalive_idle: Duration = Time {
            least: SECOND,
            most: HOUR,
            reason: "less makes clients open connections again and again, more keeps those of clients that left",
        }, or Duration::from_secs(75);
        /// Requests on one connection.
        // Long-lived connections come to rest on other replicas in the end.
        pub(crate) keepalive_requests: u32 = Whole::from_to(1, 1_000_000_000), or 10_000;
        /// Requests at once on one HTTP/2 connection.
        // containerd pushes with five at most; a browser opens a hundred.
        pub(crate) http2_streams: u32 = Whole::from_to(1, 1024), or 128;
        /// Memory that all bodies under way may hold together; unless set, it follows from the memory
        /// limit.
        // A few uploads at least.
        pub(crate) body_memory: u64 = Size { least: 16 << 20, most: 1 << 40, note: "" },
            by |_, around| two_thirds(around.memory);
        /// Bytes that an upload must bring within each `timeouts.between_bytes`, until it is complete.
        // In a quarter of an hour: 73 bytes a second, far below any line that ends a push.
        pub(crate) upload_progress: u64 = PROGRESS, or 64 << 10;
        /// How long a client may leave an answer unread, or take less of it than `download_progress`.
        // As nginx has it (`send_timeout`), which stands before most registries.
        pub(crate) unread_answer: Duration = Time {
            least: TENTH,
            most: HOUR,
            reason: "less cuts answers on networks that lose a few packets, more lets a client \
                     that reads nothing hold its answers",
        }, or Duration::from_secs(60);
        /// How many bytes of a response a client must take within `unread_answer`.
        // In a minute: 273 bytes a second. Five layers at once over 64 kbit/s get six times as much each.
        pub(crate) download_progress: u64 = PROGRESS, or 16 << 10;
        /// How long a request or connection may stand still before it may have to give way to another
        /// client's, when a bound that all share is full.
        // Longer than a lost packet takes to be sent again, three times over.
        pub(crate) stands_still: Duration = Time {
            least: TENTH,
            most: FIVE_MINUTES,
            reason: "less cuts transfers that lost a packet, more lets stalled transfers keep \
                     others out",
        }, or Duration::from_secs(10);
    }
}

impl Limits {
    pub(crate) const HEADER_BYTES: Size = Size {
        least: 4 << 10,
        most: 1 << 20,
        note: "",
    };
    pub(crate) const HEADER_BYTES_DEFAULT: u64 = 64 << 10;
}

const FIVE_MINUTES: super::values::Bound = (Duration::from_secs(300), "5m");

/// The rest is for connections, and for what an allocator has beside. In whole MiB, for those who
/// read it.
fn two_thirds(memory: u64) -> u64 {
    ((memory / 3 * 2) >> 20) << 20
}

settings! {
    /// How many requests of one registry may be under way at once.
    // Of each kind a quarter of all connections, so that two Harbors that stand still leave half of
    // them to the others.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MaxInFlight as DraftMaxInFlight {
        /// Requests that write.
        pub(crate) uploads: usize = CONNECTIONS, or 4 * 1024;
        /// All other requests.
        pub(crate) other: usize = CONNECTIONS, or 4 * 1024;
    }
}

settings! {
    /// How often a password may be wrong.
    // A person mistypes a few times and a pipeline retries a few more; whoever guesses needs thousands.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct LoginLimit as DraftLoginLimit {
        /// Wrong passwords for each client address and user name; 0 limits nothing.
        pub(crate) failures: u32 = Whole { least: 0, most: 10_000, note: "; 0 limits nothing" }, or 20;
        /// How long a wrong password counts.
        pub(crate) within: Duration = Time {
            least: SECOND,
            most: DAY,
            reason: "less forgets one guess before the next, more locks people out for days",
        }, or Duration::from_secs(5 * 60);
        /// Client addresses whose logins are never limited.
        pub(crate) exempt: Vec<IpNet> = NETWORKS;
    }
}

pub(super) const NETWORKS: List<super::values::TextValue<IpNet>> = List {
    accepted: "a list of IP addresses and networks, such as [10.0.0.5, 10.0.0.0/8, \"fd00::/8\"]",
    item: NETWORK,
    count: Count::Any,
};

const DRAIN: Time = Time {
    least: (Duration::ZERO, "0s"),
    most: DAY,
    reason: "no roll-out waits longer than a day",
};

settings! {
    /// How a process ends.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Drain as DraftDrain {
        /// How long connections are still accepted after the signal.
        // Where nothing routes new connections here any more, there is nothing to wait for. In
        // Kubernetes `preStop.sleep` waits.
        pub(crate) delay: Duration = DRAIN, or Duration::ZERO;
        /// How long requests in flight may go on after that.
        // A layer of 10 GiB takes about as long at 20 MiB/s. An idle gateway ends at once whatever
        // stands here, so a long limit delays only the roll-outs that would cut an upload.
        pub(crate) timeout: Duration = DRAIN, or Duration::from_secs(10 * 60);
    }
}

settings! {
    /// What is done about a thread that hangs.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Liveness as DraftLiveness {
        /// How long a thread may fail to answer before the process ends with status 70.
        // No piece of work keeps a thread for a second; a machine that swaps or starves may.
        pub(crate) silence: Duration = Time {
            least: SECOND,
            most: (Duration::from_secs(600), "10m"),
            reason: "less ends processes that are only busy, more leaves clients waiting for a \
                     hung thread",
        }, or Duration::from_secs(30);
    }
}

#[cfg(test)]
impl Limits {
    /// The default of `body_memory` where there is so much memory.
    pub(crate) fn body_memory_of(memory: u64) -> u64 {
        two_thirds(memory)
    }
}
