"""Python `websocket-client` against the echo application; it can send what others will not."""

import struct

import websocket
from harness import check, expect_equal, play_checks, server
from websocket import ABNF


def echo(path="/echo", **options):
    return websocket.create_connection(f"ws://{server()}{path}", timeout=15, **options)


def close_code(connection):
    """The code in the Close frame that comes next, None if it has none."""
    opcode, payload = connection.recv_data(control_frame=True)
    expect_equal(opcode, ABNF.OPCODE_CLOSE, f"opcode of a frame with {payload[:80]!r}")
    return struct.unpack("!H", payload[:2])[0] if payload else None


def send_frame(connection, payload, opcode, fin=1, rsv1=0):
    connection.send_frame(ABNF(fin, rsv1, 0, 0, opcode, 1, payload))


@check("websocket-client: text, binary and empty messages are echoed, each as its kind")
def _():
    connection = echo()
    for opcode, payload in ((ABNF.OPCODE_TEXT, "grüße 🦀".encode()), (ABNF.OPCODE_TEXT, b""),
                            (ABNF.OPCODE_BINARY, b""), (ABNF.OPCODE_BINARY, bytes(range(256)))):
        connection.send(payload, opcode)
        expect_equal(connection.recv_data(), (opcode, payload), "the echo")
    connection.close()


@check("websocket-client: a character cut by a fragment's end is whole in the echo")
def _():
    connection = echo()
    send_frame(connection, b"\xe2\x82", ABNF.OPCODE_TEXT, fin=0)
    send_frame(connection, b"", ABNF.OPCODE_CONT, fin=0)
    send_frame(connection, b"between", ABNF.OPCODE_PING)
    expect_equal(connection.recv_data(control_frame=True), (ABNF.OPCODE_PONG, b"between"), "pong")
    send_frame(connection, b"\xac", ABNF.OPCODE_CONT)
    expect_equal(connection.recv_data(), (ABNF.OPCODE_TEXT, "€".encode()), "the echo")
    connection.close()


@check("websocket-client: a close frame's code comes back, and its absence too")
def _():
    for payload, expected in ((struct.pack("!H", 1000), 1000), (b"", None),
                              (struct.pack("!H", 3001) + b"enough for today", 3001)):
        connection = echo()
        send_frame(connection, payload, ABNF.OPCODE_CLOSE)
        expect_equal(close_code(connection), expected, "close code")
        connection.shutdown()


@check("websocket-client: broken frames are closed with the code for what is wrong with them")
def _():
    for expected, payload, opcode, fin, rsv1 in (
        (1002, b"x", ABNF.OPCODE_TEXT, 1, 1),  # a reserved bit
        (1002, b"x", ABNF.OPCODE_CONT, 1, 0),  # nothing to continue
        (1002, b"x", ABNF.OPCODE_PING, 0, 0),  # a control frame in fragments
        (1002, b"x", ABNF.OPCODE_CLOSE, 1, 0),  # half a close code
        (1002, struct.pack("!H", 1005), ABNF.OPCODE_CLOSE, 1, 0),  # a code that is never sent
        (1007, b"\xc0\xaf", ABNF.OPCODE_TEXT, 1, 0),  # an overlong form
        (1007, struct.pack("!H", 1000) + b"\xff", ABNF.OPCODE_CLOSE, 1, 0),
    ):
        connection = echo()
        connection.sock.sendall(masked_frame(fin, rsv1, opcode, payload))
        expect_equal(close_code(connection), expected, f"close code for {payload!r}")
        connection.shutdown()


@check("websocket-client: a frame without a mask is closed with 1002")
def _():
    connection = echo()
    connection.sock.sendall(b"\x81\x05hello")
    expect_equal(close_code(connection), 1002, "close code")
    connection.shutdown()


def masked_frame(fin, rsv1, opcode, payload):
    """By hand, since the client refuses to build some of these."""
    return bytes([fin << 7 | rsv1 << 6 | opcode, 0x80 | len(payload)]) + bytes(4) + payload


@check("websocket-client: the heartbeat ping is answered pong")
def _():
    connection = echo("/")
    connection.send("ping")
    expect_equal(connection.recv(), "pong", "the answer")
    connection.close()


play_checks()
