//! Envoy: the routes that a push goes by, and the filters before them; wherever they stand in the file,
//! so that answers of xDS are read as well.

use super::scope::{PATHS, Scope, Scopes};
use super::yaml::Node;

pub(super) fn scopes(documents: &[Node]) -> Scopes {
    let mut scopes = Vec::new();
    for node in documents.iter().flat_map(Node::all) {
        if let Some(filters) = node.get("http_filters") {
            scopes.push(manager(node, filters));
        }
        if let Some(hosts) = node.get("virtual_hosts") {
            for host in hosts.items() {
                scopes.extend(required_tls(host));
                scopes.extend(routes(node, host));
            }
        }
    }
    Scopes::of(scopes)
}

/// The connection manager: its own limits, and its filters by the end of their names.
fn manager(node: &Node, filters: &Node) -> Scope {
    let mut scope = Scope::new("manager", filters.line);
    for key in [
        "stream_idle_timeout",
        "request_timeout",
        "strip_any_host_port",
    ] {
        if let Some(value) = node.get(key) {
            scope.set(key, value.text(), value.line);
        }
    }
    for filter in filters.items() {
        let name = filter.get("name").map_or("", Node::text);
        let config = filter.get("typed_config");
        let type_name = config.and_then(|it| it.get("@type")).map_or("", Node::text);
        let is = |end: &str, message: &str| name.ends_with(end) || type_name.ends_with(message);
        let filter_name = [
            ("http.buffer", ".buffer.v3.Buffer"),
            ("http.basic_auth", ".BasicAuth"),
            ("http.oauth2", ".OAuth2"),
            ("http.ext_authz", ".ExtAuthz"),
            ("http.cache", ".CacheConfig"),
        ]
        .into_iter()
        .find(|(end, message)| is(end, message));
        if let Some((end, _)) = filter_name {
            let most = config.and_then(|it| it.get("max_request_bytes"));
            let line = most.map_or(filter.line, |most| most.line);
            let name = end.trim_start_matches("http.");
            scope.set(format!("filter {name}"), most.map_or("", Node::text), line);
        }
    }
    scope
}

/// A host that sends plain HTTP to https by itself.
fn required_tls(host: &Node) -> Option<Scope> {
    let required = host.get("require_tls")?;
    let mut scope = Scope::new("redirect", required.line);
    scope.set("require_tls", required.text(), required.line);
    Some(scope)
}

/// The first route of a host for each path.
fn routes(outer: &Node, host: &Node) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    let routes = host.get("routes").map_or(&[][..], Node::items);
    for path in PATHS {
        let Some(one) = routes.iter().find(|one| covers(one, path)) else {
            continue;
        };
        let scope = match (one.get("route"), one.get("redirect")) {
            (Some(action), _) => route([outer, host, one], action, path),
            (None, Some(action)) => redirect(action),
            (None, None) => continue,
        };
        scopes.push(scope);
    }
    scopes
}

/// Other conditions than the path are taken to hold.
fn covers(route: &Node, path: &str) -> bool {
    let Some(condition) = route.get("match") else {
        return false;
    };
    let of = |key: &str| condition.get(key).map(Node::text);
    let separated = of("path_separated_prefix").map(|prefix| path.starts_with(prefix));
    let prefix = of("prefix").map(|prefix| path.starts_with(prefix));
    let exact = of("path").map(|exact| path == exact);
    // Expressions are another's.
    prefix.or(separated).or(exact).unwrap_or(false)
}

fn route(levels: [&Node; 3], action: &Node, path: &str) -> Scope {
    let part = if path == PATHS[0] { "route" } else { "token" };
    let mut scope = Scope::new(part, action.line);
    for (key, value) in action.entries() {
        let name = snake(key.text());
        if name != "host_rewrite_literal" || !is_own(levels[1], value.text()) {
            scope.set(name, value.text(), value.line);
        }
    }
    let prefix = levels[2].at(&["match", "prefix"]).map_or("", Node::text);
    if let Some(new) = action.get("prefix_rewrite") {
        let rest = path.strip_prefix(prefix).unwrap_or(path);
        let whole = format!("{}{rest}", new.text());
        if whole != path {
            scope.set("path", whole, new.line);
        }
    }
    for level in levels {
        for key in ["request_headers_to_remove", "response_headers_to_remove"] {
            for header in level.get(key).map_or(&[][..], Node::items) {
                scope.set(key, header.text().to_ascii_lowercase(), header.line);
            }
        }
        for added in level
            .get("request_headers_to_add")
            .map_or(&[][..], Node::items)
        {
            let of = |key: &str| added.at(&["header", key]).map_or("", Node::text);
            let name = of("key").to_ascii_lowercase();
            // Every request has this one from Envoy itself; of the others one line may be the only one.
            let part = match (name.as_str(), manner(added)) {
                ("x-forwarded-proto", HeaderManner::Appended) => "appended",
                ("x-forwarded-proto", HeaderManner::WhereAbsent) => continue,
                (_, _) => "header",
            };
            scope.set(format!("{part} {name}"), of("value"), added.line);
        }
    }
    scope
}

/// What becomes of an added header where the request has it already.
enum HeaderManner {
    Appended,
    Replaced,
    WhereAbsent,
}

/// Appended unless it says otherwise, by `append` in older files.
fn manner(added: &Node) -> HeaderManner {
    let action = added.get("append_action").map(Node::text);
    let append = added.get("append").map(Node::text);
    match (action, append) {
        (Some("ADD_IF_ABSENT"), _) => HeaderManner::WhereAbsent,
        (Some("APPEND_IF_EXISTS_OR_ADD"), _) => HeaderManner::Appended,
        (Some(_), _) | (None, Some("false")) => HeaderManner::Replaced,
        (None, _) => HeaderManner::Appended,
    }
}

/// Whether a virtual host is asked for by this name: then it is one that clients type.
fn is_own(host: &Node, authority: &str) -> bool {
    let name = authority.split(':').next().unwrap_or_default();
    let domains = host.get("domains").map_or(&[][..], Node::items);
    domains
        .iter()
        .any(|domain| domain.text() == authority || domain.text() == name)
}

fn redirect(action: &Node) -> Scope {
    let mut scope = Scope::new("redirect", action.line);
    let of = |key: &str| action.get(key);
    if of("https_redirect").is_some_and(|it| it.text() == "true") {
        let code = of("response_code");
        let line = code.map_or(action.line, |code| code.line);
        scope.set(
            "response_code",
            code.map_or("MOVED_PERMANENTLY", Node::text),
            line,
        );
    }
    scope
}

/// `hostRewriteLiteral` is `host_rewrite_literal`: both are accepted.
fn snake(key: &str) -> String {
    let mut snake = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
