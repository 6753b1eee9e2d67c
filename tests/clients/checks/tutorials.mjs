// Pages written for the servers of well-known tutorials, unmodified but for the port. Each page is
// a class that does what such a page's script does, with the WebSocket interface of browsers, and
// shows what a reader would see on it.

import { check, expectEqual, playChecks, server, WebSocket } from "../harness.mjs";

/** Keeps a record of what happened and lets a check wait for it. */
class Page {
  #seen = [];
  #waiting = [];

  show(entry) {
    this.#seen.push(entry);
    this.#serve();
  }

  /** What the page shows next. */
  shown() {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#serve();
    });
  }

  #serve() {
    while (this.#seen.length && this.#waiting.length) {
      this.#waiting.shift()(this.#seen.shift());
    }
  }

  async expect(entry) {
    expectEqual(await this.shown(), entry, "what the page shows");
  }
}

/** What a page makes of a message; it would stop working at one that is not JSON. */
function parse({ data }) {
  try {
    return JSON.parse(data);
  } catch {
    return { type: "not JSON", data };
  }
}

/** The video call: log in under a name, call another, hang up. It knows the classic fields only. */
class CallPage extends Page {
  constructor(port) {
    super();
    this.connection = new WebSocket(`ws://localhost:${port}`);
    this.connection.onopen = () => this.show("connected");
    this.connection.onerror = (error) => this.show(`error ${error.message}`);
    this.connection.onmessage = (event) => this.handle(parse(event));
  }

  handle(data) {
    switch (data.type) {
      case "login":
        this.show(data.success ? "logged in" : "name taken");
        break;
      case "offer":
        this.connectedUser = data.name;
        this.show(`call from ${data.name}: ${data.offer.sdp}`);
        this.send({ type: "answer", answer: { type: "answer", sdp: "my answer" } });
        break;
      case "answer":
        this.show(`answered: ${data.answer.sdp}`);
        break;
      case "candidate":
        this.show(data.candidate ? `candidate ${data.candidate.candidate}` : "no more candidates");
        break;
      case "leave":
        this.connectedUser = null;
        this.show("the other hung up");
        break;
      default:
        this.show(`not understood: ${JSON.stringify(data)}`);
    }
  }

  send(message) {
    if (this.connectedUser) {
      message.name = this.connectedUser;
    }
    this.connection.send(JSON.stringify(message));
  }

  login(name) {
    this.send({ type: "login", name });
  }

  call(name) {
    this.connectedUser = name;
    this.send({ type: "offer", offer: { type: "offer", sdp: "my offer" } });
  }

  candidate(candidate) {
    this.send({ type: "candidate", candidate });
  }

  hangUp() {
    this.send({ type: "leave" });
    this.connectedUser = null;
  }
}

async function callPage(port, name) {
  const page = new CallPage(port);
  await page.expect("connected");
  page.login(name);
  await page.expect("logged in");
  return page;
}

check("tutorial: two pages call each other, exchange candidates, hang up, and call back",
  async () => {
    const { port } = await server();
    const alice = await callPage(port, "alice");
    const bob = await callPage(port, "bob");
    for (const [caller, callee, name, target] of [
      [alice, bob, "alice", "bob"], [bob, alice, "bob", "alice"],
    ]) {
      caller.call(target);
      await callee.expect(`call from ${name}: my offer`);
      await caller.expect("answered: my answer");
      for (const [from, to] of [[caller, callee], [callee, caller]]) {
        from.candidate({ candidate: "udp 1", sdpMid: "0", sdpMLineIndex: 0 });
        from.candidate({ candidate: "tcp 2", sdpMid: "0", sdpMLineIndex: 0 });
        from.candidate(null);
        await to.expect("candidate udp 1");
        await to.expect("candidate tcp 2");
        await to.expect("no more candidates");
      }
      caller.hangUp();
      await callee.expect("the other hung up");
    }
    alice.connection.close();
    bob.connection.close();
  });

check("tutorial: closing the page hangs up at the other end", async () => {
  const { port } = await server();
  const carol = await callPage(port, "carol");
  const dave = await callPage(port, "dave");
  carol.call("dave");
  await dave.expect("call from carol: my offer");
  await carol.expect("answered: my answer");
  carol.connection.close();
  await dave.expect("the other hung up");
  dave.connection.close();
});

check("tutorial: a second page with the same name is told so", async () => {
  const { port } = await server();
  const first = await callPage(port, "erin");
  const second = new CallPage(port);
  await second.expect("connected");
  second.login("erin");
  await second.expect("name taken");
  first.connection.close();
  second.connection.close();
});

/** The chat: everything that anybody sends is shown by every page, the sender's included. */
class ChatPage extends Page {
  constructor(port, path = "/ws") {
    super();
    this.socket = new WebSocket(`ws://localhost:${port}${path}`);
    this.socket.addEventListener("open", () => this.show("open"));
    this.socket.addEventListener("message", (event) => this.show(event.data));
    this.socket.addEventListener("close", () => this.show("closed"));
  }
}

check("tutorial: chat pages at /ws all show each message, the sender's too", async () => {
  const { port } = await server();
  const pages = [new ChatPage(port), new ChatPage(port), new ChatPage(port)];
  for (const page of pages) {
    await page.expect("open");
  }
  const lines = ["hello", "{\"not\": \"for the server\"}", "grüße <b>🦀</b>", "ping"];
  for (const [number, line] of lines.entries()) {
    pages[number % pages.length].socket.send(line);
    for (const page of pages) {
      await page.expect(line);
    }
  }
  for (const page of pages) {
    page.socket.close();
    await page.expect("closed");
  }
});

check("tutorial: the chat tells who said what, when the mount is told to", async () => {
  const { port } = await server("prefix");
  const [one, two] = [new ChatPage(port, "/chat"), new ChatPage(port, "/chat")];
  await one.expect("open");
  await two.expect("open");
  one.socket.send("hello");
  const line = await two.shown();
  if (!/^127\.0\.0\.1:\d+ -> hello$/.test(line)) {
    throw new Error(`expected ip:port -> hello, got ${line}`);
  }
  await one.expect(line);
  one.socket.close();
  two.socket.close();
});

/** The page that takes every message for JSON, and would break on a greeting. */
class JsonPage extends Page {
  constructor(port) {
    super();
    this.socket = new WebSocket(`ws://localhost:${port}`);
    this.socket.onopen = () => this.socket.send(JSON.stringify({ type: "login", name: "frank" }));
    this.socket.onmessage = (event) => this.show(parse(event));
  }
}

check("tutorial: a page that parses every message as JSON sees nothing else", async () => {
  const { port } = await server();
  const page = new JsonPage(port);
  const first = await page.shown();
  expectEqual([first.type, first.success], ["login", true], "the first message");
  page.socket.send("not JSON at all");
  expectEqual((await page.shown()).type, "error", "the second message");
  page.socket.send(JSON.stringify({ type: "offer", offer: {}, name: "nobody at all" }));
  expectEqual((await page.shown()).type, "error", "the third message");
  page.socket.close();
});

check("tutorial: the heartbeat sends the text ping and hears pong, logged in or not", async () => {
  const { port } = await server();
  const page = new Page();
  const socket = new WebSocket(`ws://localhost:${port}`);
  socket.onmessage = (event) => page.show(event.data);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  socket.send("ping");
  await page.expect("pong");
  socket.send(JSON.stringify({ type: "login", name: "grace" }));
  expectEqual(JSON.parse(await page.shown()).success, true, "success of the login");
  socket.send("ping");
  await page.expect("pong");
  socket.close();
});

await playChecks();
