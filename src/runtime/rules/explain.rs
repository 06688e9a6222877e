//! Which rule decides about a request, and why: told to an operator, by the same conditions as the
//! gateway's. Nothing is sent anywhere: rules that ask a service are told, and not asked.

use super::values::Asked;
use crate::condition::{Value, Values};
use crate::config::{Action, Config, OnError, RequestRule};
use crate::filter::{ClientFamily, Operation, Request};
use crate::net::origin::Scheme;
use crate::net::query::only_value;
use crate::runtime::route_table::{Found, Question, found};
use http::HeaderMap;
use std::net::IpAddr;
use std::time::SystemTime;

/// Who asks.
#[derive(Clone, Debug, Default)]
pub struct ExplainedAs {
    /// The account that the credential would name.
    pub account: Option<String>,
    /// The client's address.
    pub client: Option<IpAddr>,
}

/// What the rules say to a request, a line for each.
///
/// # Errors
/// The same, where the request would be denied, or goes nowhere.
pub fn explain(
    config: &Config,
    question: &Question,
    asker: &ExplainedAs,
    now: SystemTime,
) -> Result<Vec<String>, Vec<String>> {
    let request = found(config, question, |found| {
        request(question, found, asker, now)
    })?;
    let Some(request) = request else {
        return Err(vec!["nowhere: this path is not public here".to_owned()]);
    };
    let mut lines = vec![about(&request)];
    let is_denied = walk(config, &Asked::of(&request), &mut lines);
    if let (Some(from), false) = (request.mount_from(), is_denied) {
        lines.push(format!("and of the mount, as a pull of {from}:"));
        if walk(config, &Asked::of_mount(&request, from), &mut lines) {
            lines.pop();
            lines.push("so it isn't mounted: the client uploads the layer".to_owned());
        }
    }
    if is_denied { Err(lines) } else { Ok(lines) }
}

/// True where it is denied.
fn walk(config: &Config, asked: &Asked<'_>, lines: &mut Vec<String>) -> bool {
    for rule in &config.rules {
        let name = format!("rule {:?}", rule.name);
        let holds = rule
            .when
            .as_ref()
            .map_or(Ok(true), |when| when.0.holds(asked));
        let because = because(rule, asked);
        match holds {
            Ok(false) => lines.push(format!("{name}: doesn't hold{because}")),
            Err(why) => {
                let then = match rule.on_error {
                    OnError::Deny => "denies",
                    OnError::Allow => "goes on",
                };
                lines.push(format!(
                    "{name}: can't be evaluated ({}): {then}{because}",
                    why.0
                ));
                if rule.on_error == OnError::Deny {
                    lines.push(format!("denied by {name}"));
                    return true;
                }
            }
            Ok(true) => {
                lines.push(format!("{name}: {}{because}", does(&rule.action)));
                match rule.action {
                    Action::Deny(_) => {
                        lines.push(format!("denied by {name}"));
                        return true;
                    }
                    Action::Allow => {
                        lines.push(format!("let through by {name}"));
                        return false;
                    }
                    Action::Report | Action::Rate(_) | Action::Ask(_) => {}
                }
            }
        }
    }
    lines.push("no rule denies it".to_owned());
    false
}

fn does(action: &Action) -> String {
    match action {
        Action::Deny(deny) => {
            let message = deny.message.as_ref();
            let message = message.map_or_else(String::new, |message| format!(", {message:?}"));
            format!("denies with {}{message}", deny.status)
        }
        Action::Allow => "lets it through".to_owned(),
        Action::Report => "only counts it".to_owned(),
        Action::Rate(rate) => {
            let requests = rate.requests.map(|it| it.to_string());
            let bytes = rate.bytes.map(|it| it.to_string());
            let limits: Vec<String> = requests.into_iter().chain(bytes).collect();
            format!("holds each {} to {}", rate.per, limits.join(" and "))
        }
        Action::Ask(ask) => format!("asks {} (not now)", ask.url),
    }
}

/// The values that the condition depends on.
fn because(rule: &RequestRule, asked: &Asked<'_>) -> String {
    let names = rule.when.iter().flat_map(|when| when.0.names());
    let values = names.filter_map(|name| {
        let value = match asked.value(name)? {
            Value::Truth(truth) => truth.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Address(Some(address)) => address.to_string(),
            Value::Address(None) => "unknown".to_owned(),
            Value::Time(time) => humantime::format_rfc3339_seconds(time).to_string(),
            Value::Headers(_) => "none".to_owned(),
            Value::Claims(_) => return None,
        };
        Some(format!("{name} is {value}"))
    });
    let values: Vec<String> = values.collect();
    if values.is_empty() {
        String::new()
    } else {
        format!("; {}", values.join(", "))
    }
}

fn about(request: &Request) -> String {
    let what = match (request.repository(), request.reference()) {
        (None, _) => String::new(),
        (Some(repository), None) => format!(" of {repository}"),
        (Some(repository), Some(reference)) => format!(" of {repository}, {reference}"),
    };
    let operation = request.operation();
    format!("{operation}{what} at registry {}", request.registry())
}

/// None of what is never public.
fn request(
    question: &Question,
    found: &Found<'_>,
    asker: &ExplainedAs,
    now: SystemTime,
) -> Option<Request> {
    let target = found.target;
    Some(Request {
        id: String::new(),
        time: now,
        surface: target.exposure.surface()?,
        operation: target.operation,
        method: question.method().parse().unwrap_or(http::Method::GET),
        path: found.path.path().to_owned(),
        normal_path: found.path.path().to_owned(),
        registry: found.registry.name.clone(),
        public_origin: found.origin.to_string(),
        repository: target.repository.map(|here| found.repository(here)),
        reference: target.reference.map(ToOwned::to_owned),
        mount_from: mount_from(found),
        is_https: found.origin.scheme == Scheme::Https,
        client: asker.client.map(|client| client.to_canonical()),
        client_family: ClientFamily::None,
        account: asker.account.clone(),
        is_accepted: asker.account.is_some(),
        headers: HeaderMap::new(),
    })
}

/// The repository that a mount takes its blob from, by Harbor's name.
fn mount_from(found: &Found<'_>) -> Option<String> {
    if found.target.operation != Operation::UploadMount {
        return None;
    }
    let from = only_value(found.path.query()?, "from")?;
    let from = String::from_utf8(from).ok()?;
    Some(found.repository(&from))
}
