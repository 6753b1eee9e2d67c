"""Play the test cases of Autobahn|Testsuite against a WebSocket server or client, on Python 3.

`run`, beside this file, calls it; it needs the packages of requirements.txt.

The suite was published for Python 2. Its cases, the part that matters here, are almost Python 3
already. So they are copied into a folder with a few substitutions (porting.py), and played by a
driver of our own (driver.py); the suite's reports, its web pages and its WAMP part are not used.

What happens is told on standard output, one JSON object in each line: first {"planned": [...]};
when a client is to be tested, {"listening": URL}; then one object for each case that was played.
"""

import argparse
import pathlib
import re
import sys

from porting import case_name, port_cases, replace_slow_parts


def matches(case, pattern):
    """Whether a case such as 7.1.6 is meant by 7.1.6, 7.1, 7.*, 7, or 5-9."""
    sections = re.fullmatch(r"(\d+)-(\d+)", pattern)
    if sections:
        return int(sections[1]) <= int(case.split(".")[0]) <= int(sections[2])
    start = re.sub(r"\.?\*$", "", pattern)
    return not start or case == start or case.startswith(start + ".")


def chosen(cases, wanted, unwanted):
    """The classes of the cases to play, in the order of the suite; a typing error is an error."""
    names = [case_name(each) for each in cases]
    for pattern in wanted + unwanted:
        if not any(matches(name, pattern) for name in names):
            print(f"no test case is called {pattern}", file=sys.stderr)
            sys.exit(2)
    return [each for each, name in zip(cases, names)
            if any(matches(name, pattern) for pattern in wanted)
            and not any(matches(name, pattern) for pattern in unwanted)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url", help="the server to test, or - to test clients that come")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cases", nargs="+", default=["*"])
    parser.add_argument("--exclude", nargs="*", default=[])
    arguments = parser.parse_args()

    replace_slow_parts()
    cases = port_cases(arguments.folder / "python")
    classes = chosen(cases, arguments.cases, arguments.exclude)
    from driver import Host, Player, reactor, tell  # not before the slow parts are replaced
    from twisted.python import log

    tell({"planned": [case_name(each) for each in classes]})
    if not classes:
        return

    errors = []

    def watch(event):
        if event.get("isError"):
            errors.append(event)
            print(log.textFromEventDict(event), file=sys.stderr, flush=True)

    log.addObserver(watch)
    if arguments.url == "-":
        Host(classes, arguments.folder).start()
    else:
        Player(arguments.url, classes, arguments.folder).start()
    reactor.run()
    if errors:
        sys.exit(f"{len(errors)} errors inside the suite itself, not of what it tests")


if __name__ == "__main__":
    main()
