// What happened in the sandbox: the verdict first, then each frame in full, and the answer.

import { showItem } from "./dissection.js";
import { make, rfcLinkOf } from "./dom.js";
import { stateDiagram } from "./states.js";

/** What is new in a sandbox in which `outcome` (src/inspect/lab/sandbox.rs) happened. */
export function showOutcome(outcome) {
  const fragment = document.createDocumentFragment();
  fragment.append(verdict(outcome));
  if (outcome.setup.length) {
    fragment.append(part("Before it", outcome.setup.map((item) => folded(item))));
  }
  // The verdict says already what rule was broken.
  const items = outcome.items.map((item) => showItem({ ...item, violation: null }));
  if (outcome.left_out) {
    items.push(make("p", { class: "note", text: `And ${outcome.left_out} frames more.` }));
  }
  if (items.length) fragment.append(part(items.length > 1 ? "Your frames" : "Your frame", items));
  if (outcome.answer.length) {
    const whose = outcome.from === "client" ? "server" : "client";
    fragment.append(part(`The ${whose}'s answer`, outcome.answer.map((item) => folded(item))));
  }
  return fragment;
}

function part(title, content) {
  return make("section", { class: "outcome-part" }, make("h3", { class: "part-title", text: title }),
    ...content);
}

/** An item in one line, that opens. */
function folded(item) {
  const bytes = item.bytes.match(/../g)?.join(" ") ?? "";
  const details = make("details", { class: "folded", data: { from: item.from } },
    make("summary", {},
      make("span", { class: "mark", text: item.from === "client" ? "→" : "←", "aria-hidden": "true" }),
      make("span", { class: "folded-what", text: item.summary }),
      make("code", { text: bytes })));
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector(".dissection")) details.append(showItem(item));
  });
  return details;
}

const TOLD = {
  text: (event) => `a text: ${JSON.stringify(event.text)}`,
  binary: (event) => `a binary message of ${event.length} bytes`,
  ping: () => "a ping",
  pong: () => "a pong",
  close: (event) => `a Close${event.code ? ` with ${event.code}` : ""}`,
};

function verdict(outcome) {
  const receiver = outcome.from === "client" ? "server" : "client";
  const wrong = outcome.items.find((item) => item.violation)?.violation;
  const heard = outcome.items.flatMap((item) => (TOLD[item.event?.kind]?.(item.event)) ?? []);
  const last = outcome.items.at(-1);
  const before = outcome.before[receiver];
  const after = outcome.after[receiver];

  let kind = "fine";
  let title = `The ${receiver} hears ${heard.join(", then ")}.`;
  if (wrong) {
    kind = "wrong";
    title = `${wrong.sentence[0].toUpperCase()}${wrong.sentence.slice(1)}.`;
  } else if (!last) {
    kind = "waits";
    title = "Nothing was sent.";
  } else if (before === "closed") {
    kind = "waits";
    title = `The ${receiver} discards it: for it, the connection has ended.`;
  } else if (!last.complete) {
    kind = "waits";
    title = `The ${receiver} waits for more: the frame is incomplete.`;
  } else if (!heard.length) {
    kind = "waits";
    title = before === "closing" ? `The ${receiver} has sent a Close frame: it delivers nothing more.`
      : `The ${receiver} waits for more: the message is unfinished.`;
  }
  const box = make("div", { class: "verdict", data: { kind }, role: "status" },
    make("p", { class: "verdict-title", text: title }));
  const facts = make("dl", { class: "verdict-facts" });
  const fact = (name, ...content) => facts.append(
    make("div", {}, make("dt", { text: name }), make("dd", {}, ...content)));
  if (wrong) {
    fact("Close code", make("b", { class: "code", text: wrong.close_code }), ` ${wrong.close_name}`);
    fact("Rule", rfcLinkOf(wrong.section));
    fact("Kept in", make("code", { text: `${wrong.source.file}:${wrong.source.line}` }), " as ",
      make("code", { text: wrong.name }));
    fact("Test suite", suite(outcome.cases));
  }
  fact(`The ${receiver}`, before === after ? `stays ${after}` : `was ${before}, is `,
    before === after ? null : make("b", { text: after }));
  const diagram = stateDiagram();
  diagram.show(after, before);
  box.append(facts, diagram.svg);
  return box;
}

function suite(cases) {
  if (!cases?.all) return "no Autobahn case tests this";
  if (cases.exact) {
    const others = cases.all === cases.exact ? "" : ` (of ${cases.all})`;
    return make("span", {}, "Autobahn case ", make("b", { text: cases.exact }), others);
  }
  return `Autobahn, ${/ /.test(cases.all) ? "cases" : "case"} ${cases.all}`;
}
