//! The report as one JSON document, which `docs/doctor.schema.json` describes.
//!
//! Texts are as they came: JSON escapes what would drive a terminal.

use super::super::attribution::{culprit, differences, guess};
use super::super::display::date;
use super::super::finding::Finding;
use super::super::fixes::{advice, elsewhere, fixes, harbormouth};
use super::super::judge::{Judged, fate};
use super::super::language::Language;
use super::super::trace::{AddressSeen, Entry, Exchange, Trouble};
use super::chain::likely;
use super::steps::mark;
use super::ticket::ticket;
use super::verdict::{by_gravity, exit_status, verdict};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// Rises where a field is renamed or goes, not where one is added.
const SCHEMA: u32 = 1;

pub(super) fn document(walks: &[Judged]) -> Value {
    let Some(public) = walks.first() else {
        return Value::Null;
    };
    let findings: Vec<Value> = by_gravity(&public.findings)
        .into_iter()
        .map(|finding| of_finding(finding, walks))
        .collect();
    json!({
        "schema": SCHEMA,
        "tool": "harbormouth doctor",
        "version": env!("CARGO_PKG_VERSION"),
        "target": public.walk.target.to_string(),
        "began": date(public.walk.began),
        "verdict": verdict(walks),
        "exit_status": exit_status(walks),
        "ticket": ticket(walks),
        "findings": findings,
        "differences": differences(walks),
        "layer": fate(&public.walk),
        "walks": walks.iter().map(of_walk).collect::<Vec<Value>>(),
    })
}

fn of_finding(finding: &Finding, walks: &[Judged]) -> Value {
    let mut value = json!(finding);
    let target = walks.first().map(|public| public.walk.typed_target());
    let more = json!({
        "culprit": culprit(finding.kind, walks),
        "product": likely(finding, walks).and_then(|hop| hop.product()),
        "fixes": target.map(|target| fixes(finding.kind, target, Language::English)),
        "advice": advice(finding.kind, Language::English),
        "elsewhere": likely(finding, walks).and_then(|hop| elsewhere(finding.kind, hop, Language::English)),
        "harbormouth": harbormouth(finding.kind, Language::English),
    });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

fn of_walk(judged: &Judged) -> Value {
    let walk = &judged.walk;
    let steps: Vec<Value> = walk
        .exchanges
        .iter()
        .map(|exchange| of_exchange(exchange, judged))
        .collect();
    json!({
        "entry": walk.entered().to_string(),
        "is_public": walk.entry == Entry::Public,
        "began": date(walk.began),
        "repository": walk.repository,
        "user": walk.user,
        "client": walk.client,
        "stands": guess(walk),
        "proxy": walk.proxy,
        "resolved": of_addresses(walk.resolved.as_ref()),
        "addresses": walk.addresses.iter().map(of_address).collect::<Vec<Value>>(),
        "realm": of_addresses(walk.realm.as_ref()),
        "steps": steps,
        "grant": walk.grant,
        "findings": judged.findings,
        "skipped": walk.skipped,
        "left": walk.left,
    })
}

fn of_addresses(resolved: Option<&Result<Vec<SocketAddr>, Trouble>>) -> Value {
    match resolved {
        None => Value::Null,
        Some(Ok(addresses)) => json!(addresses),
        Some(Err(trouble)) => of_trouble(trouble),
    }
}

fn of_address(seen: &AddressSeen) -> Value {
    let mut value = json!({ "address": seen.address, "is_used": seen.is_used });
    match &seen.connected {
        Ok(took) => value["connect_ms"] = milliseconds(*took),
        Err(trouble) => value["trouble"] = json!(trouble.to_string()),
    }
    value["tls"] = match &seen.tls {
        None => Value::Null,
        Some(Ok(tls)) => json!(tls),
        Some(Err(trouble)) => of_trouble(trouble),
    };
    value
}

fn of_trouble(trouble: &Trouble) -> Value {
    json!({ "trouble": trouble.to_string() })
}

fn of_exchange(exchange: &Exchange, judged: &Judged) -> Value {
    let Exchange {
        step,
        request,
        result,
        sent,
        took,
        silence,
        address,
    } = exchange;
    json!({
        "step": step,
        "mark": mark(exchange, &judged.findings),
        "request": request,
        "answer": result.as_ref().ok(),
        "trouble": result.as_ref().err().map(ToString::to_string),
        "sent": sent,
        "took_ms": milliseconds(*took),
        "silence_ms": silence.map(milliseconds),
        "address": address,
    })
}

fn milliseconds(time: Duration) -> Value {
    // Centuries fit.
    json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
