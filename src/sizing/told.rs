//! A sizing in words: what was asked, and what it takes here, in Prometheus, in the log, at the balancer and
//! at Harbor.

use super::demand::{Demand, Tls};
use super::harbor;
use super::model::{DecidedBy, Sizing, per_request};
use bytesize::ByteSize;

/// The lines that the command prints.
pub fn lines(demand: &Demand, sizing: &Sizing) -> Vec<String> {
    let mut lines = asked(demand);
    lines.extend(gateway(demand, sizing));
    lines.extend(around(demand, sizing));
    lines.extend(of_harbor(sizing));
    let page = crate::oci::docs::page("scale");
    lines.push(format!("what this is computed from: {page}"));
    lines
}

fn row(name: &str, text: String) -> String {
    format!("  {name:<12} {text}")
}

fn asked(demand: &Demand) -> Vec<String> {
    let mut lines = vec!["asked".to_owned()];
    let size = |bytes: u64| ByteSize(bytes).display().iec().to_string();
    lines.extend((demand.pushes > 0.0).then(|| row("push", rate(demand.pushes))));
    lines.extend((demand.pulls > 0.0).then(|| row("pull", rate(demand.pulls))));
    let within = format!("{} pull one image within {} s", demand.nodes, demand.within);
    lines.extend((demand.nodes > 0).then(|| row("nodes", within)));
    lines.push(row(
        "layers",
        format!("{} of {}", demand.layers, size(demand.layer)),
    ));
    let tls = match demand.tls {
        Tls::None => "ended before the gateway",
        Tls::Clients => "to clients (ECDSA certificate), Harbor by plain http",
        Tls::Both => "to clients (ECDSA certificate) and to Harbor",
    };
    lines.push(row("TLS", tls.to_owned()));
    lines.push(row(
        "a client",
        format!("moves {}/s for each layer", size(demand.speed as u64)),
    ));
    lines.push(row(
        "a replica",
        format!(
            "cores {}, used to 70 %; registries {}; zones {}",
            demand.cores, demand.registries, demand.zones
        ),
    ));
    lines
}

fn gateway(demand: &Demand, sizing: &Sizing) -> Vec<String> {
    let passes = if demand.redirects {
        " (layers of pulls come from object storage)"
    } else {
        ""
    };
    let one_less = match demand.zones {
        1 => String::new(),
        _ => format!("; {} with a zone lost", sizing.needed),
    };
    vec![
        "harbormouth".to_owned(),
        row(
            "traffic",
            format!(
                "{} GiB/s up, {} GiB/s down{passes}, {} requests/s",
                short(sizing.up),
                short(sizing.down),
                short(sizing.requests)
            ),
        ),
        row(
            "CPU",
            format!(
                "{} cores busy, {} with headroom",
                short(sizing.busy_cores),
                short(sizing.cores)
            ),
        ),
        row(
            "replicas",
            format!(
                "{}{one_less}; decided by {}",
                sizing.replicas, sizing.decided_by
            ),
        ),
        row(
            "under way",
            format!(
                "{} layers up, {} down, {} connections",
                whole(sizing.uploading),
                whole(sizing.downloading),
                whole(sizing.connections)
            ),
        ),
        row(
            "memory",
            format!(
                "{} MiB a replica with slow clients; a limit of {} MiB, so that limits.body_memory \
                 refuses nobody",
                whole(sizing.memory),
                whole(sizing.memory_limit)
            ),
        ),
    ]
}

fn around(demand: &Demand, sizing: &Sizing) -> Vec<String> {
    let bits = (sizing.up + sizing.down) * 8.0 * 1.073_741_824;
    let anew = sizing.connections / f64::from(demand.zones);
    let idle = if sizing.decided_by == DecidedBy::Connections {
        "; fewer connections wait with a shorter limits.keepalive_idle"
    } else {
        ""
    };
    let mut lines = vec![
        "around it".to_owned(),
        row(
            "Prometheus",
            format!(
                "{} series at start; a scrape of a replica takes {} ms of CPU",
                sizing.series,
                short(sizing.scrape)
            ),
        ),
        row(
            "log",
            format!(
                "{} GiB a day as JSON, if it goes on all day",
                short(sizing.log)
            ),
        ),
        row(
            "balancer",
            format!(
                "TCP passed through; {} Gbit/s to clients, {} new connections/s at most, {} open{idle}",
                short(bits),
                short(sizing.requests),
                whole(sizing.connections)
            ),
        ),
    ];
    lines.extend((demand.zones > 1).then(|| {
        row(
            "zone lost",
            format!(
                "{} connections come anew, which takes the replicas that are left {} s of CPU",
                whole(anew),
                short(anew * per_request(demand.tls))
            ),
        )
    }));
    lines
}

fn of_harbor(sizing: &Sizing) -> Vec<String> {
    vec![
        "Harbor".to_owned(),
        row(
            "gets",
            format!(
                "{} requests/s, {} of them for tokens; {} layers at once written, {} read",
                short(sizing.requests),
                short(sizing.tokens),
                whole(sizing.uploading),
                whole(sizing.downloading)
            ),
        ),
        row("comes first", harbor::first(sizing)),
        row(
            "protected by",
            format!(
                "its own ceilings alone: max_in_flight is for each replica, and all together let {} requests \
                 through to each registry",
                sizing.admitted
            ),
        ),
    ]
}

/// As it is typed.
fn rate(each_second: f64) -> String {
    match each_second {
        1.0.. => format!("{} images/s", short(each_second)),
        _ => format!("{} images/d", short(each_second * 86_400.0)),
    }
}

/// Three digits that count.
fn short(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        ..0.095 => format!("{number:.3}"),
        ..0.95 => format!("{number:.2}"),
        ..99.95 => format!("{number:.1}"),
        _ => whole(number),
    }
}

fn whole(number: f64) -> String {
    format!("{number:.0}")
}
