"""`wigwag connect` as a person uses it: on a pseudo-terminal, against Python `websockets`."""

import os
import pty
import re
import select
import signal
import subprocess
import termios
import threading

from harness import check, expect_equal, play_checks
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
UP = "\x1b[A"
LEFT = "\x1b[D"


class Peer:
    """A server by `websockets`: echoes, and does what a few words ask for."""

    def __init__(self):
        self.received = []
        self.server = serve(self.talk, "127.0.0.1", 0)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "ws://127.0.0.1:%d/" % self.server.socket.getsockname()[1]

    def talk(self, connection):
        try:
            for message in connection:
                self.received.append(message)
                if message == "burst":
                    for number in range(500):
                        connection.send(f"number {number}")
                elif message == "bye":
                    connection.send("the last words")
                    connection.close(3001, "enough\x1b[31m for today")
                elif message == "ping me":
                    connection.ping("are you there").wait(10)
                    connection.send("you are")
                else:
                    connection.send(message)
        except ConnectionClosed:
            pass


class Terminal:
    """`wigwag connect` with a keyboard and a screen."""

    def __init__(self, url, *arguments, term="xterm", prompt="> "):
        self.keyboard, its_end = pty.openpty()
        self.mode = termios.tcgetattr(its_end)
        self.its_end = its_end
        environment = {**os.environ, "TERM": term}
        self.process = subprocess.Popen(
            [os.environ["TESTED_BINARY"], "connect", url, *arguments], stdin=its_end,
            stdout=its_end, stderr=its_end, start_new_session=True, env=environment)
        self.raw = b""
        self.used = 0
        self.find("connected to ")
        self.find(prompt)

    @property
    def screen(self):
        return ESCAPES.sub("", self.raw.decode(errors="replace"))

    def more(self):
        ready, _, _ = select.select([self.keyboard], [], [], 10)
        data = os.read(self.keyboard, 65536) if ready else b""
        if not data:
            raise AssertionError(f"nothing more came after {self.screen!r}")
        self.raw += data

    def find(self, wanted):
        """Waits until this is on the screen, behind what was found before."""
        while (place := self.screen.find(wanted, self.used)) < 0:
            self.more()
        self.used = place + len(wanted)

    def type(self, text):
        os.write(self.keyboard, text.encode())

    def status(self):
        """How it ended; the terminal must be as it was."""
        while True:
            ready, _, _ = select.select([self.keyboard], [], [], 0.05)
            if ready:
                self.raw += os.read(self.keyboard, 65536)
            elif self.process.poll() is not None:
                break
        expect_equal(termios.tcgetattr(self.its_end), self.mode, "the mode of the terminal")
        return self.process.returncode


peer = Peer()


@check("connect: a line is sent, its echo is shown, and Ctrl-D ends it well")
def _():
    terminal = Terminal(peer.url)
    terminal.type("grüße 🦀\r")
    terminal.find("< grüße 🦀")
    terminal.type("\x04")
    expect_equal(terminal.status(), 0, "status")


@check("connect: a line can be edited, and arrow-up brings an earlier one back")
def _():
    terminal = Terminal(peer.url)
    terminal.type(f"helo{LEFT}l\r")
    terminal.find("< hello")
    terminal.type("second\r")
    terminal.find("< second")
    terminal.type(f"{UP}{UP}!\r")
    terminal.find("< hello!")
    terminal.type("\x04")
    expect_equal(terminal.status(), 0, "status")


@check("connect: what arrives while a line is typed is printed above it, and the line stays")
def _():
    terminal = Terminal(peer.url)
    terminal.type("burst\rhalf a")
    terminal.find("< number 499")
    terminal.find("> half a")
    terminal.type(" line\r")
    terminal.find("< half a line")
    numbers = re.findall(r"< number (\d+)\r\n", terminal.screen)
    expect_equal(numbers, [str(number) for number in range(500)], "the lines")
    terminal.type("/quit\r")
    expect_equal(terminal.status(), 0, "status")


@check("connect: each command does what it says")
def _():
    terminal = Terminal(peer.url)
    terminal.type("/help\r")
    terminal.find("/binary HEX")
    terminal.type("/ping there?\r")
    terminal.find("< (pong) there?")
    terminal.type("/pong unasked\r/binary de ad\r")
    terminal.find("< (binary, 2 bytes) de ad")
    terminal.type("/frag 7 fragmente🦀\r")
    terminal.find("< fragmente🦀")
    terminal.type("//slash\r")
    terminal.find("< /slash")
    terminal.type("ping me\r")
    terminal.find("< (ping) are you there")
    terminal.find("< you are")
    terminal.type("/nothing\r")
    terminal.find("there is no command /nothing")
    terminal.type("/close 4000 done\r")
    terminal.find("< (close) 4000 (private use): done")
    expect_equal(terminal.status(), 0, "status")
    expect_equal(peer.received[-4:], [b"\xde\xad", "fragmente🦀", "/slash", "ping me"],
                 "what the server got")


@check("connect: bytes sent raw break rules, and what the server says to that is told")
def _():
    terminal = Terminal(peer.url)
    terminal.type("/raw 8a 00\r")  # not masked
    terminal.find("< (close) 1002 (protocol error)")
    expect_equal(terminal.status(), 1, "status")
    terminal.find("wigwag: the server closed with 1002 (protocol error)")


@check("connect: a server that closes ends it, its last words are shown, the terminal is restored")
def _():
    for _ in range(20):
        terminal = Terminal(peer.url)
        terminal.type("bye\rnever sent")
        expect_equal(terminal.status(), 1, "status")
        terminal.find("< the last words")
        terminal.find("wigwag: the server closed with 3001 (registered by a library): "
                      r"enough\u{1b}[31m for today")


@check("connect: Ctrl-C leaves at once, from the keyboard or as a signal")
def _():
    terminal = Terminal(peer.url)
    terminal.type("half a line\x03")
    expect_equal(terminal.status(), 0, "status")
    terminal = Terminal(peer.url)
    terminal.process.send_signal(signal.SIGINT)
    expect_equal(terminal.status(), 0, "status")


@check("connect: a terminal that can do no more than print still gets its messages")
def _():
    terminal = Terminal(peer.url, term="dumb", prompt="")
    # The keyboard's own echo would fall into the middle of that line.
    terminal.find("permessage-deflate\r\n")
    terminal.type("hello\n")
    terminal.find("hello\r\nhello\r\n")  # the keyboard's own echo, and the server's
    terminal.type("\x04")
    expect_equal(terminal.status(), 0, "status")


play_checks()
