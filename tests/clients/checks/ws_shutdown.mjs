// SIGTERM: every client hears 1001, and the server ends well.

import { check, connect, expectEqual, playChecks, startServer } from "../harness.mjs";

check("ws: on SIGTERM all clients are closed with 1001, and the exit status is 0", async () => {
  const server = await startServer("plain");
  const peers = await Promise.all(["/", "/echo", "/chat", "/ws", "/broadcast", "/signal"]
    .map((path) => connect(server.url(path))));
  const status = server.stop();
  for (const peer of peers) {
    expectEqual((await peer.closed).code, 1001, "close code");
  }
  expectEqual(await status, 0, "exit status");
});

check("ws: what was sent before SIGTERM still arrives before the close", async () => {
  const server = await startServer("plain");
  const peer = await connect(server.url("/echo"));
  peer.send("last words");
  expectEqual(await peer.nextText(), "last words", "the echo");
  const status = server.stop();
  expectEqual((await peer.closed).code, 1001, "close code");
  expectEqual(await status, 0, "exit status");
});

check("ws: the port of a server that ended can be used again at once", async () => {
  const first = await startServer("plain");
  const peer = await connect(first.url("/echo"));
  const status = first.stop();
  await peer.closed;
  await status;
  const second = await startServer("plain", first.port);
  const again = await connect(second.url("/echo"));
  await again.close(1000);
  expectEqual(await second.stop(), 0, "exit status");
});

check("ws: SIGTERM without any client ends the server with 0", async () => {
  const server = await startServer("plain");
  expectEqual(await server.stop(), 0, "exit status");
});

await playChecks();
