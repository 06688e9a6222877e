// Links to what else an operator looks at, as configured: at the page's head, or at each failure that their
// URL is filled in from.

import { attribute, keep, make, show } from "./dom.js";

const PLACE = /\{(registry|repository|request_id|replica)\}/g;

// Shows in `holder` the links that need a failure, if there is one, and otherwise those that need none.
export function showLinks(holder, links, failure) {
  const found = (links ?? []).filter(({ url }) => (url.search(PLACE) >= 0) === Boolean(failure));
  show(holder, found.length > 0);
  keep(holder, found, (one) => `${one.name} ${one.url}`, (one) => make("a", { rel: "noreferrer", target: "_blank" }, one.name),
    (link, one) => attribute(link, "href", one.url.replace(PLACE, (_, key) => encodeURIComponent(failure[key] ?? ""))));
}
