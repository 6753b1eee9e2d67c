// A message put together from its fragments, beside the one that is looked at.

import { bytesOf, hexOf, make, rfcLink, textOf } from "./dom.js";

/** The most bytes of a payload that are written out. */
const MOST = 48;

/**
 * A section that shows of which frames the message of `item` is made, if they are several. `shown`
 * is what is known of the connection; `choose(number)` goes to another fragment.
 */
export function messageOf(item, shown, choose) {
  const number = item.frame?.message;
  if (!number) return null;
  const parts = shown.filter((one) => (
    one.item.from === item.from && one.item.frame?.message === number));
  if (parts.length < 2) return null;
  const last = parts[parts.length - 1].item;
  const rows = parts.map((part) => {
    const { frame } = part.item;
    const row = make("button", {
      type: "button", class: "fragment", "aria-current": part.item === item ? "true" : null,
    },
      make("b", { text: `${frame.fragment}` }),
      make("span", { text: `${frame.opcode_name}, FIN ${frame.fin ? 1 : 0}` }),
      make("code", { text: written(frame.payload, last) }),
      make("small", { text: `${frame.payload_length ?? "?"} bytes` }));
    row.addEventListener("click", () => choose(part.number));
    return make("li", {}, row);
  });
  const whole = last.event?.kind === "text" ? last.event.text
    : last.event?.bytes ? spaced(last.event.bytes) : null;
  const state = last.violation ? `broken off: ${last.violation.sentence}`
    : whole === null ? "unfinished: a frame with FIN 1 is still to come" : null;
  return make("section", { class: "step" },
    make("h4", {}, `One message, ${parts.length} frames `, rfcLink(6455, "5.4")),
    make("ol", { class: "fragments" }, ...rows),
    make("pre", { class: "bytes-line", text: state ?? whole }));
}

function written(payload, last) {
  const bytes = bytesOf(payload).slice(0, MOST);
  if (last.event?.kind === "text" && !last.steps.some((step) => step.kind === "inflate")) {
    return textOf(bytes);
  }
  return [...bytes].map(hexOf).join(" ");
}

const spaced = (hex) => (hex.match(/../g) ?? []).slice(0, 256).join(" ");
