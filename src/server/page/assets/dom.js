// Building elements. What a peer sent only ever becomes text, never markup.

/**
 * An element. Of `options`, `class` and `text` are what they say, `data` fills the dataset, and all
 * others are attributes; those that are null, undefined or false are left out.
 */
export function make(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name === "data") {
      for (const [key, datum] of Object.entries(value)) {
        if (datum !== null && datum !== undefined && datum !== false) made.dataset[key] = datum;
      }
    } else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** The bytes of a string of hexadecimal digits. */
export function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export const hexOf = (byte) => byte.toString(16).padStart(2, "0");

export const bitsOf = (byte) => byte.toString(2).padStart(8, "0");

/** A byte as a character, or a dot if it is none that can be shown. */
export const characterOf = (byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : "·");

/** Bytes as text, as far as they are text. */
export const textOf = (bytes) => new TextDecoder().decode(bytes);

/** The link to a section of an RFC. */
export function rfcLink(rfc, section) {
  const anchor = /^[A-Z]/.test(section) ? `appendix-${section}` : `section-${section}`;
  return make("a", {
    class: "rfc",
    href: `https://www.rfc-editor.org/rfc/rfc${rfc}.html#${anchor}`,
    target: "_blank",
    rel: "noopener noreferrer",
    text: `RFC ${rfc}, ${section}`,
  });
}

/** The same for a text such as `RFC 6455, 5.2`; other text remains text. */
export function rfcLinkOf(text) {
  const found = /^RFC (\d+), ([A-Z0-9.]+)/.exec(text);
  return found ? rfcLink(found[1], found[2]) : document.createTextNode(text);
}
