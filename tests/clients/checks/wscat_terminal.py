"""The command line client npm `wscat`, used as by a person: it runs in a terminal of its own."""

import json
import os
import pty
import queue
import re
import subprocess
import threading

from harness import check, expect_equal, play_checks, server

WSCAT = os.path.join(os.environ["INSTALLED_MODULES"], "node_modules/wscat/bin/wscat")
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Terminal:
    """wscat on a pseudo-terminal: without one it neither prompts nor tells that it connected."""

    def __init__(self, *arguments):
        self.keyboard, its_end = pty.openpty()
        self.process = subprocess.Popen(["node", WSCAT, *arguments], stdin=its_end,
                                        stdout=its_end, stderr=its_end, start_new_session=True)
        os.close(its_end)
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        partial = ""
        while True:
            try:
                data = os.read(self.keyboard, 4096)
            except OSError:  # how Linux says that the other end is closed
                data = b""
            if not data:
                self.lines.put(None)
                return
            *complete, partial = re.split(r"[\r\n]", partial + data.decode(errors="replace"))
            for line in complete:
                self.lines.put(ESCAPES.sub("", line))

    def type(self, line):
        os.write(self.keyboard, f"{line}\r".encode())

    def find(self, wanted):
        """The next line that contains what is looked for; others are passed over."""
        while True:
            line = self.lines.get()
            if line is None:
                raise AssertionError(f"wscat ended without {wanted!r}: {self.seen}")
            self.seen.append(line)
            if wanted in line:
                return line

    def leave(self):
        os.write(self.keyboard, b"\x04")  # Ctrl-D
        self.process.wait()


@check("wscat: what is typed is echoed")
def _():
    terminal = Terminal("-c", f"ws://{server()}/echo")
    terminal.find("Connected")
    for line in "hello from a terminal", "grüße €":
        terminal.type(line)
        terminal.find(f"< {line}")
    terminal.leave()


@check("wscat: a login is answered, and a mistake explained")
def _():
    terminal = Terminal("-c", f"ws://{server()}/")
    terminal.find("Connected")
    terminal.type('{"type":"login","name":"walter"}')
    reply = json.loads(terminal.find("< {").partition("< ")[2])
    expect_equal((reply["type"], reply["success"]), ("login", True), "the reply")
    terminal.type('{"type":"offer","offer":{},"name":"nobody"}')
    reply = json.loads(terminal.find("< {").partition("< ")[2])
    expect_equal((reply["type"], reply["code"]), ("error", "user-not-found"), "the reply")
    terminal.leave()


@check("wscat: pings are answered, and a close code comes back")
def _():
    terminal = Terminal("--slash", "--show-ping-pong", "-c", f"ws://{server()}/echo")
    terminal.find("Connected")
    terminal.type("/ping are-you-there")
    terminal.find('Received pong (data: "are-you-there")')
    terminal.type("/close 3001 good bye")
    terminal.find("Disconnected (code: 3001")
    terminal.process.wait()


@check("wscat: a refused Origin is shown as 403")
def _():
    terminal = Terminal("-o", "https://evil.example", "-c", f"ws://{server('origin')}/echo")
    terminal.find("403")
    terminal.process.wait()


@check("wscat: a subprotocol is agreed upon")
def _():
    # wscat fails by itself when the server chooses none, or one that was not offered.
    terminal = Terminal("-s", "signaling.v1", "-c", f"ws://{server('subprotocol')}/echo")
    terminal.find("Connected")
    terminal.type("in this protocol")
    terminal.find("< in this protocol")
    terminal.leave()


play_checks()
