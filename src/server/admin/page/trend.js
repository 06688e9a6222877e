// Failures over the last day: the chart, its legend, and the same as a table.

import { bundle, draw } from "./chart.js";
import { attribute, byId, keep, make, parts, show, text } from "./dom.js";
import { change, isFiner, isSet, passes } from "./filter.js";
import { count, fault, minute, percent, some, words } from "./format.js";
import { firstStart } from "./verdict.js";

// Bars of half an hour on a phone, of a quarter elsewhere.
const NARROW = 520;
// Words of their own colour; the others share the last.
const COLOURS = 7;

const FIXED = {
  fault: { upstream: 0, client: 1, network: 2, gateway: 3 },
  outcome: { failed: 0, refused: 1, aborted: 2 },
};
// A word keeps its colour for as long as the page is open, however the numbers change.
const given = { reason: new Map(), operation: new Map() };

const label = (by, word) => (by === "fault" ? fault(word) : words(word));

export function drawTrend(overview, filter) {
  const { series } = overview;
  const shown = series.failures.filter((one) => passes(filter, one));
  const groups = group(shown, filter.by);
  const total = groups.reduce((sum, one) => sum + one.total, 0);
  const young = overview.time - firstStart(overview) < 86400;
  text(byId("chart-title"), `${some(total, "failure", "failures")} ${young ? "since the start" : "in the last day"}`);
  // With nothing to choose from there is nothing to choose.
  const any = series.failures.length > 0 || isSet(filter);
  show(byId("filter"), any);
  show(byId("chart-panel"), any);
  show(byId("by"), total > 0);
  for (const id of ["chart", "legend", "chart-table"]) show(byId(id), total > 0);
  const note = byId("chart-note");
  show(note, total > 0 && isFiner(filter));
  text(note, "The chart counts every failure of these kinds; the list below only those that match.");
  if (total > 0) {
    bars(series, groups, total, filter.by);
    legend(groups, filter);
    table(series, groups, filter.by);
  }
}

// The series by the word that colours them, the largest groups first when they get their colour.
function group(series, by) {
  const found = new Map();
  for (const one of series) {
    const sums = found.get(one[by]) ?? one.counts.map(() => 0);
    one.counts.forEach((number, step) => (sums[step] += number));
    found.set(one[by], sums);
  }
  const groups = [...found].map(([word, counts]) => ({
    word,
    counts,
    total: counts.reduce((a, b) => a + b, 0),
  }));
  groups.sort((a, b) => b.total - a.total);
  for (const one of groups) one.fill = colour(by, one.word);
  return groups.filter((one) => one.total > 0).sort((a, b) => a.fill - b.fill || b.total - a.total);
}

function colour(by, word) {
  if (FIXED[by]) return FIXED[by][word] ?? COLOURS;
  const colours = given[by];
  if (!colours.has(word)) colours.set(word, Math.min(colours.size, COLOURS));
  return colours.get(word);
}

function bars(series, groups, total, by) {
  const holder = byId("chart");
  const width = Math.max(240, holder.clientWidth);
  const size = width < NARROW ? 6 : 3;
  const layers = groups.map((one) => ({ key: one.word, fill: one.fill, counts: bundle(one.counts, size) }));
  const step = series.step * size;
  const most = groups.toSorted((a, b) => b.total - a.total)[0];
  draw(holder, layers, {
    width,
    height: width < NARROW ? 170 : 200,
    axis: true,
    from: series.from,
    step,
    label:
      `Bars of ${step / 60} minutes over the last day: ${some(total, "failure", "failures")}, ` +
      `most of them ${label(by, most.word)} (${count(most.total)}, ${percent(most.total / total)}). ` +
      "The table below has the numbers.",
    bar: (index) => {
      const at = series.from + index * step;
      const parts = layers.filter((one) => one.counts[index]);
      return (
        `${minute(at)} to ${minute(at + step)}\n` +
        parts.map((one) => `${label(by, one.key)}: ${count(one.counts[index])}`).join("\n")
      );
    },
  });
}

function legend(groups, filter) {
  const by = filter.by;
  keep(
    byId("legend"),
    groups,
    (one) => `${by} ${one.word}`,
    (one) => {
      const button = make("button", { type: "button" });
      button.append(
        make("i", { "aria-hidden": "true" }),
        make("span", { "data-is": "name" }),
        make("b", { "data-is": "number" }),
      );
      button.addEventListener("click", () => {
        const pressed = button.getAttribute("aria-pressed") === "true";
        change({ [by]: pressed ? "" : one.word });
      });
      return make("li", {}, button);
    },
    (item, one) => {
      const button = item.firstChild;
      attribute(button.firstChild, "class", `fill-${one.fill}`);
      attribute(button, "aria-pressed", filter[by] === one.word);
      attribute(button, "title", filter[by] === one.word ? "Show all again" : "Show only these");
      const { name, number } = parts(button);
      text(name, label(by, one.word));
      text(number, count(one.total));
    },
  );
}

function table(series, groups, by) {
  const size = Math.round(3600 / series.step);
  const columns = groups.map((one) => ({ word: one.word, counts: bundle(one.counts, size) }));
  const hours = columns[0].counts
    .map((_, index) => ({ index, at: series.from + index * size * series.step }))
    .filter(({ index }) => columns.some((one) => one.counts[index] > 0))
    .reverse();
  const holder = byId("chart-table");
  const cells = (row, kind, list, write) =>
    keep(row, list, (one) => one.word ?? "hour", (one) => make(one.word ? kind : "th", one.word ? (kind === "th" ? { scope: "col" } : {}) : { scope: kind === "th" ? "col" : "row" }), write);
  const head = holder.querySelector("thead");
  keep(head, [by], () => "head", () => make("tr"), (row) =>
    cells(row, "th", [{}, ...columns], (cell, one) => text(cell, one.word ? label(by, one.word) : "Hour from")));
  keep(holder.querySelector("tbody"), hours, (hour) => hour.at, () => make("tr"), (row, hour) =>
    cells(row, "td", [{}, ...columns], (cell, one) => text(cell, one.word ? count(one.counts[hour.index]) : minute(hour.at))));
}
