// The lists of uploads in flight and of recent pushes.

import { attribute, byId, keep, make, parts, show, text } from "./dom.js";
import { ago, bytes, count, duration, rate, some, words } from "./format.js";

// An upload that has been without a byte for this long while one was due is worth a look: half of
// what the usual balancers and containerd allow.
const SILENT = 15;

export const TONES = { failed: "bad", aborted: "watch", unfinished: "watch", refused: "none", open: "none", ok: "good" };

export const client = (one) =>
  [one.client, one.client_family === "none" ? "" : words(one.client_family)].filter(Boolean).join(", ");

// What stands under a row's name, with the replica where there are several.
const at = (words, { replica }) => (replica ? `${words}, at ${replica}` : words);

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
    (one) => `${one.replica} ${one.registry} ${one.upload ?? one.request_id} ${one.started}`,
    () => {
      const row = withParts(cells([
        ["repository"], ["state", "State"], ["age", "Age", true], ["sent", "Sent", true],
        ["rate", "Rate", true], ["silent", "Silent for", true], ["client", "Client"],
      ]), "repository", "where", "sub");
      row.querySelector('[data-is="sent"]').append(
        make("span", { "data-is": "amount" }), make("progress", { "data-is": "progress", "aria-label": "Sent" }));
      return withParts(row, "rate", "speed", "left");
    },
    (row, one) => {
      const cell = parts(row);
      text(cell.where, one.repository);
      text(cell.sub, at(one.registry, one));
      text(cell.state, `${one.state === "waiting" ? "waits for Harbor" : words(one.state)} (${words(one.operation)})`);
      text(cell.age, duration(Math.floor(time - one.started)));
      const all = one.bytes_expected;
      text(cell.amount, all ? `${bytes(one.bytes)} of ${bytes(all)}` : bytes(one.bytes));
      show(cell.progress, Boolean(all));
      attribute(cell.progress, "max", String(all || 1));
      attribute(cell.progress, "value", String(all ? Math.min(one.bytes, all) : 0));
      text(cell.speed, rate(one.bytes_per_second));
      const left = all && one.state === "sending" && one.bytes_per_second ? (all - one.bytes) / one.bytes_per_second : 0;
      text(cell.left, left >= 1 ? `${duration(Math.ceil(left))} left` : "");
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

export function list(id, number, empty) {
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
    (one) => `${one.replica} ${one.registry} ${one.repository} ${one.client} ${one.started}`,
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
      const name = one.reference && (digest ? one.reference.slice(0, 19) : `tag ${one.reference}`);
      text(cell.sub, at([one.registry, name].filter(Boolean).join(", "), one));
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
