// What can be worked out from an item, step by step: unmasking, the accept key, inflating.

import { bitsOf, bytesOf, characterOf, hexOf, make, rfcLink } from "./dom.js";

/** A section for each step of the item. */
export function showSteps(item) {
  return item.steps.map((step) => {
    switch (step.kind) {
      case "unmask": return unmask(step);
      case "accept": return accept(step);
      case "inflate": return inflate(step, item);
      default: return make("section");
    }
  });
}

const spaced = (hex, most = 64) => {
  const pairs = hex.match(/../g) ?? [];
  return pairs.slice(0, most).join(" ") + (pairs.length > most ? " …" : "");
};

function section(title, rfc, part, ...content) {
  return make("section", { class: "step" },
    make("h4", {}, title, " ", rfcLink(rfc, part)), ...content);
}

/** RFC 6455, 5.3: octet i of the payload XOR octet i mod 4 of the key. */
function unmask(step) {
  const head = make("tr", {}, ...["i", "on the wire", "key[i mod 4]", "payload", ""]
    .map((text) => make("th", { text, scope: "col" })));
  const rows = step.rows.map((row) => make("tr", {},
    make("td", { text: row.index }),
    ...[row.masked, row.key, row.plain].map((byte) => make("td", {},
      make("b", { text: hexOf(byte) }), " ", make("span", { class: "bits", text: bitsOf(byte) }))),
    make("td", { class: "character", text: characterOf(row.plain) })));
  const more = step.more ? make("p", { class: "note", text: `and ${step.more} more bytes` }) : null;
  return section("Unmasking: wire XOR key = payload", 6455, "5.3",
    make("div", { class: "scroll" },
      make("table", { class: "xor" }, make("thead", {}, head), make("tbody", {}, ...rows))), more);
}

/** RFC 6455, 4.2.2: how the server proves that it has read the key. */
function accept(step) {
  const line = (title, value) => make("li", {},
    make("span", { text: title }), make("code", { text: value }));
  return section("How Sec-WebSocket-Accept is made", 6455, "4.2.2",
    make("ol", { class: "derivation" },
      line("Sec-WebSocket-Key, as it was sent", step.key),
      line("append the GUID that all servers share", step.guid),
      line("both together", step.concatenated),
      line("SHA-1 of that: 20 bytes", spaced(step.sha1)),
      line("base64 of the bytes, not of the digits", step.accept)));
}

/** RFC 7692, 7.2.2: what a compressed message was. */
function inflate(step, item) {
  const ratio = step.compressed_length
    ? (step.inflated_length / step.compressed_length).toFixed(1) : "0";
  const whole = Math.max(step.compressed_length, step.inflated_length, 1);
  const bar = (title, length) => make("div", { class: "bar-line" },
    make("span", { text: title }),
    make("meter", { min: 0, max: whole, value: length, "aria-label": title }),
    make("span", { text: `${length} bytes` }));
  const after = item.event?.kind === "text" ? item.event.text
    : item.event?.bytes ? spaced(item.event.bytes) : "";
  const context = step.context_takeover
    ? "The window of the messages before is kept (context takeover)."
    : "Each message is compressed alone (no context takeover).";
  return section(`Inflating: ${ratio} times as long`, 7692, "7.2.2",
    bar("before", step.compressed_length), bar("after", step.inflated_length),
    make("pre", { class: "bytes-line" }, spaced(step.compressed), " ",
      make("b", { text: spaced(step.tail), title: "left out by the sender, appended again" })),
    make("pre", { class: "bytes-line", text: after }),
    make("p", { class: "note", text: `${context} The last four bytes are appended by the receiver.` }));
}

/** For those who show bytes of their own. */
export { bytesOf, spaced };
