// Asking again and again, and saying honestly how old the answers are.

import { attribute, byId, show, text } from "./dom.js";
import { ago, clock, duration } from "./format.js";

const EVERY = 5000;
// An answer that takes longer is given up; the next try follows.
const PATIENCE = 10000;
// From this age on the page says that it is old: two refreshes have failed.
const OLD = 15;

export class NotAccepted extends Error {}

export async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (answer.status === 400) throw new NotAccepted((await answer.text()).trim());
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

let refresh = async () => {};
let running = null;
let again = false;
let timer = null;
let paused = false;
let failedSince = null;
// When the last complete answer came, by this machine's clock, and what time it was there.
let answered = null;

export function live(how) {
  refresh = how;
  byId("pause").addEventListener("click", () => {
    paused = !paused;
    attribute(byId("pause"), "aria-pressed", paused);
    text(byId("pause"), paused ? "Resume" : "Pause");
    if (paused) clearTimeout(timer);
    else now();
    tell();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else if (!paused) now();
  });
  setInterval(tell, 1000);
  now();
}

// Asks at once; while an answer is under way, once more after it.
export function now() {
  clearTimeout(timer);
  again = true;
  running ??= loop().finally(() => {
    running = null;
    if (!paused && !document.hidden) timer = setTimeout(now, EVERY);
  });
}

async function loop() {
  while (again) {
    again = false;
    try {
      const time = await refresh();
      answered = { here: Date.now(), there: time };
      failedSince = null;
    } catch (error) {
      failedSince ??= Date.now();
      console.info(String(error));
    }
    tell();
  }
}

function tell() {
  if (document.hidden) return;
  const age = answered ? (Date.now() - answered.here) / 1000 : null;
  const lost = failedSince !== null && (age === null || age >= OLD || Date.now() - failedSince >= EVERY);
  const old = lost || (!paused && age !== null && age >= OLD);
  const state = old ? "old" : paused ? "paused" : answered ? "live" : "starting";
  const status = byId("status");
  attribute(status, "data-state", state);
  // Read aloud whenever it changes, so it doesn't count seconds.
  text(status, { old: "No answer", paused: "Paused", live: "Live", starting: "Asking the gateway …" }[state]);
  text(byId("age"), age === null ? "" : age < 2 ? "just now" : ago(age));
  const stale = byId("stale");
  show(stale, old);
  if (old) {
    text(stale, answered
      ? `The gateway hasn't answered for ${duration(Math.floor(age))}. What stands below is from ${clock(answered.there)} and may no longer be true.`
      : "The gateway doesn't answer. Nothing can be shown yet; this page keeps asking.");
  }
  // The tab doesn't claim to know either; the next answer writes its sign anew.
  if (old) document.title = document.title.replace(/^[✕▲✓○] /, "? ");
  document.body.classList.toggle("old", old && answered !== null);
}
