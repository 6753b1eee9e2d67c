// What the checks written in JavaScript share: the list of checks, the server, and a client that
// can be asked for one message after the other.
//
// `run`, beside this file, sets three variables: TESTED_BINARY, the server to start;
// INSTALLED_MODULES, the folder where npm put the packages; LOGS, a folder for the server's log.

import { spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.env.INSTALLED_MODULES, "any.js"));
export const { WebSocket } = require("ws");

const FLAVOURS = JSON.parse(readFileSync(new URL("servers.json", import.meta.url), "utf8"));

// A check that hangs fails; nothing ever waits for this long to be right.
const CHECK_MILLISECONDS = 20_000;

const checks = [];

/** Adds a check; it passes when `action` returns, or its promise is kept. */
export function check(name, action) {
  checks.push({ name, action });
}

/** Plays all checks in order, tells about each on standard output, and ends the process. */
export async function playChecks() {
  let failed = 0;
  const conclude = async (name, action) => {
    let timer;
    const deadline = new Promise((_, reject) => {
      const late = () => reject(new Error(`no end after ${CHECK_MILLISECONDS / 1000} s`));
      timer = setTimeout(late, CHECK_MILLISECONDS);
    });
    try {
      await Promise.race([action(), deadline]);
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`not ok ${name}`);
      console.log(String(error.stack ?? error).replace(/^/gm, "    "));
    }
    clearTimeout(timer);
  };
  for (const { name, action } of checks) {
    await conclude(name, action);
  }
  const running = [...servers];
  for (const [flavour, server] of running) {
    await conclude(`the ${flavour} server of ${basename(process.argv[1])} ends on SIGTERM`,
      async () => expectEqual(await (await server).stop(), 0, "exit status"));
  }
  console.log(`end ${checks.length + running.length}`);
  // Not by itself: clients that a failed check left behind would keep it alive.
  process.exit(failed ? 1 : 0);
}

// --- The server ----------------------------------------------------------------------------

const servers = new Map();

/** The server with the flags that servers.json names so; one for all checks of a file. */
export function server(flavour = "plain") {
  if (!servers.has(flavour)) {
    servers.set(flavour, startServer(flavour));
  }
  return servers.get(flavour);
}

/** A server of its own, for checks that end it. */
export async function startServer(flavour, port = 0) {
  // A setting in the environment of whoever runs this must not change what is tested.
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("WIGWAG_")));
  const process_ = spawn(process.env.TESTED_BINARY,
    ["serve", "--port", String(port), ...FLAVOURS[flavour]],
    { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const log = join(process.env.LOGS, `${basename(process.argv[1])}-${process_.pid}.log`);
  process_.stderr.pipe(createWriteStream(log));
  process.on("exit", () => process_.kill("SIGKILL"));
  const exited = new Promise((resolve, reject) => {
    process_.on("exit", (status, signal) => resolve(status ?? signal));
    process_.on("error", reject);
  });
  const firstLine = new Promise((resolve) =>
    createInterface({ input: process_.stdout }).once("line", resolve));
  const line = await Promise.race([firstLine, exited.then((status) => `(exit ${status})`)]);
  const address = /^listening on http:\/\/(\S+):(\d+)\/$/.exec(line);
  if (!address) {
    throw new Error(`the server's first line should tell its address, but is: ${line}; see ${log}`);
  }
  return {
    host: address[1],
    port: Number(address[2]),
    exited,
    url: (path = "/") => `ws://${address[1]}:${address[2]}${path}`,
    stop: () => {
      if (process_.exitCode !== null || process_.signalCode !== null) {
        throw new Error(`the server had ended by itself; see ${log}`);
      }
      process_.kill("SIGTERM");
      return exited;
    },
  };
}

// --- The client ----------------------------------------------------------------------------

/** A connection of `ws` whose messages are taken one at a time with `next`. */
export class Peer {
  #waiting = [];
  #arrived = [];
  #end = null;

  constructor(url, protocols = [], options = {}) {
    this.socket = new WebSocket(url, protocols, options);
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on("open", () => resolve(this));
      this.socket.on("error", reject);
      this.socket.on("unexpected-response", (_, response) => reject(new Refused(response)));
    });
    this.opened.catch(() => {}); // whoever awaits it hears of it
    this.socket.on("message", (data, isBinary) => {
      this.#arrive({ data: isBinary ? data : data.toString(), isBinary });
    });
    this.closed.then(({ code, reason }) => {
      this.#end = new Error(`closed with ${code} ${reason} while a message was awaited`);
      this.#waiting.splice(0).forEach(({ reject }) => reject(this.#end));
    });
  }

  #arrive(message) {
    const waiter = this.#waiting.shift();
    if (waiter) {
      waiter.resolve(message);
    } else {
      this.#arrived.push(message);
    }
  }

  send(value) {
    this.socket.send(typeof value === "string" ? value : JSON.stringify(value));
  }

  /** The next message, {data, isBinary}. */
  next() {
    if (this.#arrived.length) {
      return Promise.resolve(this.#arrived.shift());
    }
    if (this.#end) {
      return Promise.reject(this.#end);
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** The next message, which must be text. */
  async nextText() {
    const { data, isBinary } = await this.next();
    expectEqual(isBinary, false, `is binary: ${data}`);
    return data;
  }

  /** The next message, which must be a JSON object with at least these fields. */
  async expect(fields) {
    const text = await this.nextText();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      throw new Error(`expected ${JSON.stringify(fields)}, got text that is not JSON: ${text}`);
    }
    for (const [name, value] of Object.entries(fields)) {
      expectEqual(message[name], value, `"${name}" of ${text}`);
    }
    return message;
  }

  /** Nothing is on its way to this client: a heartbeat that goes out now is answered first. */
  async expectNothing() {
    this.send("ping");
    expectEqual(await this.nextText(), "pong", "the answer to ping, with nothing before it");
  }

  close(code, reason) {
    this.socket.close(code, reason);
    return this.closed;
  }
}

/** The server answered the handshake with something other than 101. */
export class Refused extends Error {
  constructor(response) {
    super(`refused with ${response.statusCode}`);
    this.status = response.statusCode;
    this.headers = response.headers;
    response.resume();
  }
}

export async function connect(url, protocols, options) {
  return new Peer(url, protocols, options).opened;
}

// --- Judging -------------------------------------------------------------------------------

export function expectEqual(actual, expected, what) {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (one !== other) {
    throw new Error(`${what}: expected ${other}, got ${one}`);
  }
}

export function expectBytes(actual, expected) {
  if (!Buffer.from(actual).equals(Buffer.from(expected))) {
    throw new Error(`${actual.length} bytes came back, which are not the ${expected.length} sent`);
  }
}

export async function expectRefusal(promise, status) {
  let refusal;
  try {
    await promise;
  } catch (error) {
    refusal = error;
  }
  if (!(refusal instanceof Refused)) {
    throw new Error(`expected a refusal with ${status}, got ${refusal ?? "a connection"}`);
  }
  expectEqual(refusal.status, status, "HTTP status");
  return refusal;
}
