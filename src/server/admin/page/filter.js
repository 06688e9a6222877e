// Which failures are shown: kept in the address's hash, so that a reload, a bookmark and a link in
// a chat show the same.

import { attribute, byId, keep, make, show as shown, text } from "./dom.js";
import { fault, words } from "./format.js";

// What the gateway filters by; the page itself knows which replica has a row.
const ASKED = ["registry", "operation", "outcome", "reason", "fault", "search"];
const FIELDS = [...ASKED, "replica"];
const GROUPS = ["reason", "operation", "fault", "outcome"];

const form = byId("filter");
const field = (name) => form.elements.namedItem(name);

export function current() {
  const hash = new URLSearchParams(location.hash.slice(1));
  const filter = Object.fromEntries(FIELDS.map((name) => [name, hash.get(name) ?? ""]));
  filter.by = GROUPS.includes(hash.get("by")) ? hash.get("by") : GROUPS[0];
  return filter;
}

export function isSet(filter) {
  return FIELDS.some((name) => filter[name] !== "");
}

// The filter as the gateway understands it.
export function query(filter) {
  const parameters = new URLSearchParams();
  for (const name of ASKED) if (filter[name] !== "") parameters.set(name, filter[name]);
  return parameters.toString();
}

export function change(changes) {
  const filter = { ...current(), ...changes };
  const hash = new URLSearchParams(query(filter));
  if (filter.replica !== "") hash.set("replica", filter.replica);
  if (filter.by !== GROUPS[0]) hash.set("by", filter.by);
  const target = hash.size ? `#${hash}` : location.pathname;
  history.replaceState(null, "", target);
  show(filter);
  form.dispatchEvent(new CustomEvent("filtered"));
}

// Whether a series of the overview is shown. It knows no single failures.
export const passes = (filter, one) =>
  ASKED.every((name) => name === "search" || filter[name] === "" || filter[name] === one[name]);

// Whether the series count more than the list has, because they can't tell what it filters by.
export const isFiner = (filter) => filter.search !== "" || filter.replica !== "";

// Calls back whenever another filter applies.
export function onChange(callback) {
  form.addEventListener("filtered", callback);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of FIELDS) {
    const event = name === "search" ? "input" : "change";
    field(name).addEventListener(event, () => change({ [name]: field(name).value.trim() }));
  }
  byId("clear").addEventListener("click", () => {
    change(Object.fromEntries(FIELDS.map((name) => [name, ""])));
  });
  for (const button of document.querySelectorAll("[data-by]")) {
    button.addEventListener("click", () => change({ by: button.dataset.by }));
  }
  window.addEventListener("hashchange", () => {
    show(current());
    callback();
  });
}

// Offers what occurred in the last day, and what is chosen.
export function offer(overview) {
  const filter = current();
  const names = overview.registries.map((registry) => registry.name);
  const seen = (name) => overview.series.failures.map((one) => one[name]);
  options("registry", names, filter, (word) => word);
  options("operation", seen("operation"), filter, words);
  options("outcome", ["failed", "refused", "aborted"], filter, words);
  options("reason", seen("reason"), filter, words);
  const replicas = (overview.replicas ?? []).map((one) => one.replica);
  shown(byId("of-replica"), replicas.length > 1 || filter.replica !== "");
  options("replica", replicas, filter, (word) => word);
  options("fault", ["upstream", "gateway", "network", "client"], filter, fault);
  show(filter);
}

function options(name, found, filter, label) {
  const all = new Set(found);
  if (filter[name] !== "") all.add(filter[name]);
  const list = name === "operation" || name === "reason" ? [...all].sort() : [...all];
  keep(
    field(name),
    ["", ...list],
    (word) => word,
    (word) => make("option", { value: word }),
    (option, word) => text(option, word === "" ? "all" : label(word)),
  );
}

function show(filter) {
  for (const name of FIELDS) {
    const input = field(name);
    const typing = name === "search" && document.activeElement === input;
    if (!typing && input.value !== filter[name]) input.value = filter[name];
    attribute(input, "class", filter[name] === "" ? null : "set");
  }
  byId("clear").disabled = !isSet(filter);
  for (const button of document.querySelectorAll("[data-by]")) {
    attribute(button, "aria-pressed", button.dataset.by === filter.by);
  }
}
