// Where a connection stands: CONNECTING, OPEN, CLOSING, CLOSED, drawn, with the present one lit.

const SVG = "http://www.w3.org/2000/svg";

function draw(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

const STATES = [
  ["connecting", 6, "CONNECTING"], ["open", 138, "OPEN"],
  ["closing", 270, "CLOSING"], ["closed", 402, "CLOSED"],
];
const WIDTH = 96;

/** The path from the right end of one state to the left end of another, above or below. */
const ARROWS = [
  { from: "connecting", to: "open", path: "M102 45 H134", text: "101", at: [120, 38] },
  { from: "open", to: "closing", path: "M234 45 H266", text: "Close", at: [250, 38] },
  { from: "closing", to: "closed", path: "M366 45 H398", text: "Close", at: [382, 38] },
  { from: "connecting", to: "closed", path: "M54 62 C54 100 450 100 450 66", text: "refused", at: [120, 96] },
  { from: "open", to: "closed", path: "M186 28 C186 -4 450 -4 450 24", text: "Close received, violation, cut off", at: [318, 21] },
];

/** A diagram; `show(state, path)` lights one state, and the way there from `before`. */
export function stateDiagram() {
  const svg = draw("svg", { class: "state-diagram", viewBox: "0 0 504 104", role: "img" });
  const marker = draw("marker", {
    id: "state-tip", viewBox: "0 0 6 6", refX: 5, refY: 3, markerWidth: 8, markerHeight: 8,
    markerUnits: "userSpaceOnUse", orient: "auto-start-reverse",
  });
  marker.append(draw("path", { d: "M0 0 6 3 0 6z", class: "tip" }));
  const definitions = draw("defs", {});
  definitions.append(marker);
  svg.append(definitions);
  const arrows = ARROWS.map((arrow) => {
    const group = draw("g", { class: "arrow" });
    group.append(
      draw("path", { d: arrow.path, "marker-end": "url(#state-tip)" }),
      draw("text", { x: arrow.at[0], y: arrow.at[1], "text-anchor": "middle" }, arrow.text));
    svg.append(group);
    return { ...arrow, group };
  });
  const boxes = new Map();
  for (const [state, x, name] of STATES) {
    const group = draw("g", { class: "state" });
    group.append(
      draw("rect", { x, y: 28, width: WIDTH, height: 34, rx: 10 }),
      draw("text", { x: x + WIDTH / 2, y: 50, "text-anchor": "middle" }, name));
    svg.append(group);
    boxes.set(state, group);
  }
  const show = (state, before = null) => {
    const shown = state === "http" ? "closed" : state;
    for (const [name, group] of boxes) group.classList.toggle("lit", name === shown);
    for (const { from, to, group } of arrows) {
      group.classList.toggle("lit", from === before && to === shown);
    }
    const way = before && before !== shown ? ` (it was ${before.toUpperCase()})` : "";
    svg.setAttribute("aria-label", `State: ${shown.toUpperCase()}${way}`);
  };
  return { svg, show };
}
