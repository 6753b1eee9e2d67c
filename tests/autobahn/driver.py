"""Plays test cases: one connection for each, on the engine that they were written for. The suite
is the client, to test a server, or the server, to test a client.

To be imported when the engine's slow parts have been replaced, see porting.py.
"""

import json
import sys
import time

from autobahn.twisted.websocket import (
    WebSocketClientFactory, WebSocketClientProtocol, WebSocketServerFactory,
    WebSocketServerProtocol)
from porting import BYTES_SECTIONS, case_name, octets, plain
from twisted.internet import reactor

LOG_LINES = 400  # of one case; section 9 would write millions
LOG_OCTETS = 48  # of one frame


class Playing:
    """The part of a connection that plays one case; the case knows it as `self.p`. To be mixed into
    the engine's class for one end or the other."""

    running = None

    def begin(self, case_class):
        self.name = case_name(case_class)
        self.in_octets = self.name.split(".")[0] in BYTES_SECTIONS
        self.log = []
        self.started = time.monotonic()
        self.complaint = None
        # Attributes that the cases read or set.
        self.connectionWasOpen = False
        self.createWirelog = True
        self.txFrameStats = {}
        self.running = case_class(self)

    def note(self, line):
        if len(self.log) < LOG_LINES:
            self.log.append(f"{time.monotonic() - self.started:9.3f}  {line}")
        elif len(self.log) == LOG_LINES:
            self.log.append("... (the rest is not shown)")

    def to_case(self, payload):
        return payload if self.in_octets else payload.decode("latin-1")

    # What the engine tells; names are the engine's.

    def onOpen(self):
        self.connectionWasOpen = True
        self.note("opening handshake done")
        self.running.onOpen()

    def onMessage(self, payload, isBinary):
        self.running.onMessage(self.to_case(payload), isBinary)

    def onPong(self, payload):
        self.running.onPong(self.to_case(payload))

    def onClose(self, wasClean, code, reason):
        self.running.onClose(wasClean, code, reason)

    def onCloseFrame(self, code, reasonRaw):
        try:
            (reasonRaw or b"").decode("utf-8")
        except UnicodeDecodeError:
            # The engine would trip over it, and so never finish the case.
            self.complaint = "The tested end sent a close reason that is not UTF-8"
            reasonRaw = None
        return super().onCloseFrame(code, reasonRaw)

    def connectionLost(self, reason):
        super().connectionLost(reason)
        self.note(f"TCP connection closed by {'us' if self.droppedByMe else 'the tested end'}")
        self.running.onConnectionLost(self.failedByMe)
        if self.complaint:
            self.running.behaviorClose = "FAILED"
            self.running.resultClose = self.complaint
        self.factory.finished(self)

    def failConnection(self, code=1001, reason="no answer in time"):
        self.note(f"failing the connection: {code} {reason}")
        super().failConnection(code, reason)

    def logTxFrame(self, frameHeader, payload, repeatLength, chopsize, sync):
        opcode = frameHeader.opcode
        self.txFrameStats[opcode] = self.txFrameStats.get(opcode, 0) + 1
        if self.createWirelog:
            chopped = f" in pieces of {chopsize}" if chopsize else ""
            self.note(frame_line("->", frameHeader, payload) + chopped)

    def logRxFrame(self, frameHeader, payload):
        if self.createWirelog:
            self.note(frame_line("<-", frameHeader, b"".join(payload)))

    # What the cases ask for; names are the suite's or the engine's.

    def enableWirelog(self, enable):
        self.createWirelog = enable

    def later(self, delay, what, action):
        self.note(f"in {delay} s: {what}")

        def act():
            if self.state != self.STATE_CLOSED:
                self.note(what)
                action()

        reactor.callLater(delay, act)

    def continueLater(self, delay, fun, tag=None):
        self.later(delay, f"go on ({tag})", fun)

    def killAfter(self, delay):
        self.later(delay, "fail the connection", self.failConnection)

    def closeAfter(self, delay):
        self.later(delay, "close", self.sendClose)

    def sendFrame(self, opcode, payload=b"", fin=True, rsv=0, mask=None, payload_len=None,
                  chopsize=None, sync=False):
        payload = octets(payload)
        if payload_len is not None:  # the length that repetitions of payload are to fill
            payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
        super().sendFrame(opcode, payload, fin, rsv, mask, None, chopsize, sync)

    def sendMessage(self, payload, *rest, **named):
        super().sendMessage(octets(payload), *rest, **named)

    def sendMessageFrameData(self, payload, sync=False):
        return super().sendMessageFrameData(octets(payload), sync)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code, octets(reasonUtf8), isReply)
        self.localCloseReason = reasonUtf8  # cases print it in their own form


class Peer(Playing, WebSocketClientProtocol):
    """A connection to the server under test."""

    def __init__(self, factory, case_class):
        super().__init__()
        self.factory = factory
        self.begin(case_class)


class Visitor(Playing, WebSocketServerProtocol):
    """A connection from the client under test. What it asks for stands in its path: the number of
    the cases, one case, or an end."""

    def onConnect(self, request):
        self.asked_for = request.path
        if request.path == "/runCase":
            self.begin(self.factory.classes[int(request.params["case"][0]) - 1])

    def onOpen(self):
        if self.running:
            super().onOpen()
            return
        if self.asked_for == "/getCaseCount":
            self.sendMessage(str(len(self.factory.classes)).encode())
        self.sendClose(1000)

    def onMessage(self, payload, isBinary):
        if self.running:
            super().onMessage(payload, isBinary)

    def onPong(self, payload):
        if self.running:
            super().onPong(payload)

    def onClose(self, wasClean, code, reason):
        if self.running:
            super().onClose(wasClean, code, reason)

    def connectionLost(self, reason):
        if self.running:
            super().connectionLost(reason)
            return
        WebSocketServerProtocol.connectionLost(self, reason)
        if getattr(self, "asked_for", None) == "/updateReports":
            reactor.stop()

    def logTxFrame(self, *rest):
        if self.running:
            super().logTxFrame(*rest)

    def logRxFrame(self, *rest):
        if self.running:
            super().logRxFrame(*rest)


class Host(WebSocketServerFactory):
    """Plays the case that a client asks for, as often as one does, until it asks for the end."""

    def __init__(self, classes, folder):
        super().__init__()
        self.setProtocolOptions(failByDrop=False)  # the cases expect a closing handshake
        self.logFrames = True
        self.noisy = False
        self.classes = classes
        self.folder = folder

    def start(self):
        port = reactor.listenTCP(0, self, interface="127.0.0.1")
        tell({"listening": f"ws://127.0.0.1:{port.getHost().port}"})

    def buildProtocol(self, addr):
        visitor = Visitor()
        visitor.factory = self
        return visitor

    def finished(self, visitor):
        tell(result_of(visitor))
        write_log(visitor, self.folder)


class Player(WebSocketClientFactory):
    """Plays the cases, one connection after the other."""

    def __init__(self, url, classes, folder):
        super().__init__(url=url, useragent="Autobahn|Testsuite")
        self.setProtocolOptions(failByDrop=False)  # the cases expect a closing handshake
        self.logFrames = True
        self.noisy = False
        self.remaining = iter(classes)
        self.folder = folder

    def start(self):
        self.next_case = next(self.remaining)
        reactor.connectTCP(self.host, self.port, self)

    def buildProtocol(self, addr):
        return Peer(self, self.next_case)

    def finished(self, peer):
        tell(result_of(peer))
        write_log(peer, self.folder)

    def clientConnectionLost(self, connector, reason):
        self.next_case = next(self.remaining, None)
        if self.next_case:
            connector.connect()
        else:
            reactor.stop()

    def clientConnectionFailed(self, connector, reason):
        print(f"cannot connect: {reason.getErrorMessage()}", file=sys.stderr, flush=True)
        reactor.stop()


def frame_line(arrow, header, payload):
    shown = payload[:LOG_OCTETS].hex(" ") + (" ..." if len(payload) > LOG_OCTETS else "")
    names = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
    opcode = names.get(header.opcode, "reserved")
    return (f"{arrow} FIN={int(header.fin)} RSV={header.rsv} opcode={header.opcode:#x} ({opcode})"
            f" length={len(payload)} {shown}".rstrip())


def result_of(peer):
    case = peer.running
    return {"case": peer.name, "behavior": case.behavior, "close": case.behaviorClose,
            "result": plain(case.result), "close_result": plain(case.resultClose),
            "code": peer.remoteCloseCode, "seconds": time.monotonic() - peer.started}


def write_log(peer, folder):
    case, result = peer.running, result_of(peer)
    lines = [f"Case {peer.name}: {plain(case.DESCRIPTION)}",
             f"Expected: {plain(case.EXPECTATION)}", "",
             f"Behavior: {result['behavior']}. {result['result']}",
             f"Closing: {result['close']}. {result['close_result']}", "", *peer.log, ""]
    (folder / f"{peer.name}.txt").write_text("\n".join(lines), encoding="utf-8")


def tell(event):
    print(json.dumps(event), flush=True)
