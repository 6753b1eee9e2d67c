// A frame as it is being composed: from bytes to its parts and back. RFC 6455, 5.2.
//
// The bytes are the truth, so that a frame can be as wrong as one likes: a length that lies, a
// header that ends too early. Each change takes the bytes of a frame and returns new ones.

export const OPCODES = new Map([
  [0, "continuation"], [1, "text"], [2, "binary"], [8, "close"], [9, "ping"], [10, "pong"],
]);

export const opcodeName = (opcode) => OPCODES.get(opcode) ?? "reserved";

/** The bits of the first two bytes, as they stand there. */
export const BITS = [
  "FIN", "RSV1", "RSV2", "RSV3", "opcode", "opcode", "opcode", "opcode",
  "MASK", "length", "length", "length", "length", "length", "length", "length",
].map((name, index) => ({ name, at: index >> 3, bit: 7 - (index & 7) }));

/** The key of the examples in RFC 6455, 5.7. */
const EXAMPLE_KEY = [0x37, 0xfa, 0x21, 0x3d];

const applyMask = (bytes, key) => key ? bytes.map((byte, index) => byte ^ key[index % 4]) : bytes;

/** How many bytes the extended length has in each form. */
const EXTENDED = { 7: 0, 16: 2, 64: 8 };

/** The largest length that each form can hold. */
export const MOST = { 7: 125n, 16: 0xffffn, 64: 0xffffffffffffffffn };

/** The parts of the frame at the start of `bytes`; what is missing of its header counts as zero. */
export function parse(bytes) {
  const second = bytes[1] ?? 0;
  const short = second & 0x7f;
  const form = short === 127 ? 64 : short === 126 ? 16 : 7;
  let length = BigInt(form === 7 ? short : 0);
  for (let at = 2; at < 2 + EXTENDED[form]; at += 1) length = length * 256n + BigInt(bytes[at] ?? 0);
  const masked = second >= 0x80;
  const keyAt = 2 + EXTENDED[form];
  const header = keyAt + (masked ? 4 : 0);
  const key = masked ? Uint8Array.from({ length: 4 }, (_, index) => bytes[keyAt + index] ?? 0) : null;
  const room = bytes.length - header;
  const end = length < BigInt(Math.max(room, 0)) ? header + Number(length) : bytes.length;
  return {
    first: bytes[0] ?? 0,
    form, length, key, header, end,
    payload: applyMask(bytes.slice(header, end), key),
    complete: room >= 0 && BigInt(room) >= length,
  };
}

/** The bytes of a frame with these parts. */
function build({ first, form, length, key, payload }) {
  const bytes = new Uint8Array(2 + EXTENDED[form] + (key ? 4 : 0) + payload.length);
  const short = form === 7 ? Number(length) : form === 16 ? 126 : 127;
  bytes.set([first, (key ? 0x80 : 0) | short]);
  let at = 2 + EXTENDED[form];
  for (let left = length, to = at - 1; to >= 2; to -= 1, left /= 256n) {
    bytes[to] = Number(left % 256n);
  }
  if (key) {
    bytes.set(key, at);
    at += 4;
  }
  bytes.set(applyMask(payload, key), at);
  return bytes;
}

/** Where each frame of `bytes` begins and ends. */
export function split(bytes) {
  const frames = [];
  let start = 0;
  do {
    const end = start + parse(bytes.slice(start)).end;
    frames.push({ start, end });
    start = end;
  } while (start < bytes.length);
  return frames;
}

/** Turns a bit over. MASK brings a key and takes it away; the payload stays what it is. */
export function toggle(bytes, at, bit) {
  if (at === 1 && bit === 7) {
    const parts = parse(bytes);
    return build({ ...parts, key: parts.key ? null : Uint8Array.from(EXAMPLE_KEY) });
  }
  const changed = new Uint8Array(Math.max(bytes.length, 2));
  changed.set(bytes);
  changed[at] ^= 1 << bit;
  return changed;
}

export function withOpcode(bytes, opcode) {
  const parts = parse(bytes);
  return build({ ...parts, first: (parts.first & 0xf0) | opcode });
}

/** The same length in another form, if it can hold it. */
export function withForm(bytes, form) {
  const parts = parse(bytes);
  return parts.length > MOST[form] ? bytes : build({ ...parts, form });
}

export const withKey = (bytes, key) => build({ ...parse(bytes), key });

/** Another payload, and its length: in the form that there was, if it can hold it. */
export function withPayload(bytes, payload) {
  const parts = parse(bytes);
  const length = BigInt(payload.length);
  const form = [parts.form, 16, 64].find((one) => one >= parts.form && length <= MOST[one]);
  return build({ ...parts, form, length, payload });
}

/** A text frame as `sender` writes it. */
export const freshFrame = (sender) => build({
  first: 0x81, form: 7, length: 5n,
  key: sender === "client" ? Uint8Array.from(EXAMPLE_KEY) : null,
  payload: new TextEncoder().encode("Hello"),
});

/** Text, if these bytes can be shown and typed as such; else null. */
export function typeable(bytes) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return /[\u0000-\u0008\u000b-\u001f\u007f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** Bytes as they are typed, in hexadecimal; or `{ error }`. */
export function fromTyped(text) {
  const digits = text.replaceAll(/0x|\\x|[\s,:]/gi, "");
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong) return { error: `“${wrong[0]}” is not a hexadecimal digit.` };
  if (digits.length % 2) return { error: "One digit is left over: a byte is two of them." };
  return { bytes: Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)) };
}
