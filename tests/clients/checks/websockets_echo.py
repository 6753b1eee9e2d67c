"""Python `websockets` against the echo application and the switchboard."""

import json
import secrets

from harness import check, expect_equal, play_checks, server
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


def echo(flavour="plain", **options):
    return connect(f"ws://{server(flavour)}/echo", **options)


def closed_by_server(connection):
    """The code of the Close frame that the server sends next."""
    try:
        message = connection.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    raise AssertionError(f"expected the connection to be closed, got {message[:80]!r}")


@check("websockets: text, binary and empty messages are echoed, each as its kind")
def _():
    with echo() as connection:
        for message in "grüße 🦀", "", b"", bytes(range(256)):
            connection.send(message)
            expect_equal(connection.recv(), message, "the echo")


@check("websockets: 1 MiB is echoed where the mount allows it")
def _():
    with echo("large", max_size=None) as connection:
        for message in secrets.token_bytes(1 << 20), "x" * (1 << 20):
            connection.send(message)
            if connection.recv() != message:
                raise AssertionError("the echo differs")


@check("websockets: a message in fragments is echoed whole")
def _():
    with echo() as connection:
        connection.send(iter(["one ", "", "two ", "€"]))
        expect_equal(connection.recv(), "one two €", "the echo")
        connection.send(iter([b"\xe2", b"\x82", b"\xac"]))
        expect_equal(connection.recv(), b"\xe2\x82\xac", "the echo")


@check("websockets: pings are answered, several at once too")
def _():
    with echo() as connection:
        pongs = [connection.ping(f"number {number}") for number in range(10)]
        for pong in pongs:
            if not pong.wait(10):
                raise AssertionError("a pong is missing")


@check("websockets: closing with a code is answered with that code")
def _():
    for code, reason in (1000, ""), (3001, "enough for today"), (4999, "€"):
        with echo() as connection:
            connection.close(code, reason)
        expect_equal(connection.close_code, code, "the code in the server's Close frame")


@check("websockets: a message over the limit is closed with 1009")
def _():
    with connect(f"ws://{server()}/") as connection:
        connection.send("x" * ((64 << 10) + 1))
        expect_equal(closed_by_server(connection), 1009, "close code")


def answer_to_the_offer(connection):
    offered = connection.request.headers["Sec-WebSocket-Extensions"]
    expect_equal("permessage-deflate" in offered, True, f"an offer in {offered}")
    return connection.response.headers.get("Sec-WebSocket-Extensions")


@check("websockets: messages are compressed both ways, without context takeover")
def _():
    with echo(compression="deflate") as connection:
        expect_equal(answer_to_the_offer(connection), "permessage-deflate;"
                     " server_no_context_takeover; client_no_context_takeover", "the answer")
        compressed_echoes(connection)


@check("websockets: messages are compressed both ways, with context takeover")
def _():
    with echo("takeover", compression="deflate") as connection:
        expect_equal(answer_to_the_offer(connection), "permessage-deflate", "the answer")
        compressed_echoes(connection)


def compressed_echoes(connection):
    for number in range(20):
        for message in f"{number} " * 500, secrets.token_bytes(500), b"\0" * 5000, "", "€":
            connection.send(message)
            expect_equal(connection.recv(), message, "the echo")
        connection.send(iter([f"{number} " * 100, "", "in fragments " * 100]))
        expect_equal(connection.recv(), f"{number} " * 100 + "in fragments " * 100, "the echo")


@check("websockets: signaling declines permessage-deflate")
def _():
    with connect(f"ws://{server()}/", compression="deflate") as connection:
        expect_equal(answer_to_the_offer(connection), None, "the answer")
        connection.send("ping")
        expect_equal(connection.recv(), "pong", "the answer to a heartbeat")


@check("websockets: a subprotocol is agreed upon")
def _():
    with echo("subprotocol", subprotocols=["unknown", "signaling.v1"]) as connection:
        expect_equal(connection.subprotocol, "signaling.v1", "subprotocol")


@check("websockets: a strange Origin is refused with 403")
def _():
    try:
        echo("origin", origin="https://evil.example").close()
    except InvalidStatus as refusal:
        expect_equal(refusal.response.status_code, 403, "status")
    else:
        raise AssertionError("it was let in")


@check("websockets: a call between a client of this kind and its partner")
def _():
    with connect(f"ws://{server()}/") as alice, connect(f"ws://{server()}/") as bob:
        for peer, name in (alice, "alice"), (bob, "bob"):
            peer.send(json.dumps({"type": "login", "name": name}))
            expect_equal(json.loads(peer.recv())["success"], True, "success")
        alice.send(json.dumps({"type": "offer", "offer": {"sdp": "v=0"}, "name": "bob"}))
        offer = json.loads(bob.recv())
        expect_equal((offer["type"], offer["offer"], offer["name"]),
                     ("offer", {"sdp": "v=0"}, "alice"), "what bob hears")
        bob.send(json.dumps({"type": "leave", "name": "alice"}))
        leave = json.loads(alice.recv())
        expect_equal((leave["type"], leave["name"]), ("leave", "bob"), "what alice hears")


play_checks()
