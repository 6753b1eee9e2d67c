// npm `ws` against the echo application: messages, control frames, closing, compression.

import { randomBytes } from "node:crypto";
import { once } from "node:events";

import {
  check, connect, expectBytes, expectEqual, expectRefusal, playChecks, server,
} from "../harness.mjs";

const echo = async (options) => connect((await server()).url("/echo"), [], options);

async function expectEcho(peer, payload) {
  peer.socket.send(payload);
  const { data, isBinary } = await peer.next();
  expectEqual(isBinary, typeof payload !== "string", "comes back as binary");
  expectBytes(data, payload);
}

check("ws: text, with every width of UTF-8, is echoed as text", async () => {
  const peer = await echo();
  await expectEcho(peer, "plain, é, €, 🦀, and a NUL: \0");
  await peer.close(1000);
});

check("ws: every byte is echoed as binary", async () => {
  const peer = await echo();
  await expectEcho(peer, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
  await peer.close(1000);
});

check("ws: empty text and empty binary are echoed", async () => {
  const peer = await echo();
  await expectEcho(peer, "");
  await expectEcho(peer, Buffer.alloc(0));
  await peer.close(1000);
});

check("ws: payloads around each form of length are echoed", async () => {
  const peer = await connect((await server("large")).url("/echo"));
  for (const length of [1, 124, 125, 126, 127, 65_535, 65_536, 65_537]) {
    await expectEcho(peer, randomBytes(length));
  }
  await peer.close(1000);
});

check("ws: 1 MiB is echoed where the mount allows it", async () => {
  const peer = await connect((await server("large")).url("/echo"));
  await expectEcho(peer, randomBytes(1 << 20));
  await expectEcho(peer, "é".repeat(1 << 19));
  await peer.close(1000);
});

check("ws: a message in fragments is echoed whole, pings in between notwithstanding", async () => {
  const peer = await echo();
  const pong = once(peer.socket, "pong");
  peer.socket.send("one ", { fin: false });
  peer.socket.send("", { fin: false });
  peer.socket.ping("between");
  peer.socket.send("two ", { fin: false });
  peer.socket.send("three", { fin: true });
  expectEqual((await pong)[0].toString(), "between", "payload of the pong");
  expectEqual(await peer.nextText(), "one two three", "the echo");
  await peer.close(1000);
});

check("ws: many messages sent at once come back in order", async () => {
  const peer = await echo();
  const sent = Array.from({ length: 150 }, (_, number) => `message ${number}`);
  sent.forEach((text) => peer.socket.send(text));
  for (const text of sent) {
    expectEqual(await peer.nextText(), text, "the echo");
  }
  await peer.close(1000);
});

check("ws: a ping is answered with its payload, the longest and the empty one too", async () => {
  const peer = await echo();
  for (const payload of [randomBytes(125), Buffer.alloc(0)]) {
    const pong = once(peer.socket, "pong");
    peer.socket.ping(payload);
    expectBytes((await pong)[0], payload);
  }
  await peer.close(1000);
});

check("ws: an unsolicited pong is ignored", async () => {
  const peer = await echo();
  peer.socket.pong("nobody asked");
  await expectEcho(peer, "still here");
  await peer.close(1000);
});

for (const [code, reason] of [[1000, ""], [1001, ""], [3001, "enough for today"], [4999, "€"]]) {
  check(`ws: closing with ${code} is answered with ${code}`, async () => {
    const peer = await echo();
    const closed = await peer.close(code, reason);
    expectEqual(closed.code, code, "close code");
  });
}

check("ws: closing without a code is answered without a code", async () => {
  const peer = await echo();
  expectEqual((await peer.close()).code, 1005, "close code (1005: none)");
});

check("ws: text that is not UTF-8 is closed with 1007", async () => {
  const peer = await echo();
  peer.socket.send(Buffer.from([0x68, 0x69, 0xff]), { binary: false });
  expectEqual((await peer.closed).code, 1007, "close code");
});

check("ws: a message over the limit is closed with 1009", async () => {
  const peer = await connect((await server()).url("/"));
  peer.socket.send("x".repeat((64 << 10) + 1));
  expectEqual((await peer.closed).code, 1009, "close code");
});

check("ws: fragments that together exceed the limit are closed with 1009", async () => {
  const peer = await connect((await server()).url("/"));
  peer.socket.send("x".repeat(40 << 10), { fin: false });
  peer.socket.send("x".repeat(40 << 10), { fin: true });
  expectEqual((await peer.closed).code, 1009, "close code");
});

// How many bytes arrived on the wire: `ws` itself would inflate whatever is marked as compressed.
const received = (peer) => peer.socket._socket.bytesRead;

// The default, and with context takeover.
for (const flavour of ["plain", "takeover"]) {
  check(`ws: messages are compressed both ways, ${flavour}`, async () => {
    const url = (await server(flavour)).url("/echo");
    const peer = await connect(url, [], { perMessageDeflate: { threshold: 0 } });
    const before = received(peer);
    expectEqual(peer.socket.extensions, "permessage-deflate", "extensions in use");
    const alike = (number) => `${number} ${"candidate 192.0.2.1 typ host ".repeat(100)}`;
    for (let number = 0; number < 20; number += 1) {
      await expectEcho(peer, alike(number));
      await expectEcho(peer, Buffer.from(alike(number)));
      await expectEcho(peer, randomBytes(300));
      await expectEcho(peer, "short");
      await expectEcho(peer, "");
    }
    const bytes = received(peer) - before;
    expectEqual(bytes < 20 * 900, true, `${bytes} bytes for 20 times 6300 are less than a seventh`);
    await peer.close(1000);
  });

  check(`ws: fragments are compressed too, pings in between, ${flavour}`, async () => {
    const url = (await server(flavour)).url("/echo");
    const peer = await connect(url, [], { perMessageDeflate: { threshold: 0 } });
    for (let round = 0; round < 3; round += 1) {
      for (const part of ["one ".repeat(100), "", "two ".repeat(100)]) {
        peer.socket.send(part, { fin: false });
        peer.socket.ping();
      }
      peer.socket.send("three", { fin: true });
      expectEqual(await peer.nextText(), `${"one ".repeat(100)}${"two ".repeat(100)}three`, "echo");
    }
    await peer.close(1000);
  });

  for (const bits of [8, 9, 12, 15]) {
    check(`ws: a window of ${bits} bits is kept to, ${flavour}`, async () => {
      const url = (await server(flavour)).url("/echo");
      const perMessageDeflate = { threshold: 0, serverMaxWindowBits: bits };
      const peer = await connect(url, [], { perMessageDeflate });
      // Far more than a window, with repetitions at every distance: `ws` inflates it with no more.
      const words = Array.from({ length: 4000 }, (_, n) => `word${(n * n) % 997}`);
      for (let round = 0; round < 3; round += 1) {
        await expectEcho(peer, words.slice(round * 100).join(" "));
      }
      await peer.close(1000);
    });
  }

  check(`ws: a bomb is closed with 1009, ${flavour}`, async () => {
    const url = (await server(flavour)).url("/echo");
    const peer = await connect(url, [], { perMessageDeflate: { threshold: 0 } });
    peer.socket.send(Buffer.alloc(50 << 20));
    expectEqual((await peer.closed).code, 1009, "close code");
  });
}

check("ws: signaling declines permessage-deflate", async () => {
  const url = (await server()).url("/");
  const peer = await connect(url, [], { perMessageDeflate: { threshold: 0 } });
  expectEqual(peer.socket.extensions, "", "extensions in use");
  await peer.expectNothing();
  await peer.close(1000);
});

check("ws: without an allow-list any Origin may connect", async () => {
  const peer = await echo({ origin: "https://anything.example" });
  await peer.close(1000);
});

check("ws: an Origin in the allow-list may connect", async () => {
  const url = (await server("origin")).url("/echo");
  const peer = await connect(url, [], { origin: "https://calls.example" });
  await expectEcho(peer, "welcome");
  await peer.close(1000);
});

for (const origin of ["https://evil.example", "https://calls.example.evil.example", "null",
  "http://calls.example", "https://calls.example:8443"]) {
  check(`ws: the Origin ${origin} is refused with 403`, async () => {
    const url = (await server("origin")).url("/echo");
    await expectRefusal(connect(url, [], { origin }), 403);
  });
}

check("ws: the server chooses a subprotocol from its list, whatever comes first", async () => {
  const url = (await server("subprotocol")).url("/echo");
  for (const [offered, chosen] of [
    [["signaling.v1"], "signaling.v1"],
    [["unknown", "signaling.v1"], "signaling.v1"],
    [["signaling.v2"], "signaling.v2"],
  ]) {
    const peer = await connect(url, offered);
    expectEqual(peer.socket.protocol, chosen, `the choice among ${offered}`);
    await peer.close(1000);
  }
});

check("ws: a client that offers no subprotocol gets none", async () => {
  const peer = await connect((await server("subprotocol")).url("/echo"));
  expectEqual(peer.socket.protocol, "", "subprotocol");
  await peer.close(1000);
});

check("ws: a path where nothing is mounted is refused with 404", async () => {
  await expectRefusal(connect((await server()).url("/nowhere")), 404);
});

check("ws: /broadcast delivers to all others, not to the sender", async () => {
  const url = (await server()).url("/broadcast");
  const [one, two, three] = await Promise.all([connect(url), connect(url), connect(url)]);
  one.socket.send("from one");
  expectEqual(await two.nextText(), "from one", "what two hears");
  expectEqual(await three.nextText(), "from one", "what three hears");
  two.socket.send(Buffer.from([1, 2, 3]));
  // The first thing that one hears is from two, so its own message did not come back.
  const { data, isBinary } = await one.next();
  expectEqual([isBinary, [...data]], [true, [1, 2, 3]], "what one hears");
  await Promise.all([one, two, three].map((peer) => peer.close(1000)));
});

await playChecks();
