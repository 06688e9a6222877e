//! Where lines belong, in the words of each product's own documentation.

pub const NGINX_LOCATION: &str = "in the location that passes to Harbor";
pub const NGINX_REGISTRY_LOCATIONS: &str =
    "in locations of their own for /v2/ and /service/, beside that of the portal";
pub const NGINX_SERVER: &str = "in the server block of this name";
pub const NGINX_PLAIN_SERVER: &str =
    "in the server block that listens on port 80, in place of what it does now";
pub const NGINX_UPSTREAM: &str = "in the upstream block";

pub const HAPROXY_FRONTEND: &str = "in the frontend, before its other http-request rules";
pub const HAPROXY_BIND: &str = "in the frontend, in place of its bind line";
pub const HAPROXY_GLOBAL: &str = "in the global section";
pub const HAPROXY_BACKEND: &str = "in the backend of this name, behind its other rules";
pub const HAPROXY_TIMEOUTS: &str = "in the defaults section";

/// The file provider's; labels and custom resources have the same names.
pub(crate) const TRAEFIK_DYNAMIC: &str =
    "in the dynamic configuration; name the middleware in the router";
pub(crate) const TRAEFIK_SERVICES: &str = "in the dynamic configuration";
pub(crate) const TRAEFIK_STATIC: &str = "in the static configuration (a restart)";

pub(crate) const CADDY_PROXY: &str = "in the reverse_proxy block";
pub(crate) const CADDY_SITE: &str = "in the site block";
pub(crate) const CADDY_GLOBAL: &str = "in the global options block";
pub(crate) const CADDY_FILE: &str = "in the Caddyfile";

pub(crate) const INGRESS_ANNOTATIONS: &str =
    "in the Ingress' annotations (`expose.ingress.annotations` in Harbor's chart)";
pub(crate) const INGRESS_CONFIGMAP: &str = "in the controller's ConfigMap";
pub(crate) const INGRESS_SPEC: &str = "in the Ingress' spec";

pub(crate) const HARBOR_YML: &str = "in harbor.yml, then `./prepare` and `docker compose up -d`";
pub(crate) const HARBOR_CHART: &str = "in the chart's values";
pub(crate) const HARBOR_REGISTRY: &str =
    "in common/config/registry/config.yml, then restart the registry (`./prepare` writes it anew)";
pub(crate) const HARBOR_NGINX: &str = "in common/config/nginx/nginx.conf of Harbor's own nginx";
pub(crate) const GATEWAY_RULES: &str =
    "in the rules of an HTTPRoute, where Gateway API is used instead";
