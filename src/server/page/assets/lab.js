// The lab, on the inspector's page: compose a frame, send it to a sandbox, see what it does there.
//
// The state, the sender and the bytes stand in the address, so that a link carries them:
// `/inspect#lab=818537fa213d7f9f4d5158&state=open&from=client`.

import { bytesOf, hexOf, make } from "./dom.js";
import { Editor } from "./lab-editor.js";
import { freshFrame } from "./lab-frame.js";
import { showOutcome } from "./lab-outcome.js";
import { listbox } from "./listbox.js";

const element = (id) => document.getElementById(id);
const hexOfAll = (bytes) => Array.from(bytes, hexOf).join("");

let socket = null;
let editor = null;
let states = [];
let mistakes = [];
let sender = "client";
let asked = 0;

// --- The link ------------------------------------------------------------------------------------

/** What the address asks for; null if it is not about the lab. */
function fromAddress() {
  const hash = location.hash.slice(1);
  if (/^([0-9a-f]{2})+$/i.test(hash)) return { bytes: hash, state: "open", from: "client" };
  if (!hash.startsWith("lab")) return null;
  const asked = new URLSearchParams(hash);
  const bytes = asked.get("lab") ?? "";
  return {
    bytes: /^([0-9a-f]{2})*$/i.test(bytes) ? bytes : "",
    state: asked.get("state") ?? "open",
    from: asked.get("from") === "server" ? "server" : "client",
  };
}

function link() {
  const values = `lab=${hexOfAll(editor.bytes)}&state=${element("lab-state").value}&from=${sender}`;
  return new URL(`#${values}`, location.href).href;
}

/** Shows what the address carries, and sends it at once. */
function follow() {
  const wanted = fromAddress();
  if (!wanted) return;
  if (!socket) return connect();
  if (!editor || location.href === link()) return;
  const linked = wanted.bytes !== "";
  // Back from the other tab: what was composed is still there.
  if (!linked && editor.bytes.length) return history.replaceState(null, "", link());
  setSender(wanted.from);
  element("lab-state").value = states.some((one) => one.name === wanted.state) ? wanted.state : "open";
  editor.set(linked ? bytesOf(wanted.bytes.slice(0, 2 * editor.mostBytes)) : freshFrame(sender));
  markMistake();
  if (linked) send();
}

// --- Composing -----------------------------------------------------------------------------------

function setSender(wanted) {
  sender = wanted;
  for (const chip of document.querySelectorAll("[data-sender]")) {
    chip.setAttribute("aria-pressed", String(chip.dataset.sender === sender));
  }
}

/** Something was changed: what was found before is about another frame. */
function changed() {
  element("outcome").dataset.stale = "true";
  markMistake();
  history.replaceState(null, "", link());
}

/** The mistake that is just what is composed. */
const sameMistake = () => mistakes.findIndex((one) => one.bytes === hexOfAll(editor.bytes)
  && one.state === element("lab-state").value && one.from === sender);

function markMistake() {
  const at = sameMistake();
  [...element("shelf").children].forEach((row, index) => {
    row.setAttribute("aria-selected", String(index === at));
  });
  if (at >= 0) element("shelf").setAttribute("aria-activedescendant", `mistake-${at}`);
  else element("shelf").removeAttribute("aria-activedescendant");
}

function take(mistake) {
  setSender(mistake.from);
  element("lab-state").value = mistake.state;
  editor.set(bytesOf(mistake.bytes));
  history.replaceState(null, "", link());
  send();
}

function showShelf() {
  element("shelf").replaceChildren(...mistakes.map((mistake, index) => make("li", {
    id: `mistake-${index}`, class: "row-item mistake", role: "option", "aria-selected": "false",
    data: { index },
  },
    make("p", { class: "mistake-title", text: mistake.title }),
    make("p", { class: "mistake-story", text: mistake.story }))));
  element("shelf-count").textContent = mistakes.length;
}

// --- The sandbox ---------------------------------------------------------------------------------

function connect() {
  const url = new URL("inspect/lab", new URL("/", location.href));
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  socket.onmessage = ({ data }) => received(JSON.parse(data));
  socket.onclose = () => {
    socket = null;
    if (element("lab").dataset.pending) {
      element("lab-error").textContent = "The server is away. Send it again when it is back.";
    }
  };
}

function received(message) {
  if (message.type === "hello") {
    ({ states, shelf: mistakes } = message);
    if (editor) return send();
    editor = new Editor(message.most_bytes, changed);
    element("lab-state").replaceChildren(...states.map((one) => (
      make("option", { value: one.name, text: one.title }))));
    showShelf();
    element("lab").dataset.ready = "true";
    follow();
  } else if (message.type === "result" && message.id === asked) {
    delete element("lab").dataset.pending;
    const outcome = element("outcome");
    outcome.replaceChildren(showOutcome(message.outcome));
    delete outcome.dataset.stale;
    outcome.dataset.shown = message.id;
    element("outcome-pane").scrollTop = 0;
  } else if (message.reason) {
    delete element("lab").dataset.pending;
    element("lab-error").textContent = message.reason;
  }
}

function send() {
  asked += 1;
  element("lab").dataset.pending = asked;
  history.replaceState(null, "", link());
  // A new connection says hello first, and then this is sent.
  if (socket?.readyState !== WebSocket.OPEN) return socket ?? connect();
  const state = element("lab-state").value;
  const bytes = hexOfAll(editor.bytes);
  socket.send(JSON.stringify({ type: "send", id: asked, state, from: sender, bytes }));
}

// --- The tools -----------------------------------------------------------------------------------

const shelf = listbox(element("shelf"), (row) => take(mistakes[row.dataset.index]));
// One that is chosen already can be sent again.
element("shelf").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && shelf.current()) take(mistakes[shelf.current().dataset.index]);
});
element("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
  if (matchMedia("(max-width: 759px)").matches) element("outcome-pane").scrollIntoView();
});
element("composer").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("textarea") || event.shiftKey) return;
  event.preventDefault();
  element("composer").requestSubmit();
});
element("lab-state").addEventListener("change", changed);
for (const chip of document.querySelectorAll("[data-sender]")) {
  chip.addEventListener("click", () => {
    setSender(chip.dataset.sender);
    changed();
  });
}
element("lab-copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(link());
    element("lab-copied").textContent = "Copied";
  } catch {
    element("lab-copied").textContent = "The link is in the address bar";
  }
});
addEventListener("hashchange", follow);
follow();
