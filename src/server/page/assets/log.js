// The panel that shows the signaling messages as they pass.

import { meaning, sdpLines, summary } from './explain.js';
import { copyText, element, make } from './ui.js';

/** Enough for many calls; a page left open for a day must not grow without end. */
const MAX_ENTRIES = 500;

/** Text beyond this is cut in the view; the copy has it all. */
const MAX_SHOWN = 64 * 1024;

/** Whoever holds these could act in our name, and a log is something people show and send. */
const SECRETS = new Set(['session', 'credential', 'token']);

const ARROWS = { sent: '↑', received: '↓', socket: '•' };
const SPOKEN = { sent: 'sent', received: 'received', socket: 'socket' };

export class SignalingLog {
  #list = element('log-list');
  #entries = [];
  #passed = 0;
  /** Whether the list follows what comes in: until the user scrolls back or opens an entry. */
  #following = true;
  #frame = 0;

  constructor() {
    const list = this.#list;
    list.addEventListener('scroll', () => {
      this.#following = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    });
    // `toggle` does not bubble, but it can be caught on its way down.
    list.addEventListener('toggle', () => { this.#following = false; }, { capture: true });
    element('log-clear').addEventListener('click', () => this.clear());
    element('log-copy').addEventListener('click', (event) => (
      copyText(this.text(), event.currentTarget)));
  }

  /** `direction` is 'sent', 'received' or 'socket' (what happened to the connection itself). */
  add(direction, text) {
    const entry = { direction, text, time: new Date(), message: null };
    if (direction !== 'socket') {
      this.#passed += 1;
      entry.message = parse(text);
    }
    this.#entries.push(entry);
    this.#list.append(row(entry));
    if (this.#entries.length > MAX_ENTRIES) {
      this.#entries.shift();
      this.#list.firstElementChild.remove();
    }
    this.#count();
    this.#follow();
  }

  clear() {
    this.#entries = [];
    this.#passed = 0;
    this.#list.replaceChildren();
    this.#following = true;
    this.#count();
  }

  text() {
    return this.#entries.map((entry) => (
      `${clock(entry.time)} ${SPOKEN[entry.direction]} ${compact(entry)}\n`)).join('');
  }

  /** Scrolls once for all the messages of one frame: each scroll costs a layout of the page. */
  #follow() {
    if (!this.#following || this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#following) this.#list.scrollTop = this.#list.scrollHeight;
    });
  }

  #count() {
    const one = this.#passed === 1;
    element('log-count').textContent = this.#passed === 0 ? 'no messages'
      : `${this.#passed} message${one ? '' : 's'}`;
    element('log-empty').hidden = this.#entries.length > 0;
  }
}

function parse(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

function row(entry) {
  const { direction, message } = entry;
  const item = make('li', { className: 'entry' });
  item.dataset.direction = direction;
  item.dataset.type = message?.type ?? direction;

  const head = [
    make('span', { className: 'arrow', textContent: ARROWS[direction], ariaHidden: 'true' }),
    make('span', { className: 'visually-hidden', textContent: SPOKEN[direction] }),
    clockElement(entry.time),
  ];
  if (direction === 'socket') {
    item.append(...head, make('span', { className: 'what', textContent: entry.text }));
    return item;
  }
  const details = make('details');
  const line = make('summary');
  line.append(
    ...head,
    make('b', { className: 'type', textContent: String(message?.type ?? 'not JSON') }),
    make('span', { className: 'what', textContent: message ? summary(direction, message) : '' }),
  );
  details.append(line);
  // Most entries are never opened: what is inside is made when it is.
  details.addEventListener('toggle', () => details.append(...body(entry)), { once: true });
  item.append(details);
  return item;
}

function body(entry) {
  const { direction, message, text } = entry;
  const parts = [];
  const explanation = message ? meaning(direction, message) : 'Not a JSON object; ignored.';
  if (explanation) parts.push(make('p', { className: 'meaning', textContent: explanation }));
  parts.push(make('pre', { textContent: cut(message ? pretty(message) : text) }));
  const sdp = (message?.offer ?? message?.answer)?.sdp;
  if (typeof sdp === 'string') parts.push(sdpView(cut(sdp)));
  const copy = make('button', {
    type: 'button', className: 'button quiet small', textContent: 'Copy this message',
  });
  copy.addEventListener('click', () => copyText(compact(entry), copy));
  parts.push(copy);
  return parts;
}

function sdpView(sdp) {
  const list = make('ol', { className: 'sdp', ariaLabel: 'SDP, line by line' });
  list.append(...sdpLines(sdp).map(({ line, note, heading }) => {
    const item = make('li', { className: heading ? 'section' : '' });
    item.append(make('code', { textContent: line }));
    if (note) item.append(make('span', { className: 'note', textContent: note }));
    return item;
  }));
  return list;
}

function pretty(message) {
  return JSON.stringify(message, (key, value) => {
    if (key !== 'sdp' || typeof value !== 'string') return hideSecret(key, value);
    return `(${value.split('\n').filter(Boolean).length} lines, below)`;
  }, 2);
}

function compact({ message, text }) {
  return message ? JSON.stringify(message, hideSecret) : text;
}

function hideSecret(key, value) {
  return SECRETS.has(key) && typeof value === 'string' ? '(hidden)' : value;
}

function cut(text) {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}\n(cut here)`;
}

/** On a narrow screen the hours give way to what the message says. */
function clockElement(time) {
  const [hours, ...rest] = clock(time).split(':');
  const shown = make('time', { dateTime: time.toISOString() });
  shown.append(make('span', { className: 'hours', textContent: `${hours}:` }), rest.join(':'));
  return shown;
}

function clock(time) {
  const two = (number) => String(number).padStart(2, '0');
  const milliseconds = String(time.getMilliseconds()).padStart(3, '0');
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two);
  return `${parts.join(':')}.${milliseconds}`;
}
