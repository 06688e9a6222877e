// The traffic of this month by project, where the gateway counts it.

import { attribute, byId, keep, make, parts, show, text } from "./dom.js";
import { bytes, count, moment, some } from "./format.js";

// The name of all projects that have no row of their own.
const REST = "_other";

const COLUMNS = [
  ["project"], ["sent", "Bytes pulled", true], ["received", "Bytes pushed", true], ["pulls", "Pulls", true],
  ["pushes", "Pushes", true], ["deletes", "Deletions", true],
];

export function showAccounting({ registries, time }) {
  const counted = registries.filter((one) => one.accounting);
  const section = byId("accounting");
  show(section, counted.length > 0);
  if (counted.length === 0) return;
  const rows = counted.flatMap(({ name, accounting }) =>
    accounting.projects.map((one) => ({ registry: name, ...one })));
  const { month } = counted[0].accounting;
  text(byId("accounting-month"), month);
  attribute(byId("accounting-csv"), "href", `/accounting.csv?month=${month}`);
  show(byId("projects"), rows.length > 0);
  text(byId("accounting-note"), note(counted, rows.length, time));
  keep(byId("projects").tBodies[0], rows, (one) => `${one.registry} ${one.project}`, newRow, (row, one) => {
    const cell = parts(row);
    text(cell.where, one.project === REST ? "all other projects" : one.project);
    text(cell.sub, one.registry);
    for (const key of ["sent", "received"]) text(cell[key], bytes(one[key]));
    for (const key of ["pulls", "pushes", "deletes"]) text(cell[key], count(one[key]));
  });
}

function newRow() {
  const row = make("tr", { role: "row" }, ...COLUMNS.map(([key, label, number]) =>
    make("td", { role: "cell", "data-is": key, "data-label": label, class: number ? "number" : null })));
  row.querySelector('[data-is="project"]').append(
    make("div", { "data-is": "where", class: "where" }), make("div", { "data-is": "sub", class: "sub" }));
  return row;
}

function note(counted, rows, time) {
  const sum = (key) => counted.reduce((total, { accounting }) => total + accounting[key], 0);
  const [more, redirects] = [sum("more"), sum("redirects")];
  const since = Math.min(...counted.map(({ accounting }) => accounting.since));
  const said = [
    rows ? `Requests that Harbor accepted through this replica since ${moment(since, time)}, each layer and each manifest one, and the bytes of their bodies.`
      : `No request of a project was accepted since ${moment(since, time)}.`,
    "A restart begins anew; Prometheus has the history.",
    redirects ? `${some(redirects, "layer was", "layers were")} redirected to object storage: those bytes go from there to the clients and are not in these numbers.`
      : "Bytes that clients get from object storage itself would not be in these numbers.",
  ];
  if (more) said.push(`The file has ${some(more, "more project", "more projects")}.`);
  return said.join(" ");
}
