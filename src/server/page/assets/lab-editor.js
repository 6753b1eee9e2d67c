// The composer: bits, fields and hexadecimal digits of one frame, each of which changes the others.

import { hexOf, make } from "./dom.js";
import {
  BITS, MOST, OPCODES, fromTyped, opcodeName, parse, split, toggle, typeable, withForm, withKey,
  withOpcode, withPayload,
} from "./lab-frame.js";

const element = (id) => document.getElementById(id);
const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));
const spaced = (bytes) => Array.from(bytes, hexOf).join(" ");
const plural = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1n || count === 1 ? "" : "s"}`;

/** More frames than these have no button of their own. */
const MOST_FRAMES = 8;

/** Composes bytes, and calls `changed()` after each change that somebody made. */
export class Editor {
  constructor(mostBytes, changed) {
    this.mostBytes = mostBytes;
    this.changed = changed;
    this.bytes = new Uint8Array();
    /** Which frame the bits are those of. */
    this.chosen = 0;
    this.asText = true;
    this.buildBits();
    this.buildChips();
    this.listen();
  }

  /** Shows these bytes. */
  set(bytes) {
    this.bytes = bytes;
    this.chosen = 0;
    this.asText = true;
    this.show();
  }

  get frame() {
    const frames = split(this.bytes);
    this.chosen = Math.min(this.chosen, frames.length - 1);
    const { start, end } = frames[this.chosen];
    return this.bytes.slice(start, end);
  }

  /** Puts another frame in the place of the chosen one. */
  replace(frame, but = null) {
    const { start, end } = split(this.bytes)[this.chosen];
    const bytes = new Uint8Array(this.bytes.length - (end - start) + frame.length);
    bytes.set(this.bytes.slice(0, start));
    bytes.set(frame, start);
    bytes.set(this.bytes.slice(end), start + frame.length);
    this.take(bytes, but);
  }

  /** Takes bytes that somebody made; the field in which it was typed is left alone. */
  take(bytes, but = null) {
    if (bytes.length > this.mostBytes) {
      return this.complain(`The sandbox takes ${plural(this.mostBytes, "byte")} at most.`, but);
    }
    this.bytes = bytes;
    this.show(but);
    this.changed();
  }

  complain(error, field) {
    element("lab-error").textContent = error;
    for (const one of ["lab-hex", "lab-key", "lab-payload"]) {
      element(one).setAttribute("aria-invalid", String(error !== "" && element(one) === field));
    }
  }

  // --- What there is ---

  buildBits() {
    const groups = new Map();
    this.bits = BITS.map(({ name, at, bit }) => {
      const group = `${at}${name}`;
      if (!groups.has(group)) {
        const buttons = make("span", { class: "bit-buttons" });
        groups.set(group, buttons);
        element(`lab-byte-${at}`).append(make("span", { class: "bit-group", data: { name } },
          buttons, make("small", { text: name, "aria-hidden": "true" })));
      }
      const several = name === "opcode" || name === "length";
      const label = several ? `${name}, bit of value ${1 << bit}` : name;
      const button = make("button", {
        type: "button", class: "bit-button", "aria-label": label, "aria-pressed": "false",
        tabindex: at === 0 && bit === 7 ? "0" : "-1", data: { at, bit },
      });
      groups.get(group).append(button);
      return button;
    });
  }

  buildChips() {
    for (const [opcode, name] of OPCODES) {
      element("lab-opcodes").append(make("button", {
        type: "button", class: "chip", text: name, data: { opcode },
      }));
    }
    for (const form of [7, 16, 64]) {
      element("lab-forms").append(make("button", {
        type: "button", class: "chip", text: `${form} bits`, data: { form },
      }));
    }
  }

  listen() {
    const bits = element("lab-bits");
    bits.addEventListener("click", ({ target }) => {
      const button = target.closest(".bit-button");
      if (!button) return;
      this.replace(toggle(this.frame, Number(button.dataset.at), Number(button.dataset.bit)));
    });
    // One stop for the tab key; arrows move among the bits.
    bits.addEventListener("focusin", ({ target }) => {
      for (const button of this.bits) button.tabIndex = button === target ? 0 : -1;
    });
    bits.addEventListener("keydown", (event) => {
      const at = this.bits.indexOf(event.target);
      const to = {
        ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + 8, ArrowUp: at - 8, Home: 0, End: 15,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.bits[to]?.focus();
    });
    const onChip = (id, key, take) => element(id).addEventListener("click", ({ target }) => {
      const chip = target.closest("button");
      if (chip) take(Number(chip.dataset[key]));
    });
    onChip("lab-opcodes", "opcode", (opcode) => this.replace(withOpcode(this.frame, opcode)));
    onChip("lab-forms", "form", (form) => this.replace(withForm(this.frame, form)));
    onChip("lab-frames", "frame", (frame) => {
      this.chosen = frame;
      this.show();
    });
    onChip("lab-as", "text", (text) => {
      this.asText = text === 1;
      this.show();
    });
    this.onTyped("lab-hex", (typed) => this.take(typed, element("lab-hex")));
    this.onTyped("lab-key", (typed) => {
      if (typed.length !== 4) return this.complain("A masking key has four bytes.", element("lab-key"));
      this.replace(withKey(this.frame, typed), element("lab-key"));
    });
    element("lab-random").addEventListener("click", () => {
      this.replace(withKey(this.frame, crypto.getRandomValues(new Uint8Array(4))));
    });
    element("lab-payload").addEventListener("input", ({ target }) => {
      if (this.shownAsText) {
        return this.replace(withPayload(this.frame, new TextEncoder().encode(target.value)), target);
      }
      const { bytes, error } = fromTyped(target.value);
      if (error) this.complain(error, target);
      else this.replace(withPayload(this.frame, bytes), target);
    });
  }

  onTyped(id, take) {
    element(id).addEventListener("input", ({ target }) => {
      const { bytes, error } = fromTyped(target.value);
      if (error) this.complain(error, target);
      else take(bytes);
    });
    // What was typed in any spelling is then written as all the rest is.
    element(id).addEventListener("change", () => {
      if (element("lab-error").textContent === "") this.show();
    });
  }

  // --- What is shown ---

  show(but = null) {
    this.complain("", null);
    const frames = split(this.bytes);
    const { frame } = this;
    const parts = parse(frame);
    for (const button of this.bits) {
      const { at, bit } = button.dataset;
      const set = Boolean((frame[at] ?? 0) & (1 << bit));
      press(button, set);
      button.textContent = set ? "1" : "0";
    }
    for (const at of [0, 1]) {
      element(`lab-byte-${at}-hex`).textContent = frame.length > at ? hexOf(frame[at]) : "--";
    }
    const opcode = parts.first & 15;
    element("lab-opcode").textContent = `${opcode}, ${opcodeName(opcode)}`;
    for (const chip of element("lab-opcodes").children) {
      press(chip, Number(chip.dataset.opcode) === opcode);
    }
    for (const chip of element("lab-forms").children) {
      const form = Number(chip.dataset.form);
      press(chip, form === parts.form);
      chip.disabled = parts.length > MOST[form];
    }
    element("lab-length").textContent = this.aboutLength(parts);
    this.showKey(parts, but);
    this.showPayload(parts, but);
    this.showFrames(frames);
    if (element("lab-hex") !== but) element("lab-hex").value = spaced(this.bytes);
    element("lab-size").textContent = plural(this.bytes.length, "byte");
  }

  aboutLength({ length, payload }) {
    const missing = length - BigInt(payload.length);
    const announced = plural(length, "byte");
    if (missing <= 0n) return announced;
    return payload.length ? `${announced}, of which ${payload.length} are here` : `${announced}, none here`;
  }

  showKey({ key }, but) {
    const field = element("lab-key");
    field.disabled = key === null;
    element("lab-random").disabled = key === null;
    if (field !== but) field.value = key ? spaced(key) : "";
    field.placeholder = key ? "" : "not masked";
  }

  showPayload({ payload }, but) {
    const field = element("lab-payload");
    const text = typeable(payload);
    if (field !== but) {
      this.shownAsText = this.asText && text !== null;
      field.value = this.shownAsText ? text : spaced(payload);
    }
    for (const chip of element("lab-as").children) {
      const isText = chip.dataset.text === "1";
      press(chip, isText === this.shownAsText);
      chip.disabled = isText && text === null;
    }
    field.classList.toggle("as-hex", !this.shownAsText);
  }

  showFrames(frames) {
    const chips = element("lab-frames");
    chips.hidden = frames.length < 2;
    const names = frames.slice(0, MOST_FRAMES).map(({ start }, index) => (
      `${index + 1}: ${opcodeName((this.bytes[start] ?? 0) & 15)}`));
    // A button that is being pressed must stay the same one.
    while (chips.children.length > names.length) chips.lastChild.remove();
    names.forEach((text, index) => {
      const chip = chips.children[index]
        ?? make("button", { type: "button", class: "chip", data: { frame: index } });
      chip.textContent = text;
      press(chip, index === this.chosen);
      if (!chip.isConnected) chips.append(chip);
    });
  }
}
