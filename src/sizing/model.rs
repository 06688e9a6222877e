//! The model: from a demand and the figures to what it takes. Each step is a line of docs/scale.md.

use super::demand::{Demand, Tls};
use super::figures::{
    BUSY, DOWNLOAD_BOTH, DOWNLOAD_MEMORY, DOWNLOAD_PLAIN, DOWNLOAD_TLS, IDLE_PLAIN, IDLE_TLS,
    KEPT_BOTH, KEPT_TLS, LIMIT, MANY_REGISTRIES, ONE_REGISTRY, REQUEST_PLAIN, REQUEST_TLS,
    SCRAPE_MANY, SCRAPE_ONE, SLOW_DOWNLOAD_PLAIN, SLOW_DOWNLOAD_TLS, SLOW_UPLOAD_PLAIN,
    SLOW_UPLOAD_TLS, UPLOAD_BOTH, UPLOAD_MEMORY, UPLOAD_PLAIN, UPLOAD_TLS,
};
use super::record;
use super::series::Series;
use crate::config::Config;
use crate::str_enum::str_enum;
use serde::Serialize;

const GIB: f64 = (1u64 << 30) as f64;
const DAY: f64 = 86_400.0;

/// So many layers of an image containerd and docker fetch at once, unless told otherwise.
const LAYERS_AT_ONCE: u32 = 3;

/// As many as the HorizontalPodAutoscaler keeps: one may be replaced.
const LEAST_REPLICAS: f64 = 2.0;

/// What one replica admits, as configured.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub connections: usize,
    /// Of one registry.
    pub uploads: usize,
    /// Of one registry.
    pub other: usize,
    /// How long a connection is kept, in seconds.
    pub kept: f64,
}

str_enum! {
    /// What decides how many replicas there have to be.
    pub enum DecidedBy {
        Cpu "CPU",
        Connections "limits.connections",
        Uploads "max_in_flight.uploads",
        Other "max_in_flight.other",
        Least "the least that may be replaced",
    }
}

/// What a demand takes. Rates are of all replicas together; memory is of one.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sizing {
    /// GiB in a second.
    pub up: f64,
    /// GiB in a second, as far as they pass here.
    pub down: f64,
    /// Requests in a second.
    pub requests: f64,
    /// Tokens in a second.
    pub tokens: f64,
    /// Cores that are busy.
    pub busy_cores: f64,
    /// Cores that there have to be, so that none is busier than it should be.
    pub cores: f64,
    /// Layers that are being pushed at a moment.
    pub uploading: f64,
    /// Layers that are being pulled through here at a moment.
    pub downloading: f64,
    /// Connections that are open at a moment.
    pub connections: f64,
    /// Replicas that carry it.
    pub needed: u64,
    /// Replicas of which a zone may be lost.
    pub replicas: u64,
    pub decided_by: DecidedBy,
    /// MiB of one replica, with clients that are slow.
    pub memory: f64,
    /// MiB of one replica if each body holds the most that it may, with the rest that
    /// `limits.body_memory` leaves free: what its memory limit should be.
    pub memory_limit: f64,
    /// Series of all replicas together, when they start.
    pub series: u64,
    /// CPU milliseconds of one scrape of one replica.
    pub scrape: f64,
    /// GiB of access records in a day like that, as JSON.
    pub log: f64,
    /// Requests that the bounds of all replicas together let through to one Harbor.
    pub admitted: u64,
}

/// What of a demand is under way at a moment.
struct UnderWay {
    /// Connections of a crowd.
    crowd: f64,
    uploading: f64,
    /// Of one registry.
    uploading_one: f64,
    /// Without a crowd.
    pulling: f64,
    downloading: f64,
    /// Of one registry.
    downloading_one: f64,
}

impl Bounds {
    /// Those of a configuration with one registry.
    pub fn of(config: &Config) -> Bounds {
        let places = config.registries.first().map(|one| one.max_in_flight);
        Bounds {
            connections: config.limits.connections,
            uploads: places.map_or(0, |places| places.uploads),
            other: places.map_or(0, |places| places.other),
            kept: config.limits.keepalive_idle.as_secs_f64(),
        }
    }
}

impl Sizing {
    /// Of a demand that passed its check.
    pub fn of(demand: &Demand, bounds: Bounds, series: Series) -> Sizing {
        let crowd = f64::from(demand.nodes) / demand.within;
        let (pushes, pulls) = (demand.pushes, demand.pulls + crowd);
        let image = demand.image() / GIB;
        let (up, down) = (
            pushes * image,
            if demand.redirects { 0.0 } else { pulls * image },
        );
        let requests = pushes * of_push(demand) + pulls * of_pull(demand);
        let busy_cores = up * per_gib(demand.tls).0
            + down * per_gib(demand.tls).1
            + requests * per_request(demand.tls);
        let cores = busy_cores / (BUSY.value / 100.0);
        let under_way = under_way(demand);
        let others = demand.pushes + demand.pulls;
        let transfers = under_way.uploading + under_way.pulling;
        let connections = transfers + under_way.crowd + others * bounds.kept;
        let (needed, decided_by) = needed(demand, bounds, &under_way, (cores, connections));
        let memory = memory(demand, &under_way, connections, needed);
        let replicas = with_a_zone_lost(needed, demand.zones);
        Sizing {
            up,
            down,
            requests,
            tokens: pushes + pulls,
            busy_cores,
            cores,
            uploading: under_way.uploading,
            downloading: under_way.downloading,
            connections,
            needed,
            replicas,
            decided_by,
            memory: memory.0,
            memory_limit: memory.1,
            series: replicas * series.of(demand.registries),
            scrape: between(SCRAPE_ONE.value, SCRAPE_MANY.value, demand.registries),
            log: requests * DAY * record::json_bytes() as f64 / GIB,
            admitted: replicas * (bounds.uploads + bounds.other) as u64,
        }
    }
}

/// containerd's: HEAD, POST and PUT of each layer and of the configuration; a challenge, a token, HEAD and
/// PUT of the manifest.
fn of_push(demand: &Demand) -> f64 {
    3.0 * (f64::from(demand.layers) + 1.0) + 4.0
}

/// containerd's: a challenge, a token, HEAD and GET of the manifest, the configuration, and each layer.
fn of_pull(demand: &Demand) -> f64 {
    f64::from(demand.layers) + 5.0
}

/// CPU seconds of a GiB up and of one down.
pub(super) fn per_gib(tls: Tls) -> (f64, f64) {
    match tls {
        Tls::None => (UPLOAD_PLAIN.value, DOWNLOAD_PLAIN.value),
        Tls::Clients => (UPLOAD_TLS.value, DOWNLOAD_TLS.value),
        Tls::Both => (UPLOAD_BOTH.value, DOWNLOAD_BOTH.value),
    }
}

/// CPU seconds of a request on a connection of its own, as docker's own store and skopeo make them; those
/// to Harbor are kept.
pub(super) fn per_request(tls: Tls) -> f64 {
    let micros = match tls {
        Tls::None => REQUEST_PLAIN.value,
        Tls::Clients => REQUEST_TLS.value,
        Tls::Both => REQUEST_TLS.value + KEPT_BOTH.value - KEPT_TLS.value,
    };
    micros / 1e6
}

/// What is under way is the rate times what one takes (Little's law), and of a crowd all at once.
fn under_way(demand: &Demand) -> UnderWay {
    let registries = f64::from(demand.registries);
    let takes = f64::from(demand.layers) * demand.layer as f64 / demand.speed;
    let uploading = demand.pushes * takes;
    let nodes = f64::from(demand.nodes);
    let (pulls, crowd, connections) = if demand.redirects {
        (0.0, 0.0, nodes)
    } else {
        let crowd = nodes * f64::from(LAYERS_AT_ONCE.min(demand.layers));
        (demand.pulls * takes, crowd, crowd)
    };
    UnderWay {
        crowd: connections,
        uploading,
        uploading_one: uploading / registries,
        pulling: pulls,
        downloading: pulls + crowd,
        // One image is of one registry.
        downloading_one: pulls / registries + crowd,
    }
}

/// How many replicas carry it, and what decides.
fn needed(
    demand: &Demand,
    bounds: Bounds,
    under_way: &UnderWay,
    (cores, connections): (f64, f64),
) -> (u64, DecidedBy) {
    let replicas = [
        (LEAST_REPLICAS - 1.0, DecidedBy::Least),
        (cores / f64::from(demand.cores), DecidedBy::Cpu),
        (
            connections / bounds.connections as f64,
            DecidedBy::Connections,
        ),
        (
            under_way.uploading_one / bounds.uploads as f64,
            DecidedBy::Uploads,
        ),
        (
            under_way.downloading_one / bounds.other as f64,
            DecidedBy::Other,
        ),
    ];
    let most = replicas
        .into_iter()
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let (replicas, by) = most.unwrap_or((1.0, DecidedBy::Least));
    (replicas.ceil() as u64, by)
}

/// The least number of which as many are left as are needed when the largest zone is lost.
pub(super) fn with_a_zone_lost(needed: u64, zones: u32) -> u64 {
    let zones = u64::from(zones);
    let is_enough = |replicas: &u64| zones == 1 || replicas - replicas.div_ceil(zones) >= needed;
    let least = needed.max(LEAST_REPLICAS as u64);
    (least..).find(is_enough).unwrap_or(least)
}

/// MiB of one of the replicas that carry it: as measured with slow clients, and the limit that it should have.
fn memory(demand: &Demand, under_way: &UnderWay, connections: f64, needed: u64) -> (f64, f64) {
    let each = |number: f64| number / needed as f64 / 1024.0;
    let (idle, upload, download) = match demand.tls {
        Tls::None => (IDLE_PLAIN, SLOW_UPLOAD_PLAIN, SLOW_DOWNLOAD_PLAIN),
        Tls::Clients | Tls::Both => (IDLE_TLS, SLOW_UPLOAD_TLS, SLOW_DOWNLOAD_TLS),
    };
    let (up, down) = (under_way.uploading, under_way.downloading);
    let waiting = each((connections - up - down).max(0.0) * idle.value);
    let process = process(demand.registries) + waiting;
    let slow = each(up * upload.value + down * download.value);
    let bodies = each(up * UPLOAD_MEMORY.value + down * DOWNLOAD_MEMORY.value);
    // Two thirds of the limit are for bodies, and the rest has to do for everything else.
    let connections = each((up + down) * idle.value);
    let limit = (bodies * 1.5).max(bodies + process + connections);
    (process + slow, limit.max(LIMIT.value))
}

/// MiB of a process with so many registries that does nothing.
pub(super) fn process(registries: u32) -> f64 {
    between(ONE_REGISTRY.value, MANY_REGISTRIES.value, registries)
}

/// Linear between what was measured with one and with a hundred registries.
pub(super) fn between(one: f64, hundred: f64, registries: u32) -> f64 {
    one + (hundred - one) / 99.0 * (f64::from(registries) - 1.0)
}
