// The verdicts and the registries' cards.

import { bundle, draw } from "./chart.js";
import { attribute, byId, keep, make, parts, show, text } from "./dom.js";
import { change } from "./filter.js";
import { ago, count, duration, fault, minute, percent, some, words } from "./format.js";
import { IMPATIENCE, counted, isOfPulls, lead, share } from "./verdict.js";

const TONES = {
  broken: "bad", dead: "bad", pulls_broken: "bad", canary: "bad", failing: "bad", pulls_failing: "watch", missed: "watch", accident: "watch", recovered: "watch", surge: "watch", down: "watch", well: "good", quiet: "none",
};
const SIGNS = { bad: "✕", watch: "▲", good: "✓", none: "○" };
const BADGES = {
  broken: "push is broken", dead: "Harbor is down", pulls_broken: "pull is broken", pulls_failing: "pulls fail", canary: "the canary fails", failing: "pushes fail", missed: "the canary failed", accident: "a push failed", recovered: "works again", surge: "many refused",
  down: "endpoint down", well: "well", quiet: "no push yet",
};

const of = (window) => `${count(window.bad)} of ${some(counted(window), "request", "requests")}`;

// The worst of all, as one character.
export const sign = (verdicts) => (verdicts.length ? SIGNS[TONES[verdicts[0].state]] : SIGNS.none);

// One verdict for each registry that has something to say, one for all the others together.
export function showVerdicts(verdicts, reasons, evidence) {
  const calm = verdicts.filter((one) => one.state === "well" || one.state === "quiet");
  const loud = verdicts.filter((one) => !calm.includes(one));
  const shown = loud.map((one) => ({ key: one.registry.name, ...sentence(one), verdict: one }));
  if (calm.length) shown.push({ key: "\u0000calm", ...calmly(calm, loud.length > 0) });
  keep(byId("verdicts"), shown, (one) => one.key, newVerdict, (node, one) => {
    attribute(node, "data-tone", one.tone);
    const { say, more, answers } = parts(node);
    text(say, one.say);
    attribute(say, "data-sign", SIGNS[one.tone]);
    text(more, one.more);
    const list = one.verdict ? explain(one.verdict, reasons, evidence) : [];
    show(answers, list.length > 0);
    definitions(answers, list);
  });
}

function newVerdict() {
  return make("article", { class: "verdict" },
    make("p", { class: "say", "data-is": "say" }),
    make("p", { class: "more", "data-is": "more" }),
    make("dl", { class: "answers", "data-is": "answers" }));
}

function sentence({ registry, state, since, beside, down, time }) {
  const at = ` at ${registry.name}`;
  const { now, hour } = registry.windows;
  const limit = `the objective allows ${percent(1 - registry.objective)}.`;
  const began = since && (since.whole ? "for a day and longer"
    : `since about ${minute(since.at)}, for ${duration(Math.max(60, Math.floor((time - since.at) / 60) * 60))}`);
  switch (state) {
    case "broken":
      return { tone: "bad", say: `Pushing is broken${at} ${began}`,
        more: `${percent(share(now))} of the push requests of the last 5 minutes failed (${of(now)}); ${limit}` };
    case "failing":
      return { tone: "bad", say: `Some pushes fail${at} ${began}`,
        more: `${percent(share(now))} of the push requests of the last 5 minutes failed (${of(now)}); ${limit}` };
    case "pulls_broken":
    case "pulls_failing": {
      const pulls = registry.pulls.now;
      return { tone: TONES[state], say: `${state === "pulls_broken" ? "Pulling is broken" : "Some pulls fail"}${at}`,
        more: `${percent(share(pulls))} of the pull requests of the last 5 minutes failed (${of(pulls)}).` };
    }
    case "canary":
      return { tone: "bad", say: `The canary can't push and pull${at}`,
        more: `Its last ${count(registry.canary.bad)} runs failed, ${run(registry.canary, time)}. ${registry.canary.diagnosis}` };
    case "missed":
      return { tone: "watch", say: `The canary's last run failed${at}`,
        more: `It was ${ago(time - registry.canary.time)}, and the one before was good. ${registry.canary.diagnosis}` };
    case "accident":
      return { tone: "watch", say: `A push failed${at}`,
        more: `One of ${some(counted(now), "push request", "push requests")} of the last 5 minutes failed; ${limit}` };
    case "recovered": {
      const still = counted(now) ? `${of(now)} failed in the last 5 minutes` : "no push came in the last 5 minutes";
      return { tone: "watch",
        say: counted(now) ? `Pushing works again${at} since about ${minute(since?.until ?? time)}` : `Pushes failed${at} until about ${minute(since?.until ?? time)}; none came since`,
        more: `${percent(share(hour))} of the push requests of the last hour failed (${of(hour)}), ${still}; ${limit}` };
    }
    case "surge":
      return { tone: "watch", say: `Many pushes are refused or given up${at}`,
        more: `${count(beside.total)} in the last hour, beside ${some(counted(hour), "request", "requests")} that count. They don't count against the objective: mostly that is the clients' own doing. Look whether so many are.` };
    case "dead":
      return { tone: "bad", say: `No endpoint of ${registry.name} answers`,
        more: `The health probe fails at ${addresses(down)}: nothing can be pushed or pulled.` };
    case "down":
      if (down.every((one) => one.healthy)) {
        return { tone: "watch", say: `Some replicas don't reach ${registry.name}`,
          more: `The health probe fails at ${addresses(down)}; the other replicas carry on.` };
      }
      return { tone: "watch", say: `${down.length} of ${registry.endpoints.length} endpoints of ${registry.name} don't answer`,
        more: `The health probe fails at ${addresses(down)}; the others carry on.` };
    default:
      return { tone: "none", say: registry.name, more: "" };
  }
}

const run = (canary, time) => `the last one ${ago(time - canary.time)}` +
  (canary.last_success === null ? ", and none was good yet" : `; the last good one was ${ago(time - canary.last_success)}`);

// Where only some replicas have no answer, they are named.
const addresses = (endpoints) =>
  endpoints.map((one) => (one.healthy ? `${one.name} (from ${one.down_at.join(", ")})` : one.name)).join(", ");

function calmly(verdicts, others) {
  const names = (list) => list.map((one) => one.registry.name).join(", ");
  const well = verdicts.filter((one) => one.state === "well");
  const quiet = verdicts.filter((one) => one.state === "quiet");
  if (well.length === 0) {
    return { tone: "none", say: others ? `No push yet at ${names(quiet)}` : "No push yet",
      more: "Nothing was pushed through here in the last day, or since the start. The first push shows here within seconds." };
  }
  const day = sum(well, "day");
  const rest = quiet.length ? ` No push yet at ${names(quiet)}.` : "";
  return { tone: "good", say: others || quiet.length ? `Pushing works at ${names(well)}` : "Pushing works",
    more: `In the last day ${of(day)} failed (${percent(share(day) ?? 0)}).${rest}` };
}

function sum(verdicts, window) {
  const total = { good: 0, bad: 0 };
  for (const { registry } of verdicts) {
    total.good += registry.windows[window].good;
    total.bad += registry.windows[window].bad;
  }
  return total;
}

// Which step, why, whose fault, what to change: of the leading failure.
function explain(verdict, reasons, evidence) {
  const { registry, state, unpulled, down } = verdict;
  if (state === "canary" || state === "missed") {
    const { step, finding } = registry.canary;
    return [
      ["Step", words(step), ""],
      ...(finding ? [["Finding", words(finding), ""]] : []),
      ["Look at", "", reasons.get("canary")?.advice ?? "–"],
    ];
  }
  const most = lead(verdict);
  if (!most || state === "down") return [];
  const reason = reasons.get(most.reason);
  const seen = evidence.get(registry.name);
  const list = [
    ["Step", `${words(most.operation)}`, ` (${count(most.number)} of ${some(most.total, "failure", "failures")})`],
    ["Reason", words(most.reason), reason ? ` – ${reason.meaning}` : ""],
    ["Fault", fault(most.fault), ""],
    ["Look at", reason?.advice || "–", ""],
  ];
  // Where the diagnosis repeats what stands above it, what is left is its evidence.
  const fresh = [reason?.meaning, reason && `Look at: ${reason.advice}`]
    .reduce((words, known) => (known ? words.replace(known, "") : words), seen ?? "").trim();
  if (fresh) list.push(["Seen last", "", fresh]);
  if (unpulled && !isOfPulls(state)) {
    list.push(["Pulls, too", `${percent(share(registry.pulls.now))} failed`, ` (${words(unpulled.operation)}: ${words(unpulled.reason)})`]);
  }
  if (down.length && state !== "dead") list.push(["Down", addresses(down), " (the health probe fails)"]);
  return list;
}

function definitions(list, items) {
  keep(
    list,
    items.flatMap((item) => [{ key: `${item[0]} t`, term: item[0] }, { key: `${item[0]} d`, item }]),
    (one) => one.key,
    (one) => (one.term ? make("dt") : make("dd", {}, make("strong"), make("span"))),
    (node, one) => {
      if (one.term) return text(node, one.term);
      text(node.firstChild, one.item[1]);
      text(node.lastChild, one.item[2]);
    },
  );
}

export function showRegistries(verdicts, overview) {
  const ranked = new Map(verdicts.map((one) => [one.registry.name, one]));
  keep(byId("registries"), overview.registries, (one) => one.name, newCard, (card, registry) => {
    const { state } = ranked.get(registry.name);
    const { name, names, badge, objective, facts } = parts(card);
    text(name, registry.name);
    text(names, registry.public.join(", "));
    attribute(badge, "data-tone", TONES[state]);
    text(badge, `${SIGNS[TONES[state]]} ${BADGES[state]}`);
    for (const key of ["now", "hour", "day"]) {
      window_(parts(card)[key], registry.windows[key], registry.objective, "no push");
      window_(parts(card)[`pulls-${key}`], registry.pulls?.[key] ?? { good: 0, bad: 0 }, registry.objective, "no pull");
    }
    const { excluded } = registry.windows.day;
    text(objective, `Objective: at most ${percent(1 - registry.objective)} fail.` +
      (excluded ? ` Not counted in the day: ${some(excluded, "refusal or departure", "refusals and departures")}.` : ""));
    facts_(facts, registry, overview.time);
  });
  // Only now all of them are in the page and have their width.
  for (const card of byId("registries").children) {
    const registry = overview.registries.find((one) => one.name === parts(card).name.textContent);
    sparkline(parts(card).chart, registry, overview.series);
  }
}

function newCard(registry) {
  const window = (key, words) => make("div", { "data-is": key },
    make("dt", {}, words), make("dd", { class: "rate" }), make("dd", { class: "of" }));
  const windows = (prefix, label) => [make("p", { class: "objective above" }, label),
    make("dl", { class: "windows", "aria-label": label },
      window(`${prefix}now`, "last 5 minutes"), window(`${prefix}hour`, "last hour"), window(`${prefix}day`, "last day"))];
  const link = make("button", { type: "button", class: "quiet" }, "Show its failures");
  link.addEventListener("click", () => {
    change({ registry: registry.name });
    byId("failures-title").scrollIntoView();
  });
  const card = make("article", { class: "card" },
    make("header", {}, make("h3", { "data-is": "name" }), make("span", { class: "badge", "data-is": "badge" }),
      make("p", { class: "names", "data-is": "names" })),
    ...windows("", "Push requests that failed"),
    make("p", { class: "objective", "data-is": "objective" }),
    ...windows("pulls-", "Pull requests that failed"),
    make("div", { "data-is": "chart" }),
    make("dl", { class: "facts", "data-is": "facts" }),
    link);
  return card;
}

function window_(node, window, objective, nothing) {
  const [, rate, number] = node.children;
  const part = share(window);
  attribute(node, "data-tone", part === null ? "none" : part > 1 - objective ? "bad" : "good");
  text(rate, part === null ? "–" : percent(part));
  text(number, part === null ? nothing : `${count(window.bad)} of ${count(counted(window))}`);
}

// What the card says of the canary.
function canaryFact({ time, result, bad, steps, step, finding, diagnosis, left, interval, repository }, now) {
  const where = ` (${repository}, every ${duration(interval)})`;
  if (time === null) return `not run yet${where}`;
  const took = steps.reduce((sum, one) => sum + one.seconds, 0);
  const said = result === "good"
    ? `pushed and pulled ${ago(now - time)}, in ${duration(took)}${where}` + (finding ? `; ${words(finding)}: ${diagnosis}` : "")
    : `${bad === 1 ? "failed" : `failed ${count(bad)} times in a row, last`} ${ago(now - time)}, at ${words(step)}` +
      (finding ? `: ${words(finding)}` : "") + where;
  return left ? `${said} ${left}` : said;
}

function facts_(list, registry, now) {
  const canary = registry.canary ?? null;
  const wait = registry.commit_wait;
  const facts = [
    ["Uploads open", count(registry.uploads_open)],
    ["Commit wait", wait
      ? `${duration(wait.median)} median, ${duration(wait.p95)} for 95\u00a0%, ${duration(wait.max)} at most` +
        (wait.max >= IMPATIENCE ? "; containerd and Docker give up at 30\u00a0s" : "")
      : "no commit in the last hour"],
    ...(canary ? [["Canary", canaryFact(canary, now)]] : []),
    ["Endpoints", null],
  ];
  keep(
    list,
    facts.flatMap(([term, value]) => [{ key: term, term }, { key: `${term} is`, term: null, name: term, value }]),
    (one) => one.key,
    (one) => (one.term ? make("dt") : make("dd", {}, ...(one.value === null ? [make("ul", { class: "endpoints" })] : []))),
    (node, one) => {
      if (one.term) return text(node, one.term);
      if (one.value !== null) {
        const isLate = one.name === "Commit wait" && wait?.max >= IMPATIENCE;
        const isBad = one.name === "Canary" && canary.result === "bad";
        attribute(node, "class", isLate ? "late" : isBad ? "wrong" : null);
        return text(node, one.value);
      }
      keep(node.firstChild, registry.endpoints, (end) => end.name, () => make("li"), (item, end) => {
        const partly = end.healthy && end.down_at?.length ? `, but not ${end.down_at.join(", ")}` : "";
        attribute(item, "data-healthy", String(end.healthy && !partly));
        text(item, `${end.name} ${end.healthy ? "answers" : "doesn't answer"}${partly}`);
      });
    },
  );
}

function sparkline(holder, registry, series) {
  const requests = series.requests.find((one) => one.registry === registry.name);
  const any = requests && counted(registry.windows.day) > 0;
  show(holder, Boolean(any));
  if (!any) return;
  const width = Math.max(200, holder.clientWidth);
  const size = 6;
  const bad = bundle(requests.bad, size);
  const good = bundle(requests.good, size);
  const step = series.step * size;
  draw(holder, [{ key: "bad", fill: "bad", counts: bad }, { key: "good", fill: "good", counts: good }], {
    width, height: width > 450 ? 130 : 84, axis: false, from: series.from, step,
    label: `Push requests of the last day in bars of ${step / 60} minutes, failed ones at the foot: ${of(registry.windows.day)} failed.`,
    bar: (index) => `${minute(series.from + index * step)}: ${count(bad[index])} failed of ${some(bad[index] + good[index], "request", "requests")}`,
  });
}
