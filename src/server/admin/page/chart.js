// Stacked bars over time as inline SVG, updated in place. What the bars mean is for others to say.

import { attribute, keep, makeSvg, parts, text } from "./dom.js";
import { count, minute } from "./format.js";

// Sums of `size` neighbours.
export function bundle(counts, size) {
  const sums = [];
  for (let start = 0; start < counts.length; start += size) {
    sums.push(counts.slice(start, start + size).reduce((a, b) => a + b, 0));
  }
  return sums;
}

// Draws into `holder`. `layers` stand on each other from the first up: {key, fill, counts}.
// `shape` says the size; `from` and `step` (seconds) the time of the bars; `label` all of it in
// words; `bar(index)` the words for one bar.
export function draw(holder, layers, { width, height, axis, from, step, label, bar }) {
  const svg = holder.querySelector("svg.chart") ?? frame(holder);
  const left = axis ? 34 : 0;
  const room = { x: left, y: 6, width: width - left, height: height - 24 };
  attribute(svg, "viewBox", `0 0 ${width} ${height}`);
  attribute(svg, "aria-label", label);
  const bars = layers.length ? layers[0].counts.length : 0;
  const totals = Array.from({ length: bars }, (_, i) => layers.reduce((sum, one) => sum + one.counts[i], 0));
  const most = Math.max(1, ...totals);
  // A single failure is not a wall.
  const top = axis ? ceiling(Math.max(4, most)) : most;
  const { grid, columns } = parts(svg);
  lines(grid, room, axis ? top : null, { from, step, bars });
  const wide = room.width / Math.max(1, bars);
  const filled = totals.map((total, index) => ({ total, index })).filter((one) => one.total > 0);
  keep(
    columns,
    filled,
    // A bar is the same as long as its time is, wherever it stands.
    ({ index }) => Math.round(from + index * step),
    () => makeSvg("g", {}, makeSvg("title")),
    (group, { index }) => column(group, layers, index, { room, wide, top, words: bar(index) }),
  );
}

function frame(holder) {
  const svg = makeSvg("svg", { class: "chart", role: "img" });
  svg.append(makeSvg("g", { "data-is": "grid" }), makeSvg("g", { "data-is": "columns" }));
  holder.append(svg);
  return svg;
}

function column(group, layers, index, { room, wide, top, words }) {
  const title = group.querySelector("title");
  text(title, words);
  const gap = Math.min(1.5, wide * 0.25);
  const boxes = [];
  let base = room.y + room.height;
  for (const { key, fill, counts } of layers) {
    if (counts[index] === 0) continue;
    // The smallest number can be seen, beside the largest too.
    const tall = Math.max(1.5, (counts[index] / top) * room.height);
    base -= tall;
    boxes.push({ key, fill, y: base, tall });
  }
  group.bars ??= group.appendChild(makeSvg("g"));
  keep(
    group.bars,
    boxes,
    (box) => box.key,
    () => makeSvg("rect"),
    (rect, box) => {
      attribute(rect, "class", `fill-${box.fill}`);
      attribute(rect, "x", (room.x + index * wide + gap / 2).toFixed(2));
      attribute(rect, "width", Math.max(0.5, wide - gap).toFixed(2));
      attribute(rect, "y", box.y.toFixed(2));
      attribute(rect, "height", box.tall.toFixed(2));
    },
  );
}

// The next number that can be halved and read.
function ceiling(value) {
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map((one) => one * ten).find((one) => one >= value);
}

function lines(grid, room, top, { from, step, bars }) {
  const marks = [];
  const bottom = room.y + room.height;
  marks.push({ key: "zero", line: [room.x, bottom, room.x + room.width, bottom] });
  if (top !== null) {
    for (const part of top % 2 ? [1] : [0.5, 1]) {
      const y = bottom - part * room.height;
      marks.push({ key: `at ${part}`, line: [room.x, y, room.x + room.width, y] });
      marks.push({ key: `name ${part}`, at: [room.x - 6, y + 4], anchor: "end", words: count(top * part) });
    }
  }
  const span = bars * step;
  const six = 21600;
  for (let at = from + span - (span % six); span && at > from; at -= six) {
    const share = (at - from) / span;
    const anchor = share > 0.93 ? "end" : share < 0.07 ? "start" : "middle";
    marks.push({ key: `time ${marks.length}`, at: [room.x + share * room.width, bottom + 15], anchor, words: minute(at) });
  }
  keep(
    grid,
    marks,
    (mark) => mark.key,
    (mark) => makeSvg(mark.line ? "line" : "text", mark.line ? { class: "grid" } : {}),
    (node, mark) => {
      if (mark.line) {
        ["x1", "y1", "x2", "y2"].forEach((name, i) => attribute(node, name, mark.line[i]));
        return;
      }
      attribute(node, "x", mark.at[0].toFixed(1));
      attribute(node, "y", mark.at[1].toFixed(1));
      attribute(node, "text-anchor", mark.anchor);
      text(node, mark.words);
    },
  );
}
