// The same messages by four transports, side by side. See src/transports/ for the other end.

const element = (id) => document.getElementById(id);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What is common to all ways: a channel, the messages on their way, and the figures. */
class Lane {
  constructor(name, how) {
    this.name = name;
    this.how = how;
    this.running = false;
    this.renew();
  }

  /** Begins anew, with nothing counted. */
  renew() {
    this.channel = crypto.randomUUID();
    this.sent = new Map();
    this.times = [];
    this.counts = { requests: 0, received: 0, sent: 0 };
  }

  url(what, more = "") {
    return `transports/${what}?channel=${this.channel}${more}`;
  }

  start() {
    this.running = true;
    this.stopper = new AbortController();
    return this.open().catch((error) => this.failed(error));
  }

  stop() {
    this.running = false;
    this.stopper.abort();
    this.close();
  }

  close() {}

  failed(error) {
    if (this.running) console.warn(`${this.name}: ${error}`);
  }

  post(number, message) {
    this.sent.set(number, performance.now());
    return this.send(message).catch((error) => this.failed(error));
  }

  /** By HTTP, what goes up is a request, whatever brings it back. */
  async send(message) {
    const more = `&message=${encodeURIComponent(message)}`;
    await fetch(this.url("send", more), { method: "POST", signal: this.stopper.signal });
  }

  received(message) {
    const number = Number.parseInt(message, 10);
    const since = this.sent.get(number);
    if (since === undefined) return;
    this.sent.delete(number);
    const time = performance.now() - since;
    this.times.push(time);
    this.shown?.(time);
  }

  async get(what) {
    const answer = await fetch(this.url(what), { signal: this.stopper.signal, cache: "no-store" });
    if (answer.status === 204) return [];
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }
}

class Polling extends Lane {
  constructor(period) {
    super("Polling", "asks again and again: is there something?");
    this.period = period;
  }

  async open() {
    while (this.running) {
      for (const message of await this.get("poll")) this.received(message);
      await wait(this.period());
    }
  }
}

class LongPolling extends Lane {
  constructor() {
    super("Long polling", "asks, and the server answers when there is something");
  }

  async open() {
    while (this.running) {
      for (const message of await this.get("wait")) this.received(message);
    }
  }
}

class Events extends Lane {
  constructor() {
    super("Server-sent events", "one answer that never ends; up is a request each");
  }

  async open() {
    this.source = new EventSource(this.url("events"));
    this.source.onmessage = (event) => this.received(JSON.parse(event.data));
    await new Promise((resolve) => { this.source.onopen = resolve; });
  }

  close() {
    this.source?.close();
  }
}

class Socket extends Lane {
  constructor() {
    super("WebSocket", "one handshake, then frames both ways");
  }

  async open() {
    const url = new URL(this.url("socket"), location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.socket = new WebSocket(url);
    this.socket.onmessage = (event) => this.received(event.data);
    await new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = () => reject(new Error("the connection failed"));
    });
  }

  async send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  close() {
    this.socket?.close();
  }
}

// --- The page ------------------------------------------------------------------------------------

const lanes = [
  new Polling(() => Number(element("poll").value)),
  new LongPolling(),
  new Events(),
  new Socket(),
];
let number = 0;
let timer;

const format = new Intl.NumberFormat("en");
const milliseconds = (time) => (time < 10 ? time.toFixed(1) : format.format(Math.round(time))) + " ms";

function median(times) {
  const sorted = times.slice(-51).sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

for (const lane of lanes) {
  const view = element("lane").content.cloneNode(true).querySelector("li");
  view.id = `lane-${lane.constructor.name.toLowerCase()}`;
  view.querySelector("h2").textContent = lane.name;
  view.querySelector(".lane-how").textContent = lane.how;
  lane.view = view;
  lane.shown = (time) => {
    const dot = document.createElement("span");
    dot.className = "dot";
    // From 0.1 ms to 10 s, a decade for each fifth of the track.
    const place = (Math.log10(Math.min(Math.max(time, 0.1), 10_000)) + 1) / 5;
    dot.style.left = `${place * 100}%`;
    view.querySelector(".track").append(dot);
    requestAnimationFrame(() => dot.classList.add("old"));
    setTimeout(() => dot.remove(), 3000);
    show(lane);
  };
  element("lanes").append(view);
}

function show(lane) {
  const { requests, received, sent } = lane.counts;
  const messages = lane.times.length;
  const values = {
    requests: format.format(requests),
    received: format.format(received),
    sent: format.format(sent),
    messages: format.format(messages),
    each: messages ? format.format(Math.round((received + sent) / messages)) : "–",
    median: messages ? milliseconds(median(lane.times)) : "–",
  };
  for (const [name, value] of Object.entries(values)) {
    lane.view.querySelector(`[data-value=${name}]`).textContent = value;
  }
  const total = (one) => one.counts.received + one.counts.sent;
  const most = Math.max(1, ...lanes.map(total));
  lane.view.querySelector(".meter span").style.width = `${(total(lane) / most) * 100}%`;
}

/** Asks the server what each lane has cost. That itself is not counted. */
async function count() {
  const names = lanes.map((lane) => lane.channel).join(",");
  const answer = await fetch(`transports/counts?channel=${names}`, { cache: "no-store" });
  const counts = await answer.json();
  for (const lane of lanes) {
    lane.counts = counts[lane.channel] ?? lane.counts;
    show(lane);
  }
}

function tick() {
  const size = Number(element("size").value);
  const message = `${number} `.padEnd(size, "wigwag ");
  for (const lane of lanes) lane.post(number, message);
  number += 1;
}

function pace() {
  clearInterval(timer);
  const every = Number(element("every").value);
  if (running() && every) timer = setInterval(tick, every);
}

const running = () => lanes[0].running;

let runs = 0;

async function start() {
  const run = ++runs;
  for (const lane of lanes) lane.start();
  tell("Running", "Stop");
  pace();
  while (running() && run === runs) {
    await count().catch(() => tell("The server does not answer", "Stop"));
    await wait(500);
  }
}

function stop() {
  for (const lane of lanes) lane.stop();
  pace();
  tell("Stopped", "Start");
}

function tell(status, action) {
  element("status").textContent = status;
  element("start").textContent = action;
  document.body.dataset.signaling = running() ? "open" : "closed";
}

element("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running()) stop();
  else start();
});
element("every").addEventListener("change", pace);
element("reset").addEventListener("click", () => {
  const again = running();
  if (again) stop();
  for (const lane of lanes) {
    lane.renew();
    show(lane);
  }
  if (again) start();
});
window.addEventListener("pagehide", () => running() && stop());
