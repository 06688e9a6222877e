// The last failures: where most of them were, each with what is known of it, and all of that as text.

import { attribute, byId, keep, make, parts, show, text } from "./dom.js";
import { change, isSet } from "./filter.js";
import { bytes, count, duration, fault, iso, moment, words } from "./format.js";
import { showLinks } from "./links.js";
import { TONES, client, list } from "./rows.js";

// As many of each as are read at a glance.
const MOST = 5;

export function showFailures({ failures, time }, filter, reasons, { replica, links }) {
  list("failures", failures.length, isSet(filter)
    ? "No failure like this is remembered. “Show all” takes the filter away."
    : "No failure is remembered. Each new one shows here within seconds, with what led to it.");
  text(byId("failures-count"), failures.length ? `${count(failures.length)}, newest first` : "");
  showMost(failures);
  keep(byId("failures"), failures, (one) => `${one.replica} ${one.time} ${one.request_id} ${one.operation}`, newFailure, (item, one) => {
    const part = parts(item);
    attribute(item, "data-tone", TONES[one.outcome] ?? "none");
    attribute(part.time, "datetime", iso(one.time));
    text(part.time, moment(one.time, time));
    text(part.what, title(one));
    text(part.badge, `fault: ${fault(one.fault)}`);
    text(part.where, [one.registry, one.repository, one.replica].filter(Boolean).join(" · "));
    text(part.diagnosis, one.diagnosis);
    const items = known(one, reasons.get(one.reason));
    facts(part.facts, items);
    showLinks(part.links, links, { replica, ...one });
    item.ticket = [title(one), one.diagnosis, ...items.map(([term, value]) => `${term}: ${value}`)].join("\n");
  });
}

const title = (one) => `${words(one.operation)} ${one.outcome}: ${words(one.reason)}`;

// Which projects, accounts and clients have most of what the list shows; a click shows only theirs.
function showMost(failures) {
  const groups = [
    ["Projects", tally(failures.map((one) => one.repository?.split("/")[0]))],
    ["Accounts", tally(failures.map((one) => one.account))],
    ["Clients", tally(failures.map((one) => one.client))],
  ].filter(([, found]) => found.length > 1);
  const box = byId("most");
  show(box, groups.length > 0);
  const nodes = groups.flatMap(([term, found]) => [{ key: term, term }, { key: `${term} are`, found }]);
  keep(box, nodes, (one) => one.key, (one) => make(one.term ? "dt" : "dd"), (node, one) => {
    if (one.term) return text(node, one.term);
    keep(node, one.found, ([name]) => name, ([name]) => {
      const button = make("button", { type: "button", title: "Show only these" });
      button.addEventListener("click", () => change({ search: name }));
      return button;
    }, (button, [name, number]) => text(button, `${name} (${count(number)})`));
  });
}

function tally(names) {
  const found = new Map();
  for (const name of names) if (name) found.set(name, (found.get(name) ?? 0) + 1);
  return [...found].sort((a, b) => b[1] - a[1]).slice(0, MOST);
}

function newFailure() {
  const copy = make("button", { type: "button", class: "copy" }, "Copy as text");
  const item = make("li", { class: "failure" }, make("details", {},
    make("summary", {},
      make("div", { class: "line" },
        make("time", { "data-is": "time" }), make("span", { class: "what", "data-is": "what" }),
        make("span", { class: "where", "data-is": "where" }), make("span", { class: "badge", "data-is": "badge" }),
        make("span", { class: "opens", "aria-hidden": "true" })),
      make("p", { class: "diagnosis", "data-is": "diagnosis" })),
    make("dl", { class: "facts", "data-is": "facts" }),
    make("nav", { class: "links", "data-is": "links", "aria-label": "This failure elsewhere" }), copy));
  copy.addEventListener("click", () => {
    text(copy, copied(item.ticket) ? "Copied" : "This browser doesn't copy");
  });
  return item;
}

// The newer way to copy is there only with https or on the same machine.
function copied(words) {
  const area = make("textarea", { class: "unseen" });
  area.value = words;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function known(one, reason) {
  return [
    ["Time", iso(one.time)],
    ["Reason", reason?.meaning],
    ["Look at", reason?.advice],
    ["Finding", one.finding && words(one.finding)],
    ["Harbor's words", one.message || one.code ? [one.code, one.message].filter(Boolean).join(": ") : null],
    ["Rule", one.rule],
    ["Registry", one.registry],
    ["Repository", one.repository],
    ["Tag or digest", one.reference],
    ["Status", one.status === null ? "none was sent" : String(one.status)],
    ["Took", duration(one.duration)],
    ["Body", bytes(one.bytes)],
    ["Account", one.account],
    ["Client", client(one)],
    ["Token", one.reattached ? "it came without, and was put back by this gateway" : null],
    ["Replica", one.replica],
    ["Request id", one.request_id],
  ].filter(([, value]) => value);
}

function facts(node, items) {
  keep(
    node,
    items.flatMap(([term, value]) => [{ key: term, term }, { key: `${term} is`, name: term, value }]),
    (item) => item.key,
    (item) => (item.term ? make("dt") : make("dd", {}, make(item.name === "Request id" ? "code" : "span"))),
    (item, { term, value }) => text(term ? item : item.firstChild, term ?? value),
  );
}
