"""What the checks written in Python share: the list of checks, and the server.

`run`, beside this file, sets three variables: TESTED_BINARY, the server to start;
INSTALLED_MODULES, the folder where npm put the packages; LOGS, a folder for the server's log.
"""

import json
import os
import pathlib
import sys
import threading
import traceback

from server import Server

HERE = pathlib.Path(__file__).resolve().parent
FLAVOURS = json.loads((HERE / "servers.json").read_text())
NAME = pathlib.Path(sys.argv[0]).name

# A check that hangs fails; nothing ever waits for this long to be right.
CHECK_SECONDS = 20

_checks = []
_servers = {}


def check(name):
    """Adds the function that follows to the checks; it passes when it returns."""
    def add(action):
        _checks.append((name, action))
        return action
    return add


def server(flavour="plain"):
    """HOST:PORT of the server with the flags that servers.json names so; one for all checks."""
    if flavour not in _servers:
        log = pathlib.Path(os.environ["LOGS"]) / f"{NAME}-{flavour}.log"
        _servers[flavour] = Server(
            os.environ["TESTED_BINARY"], ["serve", "--port", "0", *FLAVOURS[flavour]], log)
    return _servers[flavour].address


def expect_equal(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def _conclude(name, action):
    outcome = [f"no end after {CHECK_SECONDS} s"]

    def act():
        try:
            action()
            outcome[0] = None
        except BaseException:  # whatever it is, it is this check's failure
            outcome[0] = traceback.format_exc()

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(CHECK_SECONDS)
    print(f"{'not ok' if outcome[0] else 'ok'} {name}", flush=True)
    if outcome[0]:
        print("\n".join(f"    {line}" for line in outcome[0].splitlines()), flush=True)
    return outcome[0] is None


def play_checks():
    """Plays all checks in order, tells about each on standard output, and ends the process."""
    good = [_conclude(name, action) for name, action in _checks]
    good += [_conclude(f"the {flavour} server of {NAME} ends on SIGTERM", each.stop)
             for flavour, each in _servers.items()]
    print(f"end {len(good)}", flush=True)
    os._exit(0 if all(good) else 1)  # threads of checks that hang do not hold it up
