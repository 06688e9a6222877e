// The page: asks the admin listener every few seconds and shows what it says.

import { showAccounting } from "./page/accounting.js";
import { byId, show, text } from "./page/dom.js";
import { change, current, offer, onChange, query } from "./page/filter.js";
import { zone } from "./page/format.js";
import { showLinks } from "./page/links.js";
import { NotAccepted, ask, live, now } from "./page/live.js";
import { showFailures } from "./page/failures.js";
import { about, showCertificates, showMissing } from "./page/fleet.js";
import { showRegistries, showVerdicts, sign } from "./page/registries.js";
import { showPushes, showUploads } from "./page/rows.js";
import { drawTrend } from "./page/trend.js";
import { judge, lead } from "./page/verdict.js";

// As many as are read; a filter reaches the older ones, and so does a button.
const FAILURES = 60;
// As many as the gateway gives.
const OLDER = 600;
const PUSHES = 25;

let most = FAILURES;

let reasons = null;
let overview = null;

async function refresh() {
  const filter = current();
  const [table, whole, pushes, failures] = await Promise.all([
    reasons ?? ask("/reasons"),
    ask("/overview"),
    ask(`/pushes?limit=${PUSHES}`),
    filtered(filter),
  ]);
  reasons ??= new Map(table.reasons.map((one) => [one.reason, one]));
  const verdicts = judge(whole);
  const evidence = await evidenceFor(verdicts);
  overview = whole;
  about(whole);
  // The tab says it too.
  document.title = `${sign(verdicts)} Harbormouth${whole.replica ? ` – ${whole.replica}` : ""}`;
  showMissing([whole, pushes, failures]);
  showCertificates(whole);
  showLinks(byId("links"), whole.links, null);
  showVerdicts(verdicts, reasons, evidence);
  showRegistries(verdicts, whole);
  showAccounting(whole);
  showUploads(pushes);
  offer(whole);
  drawTrend(whole, current());
  showFailures(failures, filter, reasons, whole);
  showPushes(pushes);
  return whole.time;
}

// The list of failures; a filter that the gateway doesn't understand is said, and shows none.
async function filtered(filter) {
  const refused = byId("refused");
  try {
    // Whose they are, only the page knows: among all it finds those of one replica.
    const limit = filter.replica === "" ? most : OLDER;
    const list = await ask(`/failures?limit=${limit}&${query(filter)}`);
    show(refused, false);
    show(byId("older"), limit < OLDER && list.failures.length === limit);
    if (filter.replica !== "") list.failures = list.failures.filter((one) => one.replica === filter.replica);
    return list;
  } catch (error) {
    if (!(error instanceof NotAccepted)) throw error;
    text(refused, `The gateway doesn't understand this filter: ${error.message}`);
    show(refused, true);
    return { time: Date.now() / 1000, failures: [] };
  }
}

// The diagnosis of the latest failure of the kind that leads in each registry.
async function evidenceFor(verdicts) {
  const found = new Map();
  await Promise.all(verdicts.map(async (verdict) => {
    const { registry, state } = verdict;
    const most = lead(verdict);
    if (!most || ["well", "quiet", "down"].includes(state)) return;
    const which = new URLSearchParams({
      registry: registry.name, operation: most.operation, reason: most.reason, limit: "1",
    });
    const { failures } = await ask(`/failures?${which}`);
    if (failures.length) found.set(registry.name, failures[0].diagnosis);
  }));
  return found;
}

onChange(() => {
  // What is here already follows at once; the list comes with the next answer.
  if (overview) drawTrend(overview, current());
  now();
});
byId("older").addEventListener("click", () => {
  most = OLDER;
  now();
});
window.addEventListener("resize", () => {
  if (!overview) return;
  showRegistries(judge(overview), overview);
  drawTrend(overview, current());
});
byId("skip").addEventListener("click", (event) => {
  // The hash holds the filter.
  event.preventDefault();
  byId("verdict").focus();
});
text(byId("zone"), zone());
if (location.hash && query(current()) === "" && current().by === "reason") change({});
live(refresh);
