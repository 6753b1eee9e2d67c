"""Starts the server for a test and ends it; used by the checks here and by tests/autobahn."""

import contextlib
import os
import re
import select
import signal
import subprocess
import threading

START_SECONDS = 20
STOP_SECONDS = 20  # the server itself gives its clients 10 s


class ServerError(Exception):
    """The server did not start, or did not end, as it should."""


class Server:
    def __init__(self, binary, arguments, log):
        self.log = log
        # A setting in the environment of whoever runs a test must not change what is tested.
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("WIGWAG_")}
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(
                [str(binary), *arguments], env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=errors)
        try:
            self.address = self.read_address()
        except ServerError:
            self.kill()
            raise

    def read_address(self):
        """HOST:PORT, from the line that the server promises to print first."""
        output = self.process.stdout
        ready, _, _ = select.select([output], [], [], START_SECONDS)
        line = output.readline().decode(errors="replace").strip() if ready else ""
        address = re.fullmatch(r"listening on http://(\S+:\d+)/", line)
        if not address:
            raise ServerError(f"the server's first line should tell its address, but is {line!r};"
                              f" its log:\n{self.log.read_text(errors='replace')}")
        threading.Thread(target=output.read, daemon=True).start()  # it must never block the server
        return address[1]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM must end it, with status 0."""
        if self.process.poll() is not None:
            raise ServerError(f"the server ended by itself, with status {self.process.returncode};"
                              f" see {self.log}")
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            late = f"the server did not end within {STOP_SECONDS} s of SIGTERM"
            raise ServerError(late) from None
        if status:
            raise ServerError(f"the server ended on SIGTERM with status {status}; see {self.log}")


@contextlib.contextmanager
def running_server(binary, arguments, log):
    server = Server(binary, arguments, log)
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    server.stop()
