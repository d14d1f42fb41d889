// Building nodes. Text only ever becomes text: nothing from the chain is markup.

export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return node;
}

export function link(href, text, className = "hash") {
  return el("a", { href, class: className }, text);
}

export const short = (h) => (h.length > 20 ? `${h.slice(0, 10)}…${h.slice(-6)}` : h);

export function facts(pairs) {
  return el("dl", {}, pairs.filter(([, v]) => v !== null && v !== undefined && v !== "")
    .flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)]));
}

export function table(heads, rows) {
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, heads.map((h) => el("th", { class: h.class || "" }, h.text)))),
    el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((c, i) => el("td", { class: heads[i].class || "" }, c)))))));
}

export const pill = (text, kind) => el("span", { class: `pill ${kind}` }, text);

// bar shows a part of a whole, with a mark at what is needed.
export function bar(part, whole, needed) {
  const percent = (n) => `${whole ? Math.min(100, (100 * n) / whole) : 0}%`;
  const fill = el("i", { class: part >= needed ? "good" : "" }), mark = el("b", {});
  fill.style.width = percent(part);
  mark.style.left = percent(needed);
  return el("span", { class: "bar", role: "img", "aria-label": `${part} of ${whole}, ${needed} needed` }, fill, mark);
}

export const number = (n) => Number(n || 0).toLocaleString("en");
export const time = (ms) => (Number(ms) ? new Date(Number(ms)).toISOString().replace("T", " ").replace("Z", "") : "–");

export function size(n) {
  n = Number(n || 0);
  return n < 1024 ? `${n} B` : n < 1 << 20 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / (1 << 20)).toFixed(1)} MiB`;
}

const svgns = "http://www.w3.org/2000/svg";

// plot draws points [{x, y}] as a line or as dots, the y axis from 0.
export function plot(points, { unit = "", dots = false, label = "", fromZero = true } = {}) {
  const svg = document.createElementNS(svgns, "svg");
  svg.setAttribute("class", "plot");
  svg.setAttribute("viewBox", "0 0 320 144");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const add = (name, attributes, text) => {
    const node = document.createElementNS(svgns, name);
    for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
    if (text !== undefined) node.textContent = text;
    svg.append(node);
  };
  if (points.length < 2) {
    add("text", { x: 100, y: 75 }, "waiting for blocks");
    return svg;
  }
  const xs = points.map((p) => p.x), ys = points.map((p) => p.y);
  const x0 = Math.min(...xs), x1 = Math.max(...xs);
  const y0 = fromZero ? 0 : Math.min(...ys), y1 = Math.max(...ys, y0 + 1);
  const px = (x) => 54 + (260 * (x - x0)) / (x1 - x0 || 1);
  const py = (y) => 130 - (120 * (y - y0)) / (y1 - y0);
  for (const part of [0, 0.5, 1]) {
    const y = y0 + (y1 - y0) * part;
    add("line", { class: "grid", x1: 54, x2: 314, y1: py(y), y2: py(y) });
    add("text", { x: 50, y: py(y) + 3, "text-anchor": "end" }, `${Math.round(y).toLocaleString("en")}${unit}`);
  }
  if (dots) points.forEach((p) => add("circle", { class: "dot", cx: px(p.x), cy: py(p.y), r: 1.8 }));
  else add("polyline", { class: "mark", points: points.map((p) => `${px(p.x)},${py(p.y)}`).join(" ") });
  add("text", { x: 54, y: 142 }, `${Math.round((x1 - x0) / 1000)} s ago`);
  add("text", { x: 314, y: 142, "text-anchor": "end" }, "now");
  return svg;
}
