// Building nodes and keeping them up to date in place. What comes from outside (repositories,
// clients, Harbor's words) becomes text nodes and attribute values here, and never markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function makeSvg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) attribute(node, name, value);
  node.append(...children);
  return node;
}

// Writes only what changes: a node that stays the same keeps the reader's selection.
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

// `null` and `false` remove the attribute.
export function attribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

const KEPT = Symbol("kept");

// Makes `parent` have one child for each item, in order. A child stays the same node as long as
// its key is there, so that focus, open details and the scroll position survive a refresh: nodes
// are only moved when their order changed among themselves.
export function keep(parent, items, keyOf, create, update) {
  const before = parent[KEPT] ?? new Map();
  const after = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!after.has(key)) after.set(key, { item, node: before.get(key) ?? create(item) });
  }
  for (const [key, node] of before) if (!after.has(key)) node.remove();
  let place = parent.firstChild;
  for (const { item, node } of after.values()) {
    update(node, item);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  parent[KEPT] = new Map([...after].map(([key, { node }]) => [key, node]));
}

// Children of `node` by their `data-is`, for updates.
export function parts(node) {
  node.parts ??= Object.fromEntries(
    [...node.querySelectorAll("[data-is]")].map((part) => [part.dataset.is, part]),
  );
  return node.parts;
}
