// The lists: uploads in flight, the last failures, recent pushes.

import { attribute, byId, keep, make, parts, show, text } from "./dom.js";
import { isSet } from "./filter.js";
import { ago, bytes, count, duration, fault, iso, moment, rate, some, words } from "./format.js";

// An upload that has been without a byte for this long while one was due is worth a look: half of
// what the usual balancers and containerd allow.
const SILENT = 15;

const TONES = { failed: "bad", aborted: "watch", unfinished: "watch", refused: "none", open: "none", ok: "good" };

const client = (one) =>
  [one.client, one.client_family === "none" ? "" : words(one.client_family)].filter(Boolean).join(", ");

function cells(names) {
  return make("tr", { role: "row" }, ...names.map(([key, label, number]) =>
    make("td", { role: "cell", "data-is": key, "data-label": label, class: number ? "number" : null })));
}

export function showUploads({ uploads, time }) {
  const moving = uploads.filter((one) => one.state !== "idle");
  const idle = uploads.length - moving.length;
  list("uploads", moving.length, idle ? `Nothing is being sent; ${some(idle, "upload is", "uploads are")} open between two requests.` : "Nothing is being uploaded now.");
  text(byId("uploads-count"), uploads.length ? `${count(moving.length)}${idle ? `, and ${count(idle)} between two requests` : ""}` : "");
  keep(
    byId("uploads").tBodies[0],
    moving.toSorted((a, b) => b.silent - a.silent || a.started - b.started),
    (one) => `${one.registry} ${one.upload ?? one.request_id} ${one.started}`,
    () => withParts(cells([
      ["repository"], ["state", "State"], ["age", "Age", true], ["sent", "Sent", true],
      ["rate", "Rate", true], ["silent", "Silent for", true], ["client", "Client"],
    ]), "repository", "where", "sub"),
    (row, one) => {
      const cell = parts(row);
      text(cell.where, one.repository);
      text(cell.sub, one.registry);
      text(cell.state, `${one.state === "waiting" ? "waits for Harbor" : words(one.state)} (${words(one.operation)})`);
      text(cell.age, duration(Math.floor(time - one.started)));
      text(cell.sent, bytes(one.bytes));
      text(cell.rate, rate(one.bytes_per_second));
      text(cell.silent, duration(one.silent < 1 ? 0 : Math.floor(one.silent)).replace(/^0.*/, "–"));
      attribute(cell.silent, "class", one.silent >= SILENT ? "number late" : "number");
      text(cell.client, client(one) || "–");
    },
  );
}

// Puts spans for parts of a cell's text into it.
function withParts(row, key, ...names) {
  const cell = row.querySelector(`[data-is="${key}"]`);
  for (const name of names) cell.append(make("div", { "data-is": name, class: name }));
  return row;
}

function list(id, number, empty) {
  show(byId(id), number > 0);
  show(byId(`${id}-empty`), number === 0);
  text(byId(`${id}-empty`), empty);
}

export function showPushes({ pushes, time }) {
  list("pushes", pushes.length, "No push yet. Each one shows here while it is under way, with what came of it.");
  text(byId("pushes-count"), pushes.length ? count(pushes.length) : "");
  keep(
    byId("pushes").tBodies[0],
    pushes,
    (one) => `${one.registry} ${one.repository} ${one.client} ${one.started}`,
    () => {
      const row = cells([
        ["repository"], ["outcome"], ["updated", "Last seen", true], ["took", "Took", true],
        ["layers", "Layers", true], ["sent", "Sent", true], ["client", "Client"],
      ]);
      withParts(row, "repository", "where", "sub");
      row.querySelector('[data-is="outcome"]').append(
        make("span", { class: "badge", "data-is": "badge" }), make("div", { class: "why", "data-is": "why" }));
      return row;
    },
    (row, one) => {
      const cell = parts(row);
      text(cell.where, one.repository);
      const digest = one.reference?.includes(":");
      text(cell.sub, [one.registry, one.reference && (digest ? one.reference.slice(0, 19) : `tag ${one.reference}`)].filter(Boolean).join(", "));
      attribute(cell.badge, "data-tone", TONES[one.outcome] ?? "none");
      text(cell.badge, one.outcome + (one.reason && one.outcome !== "ok" ? `: ${words(one.reason)}` : ""));
      text(cell.why, one.diagnosis ?? "");
      show(cell.why, Boolean(one.diagnosis));
      text(cell.updated, ago(time - one.updated));
      text(cell.took, duration(one.updated - one.started));
      text(cell.layers, `${count(one.uploads_done)} of ${count(one.uploads)}` + (one.mounted ? `, ${count(one.mounted)} mounted` : ""));
      text(cell.sent, bytes(one.bytes));
      text(cell.client, client(one) || "–");
    },
  );
}

export function showFailures({ failures, time }, filter, reasons) {
  list("failures", failures.length, isSet(filter)
    ? "No failure like this is remembered. “Show all” takes the filter away."
    : "No failure is remembered. Each new one shows here within seconds, with what led to it.");
  text(byId("failures-count"), failures.length ? `${count(failures.length)}, newest first` : "");
  keep(byId("failures"), failures, (one) => `${one.time} ${one.request_id} ${one.operation}`, newFailure, (item, one) => {
    const part = parts(item);
    attribute(item, "data-tone", TONES[one.outcome] ?? "none");
    attribute(part.time, "datetime", iso(one.time));
    text(part.time, moment(one.time, time));
    text(part.what, `${words(one.operation)} ${one.outcome}: ${words(one.reason)}`);
    text(part.badge, `fault: ${fault(one.fault)}`);
    text(part.where, [one.registry, one.repository].filter(Boolean).join(" · "));
    text(part.diagnosis, one.diagnosis);
    facts(part.facts, one, reasons.get(one.reason));
  });
}

function newFailure() {
  return make("li", { class: "failure" }, make("details", {},
    make("summary", {},
      make("div", { class: "line" },
        make("time", { "data-is": "time" }), make("span", { class: "what", "data-is": "what" }),
        make("span", { class: "where", "data-is": "where" }), make("span", { class: "badge", "data-is": "badge" }),
        make("span", { class: "opens", "aria-hidden": "true" })),
      make("p", { class: "diagnosis", "data-is": "diagnosis" })),
    make("dl", { class: "facts", "data-is": "facts" })));
}

function facts(node, one, reason) {
  const items = [
    ["Reason", reason?.meaning],
    ["Look at", reason?.advice],
    ["Finding", one.finding && words(one.finding)],
    ["Harbor's words", one.message || one.code ? [one.code, one.message].filter(Boolean).join(": ") : null],
    ["Rule", one.rule],
    ["Status", one.status === null ? "none was sent" : String(one.status)],
    ["Took", duration(one.duration)],
    ["Body", bytes(one.bytes)],
    ["Client", client(one)],
    ["Token", one.reattached ? "it came without, and was put back by this gateway" : null],
    ["Request id", one.request_id],
  ].filter(([, value]) => value);
  keep(
    node,
    items.flatMap(([term, value]) => [{ key: term, term }, { key: `${term} is`, name: term, value }]),
    (item) => item.key,
    (item) => (item.term ? make("dt") : make("dd", {}, make(item.name === "Request id" ? "code" : "span"))),
    (item, { term, value }) => text(term ? item : item.firstChild, term ?? value),
  );
}
