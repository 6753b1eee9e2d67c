// The inspector: the tabs, the tools, and how the panes follow the feed.

import { showItem } from "./dissection.js";
import { make } from "./dom.js";
import { Feed } from "./feed.js";
import { listbox } from "./listbox.js";
import { messageOf } from "./message.js";
import { stateDiagram } from "./states.js";

const element = (id) => document.getElementById(id);

// --- The tabs ------------------------------------------------------------------------------------

const tabs = ["live", "lab"];

/** `#live`, `#lab`; and a frame in hexadecimal, `#8185...`, is one for the lab. */
function chosenTab() {
  const hash = location.hash.slice(1);
  return hash.startsWith("lab") || /^[0-9a-f]{2,}/i.test(hash) ? "lab" : "live";
}

function showTab() {
  const chosen = chosenTab();
  for (const name of tabs) {
    const tab = element(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === chosen));
    tab.tabIndex = name === chosen ? 0 : -1;
    element(name).hidden = name !== chosen;
  }
}

for (const name of tabs) {
  element(`tab-${name}`).addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = tabs.find((tab) => tab !== name);
    location.hash = other;
    element(`tab-${other}`).focus();
  });
}
addEventListener("hashchange", showTab);
showTab();

// --- What is known -------------------------------------------------------------------------------

/** The most frames that are kept; the oldest go. */
const MOST_FRAMES = 2000;

const feed = new Feed();
const connections = new Map();
const diagram = stateDiagram();
let frames = [];
let chosen = null;
let looked = null;
let paused = false;
let waiting = [];
let follows = true;
let hidden = false;
let offered = null;

const plural = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

// --- Connections ---------------------------------------------------------------------------------

const connectionList = listbox(element("connections"), (row) => choose(Number(row.dataset.number)));

function traffic(from, arrow, count, bytes) {
  const frames = count === null ? "" : `${plural(count, "frame")}, `;
  return make("span", { class: "facts", data: { from } },
    make("span", { class: "visually-hidden", text: `from the ${from}: ` }),
    make("span", { class: "mark", text: arrow, "aria-hidden": "true" }),
    ` ${frames}${plural(bytes, "byte")}`);
}

function connectionRow(one) {
  const ending = one.ending && `${one.ending}${one.code ? `, ${one.code}` : ""}`;
  const ws = one.upgraded;
  return make("li", {
    id: `connection-${one.number}`, class: "row-item connection", role: "option",
    "aria-selected": String(one.number === chosen),
    data: { number: one.number, state: one.state, violation: one.violation },
  },
    make("span", { class: "light", "aria-hidden": "true" }),
    make("span", { class: "path", text: one.path || "…", title: one.path }),
    make("span", { class: "number", text: `#${one.number}` }),
    make("span", { class: "facts", text: `${ws || one.state !== "closed" ? one.state : "refused"} · ${one.address}` }),
    traffic("client", "→", ws ? one.frames_received : null, one.received),
    traffic("server", "←", ws ? one.frames_sent : null, one.sent),
    ending ? make("span", { class: "end", text: ending }) : null);
}

function showConnections(changed, forgotten) {
  const list = element("connections");
  for (const number of forgotten) {
    connections.delete(number);
    element(`connection-${number}`)?.remove();
  }
  for (const one of changed) {
    connections.set(one.number, one);
    const row = connectionRow(one);
    const before = element(row.id);
    // The newest is on top.
    if (before) before.replaceWith(row);
    else list.prepend(row);
    if (one.number === chosen && !looked) diagram.show(one.state);
  }
  element("connections-empty").hidden = connections.size > 0;
  element("connections-count").textContent = connections.size || "";
}

function choose(number) {
  chosen = number;
  forget();
  feed.select(number);
  for (const button of document.querySelectorAll("[data-format]")) button.disabled = false;
  element("states").replaceChildren(diagram.svg);
  diagram.show(connections.get(number)?.state);
}

// --- Frames --------------------------------------------------------------------------------------

const frameList = listbox(element("frames"), (row) => look(Number(row.dataset.number)));

/** What a filter looks at. */
const textsOf = ({ item }) => [
  item.summary, item.from, item.kind, item.frame?.opcode_name, item.frame && item.frame.opcode > 7 ? "control" : "",
  item.violation ? `violation ${item.violation.name} ${item.violation.sentence}` : "",
  item.event?.text,
].join(" ").toLowerCase();

function passes(shown) {
  const words = element("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const from = document.querySelector('[data-from][aria-pressed="true"]').dataset.from;
  const wrong = element("only-violations").getAttribute("aria-pressed") === "true";
  if (from && shown.item.from !== from) return false;
  if (wrong && !shown.item.violation) return false;
  if (!words.length) return true;
  const text = textsOf(shown);
  return words.every((word) => text.includes(word));
}

function partOf({ frame }) {
  if (!frame || !frame.fragment || (frame.fin && frame.fragment === 1)) return null;
  if (frame.fin) return "last";
  return frame.fragment === 1 ? "first" : "middle";
}

function frameRow(shown) {
  const { item } = shown;
  const opened = connections.get(chosen)?.opened ?? 0;
  const at = ((shown.at - opened) / 1000).toFixed(3);
  const kind = item.frame ? item.frame.opcode_name : item.kind;
  const carries = item.frame ? item.summary.replace(/^(opcode \d+|\S+)\s*/, "") : item.summary;
  return make("li", {
    id: `frame-${shown.number}`, class: "row-item frame", role: "option", "aria-selected": "false",
    hidden: !passes(shown),
    data: {
      number: shown.number, from: item.from, violation: item.violation?.name, part: partOf(item),
      control: item.frame && item.frame.opcode > 7, opcode: item.frame?.opcode_name,
    },
  },
    make("time", { text: at }),
    make("span", { class: "mark", text: item.from === "client" ? "→" : "←", "aria-hidden": "true" }),
    make("span", { class: "what" },
      make("span", { class: "visually-hidden", text: `from the ${item.from}: ` }),
      make("span", { class: "kind", text: kind }), " ",
      make("span", { class: "carries", text: carries })),
    make("span", { class: "size", text: item.length }));
}

function showFrames(news, missed) {
  const list = element("frames");
  const rows = news.map(frameRow);
  if (missed) {
    rows.unshift(make("li", {
      class: "gap", role: "presentation",
      text: `${plural(missed, "byte")} went by faster than they could be shown`,
    }));
  }
  frames.push(...news);
  list.append(...rows);
  while (frames.length > MOST_FRAMES) {
    element(`frame-${frames.shift().number}`)?.remove();
  }
  if (follows) list.scrollTop = list.scrollHeight;
  count();
}

function count() {
  const total = frames.length;
  const visible = frames.filter(passes).length;
  const more = waiting.length ? `, ${waiting.length} waiting` : "";
  element("frames-count").textContent = total
    ? `${visible === total ? total : `${visible} of ${total}`}${more}` : "";
  const empty = element("frames-empty");
  empty.hidden = visible > 0;
  empty.textContent = chosen === null ? "Choose a connection."
    : total ? "No frame passes the filter." : "Nothing yet.";
}

/** Empties the list of frames, and what is shown of one. */
function forget() {
  frames = [];
  waiting = [];
  looked = null;
  follows = true;
  element("frames").replaceChildren();
  element("detail").replaceChildren(make("p", { class: "empty", text: "Choose a frame." }));
  count();
}

function look(number) {
  looked = frames.find((shown) => shown.number === number);
  if (!looked) return;
  const { item } = looked;
  const article = showItem(item);
  const goTo = (other) => frameList.choose(element(`frame-${other}`));
  const message = messageOf(item, frames, goTo);
  if (message) article.querySelector(".bytes-and-fields")?.before(message);
  element("detail").replaceChildren(article);
  document.querySelector(".detail").scrollTop = 0;
  // The server's end: it receives what the client sends, and sends the rest.
  const change = item.from === "client" ? item.receiver : item.sender;
  diagram.show(change.after, change.before);
  for (const row of document.querySelectorAll(".same-message")) row.classList.remove("same-message");
  if (message) {
    for (const other of frames) {
      if (other.item.from === item.from && other.item.frame?.message === item.frame.message) {
        element(`frame-${other.number}`)?.classList.add("same-message");
      }
    }
  }
}

// --- The feed ------------------------------------------------------------------------------------

const words = { live: "Live", connecting: "Connecting", waiting: "The server is away" };

function showState(state) {
  element("status").dataset.state = state;
  element("status").textContent = words[state] ?? state;
}

feed.addEventListener("state", ({ detail }) => showState(detail));

feed.addEventListener("hello", ({ detail }) => {
  // The server may be another one now, with other connections.
  connections.clear();
  element("connections").replaceChildren();
  if (detail.hides) {
    hidden = true;
    element("hide").disabled = true;
    element("hide").setAttribute("aria-pressed", "true");
  } else if (hidden) {
    feed.hide(true);
  }
  if (chosen !== null) choose(chosen);
});

feed.addEventListener("batch", ({ detail }) => {
  element("unrecorded").hidden = !detail.unrecorded;
  element("unrecorded").textContent = `${plural(detail.unrecorded, "more connection")} came while`
    + " all places were taken, and cannot be shown.";
  showConnections(detail.connections, detail.forgotten);
  if (chosen === null) connectionList.choose(element("connections").firstElementChild);
  if (detail.selected !== chosen) return;
  if (detail.anew) forget();
  if (!paused) return showFrames(detail.items, detail.missed);
  waiting.push(...detail.items);
  waiting = waiting.slice(-MOST_FRAMES);
  count();
});

feed.addEventListener("file", ({ detail }) => { offered = detail; });
feed.addEventListener("refused", ({ detail }) => {
  element("status").textContent = detail.reason;
  setTimeout(() => showState(element("status").dataset.state), 6000);
});
feed.addEventListener("content", ({ detail }) => {
  if (!offered) return;
  const url = URL.createObjectURL(new Blob([detail], { type: "application/octet-stream" }));
  const link = make("a", { href: url, download: offered.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  offered = null;
});

// --- The tools -----------------------------------------------------------------------------------

function refilter() {
  for (const shown of frames) {
    const row = element(`frame-${shown.number}`);
    if (row) row.hidden = !passes(shown);
  }
  count();
}

const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));
const isPressed = (button) => button.getAttribute("aria-pressed") === "true";

element("filter").addEventListener("input", refilter);
for (const button of document.querySelectorAll("button[data-from]")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("button[data-from]")) press(other, other === button);
    refilter();
  });
}
element("only-violations").addEventListener("click", (event) => {
  press(event.currentTarget, !isPressed(event.currentTarget));
  refilter();
});
element("pause").addEventListener("click", () => {
  paused = !paused;
  press(element("pause"), paused);
  element("pause").textContent = paused ? "Go on" : "Pause";
  if (paused) return;
  const news = waiting;
  waiting = [];
  showFrames(news, 0);
});
element("clear").addEventListener("click", forget);
element("hide").addEventListener("click", () => {
  hidden = !hidden;
  press(element("hide"), hidden);
  feed.hide(hidden);
});
for (const button of document.querySelectorAll("[data-format]")) {
  button.addEventListener("click", () => feed.export(chosen, button.dataset.format));
}
element("frames").addEventListener("scroll", () => {
  const list = element("frames");
  follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  element("newest").hidden = follows;
});
element("newest").addEventListener("click", () => {
  element("frames").scrollTop = element("frames").scrollHeight;
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey) return;
  if (element("live").hidden) return;
  if (event.key === "/") element("filter").focus();
  else if (event.key === "p") element("pause").click();
  else return;
  event.preventDefault();
});
element("try").textContent = `wigwag connect ws://${location.host}/echo`;
