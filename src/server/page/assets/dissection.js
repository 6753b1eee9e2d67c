// One item, shown: its bytes beside its fields, what is worked out from it, and what the core says.
//
// An item is what src/trace/dissect/item.rs describes, in JSON. `showItem` is all that others need.

import { bitsOf, bytesOf, characterOf, hexOf, make, rfcLink, rfcLinkOf } from "./dom.js";
import { showSteps } from "./steps.js";

const COLOURS = 7;
/** More bytes than these are not drawn one by one. */
const MOST_BYTES = 512;

/** An article that shows the item. */
export function showItem(item) {
  const shown = make("article", { class: "dissection", data: { kind: item.kind, from: item.from } });
  shown.append(heading(item));
  if (item.violation) shown.append(violationBox(item.violation));
  shown.append(coreSays(item));
  const steps = showSteps(item);
  // In a head, what is worked out of it comes first: its lines are long, and say less.
  if (item.kind !== "frame") shown.append(...steps);
  if (item.bytes) shown.append(bytesAndFields(item));
  if (item.kind === "frame") shown.append(...steps);
  for (const note of item.notes) shown.append(make("p", { class: "note", text: note }));
  return shown;
}

function heading(item) {
  const other = item.from === "client" ? "server" : "client";
  const length = item.missing ? `${item.length} of ${item.length + item.missing}` : item.length;
  const facts = `${item.from} → ${other} · ${item.kind} ${item.number} of the ${item.from} · `
    + `${length} bytes from byte ${item.offset}`;
  return make("header", {},
    make("h3", { text: item.summary }),
    make("p", { class: "facts-line", text: facts }));
}

export function violationBox(violation) {
  const code = violation.close_code
    ? `Close code ${violation.close_code}, ${violation.close_name}`
    : violation.status ? `HTTP status ${violation.status}` : "";
  return make("div", { class: "violation", role: "note" },
    make("p", { class: "violation-title" },
      make("strong", { text: violation.sentence }),
      make("span", { text: code })),
    make("p", {}, rfcLinkOf(violation.section), " · kept in ",
      make("code", { text: `${violation.source.file}:${violation.source.line}` }), " as ",
      make("code", { text: violation.name })),
    violation.advice ? make("p", { text: violation.advice }) : null);
}

// --- Bytes and fields ----------------------------------------------------------------------------

function bytesAndFields(item) {
  const bytes = bytesOf(item.bytes);
  const isHead = item.kind === "request" || item.kind === "response";
  // What the pointer or the keyboard is on lights up in both: bytes [start, end), bits `mask`.
  const both = make("div", { class: "bytes-and-fields" });
  const fields = item.fields.map((field, index) => ({ ...field, colour: index % COLOURS }));
  if (item.kind === "frame") both.append(bitRows(bytes, fields, item));
  both.append(isHead ? headText(bytes, fields) : hexGrid(bytes, fields, item));
  both.append(fieldList(fields));
  link(both, fields);
  return both;
}

/** The field to which a byte belongs; the last one, which is the most particular. */
const fieldOf = (fields, at) => fields.findLast((field) => at >= field.start && at < field.end);

/** The first bytes of a frame, bit for bit, as RFC 6455 draws them in 5.2. */
function bitRows(bytes, fields, item) {
  const rows = make("div", { class: "bit-rows", "aria-hidden": "true" });
  const count = Math.min(2, bytes.length, item.frame?.header_length ?? 2);
  for (let at = 0; at < count; at += 1) {
    const row = make("div", { class: "bit-row" });
    for (let bit = 7; bit >= 0; bit -= 1) {
      const mask = 1 << bit;
      const field = fields.find((one) => one.start === at && one.mask !== null && one.mask & mask);
      row.append(make("span", {
        class: "bit",
        text: bytes[at] & mask ? "1" : "0",
        title: field ? `${field.label}: ${field.value}` : null,
        data: { at, bit, colour: field?.colour },
      }));
    }
    rows.append(row);
  }
  return rows;
}

function hexGrid(bytes, fields, item) {
  const grid = make("div", {
    class: "hex", tabindex: "0", role: "group",
    "aria-label": "Bytes; arrow keys move from one to the next",
  });
  const masked = item.frame?.masked && item.frame.payload;
  const plain = masked ? bytesOf(item.frame.payload) : null;
  const header = item.frame?.header_length ?? 0;
  bytes.slice(0, MOST_BYTES).forEach((byte, at) => {
    const shown = plain && at >= header ? plain[at - header] ?? byte : byte;
    grid.append(make("span", {
      class: "byte",
      title: `byte ${at}: ${bitsOf(byte)}, ${byte}`,
      data: { at, colour: fieldOf(fields, at)?.colour },
    }, hexOf(byte), make("small", { text: characterOf(shown) })));
  });
  const left = item.length - Math.min(bytes.length, MOST_BYTES);
  if (left > 0) grid.append(make("span", { class: "more", text: `and ${left} more` }));
  return grid;
}

/** A head is text: its fields are parts of its lines. */
function headText(bytes, fields) {
  const text = make("pre", { class: "head-text", tabindex: "0" });
  const starts = new Set([0, bytes.length]);
  for (const field of fields) {
    starts.add(Math.min(field.start, bytes.length));
    starts.add(Math.min(field.end, bytes.length));
  }
  const cuts = [...starts].sort((a, b) => a - b);
  for (let index = 0; index + 1 < cuts.length; index += 1) {
    const part = new TextDecoder("latin1").decode(bytes.slice(cuts[index], cuts[index + 1]));
    text.append(make("span", {
      text: part.replaceAll("\r\n", "↵\n"),
      class: "byte",
      data: { at: cuts[index], colour: fieldOf(fields, cuts[index])?.colour },
    }));
  }
  return text;
}

function fieldList(fields) {
  const list = make("ol", { class: "fields" });
  fields.forEach((field, index) => {
    const bits = field.bits ? make("code", { class: "bits", text: field.bits }) : null;
    list.append(make("li", {
      class: "field", tabindex: "0", data: { index, colour: field.colour },
    },
      make("p", { class: "field-line" },
        make("span", { class: "label", text: field.label }),
        make("span", { class: "value", text: field.value }),
        bits),
      make("p", { class: "meaning" },
        field.meaning ? `${field.meaning} ` : "",
        field.rfc ? rfcLink(field.rfc.rfc, field.rfc.section) : "",
        make("code", { class: "wireshark", text: field.name, title: "Wireshark's name" }))));
  });
  return list;
}

/** Lights up what belongs together, whichever side is pointed at or focused. */
function link(both, fields) {
  const bytes = [...both.querySelectorAll(".byte")];
  const bits = [...both.querySelectorAll(".bit")];
  const rows = [...both.querySelectorAll(".field")];
  let cursor = 0;

  const dark = () => both.querySelectorAll(".lit").forEach((lit) => lit.classList.remove("lit"));
  const within = (element, field) => {
    const at = Number(element.dataset.at);
    return at >= field.start && at < field.end;
  };
  const light = (lit) => {
    dark();
    for (const index of lit) {
      const field = fields[index];
      rows[index].classList.add("lit");
      for (const byte of bytes) if (within(byte, field)) byte.classList.add("lit");
      for (const bit of bits) {
        const in_mask = field.mask === null || field.mask & (1 << Number(bit.dataset.bit));
        if (within(bit, field) && in_mask) bit.classList.add("lit");
      }
    }
  };
  const fieldsAt = (element) => {
    const bit = element.dataset.bit;
    const found = fields.flatMap((field, index) => {
      const in_mask = bit === undefined || field.mask === null || field.mask & (1 << Number(bit));
      return within(element, field) && in_mask ? [index] : [];
    });
    // A field around others, such as the whole header, would light up everything.
    const narrow = found.filter((index) => fields[index].end - fields[index].start < 512);
    return narrow.length ? narrow : found;
  };
  const pointed = (event) => {
    const row = event.target.closest(".field");
    const part = event.target.closest(".byte, .bit");
    if (row) light([Number(row.dataset.index)]);
    else if (part) light(fieldsAt(part));
  };
  both.addEventListener("pointerover", pointed);
  both.addEventListener("pointerleave", dark);
  both.addEventListener("focusin", (event) => {
    if (event.target.matches(".hex, .head-text")) move(0);
    else pointed(event);
  });
  both.addEventListener("focusout", dark);

  const move = (by) => {
    cursor = Math.min(Math.max(cursor + by, 0), bytes.length - 1);
    if (bytes[cursor]) light(fieldsAt(bytes[cursor]));
    bytes[cursor]?.classList.add("lit");
  };
  const keys = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };
  both.addEventListener("keydown", (event) => {
    const by = keys[event.key];
    if (!by) return;
    if (event.target.matches(".hex, .head-text")) move(by);
    else if (event.target.matches(".field")) {
      rows[Number(event.target.dataset.index) + by]?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

// --- What the core says --------------------------------------------------------------------------

function told(event) {
  switch (event.kind) {
    case "text": return `a text message of ${event.length} bytes: ${JSON.stringify(event.text)}`;
    case "binary": return `a binary message of ${event.length} bytes`;
    case "ping": return "a ping";
    case "pong": return "a pong";
    case "close": {
      const code = event.code ? `${event.code}${event.name ? `, ${event.name}` : ""}` : "no code";
      return `a Close frame: ${code}${event.reason ? `, ${JSON.stringify(event.reason)}` : ""}`;
    }
    case "violation": return "the rule was broken: the connection is failed";
    case "handshake": return `a handshake for ${event.target}`;
    case "plain": return `a plain ${event.method} of ${event.target}`;
    case "upgraded": return event.deflate
      ? "the connection is open, with permessage-deflate" : "the connection is open";
    case "answered": return `status ${event.status}: no WebSocket`;
    default: return event.kind;
  }
}

function coreSays(item) {
  const list = make("dl", { class: "core" });
  const row = (name, ...content) => list.append(make("div", {},
    make("dt", { text: name }), make("dd", {}, ...content)));
  if (item.event) row(`The ${item.receiver.side} hears`, told(item.event));
  for (const change of [item.receiver, item.sender]) {
    if (change.before !== change.after) {
      row(`The ${change.side} was`, `${change.before} → `, make("b", { text: change.after }));
    }
  }
  if (item.answer) {
    row(`The ${item.receiver.side} answers`, make("code", { text: item.answer.match(/../g).join(" ") }));
  }
  return list;
}
