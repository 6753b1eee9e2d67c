// Two and more `ws` clients on the signaling switchboard: login, offer, answer, candidate, leave,
// what tutorials get wrong, and rooms.

import { check, connect, expectEqual, playChecks, server } from "../harness.mjs";

// One server serves all checks, so each uses names of its own.
let checkNumber = 0;
const named = () => {
  checkNumber += 1;
  return (name) => `${name}${checkNumber}`;
};

const anonymous = async () => connect((await server()).url("/"));

async function loggedIn(name) {
  const peer = await anonymous();
  peer.send({ type: "login", name });
  await peer.expect({ type: "login", success: true });
  peer.name = name;
  return peer;
}

async function leaveAll(...peers) {
  await Promise.all(peers.map((peer) => peer.close(1000)));
}

async function pairInCall() {
  const name = named();
  const [alice, bob] = [await loggedIn(name("alice")), await loggedIn(name("bob"))];
  alice.send({ type: "offer", offer: { sdp: "o" }, name: bob.name });
  await bob.expect({ type: "offer", offer: { sdp: "o" }, name: alice.name });
  bob.send({ type: "answer", answer: { sdp: "a" }, name: alice.name });
  await alice.expect({ type: "answer", answer: { sdp: "a" }, name: bob.name });
  return [alice, bob];
}

async function expectError(peer, code, fields = {}) {
  const error = await peer.expect({ type: "error", code, ...fields });
  if (typeof error.message !== "string" || error.message.length === 0) {
    throw new Error(`an error without a message for humans: ${JSON.stringify(error)}`);
  }
  return error;
}

// --- A call ----------------------------------------------------------------------------------

check("signaling: nothing is sent before the client speaks", async () => {
  await leaveAll(await anonymous().then(async (peer) => {
    await peer.expectNothing();
    return peer;
  }));
});

check("signaling: offer, answer, candidates and leave reach the partner, with their source",
  async () => {
    const [alice, bob] = await pairInCall();
    alice.send({ type: "candidate", candidate: { candidate: "c1" }, name: bob.name });
    bob.send({ type: "candidate", candidate: { candidate: "c2" }, name: alice.name });
    await bob.expect({ type: "candidate", candidate: { candidate: "c1" }, name: alice.name });
    await alice.expect({ type: "candidate", candidate: { candidate: "c2" }, name: bob.name });
    alice.send({ type: "candidate", candidate: null, name: bob.name });
    await bob.expect({ type: "candidate", candidate: null, name: alice.name });
    alice.send({ type: "leave", name: bob.name });
    await bob.expect({ type: "leave", name: alice.name });
    await alice.expectNothing();
    await bob.expectNothing();
    await leaveAll(alice, bob);
  });

for (const type of ["offer", "answer", "candidate"]) {
  check(`signaling: the payload of ${type} arrives as the bytes that were sent`, async () => {
    const name = named();
    const [alice, bob] = [await loggedIn(name("alice")), await loggedIn(name("bob"))];
    // Spaces, escapes, number formats, doubled keys and their order: nothing is tidied up.
    const payload = String.raw`{ "sdp" : "v=0\r\no=\u002d \/ é 🦀",  "z":1.50E+2, "a":[ ],
      "big":123456789012345678901234567890, "a":{"b" :null } }`;
    alice.send(`{"type":"${type}","${type}":${payload},"name":"${bob.name}"}`);
    const text = await bob.nextText();
    if (!text.includes(payload)) {
      throw new Error(`the payload is not in ${text}`);
    }
    await leaveAll(alice, bob);
  });
}

check("signaling: order is kept between two users", async () => {
  const [alice, bob] = await pairInCall();
  for (let number = 0; number < 60; number += 1) {
    alice.send({ type: "candidate", candidate: { number }, name: bob.name });
  }
  for (let number = 0; number < 60; number += 1) {
    await bob.expect({ type: "candidate", candidate: { number } });
  }
  await leaveAll(alice, bob);
});

check("signaling: when a connection closes, each partner hears leave, once", async () => {
  const [alice, bob] = await pairInCall();
  const carol = await loggedIn(`carol-of-${alice.name}`);
  carol.send({ type: "offer", offer: {}, name: alice.name });
  await alice.expect({ type: "offer", name: carol.name });
  await alice.close(1000);
  await bob.expect({ type: "leave", name: alice.name });
  await carol.expect({ type: "leave", name: alice.name });
  await bob.expectNothing();
  await carol.expectNothing();
  await leaveAll(bob, carol);
});

check("signaling: a connection that breaks is a leave too", async () => {
  const [alice, bob] = await pairInCall();
  alice.socket.terminate();
  await bob.expect({ type: "leave", name: alice.name });
  await leaveAll(bob);
});

check("signaling: after an explicit leave the partner hears no second one", async () => {
  const [alice, bob] = await pairInCall();
  alice.send({ type: "leave", name: bob.name });
  await bob.expect({ type: "leave", name: alice.name });
  await alice.close(1000);
  // A name is free again when its connection is closed, so the close has been dealt with then.
  const again = await loggedIn(alice.name);
  await bob.expectNothing();
  await leaveAll(bob, again);
});

check("signaling: a name is free again after its connection closed", async () => {
  const name = named()("alice");
  for (let round = 0; round < 3; round += 1) {
    await leaveAll(await loggedIn(name));
  }
});

// --- Errors ----------------------------------------------------------------------------------

check("signaling: a name that is taken is refused, and its owner unharmed", async () => {
  const name = named()("alice");
  const alice = await loggedIn(name);
  const other = await anonymous();
  other.send({ type: "login", name });
  await other.expect({ type: "login", success: false, code: "name-taken" });
  other.send({ type: "login", name: `${name}-2` });
  await other.expect({ type: "login", success: true });
  other.send({ type: "offer", offer: {}, name });
  await alice.expect({ type: "offer", name: `${name}-2` });
  await leaveAll(alice, other);
});

for (const request of ["offer", "answer", "candidate", "leave"]) {
  check(`signaling: ${request} to a missing user is an error with name, request and id`,
    async () => {
      const name = named();
      const alice = await loggedIn(name("alice"));
      alice.send({ type: request, [request]: {}, name: name("nobody"), id: 7 });
      await expectError(alice, "user-not-found", { name: name("nobody"), request, id: 7 });
      alice.send({ type: request, [request]: {}, name: name("nobody"), id: "seven" });
      await expectError(alice, "user-not-found", { id: "seven" });
      await leaveAll(alice);
    });
}

check("signaling: an id comes back in the reply to login", async () => {
  const peer = await anonymous();
  peer.send({ type: "login", name: named()("alice"), id: "first" });
  await peer.expect({ type: "login", success: true, id: "first" });
  await leaveAll(peer);
});

check("signaling: who has not logged in can send nothing to others", async () => {
  const name = named();
  const bob = await loggedIn(name("bob"));
  const nobody = await anonymous();
  for (const request of ["offer", "answer", "candidate", "leave"]) {
    nobody.send({ type: request, [request]: {}, name: bob.name });
    await expectError(nobody, "not-logged-in", { request });
  }
  await bob.expectNothing();
  await leaveAll(bob, nobody);
});

check("signaling: an unknown type is answered in the tutorials' words", async () => {
  const peer = await anonymous();
  peer.send({ type: "dance" });
  await expectError(peer, "unrecognized-command", { message: "Unrecognized command: dance" });
  await leaveAll(peer);
});

for (const [text, code] of [
  ["null", "invalid-message"], ["[]", "invalid-message"], ["7", "invalid-message"],
  ["\"text\"", "invalid-message"], ["{}", "invalid-message"], ["{\"type\":7}", "invalid-message"],
  ["{", "invalid-json"], ["", "invalid-json"], ["hello", "invalid-json"],
  ["{\"type\":\"login\"} trailing", "invalid-json"],
]) {
  check(`signaling: ${JSON.stringify(text)} is answered ${code}, and the server goes on`,
    async () => {
      const peer = await anonymous();
      peer.send(text);
      await expectError(peer, code);
      await peer.expectNothing();
      await leaveAll(peer);
    });
}

for (const name of [undefined, null, 7, "", {}, [], true, "x".repeat(65), "a\nb", "a\u200bb"]) {
  check(`signaling: login as ${JSON.stringify(name)?.slice(0, 20)} is refused`, async () => {
    const peer = await anonymous();
    peer.send({ type: "login", name });
    const reply = JSON.parse(await peer.nextText());
    if (reply.type === "login" ? reply.success !== false : reply.type !== "error") {
      throw new Error(`expected a refusal, got ${JSON.stringify(reply)}`);
    }
    expectEqual(typeof reply.code, "string", "type of the error's code");
    await peer.expectNothing();
    await leaveAll(peer);
  });
}

check("signaling: words of JavaScript are ordinary names", async () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const alice = await loggedIn(named()("alice"));
    alice.send({ type: "offer", offer: {}, name });
    await expectError(alice, "user-not-found", { name });
    const odd = await loggedIn(name);
    alice.send({ type: "offer", offer: {}, name });
    await odd.expect({ type: "offer", name: alice.name });
    await leaveAll(alice, odd);
  }
});

check("signaling: names are compared in NFC", async () => {
  const name = named();
  const composed = await loggedIn(name("ren\u00e9"));
  const other = await anonymous();
  other.send({ type: "login", name: name("rene\u0301") });
  await other.expect({ type: "login", success: false, code: "name-taken" });
  await leaveAll(composed, other);
});

check("signaling: a second login renames: the old name is free, partners hear leave", async () => {
  const [alice, bob] = await pairInCall();
  const renamed = `${alice.name}-renamed`;
  alice.send({ type: "login", name: renamed });
  await alice.expect({ type: "login", success: true, name: renamed });
  await bob.expect({ type: "leave", name: alice.name });
  const other = await loggedIn(alice.name);
  other.send({ type: "offer", offer: {}, name: renamed });
  await alice.expect({ type: "offer", name: other.name });
  await leaveAll(alice, bob, other);
});

check("signaling: a second login that fails changes nothing", async () => {
  const [alice, bob] = await pairInCall();
  alice.send({ type: "login", name: bob.name });
  await alice.expect({ type: "login", success: false, code: "name-taken" });
  bob.send({ type: "candidate", candidate: null, name: alice.name });
  await alice.expect({ type: "candidate", name: bob.name });
  await bob.expectNothing();
  await leaveAll(alice, bob);
});

check("signaling: leave to somebody who is no partner is an error, and stays unheard", async () => {
  const name = named();
  const [alice, bob] = [await loggedIn(name("alice")), await loggedIn(name("bob"))];
  alice.send({ type: "leave", name: bob.name, id: 1 });
  await expectError(alice, "not-in-call", { name: bob.name, request: "leave", id: 1 });
  await bob.expectNothing();
  await leaveAll(alice, bob);
});

check("signaling: nobody can call oneself", async () => {
  const alice = await loggedIn(named()("alice"));
  alice.send({ type: "offer", offer: {}, name: alice.name });
  await expectError(alice, "to-yourself");
  await leaveAll(alice);
});

check("signaling: who never logs in is closed with 1008", async () => {
  const peer = await connect((await server("late")).url("/"));
  expectEqual((await peer.closed).code, 1008, "close code");
});

check("signaling: messages that come too fast are refused, then the connection is", async () => {
  const peer = await connect((await server("slow")).url("/"));
  for (let number = 0; number < 20; number += 1) {
    peer.send("ping");
  }
  let pongs = 0;
  let answer = await peer.nextText();
  for (; answer === "pong"; answer = await peer.nextText()) {
    pongs += 1;
  }
  expectEqual(pongs >= 3, true, `the burst of 3 passes (${pongs} did)`);
  expectEqual(JSON.parse(answer).code, "rate-limited", "code of the error");
  expectEqual((await peer.closed).code, 1008, "close code");
});

check("signaling: leave to one who went, and a null message, do not end the server", async () => {
  const [alice, bob] = await pairInCall();
  await bob.close(1000);
  await alice.expect({ type: "leave" });
  alice.send({ type: "leave", name: bob.name });
  await expectError(alice, "user-not-found");
  alice.send("null");
  await expectError(alice, "invalid-message");
  await leaveAll(alice);
  await leaveAll(await loggedIn(alice.name));
});

check("signaling: a source that the client claims is overwritten", async () => {
  const name = named();
  const [alice, bob] = [await loggedIn(name("alice")), await loggedIn(name("bob"))];
  alice.send({ type: "offer", offer: {}, name: bob.name, from: "mallory", src: "mallory" });
  const offer = await bob.expect({ type: "offer", name: alice.name });
  if (JSON.stringify(offer).includes("mallory")) {
    throw new Error(`the claim was passed on: ${JSON.stringify(offer)}`);
  }
  await leaveAll(alice, bob);
});

check("signaling: a binary message is closed with 1003", async () => {
  const peer = await anonymous();
  peer.socket.send(Buffer.from("{}"));
  expectEqual((await peer.closed).code, 1003, "close code");
});

check("signaling: /signal and / are served alike", async () => {
  const name = named();
  const peer = await connect((await server()).url("/signal"));
  peer.send({ type: "login", name: name("alice") });
  await peer.expect({ type: "login", success: true });
  await leaveAll(peer);
});

// --- Rooms -----------------------------------------------------------------------------------

async function pairInRoom(name, room) {
  const [alice, bob] = [await loggedIn(name("alice")), await loggedIn(name("bob"))];
  alice.send({ type: "join", room });
  await alice.expect({ type: "created", room });
  bob.send({ type: "join", room });
  await bob.expect({ type: "joined", room, peers: [alice.name] });
  await alice.expect({ type: "join", room, name: bob.name });
  return [alice, bob];
}

for (const word of ["create or join", "join"]) {
  check(`rooms: "${word}" answers created, joined, full`, async () => {
    const name = named();
    const room = name("room");
    const [alice, bob, carol] = await Promise.all(
      ["alice", "bob", "carol"].map((each) => loggedIn(name(each))));
    alice.send({ type: word, room });
    await alice.expect({ type: "created", room });
    bob.send({ type: word, room });
    await bob.expect({ type: "joined", room, peers: [alice.name] });
    await alice.expect({ type: "join", room, name: bob.name });
    carol.send({ type: word, room });
    await carol.expect({ type: "full", room, code: "room-full" });
    await alice.expectNothing();
    await bob.expectNothing();
    await leaveAll(alice, bob, carol);
  });
}

check("rooms: peers come in order of arrival, and each pair has one polite side", async () => {
  const name = named();
  const room = name("room");
  const { port } = await server("rooms-of-3");
  const peers = [];
  for (const each of ["zoe", "alice", "mike"]) {
    const peer = await connect(`ws://127.0.0.1:${port}/`);
    peer.name = name(each);
    peer.send({ type: "login", name: peer.name });
    await peer.expect({ type: "login", success: true });
    peer.send({ type: "join", room });
    if (peers.length === 0) {
      await peer.expect({ type: "created", room });
    } else {
      const before = peers.map((other) => other.name);
      await peer.expect({ type: "joined", room, peers: before, polite: true });
    }
    for (const other of peers) {
      await other.expect({ type: "join", room, name: peer.name, polite: false });
    }
    peers.push(peer);
  }
  await leaveAll(...peers);
});

check("rooms: message goes to all others, or to one; its bytes stay as they are", async () => {
  const name = named();
  const room = name("room");
  const [alice, bob] = await pairInRoom(name, room);
  const outside = await loggedIn(name("outside"));
  const payload = String.raw`{ "x" : 1.0e3,"y":"\u0041" }`;
  alice.send(`{"type":"message","room":"${room}","message":${payload}}`);
  const text = await bob.nextText();
  if (!text.includes(payload)) {
    throw new Error(`the payload is not in ${text}`);
  }
  expectEqual(JSON.parse(text).name, alice.name, "the source");
  bob.send({ type: "message", room, name: alice.name, message: "to you alone" });
  await alice.expect({ type: "message", room, name: bob.name, message: "to you alone" });
  bob.send({ type: "message", room, name: outside.name, message: "not inside", id: 5 });
  await expectError(bob, "user-not-found", { id: 5 });
  outside.send({ type: "message", room, message: "let me in" });
  await expectError(outside, "not-in-room", { request: "message" });
  await alice.expectNothing();
  await bob.expectNothing();
  await outside.expectNothing();
  await leaveAll(alice, bob, outside);
});

check("rooms: bye, leave-room and a closed connection are heard by the others", async () => {
  const name = named();
  const room = name("room");
  const [alice, bob] = await pairInRoom(name, room);
  alice.send({ type: "bye", room });
  await bob.expect({ type: "bye", room, name: alice.name });
  alice.send({ type: "leave-room", room });
  await bob.expect({ type: "leave-room", room, name: alice.name });
  alice.send({ type: "leave-room", room });
  await expectError(alice, "not-in-room", { request: "leave-room" });
  alice.send({ type: "join", room });
  await alice.expect({ type: "joined", room });
  await bob.expect({ type: "join", room, name: alice.name });
  await bob.close(1000);
  await alice.expect({ type: "leave-room", room, name: bob.name });
  await leaveAll(alice);
});

check("rooms: who leaves makes room, and an empty room is created anew", async () => {
  const name = named();
  const room = name("room");
  const [alice, bob] = await pairInRoom(name, room);
  const carol = await loggedIn(name("carol"));
  carol.send({ type: "join", room });
  await carol.expect({ type: "full", room });
  alice.send({ type: "leave-room", room });
  await bob.expect({ type: "leave-room", name: alice.name });
  carol.send({ type: "join", room });
  await carol.expect({ type: "joined", peers: [bob.name] });
  await bob.expect({ type: "join", name: carol.name });
  await carol.close(1000);
  await bob.expect({ type: "leave-room", name: carol.name });
  bob.send({ type: "leave-room", room });
  await bob.expectNothing();
  alice.send({ type: "join", room });
  await alice.expect({ type: "created", room });
  await leaveAll(alice, bob);
});

await playChecks();
