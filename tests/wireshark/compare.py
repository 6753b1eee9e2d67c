"""What Wireshark finds in an exported capture, beside what wigwag's dissector says of it."""

import base64
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import zlib
from urllib.parse import urlsplit

URL = urlsplit(os.environ["WIGWAG_URL"])
TAIL = b"\x00\x00\xff\xff"


class Socket:
    """A WebSocket, no more than is needed here."""

    def __init__(self, path, fields=""):
        self.socket = socket.create_connection((URL.hostname, URL.port), timeout=20)
        self.input = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {URL.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\n{fields}\r\n".encode()
        )
        status = self.input.readline()
        assert b" 101 " in status, status
        while self.input.readline() != b"\r\n":
            pass

    def send(self, first, payload):
        key = os.urandom(4)
        if len(payload) < 126:
            length = bytes([0x80 | len(payload)])
        elif len(payload) < 1 << 16:
            length = b"\xfe" + struct.pack(">H", len(payload))
        else:
            length = b"\xff" + struct.pack(">Q", len(payload))
        masked = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
        self.socket.sendall(bytes([first]) + length + key + masked)

    def receive(self):
        first, length = self.input.read(2)
        if length == 126:
            (length,) = struct.unpack(">H", self.input.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.input.read(8))
        return first, self.input.read(length)


def converse():
    """A conversation with everything in it that has a form of its own on the wire."""
    peer = Socket("/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n")
    window = zlib.compressobj(wbits=-15)

    def compressed(text):
        whole = window.compress(text) + window.flush(zlib.Z_SYNC_FLUSH)
        return whole[: -len(TAIL)]

    for first, payload in [
        (0x81, b"Hello"),
        (0x81, "Grüße".encode()),
        (0x82, bytes(range(200))),
        (0x82, bytes(7000)),
        (0x89, b"are you there?"),
        (0xC1, compressed(b"the same again, " * 20)),
        (0xC1, compressed(b"the same again, " * 20)),
        (0x81, b""),
    ]:
        peer.send(first, payload)
        peer.receive()
    peer.send(0x01, b"frag")
    peer.send(0x00, b"men")
    peer.send(0x8A, b"unasked")
    peer.send(0x80, b"ted")
    peer.receive()
    peer.send(0x88, struct.pack(">H", 1000) + b"bye")
    peer.receive()
    peer.input.close()
    peer.socket.close()


def export(formats):
    """The files of the first connection, once it is closed."""
    feed = Socket("/inspect/feed", f"Origin: {URL.scheme}://{URL.netloc}\r\n")

    def ask(**request):
        feed.send(0x81, json.dumps(request).encode())

    files = {}
    while len(files) < len(formats):
        message = json.loads(feed.receive()[1])
        if message["type"] == "file":
            files[message["format"]] = feed.receive()[1]
        elif message["type"] == "batch":
            ask(type="ack", batch=message["batch"])
            for one in message["connections"]:
                if one["closed"] is not None:
                    for form in formats:
                        ask(type="export", connection=one["number"], format=form)
    return files


def tshark(capture, *arguments):
    # fmt: off
    command = ["tshark", "-n", "-r", capture, "-o", "tcp.check_checksum:TRUE",
               "-o", "ip.check_checksum:TRUE", *arguments]
    # fmt: on
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


COLUMNS = {
    "websocket.fin": lambda frame: str(int(frame["fin"])),
    "websocket.rsv": lambda frame: str(frame["rsv"]),
    "websocket.opcode": lambda frame: str(frame["opcode"]),
    "websocket.mask": lambda frame: str(int(frame["masked"])),
    # Wireshark shows the seven bits, and what follows them in a field of its own.
    "websocket.payload_length": lambda frame: str(frame["payload_length"]),
    "websocket.masking_key": lambda frame: frame["masking_key"],
}


def normal(column, value):
    if value in ("True", "False"):
        value = str(int(value == "True"))
    value = value.replace(":", "")
    if column != "websocket.masking_key":
        value = str(int(value, 0))
    return value


failures = 0


def check(title, found, expected):
    global failures
    failures += found != expected
    print(f"{'ok' if found == expected else 'FAILED'}  {title}")
    if found != expected:
        print(f"    Wireshark: {found}\n    wigwag:    {expected}")


converse()
exported = export(["pcap", "jsonl"])
items = [json.loads(line)["item"] for line in exported["jsonl"].splitlines()]
frames = [item for item in items if item["kind"] == "frame"]
assert len(frames) == 23, len(frames)

with tempfile.TemporaryDirectory() as folder:
    capture = os.path.join(folder, "exported.pcap")
    with open(capture, "wb") as file:
        file.write(exported["pcap"])

    wrong = "_ws.malformed || tcp.checksum.status==0 || ip.checksum.status==0 || tcp.analysis.flags"
    wrong += " || websocket.decompression.failed.expert"
    check("nothing is malformed, and every checksum is right", tshark(capture, "-Y", wrong), "")
    heads = tshark(capture, "-Y", "http.upgrade", "-T", "fields", "-e", "http.sec_websocket_accept")
    accept = next(step["accept"] for item in items for step in item["steps"] if step["kind"] == "accept")
    check("the handshake", heads.split()[-1:], [accept])

    for side, which in [("client", "tcp.dstport==80"), ("server", "tcp.srcport==80")]:
        of_side = [item for item in frames if item["from"] == side]
        for column, value in COLUMNS.items():
            expected = [value(item["frame"]) for item in of_side]
            expected = [one for one in expected if one is not None]
            lines = tshark(capture, "-Y", f"websocket && {which}", "-T", "fields", "-e", column)
            found = [normal(column, one) for one in lines.replace(",", "\n").split()]
            if column == "websocket.payload_length":
                more = tshark(
                    capture, "-Y", f"websocket && {which}", "-T", "fields", "-e", f"{column}_ext_16"
                )
                long = iter(more.replace(",", "\n").split())
                found = [next(long, one) if one == "126" else one for one in found]
            check(f"{side}: {column}", found, expected)
        texts = tshark(
            capture, "-Y", f"websocket.opcode==1 && {which}", "-T", "json", "-x", "--no-duplicate-keys"
        )
        whole = [item["event"]["text"] for item in of_side if (item["event"] or {}).get("kind") == "text"]
        missing = [text for text in whole if text and text.encode().hex() not in texts.replace(":", "")]
        # Messages in fragments are put together by Wireshark where the last one is.
        check(f"{side}: unmasked and inflated text", [m for m in missing if m != "fragmented"], [])
    codes = tshark(capture, "-Y", "websocket.payload.close.status_code", "-T", "fields", "-e",
                   "websocket.payload.close.status_code")
    check("the close code, from both sides", codes.split(), ["1000", "1000"])

sys.exit(failures > 0)
