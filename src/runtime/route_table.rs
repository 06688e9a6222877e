//! Where requests go, told to an operator: all of it as a table, or one request's way. Decided by the same
//! functions as the gateway's (`oci::way`), and said here.

mod met_first;

use super::origins::{NamedOrigin, named_origins, sites};
use crate::config::{Config, Fallback, Registry};
use crate::net::host::Routes;
use crate::net::origin::{Authority, Origin};
use crate::net::path::NormalPath;
use crate::oci::local_reply::LocalReply;
use crate::oci::operation::Operation;
use crate::oci::routing::{Asked, Naming, SharedSite, Site, token_scopes};
use crate::oci::target::{BodyPresence, Target};
use crate::oci::way::{self, Names};
use std::str::FromStr;

/// A request, as its URL tells it.
#[derive(Clone, Debug)]
pub struct Question {
    /// None where none is typed.
    method: Option<http::Method>,
    origin: Origin,
    /// Path and query.
    target: String,
}

impl FromStr for Question {
    type Err = String;

    /// With https where no scheme is typed.
    fn from_str(typed: &str) -> Result<Question, String> {
        let (scheme, rest) = typed.split_once("://").unwrap_or(("https", typed));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let origin = Origin::parse(&format!("{scheme}://{authority}")).map_err(|error| {
            format!(
                "{error}; accepted is a URL such as https://hub.example.com/v2/lab/app/manifests/v1"
            )
        })?;
        let lead = if target.starts_with('/') { "" } else { "/" };
        let target = format!("{lead}{target}");
        Ok(Question {
            method: None,
            origin,
            target,
        })
    }
}

impl Question {
    /// Reads a method and a URL.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn with_method(typed: &str) -> Result<Question, String> {
        let Some((method, url)) = typed.trim().split_once(' ') else {
            return typed.parse();
        };
        let is_method =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase());
        let method = Some(method).filter(|text| is_method(text));
        let method = method.and_then(|method| method.parse().ok());
        if method.is_none() {
            return Err("a method such as PUT, and then a URL, are accepted".to_owned());
        }
        let question: Question = url.trim().parse()?;
        Ok(Question { method, ..question })
    }

    /// Unless it is typed: an upload is opened by POST; everything else can be asked by GET.
    pub(super) fn method(&self) -> &str {
        if let Some(method) = &self.method {
            return method.as_str();
        }
        let path = self.target.split('?').next().unwrap_or_default();
        match path.trim_end_matches('/').ends_with("/blobs/uploads") {
            true => "POST",
            false => "GET",
        }
    }
}

/// The table's lines, where anything is configured beside registries with origins of their own.
pub fn table(config: &Config) -> Option<Vec<String>> {
    let names = named_origins(config);
    let has_others = |registry: &Registry| !registry.fallback.is_empty();
    let is_plain = !names
        .iter()
        .any(|name| name.is_shared || name.mirror.is_some());
    if is_plain && !config.registries.iter().any(|one| has_others(one)) {
        return None;
    }
    let header = ["at", "asked for", "goes to", "as"].map(str::to_owned);
    let rows: Vec<[String; 4]> = [header]
        .into_iter()
        .chain(names.iter().map(|name| row(config, name)))
        .collect();
    let widths: [usize; 3] = [0, 1, 2].map(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let line = |[at, asked, to, there]: &[String; 4]| {
        let [first, second, third] = widths;
        format!("{at:first$}  {asked:second$}  {to:third$}  {there}")
    };
    Some(rows.iter().map(line).collect())
}

fn row(config: &Config, name: &NamedOrigin<'_>) -> [String; 4] {
    let registry = &config.registries[name.registry];
    let (asked, there) = match name.mirror {
        Some((_, mirror)) => (
            match mirror.sources.as_slice() {
                [] => "everything".to_owned(),
                sources => format!("ns={}", sources.join(", ns=")),
            },
            format!("{}/", mirror.project),
        ),
        None if !name.is_shared => ("everything".to_owned(), "it is".to_owned()),
        None => (projects(registry), "it is".to_owned()),
    };
    let others = registry.fallback.iter().map(|one| one.registry.as_str());
    let all: Vec<&str> = std::iter::once(registry.name.as_str())
        .chain(others)
        .collect();
    [name.origin.to_string(), asked, all.join(", then "), there]
}

fn projects(registry: &Registry) -> String {
    let projects = registry.projects.iter().map(ToString::to_string);
    let projects: Vec<String> = projects.collect();
    match projects.as_slice() {
        [] => "everything else".to_owned(),
        projects => projects.join(", "),
    }
}

/// A request whose registry is known.
pub(super) struct Found<'f> {
    pub(super) registry: &'f Registry,
    pub(super) origin: &'f Origin,
    pub(super) target: &'f Target<'f>,
    pub(super) path: &'f NormalPath<'f>,
    name: &'f NamedOrigin<'f>,
    naming: Option<&'f Naming>,
    there: Names<'f>,
}

impl Found<'_> {
    /// A repository by Harbor's name.
    pub(super) fn repository(&self, here: &str) -> String {
        self.naming
            .map_or_else(|| here.to_owned(), |naming| naming.there(here))
    }
}

/// Finds the registry of a request, and tells of it.
///
/// # Errors
/// What the client would be told, where it goes nowhere.
pub(super) fn found<T>(
    config: &Config,
    question: &Question,
    tell: impl FnOnce(&Found<'_>) -> T,
) -> Result<T, Vec<String>> {
    let nowhere = |reply: LocalReply, registry: Option<&str>| {
        vec![format!(
            "nowhere: {} {}",
            reply.status(),
            reply.sentence(registry)
        )]
    };
    let path = NormalPath::parse(question.target.as_bytes())
        .map_err(|error| nowhere(LocalReply::BadPath(error), None))?;
    let method = question.method();
    let body = match method {
        "PUT" | "PATCH" => BodyPresence::Present,
        _ => BodyPresence::Absent,
    };
    let target = Target::of(method, &path, body);
    let names = named_origins(config);
    let routes = Routes::new(sites(config, &names));
    let origin = &question.origin;
    let authority = Authority {
        host: origin.host.clone(),
        port: Some(origin.port),
    };
    let number = way::public_name(&routes, (&authority, origin.scheme), &target, &path)
        .map_err(|reply| nowhere(reply, None))?;
    let name = &names[number];
    let registry = &config.registries[name.registry];
    let naming = name
        .mirror
        .map(|(_, mirror)| Naming::of(&mirror.project, &mirror.sources));
    let there = match (&naming, routes.of(name.origin)) {
        (Some(naming), _) => Names::Mirror(naming),
        (None, Some(Site::Shared(site))) => Names::Shared(site),
        (None, _) => Names::Same,
    };
    if !registry.expose.has(target.exposure) || !there.serves(&target) {
        return Err(nowhere(LocalReply::NotPublic, Some(&registry.name)));
    }
    Ok(tell(&Found {
        registry,
        origin: name.origin,
        target: &target,
        path: &path,
        name,
        naming: naming.as_ref(),
        there,
    }))
}

/// What becomes of one request: what it meets first, then where it goes.
///
/// # Errors
/// What the client would be told, where it goes nowhere; all of it, where it is refused on the way.
pub fn route(config: &Config, question: &Question) -> Result<Vec<String>, Vec<String>> {
    let way = |found: &Found<'_>| {
        let refusal = met_first::refusal(found.registry, found.target.operation);
        let mut lines = Vec::new();
        let Question { origin, target, .. } = question;
        lines.extend(met_first::redirect(
            config,
            found.name.registry,
            origin,
            target,
        ));
        lines.extend(met_first::rules(config));
        lines.extend(refusal.clone());
        lines.extend(where_to(question, found));
        match refusal {
            Some(_) => Err(lines),
            None => Ok(lines),
        }
    };
    found(config, question, way)?
}

fn where_to(question: &Question, found: &Found<'_>) -> Vec<String> {
    let Found {
        registry,
        target,
        path,
        there,
        ..
    } = found;
    let mut lines = vec![format!("registry: {}", registry.name)];
    lines.extend(why(found.name, there, (target, path), registry));
    let upstream = there.upstream(path, target);
    if upstream.is_mount_refused {
        lines.push(
            "mount: left out, because its source is at another Harbor; the client uploads instead"
                .to_owned(),
        );
    }
    let asked = upstream.target.unwrap_or_else(|| question.target.clone());
    lines.push(format!("there: {} {asked}", question.method()));
    lines.extend(scopes(target, &asked));
    lines.extend(others(&registry.fallback, target, found.naming));
    lines
}

/// Why it is this registry, where that isn't plain.
fn why(
    name: &NamedOrigin<'_>,
    there: &Names<'_>,
    (target, path): (&Target<'_>, &NormalPath<'_>),
    registry: &Registry,
) -> Option<String> {
    match (name.mirror, there) {
        (Some((index, mirror)), _) => Some(format!(
            "by: mirrors[{index}], which is the project {} there",
            mirror.project
        )),
        (None, Names::Shared(site)) => {
            let asked = Asked::of(name.origin, target, path);
            Some(format!("by: {}", share(site, &asked, registry)))
        }
        (None, _) => None,
    }
}

fn share(site: &SharedSite, asked: &Asked<'_>, registry: &Registry) -> String {
    if site.began_at(asked).is_some() {
        "harbormouth_registry, because the upload began there".to_owned()
    } else if registry.projects.is_empty() {
        "it has what no other registry's projects name".to_owned()
    } else {
        format!("its projects, which are {}", projects(registry))
    }
}

/// The scopes of a token at Harbor.
fn scopes(target: &Target<'_>, asked: &str) -> Option<String> {
    if target.operation != Operation::Token {
        return None;
    }
    let (_, query) = asked.split_once('?')?;
    let scopes = token_scopes(query);
    let texts = scopes.iter().map(ToString::to_string);
    let texts: Vec<String> = texts.collect();
    (!texts.is_empty()).then(|| format!("scopes there: {}", texts.join(" ")))
}

/// Who else is asked for what a pull doesn't find.
fn others<'a>(
    fallback: &'a [Fallback],
    target: &'a Target<'_>,
    naming: Option<&'a Naming>,
) -> impl Iterator<Item = String> + 'a {
    let asked = target
        .repository
        .filter(|_| target.operation.is_pull())
        .map(|here| naming.map_or_else(|| here.to_owned(), |naming| naming.there(here)));
    let lines = move |repository: String| {
        fallback.iter().map(move |other| {
            let when: Vec<String> = other.when.iter().map(ToString::to_string).collect();
            let there = other.repository(&repository);
            let when = when.join(" or ");
            format!("then: {}, as {there}, where it is {when}", other.registry)
        })
    };
    asked.into_iter().flat_map(lines)
}
