// From numbers to the answer that an operator came for: is pushing broken, since when, where, at
// which step, through whose fault. Values in, values out; nothing here touches the page.

// From this share of failed requests on, pushing doesn't work: every push is several requests,
// and one that fails ends it.
const BROKEN = 0.1;
// One bad request is an accident; two are a pattern.
const PATTERN = 2;
// So many pulls that failed are no accident: there are more pulls than pushes.
const PULLS = 10;
// Refusals and departures don't count against the objective, but a surge of them is worth a look:
// this many in the last hour, and this share of what is counted.
const SURGE = 10;
const SURGE_SHARE = 0.2;
// From here on containerd 2.3 and Docker 29.7 give a commit up.
export const IMPATIENCE = 30;

// Of the 288 steps of a day, those of the last hour.
const LAST_HOUR = -12;

const PULL = ["manifest_head", "manifest_get", "blob_head", "blob_get"];
const PUSH = ["upload_start", "upload_mount", "upload_monolithic", "upload_chunk", "upload_commit", "manifest_put"];

export const counted = (window) => window.good + window.bad;
export const share = (window) => (counted(window) ? window.bad / counted(window) : null);

// States, from worst to best.
const STATES = ["broken", "dead", "pulls_broken", "canary", "failing", "pulls_failing", "missed", "accident", "recovered", "surge", "down", "well", "quiet"];

export function judge(overview) {
  return overview.registries
    .map((registry) => judgeOne(registry, overview))
    .sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state));
}

function judgeOne(registry, overview) {
  const { series, time } = overview;
  const { now, hour, day } = registry.windows;
  const budget = 1 - registry.objective;
  const over = (window) => (share(window) ?? 0) > budget;
  const requests = series.requests.find((one) => one.registry === registry.name);
  const since = over(now) || over(hour) ? failingSince(requests, budget, series, firstStart(overview)) : null;
  const from = since ? since.step : LAST_HOUR;
  const bad = leading(series, registry.name, PUSH, (one) => one.outcome === "failed", from);
  const beside = leading(series, registry.name, PUSH, (one) => one.outcome !== "failed", LAST_HOUR);
  // A replica of an older version doesn't count them.
  const pulls = registry.pulls?.now ?? { good: 0, bad: 0 };
  const unpulled = over(pulls) && pulls.bad >= PULLS
    ? leading(series, registry.name, PULL, (one) => one.outcome === "failed", LAST_HOUR) : null;
  const surge = beside !== null && beside.total >= SURGE && beside.total > SURGE_SHARE * counted(hour);
  const down = registry.endpoints.filter((endpoint) => !endpoint.healthy || endpoint.down_at?.length);
  // Runs of the canary that failed in a row: it also knows of what never gets here.
  const canary = registry.canary?.bad ?? 0;
  let state = "well";
  if (over(now) && now.bad >= PATTERN && share(now) >= BROKEN) state = "broken";
  else if (registry.endpoints.every((endpoint) => !endpoint.healthy)) state = "dead";
  else if (unpulled && share(pulls) >= BROKEN) state = "pulls_broken";
  else if (canary >= PATTERN) state = "canary";
  else if (over(now) && now.bad >= PATTERN) state = "failing";
  else if (unpulled) state = "pulls_failing";
  else if (canary) state = "missed";
  else if (over(now)) state = "accident";
  else if (over(hour)) state = "recovered";
  else if (surge) state = "surge";
  else if (down.length) state = "down";
  else if (counted(day) === 0) state = "quiet";
  return { registry, state, since, bad, beside: surge ? beside : null, unpulled, down, time };
}

// The failure that leads in what a verdict says; none where it says nothing of failures.
export function lead({ state, bad, beside, unpulled }) {
  if (state === "surge") return beside;
  return isOfPulls(state) ? unpulled : bad;
}

export const isOfPulls = (state) => state === "pulls_broken" || state === "pulls_failing";

// When the first of the replicas started: nothing was seen before.
export function firstStart({ replicas, started }) {
  return Math.min(started, ...(replicas ?? []).map((one) => one.started).filter((at) => at > 0));
}

// Where the stretch began that is over the objective up to now. A step in which nothing was
// counted says nothing and doesn't end it; a step within the objective does.
export function failingSince(requests, budget, series, started) {
  if (!requests) return null;
  let began = null;
  let ended = null;
  for (let step = requests.bad.length - 1; step >= 0; step -= 1) {
    const window = { good: requests.good[step], bad: requests.bad[step] };
    if (counted(window) === 0) continue;
    if (share(window) > budget) {
      began = step;
      ended ??= step;
    } else if (began !== null) break;
  }
  if (began === null) return null;
  // Nothing was seen before the process started.
  const at = (step) => Math.max(started, series.from + step * series.step);
  return { step: began, at: at(began), until: at(ended + 1), whole: began === 0 };
}

// The combination of step, reason and fault with the most failures of these steps from a time on, and how
// much of all it is.
function leading(series, name, steps, which, from) {
  let total = 0;
  let best = null;
  for (const one of series.failures) {
    if (one.registry !== name || !steps.includes(one.operation) || !which(one)) continue;
    const number = one.counts.slice(from).reduce((a, b) => a + b, 0);
    total += number;
    if (number > (best?.number ?? 0)) best = { ...one, number };
  }
  return best && { ...best, total };
}
